//! The dependencies of the answer's requests as a graph for Graphviz.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::model::sanitize_line;
use crate::report::Details;
use crate::report::Reason;

/// The longest label, in characters.
const LONGEST: usize = 60;

/// A directed graph: an arrow leads from a request to one on which it depends.
#[must_use]
pub fn dot(details: &Details) -> String {
    let mut out = String::from(
        "digraph kbisect {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n",
    );
    let known: BTreeSet<&str> = details
        .options
        .iter()
        .map(|option| option.request.symbol.as_str())
        .collect();
    // Writing to a String does not fail.
    for option in &details.options {
        let request = sanitize_line(&option.request.to_string(), LONGEST);
        let prompt = option
            .about
            .as_ref()
            .and_then(|about| about.prompt.as_ref());
        let label = match prompt {
            Some(prompt) => format!(
                "{}\\n{}",
                escaped(&request),
                escaped(&sanitize_line(prompt, LONGEST))
            ),
            None => escaped(&request),
        };
        let style = match option.reason {
            Reason::Needed { .. } => "",
            Reason::Implied { .. } => ", style=dashed",
            Reason::Kept | Reason::Unproved => ", style=dotted",
        };
        let _ = writeln!(
            out,
            "  \"{}\" [label=\"{label}\"{style}];",
            option.request.symbol
        );
    }
    for edge in &details.edges {
        for symbol in [&edge.from, &edge.to] {
            if !known.contains(symbol.as_str()) {
                let _ = writeln!(out, "  \"{symbol}\" [style=filled];");
            }
        }
        let _ = writeln!(out, "  \"{}\" -> \"{}\";", edge.from, edge.to);
    }
    out.push_str("}\n");
    out
}

/// `text` inside of a quoted string.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
