//! `kbisect report`: the result of a run, finished or not, or the table of a ladder.

use std::path::PathBuf;

use super::print::{print, print_json};
use super::shown::Shown;
use crate::run::{Ladder, ladder_text};
use crate::{Result, report, run, settings};

/// Arguments of `kbisect report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run directory, folder of a ladder, or a folder with a result.json [default: the one in kbisect.toml, or kbisect.out]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let asked = settings::output(args.dir.as_deref())?;
    if Ladder::is_in(&asked) {
        let ladder = Ladder::read(&asked)?;
        return match shown.is_json() {
            true => print_json(&ladder),
            false => print(&ladder_text(&ladder, &shown.theme())),
        }
        .map(|()| 0);
    }
    let dir = run::directory(args.dir.as_deref(), "report")?;
    let report = run::report(&dir)?;
    if shown.is_json() {
        print_json(&report)?;
    } else {
        print(&report::text(&report, &shown.theme()))?;
    }
    Ok(0)
}
