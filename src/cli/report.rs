//! `kbisect report`: the result of a run, finished or not.

use super::print::print;
use crate::run::files::json;
use std::path::PathBuf;

use super::shown::Shown;
use super::verify;
use crate::journal::RunDir;
use crate::report::{self, RESULT, Status, gather};
use crate::{Result, settings};

/// Arguments of `kbisect report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run directory, or a folder with a result.json [default: the one in kbisect.toml, or kbisect.out]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let dir = settings::output(args.dir.as_deref())?;
    let result = dir.join(RESULT);
    let report = if !RunDir::has_run(&dir) && result.exists() {
        // What somebody kept of a run.
        verify::read(&result)?
    } else {
        let (info, lines) = RunDir::read(&dir)?;
        let mut report = gather(&info, &lines)?;
        if report.status == Status::Stopped && RunDir::is_held(&dir) {
            report.status = Status::Running;
            report.stopped = None;
        }
        report
    };
    if shown.is_json() {
        print(&json(&report)?)?;
    } else {
        print(&report::text(&report, &shown.theme()))?;
    }
    Ok(0)
}
