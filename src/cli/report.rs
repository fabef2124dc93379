//! `kbisect report`: the result of a run, finished or not, or the table of a ladder.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::print::{print, print_json};
use super::shown::Shown;
use crate::report::Details;
use crate::run::{AskKconfig, DetailsReader, Ladder, ladder_text};
use crate::supervise::CancelToken;
use crate::{Error, Result, report, run, settings};

/// Arguments of `kbisect report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run directory, folder of a ladder, or a folder with a result.json [default: the one in kbisect.toml, or kbisect.out]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Form of the report
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// All that is known, for programs (FORMATS.md)
    Json,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let asked = settings::output(args.dir.as_deref())?;
    if Ladder::is_in(&asked) {
        return of_ladder(&asked, args, shown);
    }
    let dir = run::directory(args.dir.as_deref(), "report")?;
    let Some(format) = args.format.filter(|format| *format != Format::Text) else {
        let report = run::report(&dir)?;
        match shown.is_json() && args.format.is_none() {
            true => print_json(&report)?,
            false => print(&report::text(&report, &shown.theme()))?,
        }
        return Ok(0);
    };
    let details = details(&dir, shown)?;
    match format {
        Format::Text | Format::Json => print_json(&details)?,
    }
    Ok(0)
}

fn of_ladder(dir: &Path, args: &Args, shown: &Shown) -> Result<u8> {
    if !matches!(args.format, None | Some(Format::Text)) {
        let dir = dir.display();
        return Err(
            Error::usage(format!("{dir} has a ladder in it, and no run")).hint(format!(
                "each step is a run: `kbisect report {dir}/01-... --format ...`"
            )),
        );
    }
    let ladder = Ladder::read(dir)?;
    match shown.is_json() && args.format.is_none() {
        true => print_json(&ladder),
        false => print(&ladder_text(&ladder, &shown.theme())),
    }
    .map(|()| 0)
}

/// The long report of a run, with what Kconfig says.
fn details(dir: &Path, shown: &Shown) -> Result<Details> {
    let mut ui = shown.quiet_ui();
    let cancel = CancelToken::new();
    let details =
        DetailsReader::new(dir, AskKconfig::Yes).read(&cancel, &mut |event| ui.event(event));
    ui.finish();
    details
}
