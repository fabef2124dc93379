//! `kbisect report`: the result of a run, finished or not.

use std::path::PathBuf;

use super::print::{print, print_json};
use super::shown::Shown;
use crate::{Result, report, run};

/// Arguments of `kbisect report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run directory, or a folder with a result.json [default: the one in kbisect.toml, or kbisect.out]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let dir = run::directory(args.dir.as_deref(), "report")?;
    let report = run::report(&dir)?;
    if shown.is_json() {
        print_json(&report)?;
    } else {
        print(&report::text(&report, &shown.theme()))?;
    }
    Ok(0)
}
