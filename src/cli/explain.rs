//! `kbisect explain`: what a symbol is, and why it has its value.

use std::path::PathBuf;

use super::print::{print, print_event};
use super::shown::Shown;
use crate::kconfig::Explained;
use crate::model::Symbol;
use crate::run::{self, Plan};
use crate::settings::PartialSettings;
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// Arguments of `kbisect explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Symbol, with or without CONFIG_
    #[arg(value_name = "SYMBOL")]
    symbol: String,
    /// Configuration: a .config or a fragment [default: the EC2 set]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Source tree or tarball [default: the newest linux-source package]
    #[arg(long, value_name = "DIR|TARBALL")]
    source: Option<PathBuf>,
    /// Architecture, as make's ARCH has it [default: x86_64]
    #[arg(long)]
    arch: Option<String>,
    /// Configuration that requests are added to: expert (all-no with EXPERT=y), allno, or a fragment
    /// [default: expert]
    #[arg(long, value_name = "expert|allno|FILE")]
    base: Option<String>,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let symbol = Symbol::new(&args.symbol).map_err(|e| Error::usage(e.to_string()))?;
    let mut flags = PartialSettings::new()
        // None is run; there have to be some.
        .with("oracle", "none")
        .with_path("source", args.source.as_deref())
        .with_path("start", args.config.as_deref());
    for (key, value) in [("arch", &args.arch), ("base", &args.base)] {
        if let Some(value) = value {
            flags = flags.with(key, value.as_str());
        }
    }
    let (mut settings, shown, warnings) = shown.settings(flags)?;
    settings.oracles.clear();
    let mut ui = shown.quiet_ui();
    let plan = Plan {
        warnings: &warnings,
        ..Plan::new(&settings)
    };
    let cancel = CancelToken::new();
    let explained = run::explain(&plan, &symbol, &cancel, &mut |event| ui.event(event));
    let (config, explained) = explained?;
    ui.finish();
    if shown.is_json() {
        print_event("explanation", &OfConfig { config, explained })?;
    } else {
        print(&explained.text(&config))?;
    }
    Ok(0)
}

/// The event.
#[derive(serde::Serialize)]
struct OfConfig {
    config: String,
    #[serde(flatten)]
    explained: Explained,
}
