//! `kbisect compare`: which requests one run needs and another does without.

use std::path::PathBuf;

use clap::ValueEnum;

use super::print::{print, print_json};
use super::shown::Shown;
use crate::report::comparison::{csv, markdown, svg, text};
use crate::{Result, run};

/// Arguments of `kbisect compare`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run directories, folders with a result.json, or a folder of a ladder
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    /// Form of the comparison
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
}

/// A form of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal (the default)
    Text,
    /// For programs (FORMATS.md)
    Json,
    /// A table for a text
    Markdown,
    /// A table for a spreadsheet
    Csv,
    /// A picture
    Svg,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let comparison = run::comparison(&args.dirs)?;
    let format = match args.format {
        Some(format) => format,
        None if shown.is_json() => Format::Json,
        None => Format::Text,
    };
    match format {
        Format::Text => print(&text(&comparison, &shown.theme())),
        Format::Json => print_json(&comparison),
        Format::Markdown => print(&markdown(&comparison)),
        Format::Csv => print(&csv(&comparison)),
        Format::Svg => print(&svg(&comparison)),
    }?;
    Ok(0)
}
