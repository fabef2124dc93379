//! `kbisect verify`: checks a finished result from nothing.

use std::path::PathBuf;

use super::output::Ending;
use super::print::{print, print_event};
use super::shown::Shown;
use crate::Result;
use crate::run::{self, Claim, Control, Verified, WhenMissing};

/// Arguments of `kbisect verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the result: a run directory, or a folder with result.json, minimal.fragment and minimal.config
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Source tree or tarball [default: the one of the run]
    #[arg(long, value_name = "DIR|TARBALL")]
    source: Option<PathBuf>,
    /// Folder to work in [default: DIR/verify]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Install and make what is missing first
    #[arg(long)]
    setup: bool,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let Args { dir, source, .. } = args;
    let mut again = format!("kbisect verify {}", dir.display());
    if let Some(output) = &args.output {
        again += &format!(" --output {}", output.display());
    }
    let output = args.output.clone().unwrap_or_else(|| dir.join("verify"));
    let claim = Claim {
        dir,
        source: source.as_deref(),
        output: &output,
        when_missing: match args.setup {
            true => WhenMissing::Install,
            false => WhenMissing::Fail,
        },
    };
    let control = Control::by_signals()?;
    let mut ui = shown.ui();
    let checked = run::verify(&claim, &control, &mut |event| ui.event(event));
    ui.finish();
    let ending = Ending::new(&output, &again, *shown);
    let checked = checked.map_err(|error| ending.failed(error))?;
    let code = ending.show(&checked.found)?;
    if let Some(error) = checked.verdict.error() {
        return Err(error);
    }
    let Verified::Holds(held) = checked.verdict else {
        return Ok(code);
    };
    if shown.is_json() {
        print_event("verified", &held)?;
    } else {
        print(&format!("{held}\n"))?;
    }
    Ok(0)
}
