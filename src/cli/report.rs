//! `kbisect report`: the result of a run, finished or not.

use std::path::PathBuf;

use super::shown::Shown;
use crate::journal::RunDir;
use crate::report::{self, Status, gather};
use crate::{Result, settings};

/// Arguments of `kbisect report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run directory
    #[arg(value_name = "DIR", default_value = settings::OUTPUT)]
    dir: PathBuf,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let (info, lines) = RunDir::read(&args.dir)?;
    let mut report = gather(&info, &lines)?;
    if report.status == Status::Stopped && RunDir::is_held(&args.dir) {
        report.status = Status::Running;
    }
    if shown.is_json() {
        super::print(&super::json(&report)?);
    } else {
        super::print(&report::text(&report, &shown.dress()));
    }
    Ok(0)
}
