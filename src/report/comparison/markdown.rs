//! A comparison as a Markdown table.

use super::text::{cell_text, row_label, summary_lines};
use super::types::Comparison;

/// The table, and the summary below.
#[must_use]
pub fn markdown(comparison: &Comparison) -> String {
    let heads = comparison
        .columns
        .iter()
        .map(|column| escaped(&column.name));
    let mut out = line(std::iter::once("request".to_owned()).chain(heads));
    out += &line(std::iter::repeat_n(
        "---".to_owned(),
        comparison.columns.len() + 1,
    ));
    for row in &comparison.rows {
        let label = escaped(&row_label(row));
        let cells = row.cells.iter().map(|cell| escaped(&cell_text(row, cell)));
        out += &line(std::iter::once(label).chain(cells));
    }
    out.push('\n');
    for said in summary_lines(comparison) {
        out += &format!("- {}\n", escaped(&said));
    }
    out
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let chars: Vec<char> = text.chars().collect();
    let is_word = |at: Option<usize>| {
        let c = at.and_then(|at| chars.get(at));
        c.is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
    };
    for (at, c) in chars.iter().enumerate() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Within a word it is no markup.
            '_' if is_word(at.checked_sub(1)) && is_word(Some(at + 1)) => out.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => out.extend(['\\', *c]),
            c => out.push(*c),
        }
    }
    out
}
