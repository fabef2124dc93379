//! `kbisect symptom`: which options may be missing, by what a failing boot says.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::print::{print, print_event};
use super::shown::Shown;
use crate::logs::Log;
use crate::model::{Event, count, sanitize_line};
use crate::report::Theme;
use crate::run::{self, Diagnosis};
use crate::symptoms::{Given, Suspect};
use crate::{Error, Result};

/// Options that are shown.
const SHOWN: usize = 10;

/// Lines that are shown.
const LINES: usize = 3;

/// Arguments of `kbisect symptom`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Line of a console or of an oracle's evidence; -: a whole log, from standard input
    #[arg(value_name = "TEXT", required_unless_present = "add")]
    text: Vec<String>,
    /// Add the failing trials of these runs, from before kbisect kept them by itself
    #[arg(long, value_name = "DIR", num_args = 1.., conflicts_with = "text")]
    add: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    if !args.add.is_empty() {
        return add(args, shown);
    }
    let text = args.text.join(" ");
    let (text, given) = match text.as_str() {
        "-" => {
            let log = Log::of_reader(&mut io::stdin().lock())
                .map_err(|e| Error::failed("cannot read standard input").because(e))?;
            (log.text(), Given::Log)
        }
        text if Path::new(text).is_file() => {
            let name = sanitize_line(text, 200);
            return Err(
                Error::usage(format!("{name} is a file; its name would be looked up"))
                    .hint("give its contents: `kbisect symptom - < FILE`"),
            );
        }
        text if text.trim().contains('\n') => (text.to_owned(), Given::Log),
        text => (text.to_owned(), Given::Text),
    };
    if text.trim().is_empty() {
        return Err(Error::usage("there is no text to look up").hint(
            "give a line of the console, or a whole log: `kbisect symptom - < console.log`",
        ));
    }
    let mut ui = shown.quiet_ui();
    let diagnosis = run::diagnose(&text, given, &mut |text| {
        ui.event(&Event::Warning {
            text: text.to_owned(),
        });
    })?;
    if shown.is_json() {
        print_event("symptom", &diagnosis)?;
    } else {
        print(&human(&diagnosis, &shown.theme()))?;
    }
    Ok(0)
}

fn add(args: &Args, shown: &Shown) -> Result<u8> {
    let mut added = 0;
    for dir in &args.add {
        let dir = run::directory(Some(dir), "symptom --add")?;
        let some = run::add_symptoms(&dir)?;
        if some == 0 {
            return Err(Error::failed(format!(
                "nothing is added of {}: it has no failing trial of a kernel with its console",
                dir.display()
            )));
        }
        added += some;
    }
    match shown.is_json() {
        true => print_event("symptoms-added", &json!({ "trials": added })),
        false => print(&format!("{} added\n", count(added, "failing trial"))),
    }
    .map(|()| 0)
}

fn human(diagnosis: &Diagnosis, theme: &impl Theme) -> String {
    let mut text = String::new();
    if let Some(meaning) = &diagnosis.meaning {
        text += &format!("{}\n\n", meaning.text);
    }
    let answer = &diagnosis.answer;
    if answer.options.is_empty() {
        let trials = count(diagnosis.trials, "failing trial");
        return text + &format!("None of {trials} gave such a line.\n");
    }
    for found in answer.lines.iter().take(LINES) {
        let _ = writeln!(
            text,
            "{}",
            theme.faint(&format!("like: {}", clean(&found.like)))
        );
    }
    let wide = answer
        .options
        .iter()
        .take(SHOWN)
        .map(|o| o.symbol.as_str().len());
    let wide = wide.max().unwrap_or_default();
    text += &theme.heading("Options whose absence gave such a line:");
    text += "\n";
    for option in answer.options.iter().take(SHOWN) {
        let _ = writeln!(
            text,
            "  {:wide$}  {}",
            option.symbol.as_str(),
            source(option)
        );
    }
    let more = answer.options.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more: --message-format json has all");
    }
    text
}

/// A text of an index: a file that others can write.
fn clean(text: &str) -> String {
    sanitize_line(text, 200)
}

/// How often, and by which oracles; or where it is written.
fn source(option: &Suspect) -> String {
    if let Some(known) = &option.known {
        return format!("not from a trial: {}", clean(known));
    }
    let oracles: Vec<&str> = option.oracles.iter().map(String::as_str).collect();
    let trials = count(option.trials, "trial");
    format!(
        "{} of {trials}  ({})",
        option.gave,
        clean(&oracles.join(", "))
    )
}
