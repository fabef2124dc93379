//! `kbisect report`: the result of a run, finished or not, or the table of a ladder.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::print::{print, print_json};
use super::shown::Shown;
use super::watch::watch;
use crate::page::{self, Served};
use crate::report::Details;
use crate::run::{AskKconfig, DetailsReader, Ladder, ladder_text};
use crate::supervise::{CancelToken, become_program, find_program};
use crate::{Error, Result, report, run, settings};

/// Opens a file with the program that the user prefers.
const OPENER: &str = "xdg-open";

/// Arguments of `kbisect report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run directory, folder of a ladder, or a folder with a result.json [default: the one in kbisect.toml, or kbisect.out]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Form of the report
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Serve the page on 127.0.0.1, and renew it while the run goes on
    #[arg(long, conflicts_with = "format")]
    watch: bool,
    /// Write report.html into DIR, and open it in the browser
    #[arg(long, conflicts_with_all = ["format", "watch"])]
    open: bool,
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// A page that explains every option, in one file
    Html,
    /// All that is known, for programs (FORMATS.md)
    Json,
    /// For a ticket or a wiki
    Markdown,
    /// The options of the answer, a row each
    Csv,
    /// What depends on what in the answer, for Graphviz
    Dot,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let asked = settings::output(args.dir.as_deref())?;
    if Ladder::is_in(&asked) {
        return of_ladder(&asked, args, shown);
    }
    let dir = run::directory(args.dir.as_deref(), "report")?;
    if args.watch {
        return watch(&dir, shown).map(|()| 0);
    }
    if args.open {
        return open(&dir, shown);
    }
    let details = || details(&dir, shown);
    match args.format {
        None if shown.is_json() => print_json(&run::report(&dir)?),
        None | Some(Format::Text) => print(&report::text(&run::report(&dir)?, &shown.theme())),
        Some(Format::Html) => print(&page::html(&details()?, Served::File)?),
        Some(Format::Json) => print_json(&details()?),
        Some(Format::Markdown) => print(&page::markdown(&details()?)),
        Some(Format::Csv) => print(&page::csv(&details()?)),
        Some(Format::Dot) => print(&page::dot(&details()?)),
    }?;
    Ok(0)
}

fn of_ladder(dir: &Path, args: &Args, shown: &Shown) -> Result<u8> {
    if !matches!(args.format, None | Some(Format::Text)) || args.watch || args.open {
        let dir = dir.display();
        return Err(
            Error::usage(format!("{dir} has a ladder in it, and no run")).hint(format!(
                "each step is a run, such as `kbisect report {dir}/01-NAME`, and has a page of its own"
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

/// Writes the page into the folder of the run, and becomes the program that opens it.
fn open(dir: &Path, shown: &Shown) -> Result<u8> {
    let path = run::write_page(dir, &details(dir, shown)?)?;
    print(&format!("{}\n", path.display()))?;
    let opener = find_program(OPENER).ok_or_else(|| {
        Error::failed(format!("there is no {OPENER} to open {}", path.display()))
            .hint("open it in a browser, or install xdg-utils")
    })?;
    // Not as a child: a browser that it starts is to outlive this program.
    let error = become_program(&opener.into(), &[path.into()]);
    Err(Error::failed(format!("cannot start {OPENER}")).because(error))
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
