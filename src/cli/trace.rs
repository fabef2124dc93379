//! `kbisect trace`: what a traced boot of the start said of each request.

use super::print::print;
use crate::run::files::json;
use std::fmt::Write;
use std::path::PathBuf;

use super::shown::Shown;
use crate::model::sanitize;
use crate::run::guess::Guess;
use crate::{Result, settings};

/// Arguments of `kbisect trace`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run directory [default: the one in kbisect.toml, or kbisect.out]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let mut guess = Guess::read(&settings::output(args.dir.as_deref())?)?;
    if shown.is_json() {
        print(&json(
            &serde_json::json!({ "v": guess.v, "event": "trace", "requests": guess.requests }),
        )?)?;
        return Ok(0);
    }
    // What is most likely needed first; where nothing tells, last.
    let key = |chance: Option<f64>| chance.unwrap_or(-1.0);
    guess
        .requests
        .sort_by(|a, b| key(b.chance).total_cmp(&key(a.chance)));
    let width = guess.requests.iter().map(|row| row.request.len()).max();
    let width = width.unwrap_or(0).max("request".len());
    let mut out = format!(
        "{:width$}  needed   functions  programs     at start  that says most\n",
        "request"
    );
    for row in &guess.requests {
        let needed = row.chance.map_or_else(
            || "?".to_owned(),
            |chance| format!("{:.0} %", 100.0 * chance),
        );
        let counts = |of: crate::trace::Counts| format!("{} of {}", of.ran, of.all);
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "{:width$}  {needed:>6}  {:>10}  {:>8}  {:>11}  {}",
            row.request,
            counts(row.evidence.functions),
            row.evidence.functions.serving,
            counts(row.evidence.init),
            row.evidence.telling.as_deref().unwrap_or("-"),
        );
    }
    print(&sanitize(&out))?;
    Ok(0)
}
