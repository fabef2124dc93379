//! Merges several configurations, as the kernel's `scripts/kconfig/merge_config.sh -m` does.

use std::collections::{HashMap, HashSet};

/// One of the files to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name, as it is shown.
    pub name: String,
    /// Its text.
    pub text: Vec<u8>,
}

/// Several configurations as one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The text.
    pub text: Vec<u8>,
    /// For each line of it, the number of the file that it is from, from 0, and of its line there, from 1.
    pub places: Vec<(usize, usize)>,
    /// What a later file sets otherwise than an earlier one.
    pub redefined: Vec<Redefined>,
}

/// A symbol to which a later file gives another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redefined {
    /// The line of the earlier file.
    pub before: String,
    /// The line that holds.
    pub after: String,
    /// The number of the file that it is from, from 0.
    pub by: usize,
}

/// One line on its way.
struct Line<'a> {
    bytes: &'a [u8],
    place: (usize, usize),
}

/// Merges the files in order: what a later one sets replaces what earlier ones set. The text is what
/// `merge_config.sh -m` writes, but for empty lines.
#[must_use]
pub fn merge(parts: &[Part]) -> Merged {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut redefined = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let new: Vec<Line<'_>> = (part.text.split(|b| *b == b'\n').zip(1..))
            .map(|(bytes, line)| Line {
                bytes,
                place: (number, line),
            })
            .collect();
        // Of several lines in one file the last one holds.
        let sets: HashMap<&[u8], &[u8]> = (new.iter())
            .filter_map(|line| Some((symbol(line.bytes)?, line.bytes)))
            .collect();
        let mut told = HashSet::new();
        let mut changes = Vec::new();
        for line in lines.iter().rev() {
            if let Some(symbol) = symbol(line.bytes)
                && let Some(after) = sets.get(symbol)
                && told.insert(symbol)
                && *after != line.bytes
            {
                changes.push(Redefined {
                    before: shown(line.bytes),
                    after: shown(after),
                    by: number,
                });
            }
        }
        redefined.extend(changes.into_iter().rev());
        lines.retain(|line| symbol(line.bytes).is_none_or(|s| !sets.contains_key(s)));
        lines.extend(new);
    }
    let mut text = Vec::new();
    let mut places = Vec::with_capacity(lines.len());
    for line in lines.iter().filter(|line| !line.bytes.is_empty()) {
        text.extend_from_slice(line.bytes);
        text.push(b'\n');
        places.push(line.place);
    }
    Merged {
        text,
        places,
        redefined,
    }
}

/// The symbol that a line sets, with its `CONFIG_`.
fn symbol(line: &[u8]) -> Option<&[u8]> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let (rest, ends): (&[u8], &[u8]) = match line.strip_prefix(b"# ") {
        Some(rest) => (rest, b" is not set"),
        None => (line, b"="),
    };
    let length = rest.iter().take_while(|b| is_name(b)).count();
    let (name, end) = rest.split_at(length);
    (name.starts_with(b"CONFIG_") && end.starts_with(ends)).then_some(name)
}

fn shown(line: &[u8]) -> String {
    crate::model::sanitize_line(&String::from_utf8_lossy(line), 100)
}
