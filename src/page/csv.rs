//! The options of the answer as CSV, for spreadsheets and for programs (RFC 4180).

use crate::model::{no_formula, sanitize_line};
use crate::report::Details;
use crate::report::Reason;
use crate::report::details::OptionDetails;

use super::words;

/// The longest text in a cell, in characters.
const LONGEST: usize = 2_000;

const HEAD: [&str; 21] = [
    "option",
    "value",
    "prompt",
    "menu",
    "file",
    "line",
    "why",
    "trial",
    "stage",
    "implied_by",
    "evidence",
    "meaning",
    "departs_at_line",
    "departs_with",
    "expected",
    "image_bytes",
    "lines_lost",
    "recompiled",
    "functions",
    "functions_ran",
    "carries",
];

/// The options of the answer, a row each, below a row with the names of the columns. A cell of text that a spreadsheet
/// would take for a formula begins with `'`.
#[must_use]
pub fn csv(details: &Details) -> String {
    let mut out = String::new();
    row(&mut out, HEAD.iter().map(|&name| name.to_owned()));
    for option in &details.options {
        row(&mut out, cells(option).into_iter());
    }
    out
}

fn cells(option: &OptionDetails) -> [String; HEAD.len()] {
    let (trial, stage, by, evidence, lines) = match &option.reason {
        Reason::Needed {
            trial,
            stage,
            evidence,
            lines,
        } => (
            Some(trial.0),
            stage.to_string(),
            None,
            evidence.as_deref(),
            Some(*lines),
        ),
        Reason::Implied { by } => (None, String::new(), Some(by.as_str()), None, None),
        Reason::Kept | Reason::Unproved => (None, String::new(), None, None, None),
    };
    let why = match option.reason {
        Reason::Needed { .. } => "needed",
        Reason::Implied { .. } => "implied",
        Reason::Kept => "kept",
        Reason::Unproved => "unproved",
    };
    let about = option.about.as_ref();
    let failure = option.failure.as_ref();
    let departs = failure.and_then(|failure| failure.departs.as_ref());
    let carries: Vec<&str> = option
        .carries
        .iter()
        .map(|symbol| symbol.as_str())
        .collect();
    [
        text(option.request.symbol.as_str()),
        text(&option.request.value.to_string()),
        text(
            about
                .and_then(|about| about.prompt.as_deref())
                .unwrap_or_default(),
        ),
        text(
            &about
                .map(|about| words::menu(&about.menu))
                .unwrap_or_default(),
        ),
        text(about.map(|about| about.file.as_str()).unwrap_or_default()),
        number(about.map(|about| about.line)),
        why.to_owned(),
        number(trial),
        stage,
        text(by.unwrap_or_default()),
        text(
            failure
                .and_then(|f| f.evidence.as_deref())
                .or(evidence)
                .unwrap_or_default(),
        ),
        text(
            failure
                .and_then(|f| f.meaning.as_deref())
                .unwrap_or_default(),
        ),
        number(departs.and_then(|at| at.number)),
        text(
            departs
                .and_then(|at| at.line.as_deref())
                .unwrap_or_default(),
        ),
        text(
            departs
                .and_then(|at| at.expected.as_deref())
                .unwrap_or_default(),
        ),
        number(option.image_bytes),
        number(lines),
        number(option.traced.and_then(|traced| traced.recompiled)),
        number(option.traced.map(|traced| traced.functions)),
        number(option.traced.map(|traced| traced.ran)),
        text(&carries.join(" ")),
    ]
}

/// A text from outside, as a cell.
fn text(text: &str) -> String {
    no_formula(sanitize_line(text, LONGEST))
}

fn number<T: ToString>(n: Option<T>) -> String {
    n.map(|n| n.to_string()).unwrap_or_default()
}

fn row(out: &mut String, cells: impl Iterator<Item = String>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(',');
        }
        match cell.contains(['"', ',', '\n', '\r']) {
            true => {
                out.push('"');
                out.push_str(&cell.replace('"', "\"\""));
                out.push('"');
            }
            false => out.push_str(&cell),
        }
    }
    out.push_str("\r\n");
}
