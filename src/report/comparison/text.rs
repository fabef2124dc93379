//! A comparison for a terminal.

use std::fmt::Write;

use super::types::{Cell, Comparison, Row, State};
use crate::model::{count, sanitize_line};
use crate::report::Theme;

/// The table is at most this wide.
const WIDTH: usize = 80;

/// Longest head of a column; if one is longer, all are numbers.
const HEAD: usize = 14;

/// Longest request before the cells; a longer one has a line of its own.
const LABEL: usize = 34;

/// The table, and the summary below.
#[must_use]
pub fn text(comparison: &Comparison, theme: &dyn Theme) -> String {
    let names: Vec<&str> = comparison.columns.iter().map(|c| c.name.as_str()).collect();
    let is_short = names.iter().all(|name| name.chars().count() <= HEAD);
    let mut out = String::new();
    let heads: Vec<String> = match is_short {
        true => names.iter().map(|name| (*name).to_owned()).collect(),
        false => {
            for (number, name) in (1..).zip(&names) {
                out += &wrapped(&format!("[{number}] {name}"), "    ");
            }
            out.push('\n');
            (1..=names.len()).map(|n| format!("[{n}]")).collect()
        }
    };
    out += &table(comparison, &heads, theme);
    out.push('\n');
    for line in summary_lines(comparison) {
        out += &wrapped(&line, "  ");
    }
    out
}

/// The rows, in blocks of as many columns as fit.
fn table(comparison: &Comparison, heads: &[String], theme: &dyn Theme) -> String {
    let labels: Vec<String> = comparison.rows.iter().map(row_label).collect();
    let cells =
        |row: &Row| -> Vec<String> { row.cells.iter().map(|cell| cell_text(row, cell)).collect() };
    let cells: Vec<Vec<String>> = comparison.rows.iter().map(cells).collect();
    let label = labels
        .iter()
        .map(|text| width(text))
        .filter(|n| *n <= LABEL);
    let label = label.max().unwrap_or(0).max("request".len());
    let widths = (0..heads.len()).map(|at| {
        let cells = cells.iter().map(|row| width(&row[at]));
        cells.chain([width(&heads[at])]).max().unwrap_or(0)
    });
    let widths: Vec<usize> = widths.collect();
    let mut out = String::new();
    let mut from = 0;
    while from < heads.len() {
        let mut to = from;
        let mut used = label;
        while to < heads.len() && (to == from || used + 2 + widths[to] <= WIDTH) {
            used += 2 + widths[to];
            to += 1;
        }
        if from > 0 {
            out.push('\n');
        }
        let head = padded("request", label);
        let columns = (from..to).map(|at| format!("  {}", padded(&heads[at], widths[at])));
        let line = head + &columns.collect::<String>();
        // Writing to a String does not fail.
        let _ = writeln!(out, "{}", theme.heading(line.trim_end()));
        for (at, row) in comparison.rows.iter().enumerate() {
            let mut line = match width(&labels[at]) <= label {
                true => padded(&labels[at], label),
                false => format!("{}\n{}", labels[at], padded("", label)),
            };
            for column in from..to {
                let text = &cells[at][column];
                // Blanks at the end of a line are left out.
                let pad = match column + 1 == to {
                    true => 0,
                    false => widths[column].saturating_sub(width(text)),
                };
                let is_in = row.cells[column].state.is_in_answer();
                let text = if is_in {
                    text.clone()
                } else {
                    theme.faint(text)
                };
                line += &format!("  {text}{}", " ".repeat(pad));
            }
            out += &line;
            out.push('\n');
        }
        from = to;
    }
    out
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn padded(text: &str, to: usize) -> String {
    format!("{text:to$}")
}

/// The request, or the symbol alone if its values differ.
pub(super) fn row_label(row: &Row) -> String {
    match row.value() {
        Some(value) => sanitize_line(&format!("{}={value}", row.symbol), 76),
        None => row.symbol.to_string(),
    }
}

/// The word of a cell, with the value if values differ.
pub(super) fn cell_text(row: &Row, cell: &Cell) -> String {
    match &cell.value {
        Some(value) if row.value().is_none() => {
            format!(
                "{} ={}",
                cell.state.word(),
                sanitize_line(&value.to_string(), 20)
            )
        }
        _ => cell.state.word().to_owned(),
    }
}

/// What the comparison comes to, in words: a line each.
pub(super) fn summary_lines(comparison: &Comparison) -> Vec<String> {
    let summary = &comparison.summary;
    let mut lines = vec![
        format!("needed by all: {}", summary.all),
        format!("needed by some: {}", summary.some),
    ];
    for only in &summary.only {
        let symbols: Vec<&str> = only.symbols.iter().map(|symbol| symbol.as_str()).collect();
        lines.push(format!("only by {}: {}", only.column, symbols.join(" ")));
    }
    if summary.undecided > 0 {
        let many = count(summary.undecided, "request");
        lines.push(format!(
            "undecided: {many} unproved, or kept without a test"
        ));
    }
    let names: Vec<&str> = comparison.differ.iter().map(|d| d.name()).collect();
    lines.push(match names.is_empty() {
        true => "the runs do not differ by oracle, source, guest or start".to_owned(),
        false => format!("the runs differ by: {}", names.join(", ")),
    });
    let has = |state| {
        let mut cells = comparison.rows.iter().flat_map(|row| &row.cells);
        cells.any(|cell| cell.state == state)
    };
    for state in State::ALL {
        if state != State::Needed && has(state) {
            lines.push(format!("\"{}\": {}", state.word(), state.meaning()));
        }
    }
    lines.extend(comparison.notes.iter().cloned());
    lines
}

/// `text`, broken between words, with `indent` before each further line.
fn wrapped(text: &str, indent: &str) -> String {
    let (mut out, mut line) = (String::new(), String::new());
    for word in text.split(' ') {
        if !line.trim().is_empty() && width(&line) + 1 + width(word) > WIDTH {
            out += line.trim_end();
            out.push('\n');
            line = indent.to_owned();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    out + &line + "\n"
}
