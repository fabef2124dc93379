//! A comparison as CSV (RFC 4180).

use super::types::{Comparison, State};
use crate::model::{no_formula, sanitize_line};

/// A line for each symbol: the symbol, then for each run the state and the value.
#[must_use]
pub fn csv(comparison: &Comparison) -> String {
    let mut head = vec!["symbol".to_owned()];
    for column in &comparison.columns {
        head.extend([column.name.clone(), format!("{} value", column.name)]);
    }
    let mut out = record(&head);
    for row in &comparison.rows {
        let mut fields = vec![row.symbol.to_string()];
        for cell in &row.cells {
            let state = match cell.state {
                State::Absent => "absent",
                state => state.word(),
            };
            let value = cell.value.as_ref().map(ToString::to_string);
            fields.extend([state.to_owned(), value.unwrap_or_default()]);
        }
        out += &record(&fields);
    }
    out
}

fn record(fields: &[String]) -> String {
    let fields: Vec<String> = fields.iter().map(|text| field(text)).collect();
    fields.join(",") + "\r\n"
}

/// A field that no spreadsheet takes for a formula.
fn field(text: &str) -> String {
    let text = no_formula(sanitize_line(text, 4096));
    match text.contains([',', '"', '\'', ' ']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}
