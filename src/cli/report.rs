//! `kbisect report`: the result of a run, finished or not.

use std::fs;
use std::path::PathBuf;

use super::shown::Shown;
use crate::journal::RunDir;
use crate::report::{self, RESULT, Report, Status, gather};
use crate::{ErrorKind, Result, settings};

/// Arguments of `kbisect report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run directory, or a folder with the result.json of one [default: the one that kbisect.toml names, or kbisect.out]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let dir = settings::output(args.dir.as_deref())?;
    let report = match RunDir::read(&dir) {
        Ok((info, lines)) => {
            let mut report = gather(&info, &lines)?;
            if report.status == Status::Stopped && RunDir::is_held(&dir) {
                report.status = Status::Running;
                report.stopped = None;
            }
            report
        }
        // What somebody kept of a run.
        Err(no_run) => match fs::read(dir.join(RESULT)) {
            Ok(text) if no_run.kind() == ErrorKind::Usage => {
                Report::parse(&text, &dir.join(RESULT))?
            }
            _ => return Err(no_run),
        },
    };
    if shown.is_json() {
        super::print(&super::json(&report)?);
    } else {
        super::print(&report::text(&report, &shown.dress()));
    }
    Ok(0)
}
