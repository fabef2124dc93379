//! A comparison as a picture: a matrix of requests by runs.

use std::fmt::Write;

use super::text::{cell_text, row_label};
use super::types::{Cell, Comparison, State};
use crate::model::{escape_markup, sanitize_line};

/// Height of a row, width of a character, and the margins: in pixels.
const ROW: usize = 24;
const CHAR: usize = 8;
const MARGIN: usize = 16;
/// Longest label of a row and head of a column, in characters.
const LABEL: usize = 44;
const HEAD: usize = 22;

/// Light and dark colours. The words in the cells say the same.
const STYLE: &str = "\
text{font:13px ui-monospace,monospace;fill:#1f2328}.page{fill:#fff}.head{font-weight:bold}
.needed{fill:#9ec5fe}.implied{fill:#d0e2ff}.kept{fill:#ffe08a}.unproved{fill:#ffc9a8}
.absent,.not-asked{fill:#f3f4f6}.out{fill:#57606a}rect.cell{stroke:#8c959f;stroke-width:1}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.needed{fill:#1f4f91}.implied{fill:#203a5f}
.kept{fill:#5f4b00}.unproved{fill:#6e3510}.absent,.not-asked{fill:#161b22}.out{fill:#9da7b3}rect.cell{stroke:#6e7681}}";

/// The picture, an SVG document that needs nothing else.
#[must_use]
pub fn svg(comparison: &Comparison) -> String {
    let labels: Vec<String> = (comparison.rows.iter())
        .map(|row| sanitize_line(&row_label(row), LABEL))
        .collect();
    let (heads, names) = heads(comparison);
    let longest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let label = longest(&mut labels.iter().map(|text| text.chars().count())).max(7) * CHAR;
    let cells = comparison.rows.iter().flat_map(|row| {
        let texts = row.cells.iter().map(|cell| cell_text(row, cell));
        texts.map(|text| text.chars().count())
    });
    let heads_width = heads.iter().map(|text| text.chars().count());
    let cell = longest(&mut cells.chain(heads_width)).max(9) * CHAR + MARGIN;
    let legend = (State::ALL.len() + names.len()) * ROW;
    let left = MARGIN + label + MARGIN;
    let longest_name = longest(&mut names.iter().map(|text| text.chars().count()));
    let width = (left + cell * heads.len() + MARGIN).max(longest_name * CHAR + 2 * MARGIN);
    let width = width.max(520);
    let top = MARGIN + ROW;
    let height = top + ROW * labels.len() + MARGIN + legend + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">Requests needed by \
         each run</title>\n<desc id=\"desc\">{}</desc>\n<style>{STYLE}</style>\n<rect class=\"page\" \
         width=\"{width}\" height=\"{height}\"/>\n",
        escape_markup(&super::text::summary_lines(comparison).join(". "))
    );
    for (at, head) in heads.iter().enumerate() {
        let x = left + cell * at + cell / 2;
        let name = &comparison.columns[at].name;
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "<text class=\"head\" text-anchor=\"middle\" x=\"{x}\" y=\"{}\"><title>{}</title>{}</text>",
            MARGIN + ROW / 2,
            escape_markup(name),
            escape_markup(head)
        );
    }
    for (at, row) in comparison.rows.iter().enumerate() {
        let y = top + ROW * at;
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{}\"><title>{}</title>{}</text>",
            y + 16,
            escape_markup(&row_label(row)),
            escape_markup(&labels[at])
        );
        for (column, cell_of) in row.cells.iter().enumerate() {
            let x = left + cell * column;
            out += &drawn(cell_of, &cell_text(row, cell_of), (x, y), cell);
        }
    }
    let bottom = top + ROW * labels.len() + MARGIN;
    for (at, name) in names.iter().enumerate() {
        let y = bottom + ROW * at + 16;
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{y}\">{}</text>",
            escape_markup(name)
        );
    }
    out += &key(bottom + ROW * names.len());
    out + "</svg>\n"
}

/// The heads of the columns; if a name is too long for one, they are numbers, with the names for a legend.
fn heads(comparison: &Comparison) -> (Vec<String>, Vec<String>) {
    let names = comparison.columns.iter().map(|column| column.name.clone());
    let names: Vec<String> = names.collect();
    if names.iter().all(|name| name.chars().count() <= HEAD) {
        return (names, Vec::new());
    }
    let heads = (1..=names.len()).map(|number| format!("[{number}]"));
    let legend = (1..).zip(&names);
    let legend = legend.map(|(number, name)| format!("[{number}] {name}"));
    (heads.collect(), legend.collect())
}

/// One cell, `at` these pixels and so wide.
fn drawn(cell: &Cell, word: &str, at: (usize, usize), width: usize) -> String {
    let (x, y) = at;
    let dim = if cell.state.is_in_answer() {
        ""
    } else {
        " class=\"out\""
    };
    format!(
        "<g><title>{}</title><rect class=\"cell {}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"3\"/>\
         <text{dim} text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text></g>\n",
        escape_markup(&why(cell)),
        class(cell.state),
        x + 2,
        y + 2,
        width - 4,
        ROW - 4,
        x + width / 2,
        y + 16,
        escape_markup(word)
    )
}

/// Why the cell is what it is.
fn why(cell: &Cell) -> String {
    match (&cell.trial, &cell.by) {
        (Some(trial), _) => {
            let evidence = cell.evidence.as_deref().unwrap_or("no evidence");
            format!("trial {trial} without it failed: {evidence}")
        }
        (None, Some(by)) => format!("{by} depends on it"),
        (None, None) => cell.state.meaning().to_owned(),
    }
}

fn key(top: usize) -> String {
    let mut out = String::new();
    for (at, state) in State::ALL.into_iter().enumerate() {
        let y = top + ROW * at;
        let _ = writeln!(
            out,
            "<rect class=\"cell {}\" x=\"{MARGIN}\" y=\"{}\" width=\"84\" height=\"{}\" rx=\"3\"/><text \
             text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\">{}</text>",
            class(state),
            y + 2,
            ROW - 4,
            MARGIN + 42,
            y + 16,
            state.word(),
            MARGIN + 96,
            y + 16,
            escape_markup(state.meaning())
        );
    }
    out
}

fn class(state: State) -> &'static str {
    match state {
        State::Absent => "absent",
        State::NotAsked => "not-asked",
        other => other.word(),
    }
}
