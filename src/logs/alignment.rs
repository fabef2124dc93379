//! Aligns the lines of two logs.

use std::collections::HashMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::comparable;
use super::log::{Log, LogLine};

/// Lines that are compared of each end of a log. A console of a boot has some hundreds.
const MOST: usize = 3000;

/// A line of a log, and what it is compared by.
pub(super) struct Compared<'a> {
    pub line: &'a LogLine,
    pub text: String,
}

/// The lines of a log that say anything; of very many those at both ends.
pub(super) fn compared(log: &Log) -> Vec<Compared<'_>> {
    let lines = log.lines().iter();
    let lines: Vec<&LogLine> = lines.filter(|l| !l.text.trim().is_empty()).collect();
    let end = lines.len().saturating_sub(MOST).max(MOST).min(lines.len());
    let some = lines.iter().take(MOST).chain(&lines[end..]);
    let compare = |line: &&'_ LogLine| comparable(&line.text);
    some.map(|line| Compared {
        text: compare(line),
        line,
    })
    .collect()
}

/// The pairs of lines that go together, in the order of both logs.
pub(super) fn pairs(good: &[Compared<'_>], bad: &[Compared<'_>]) -> Vec<(usize, usize)> {
    // Numbers compare faster than texts.
    let mut ids: HashMap<&str, usize> = HashMap::new();
    let mut numbered = Vec::new();
    for lines in [good, bad] {
        let mut these = Vec::with_capacity(lines.len());
        for line in lines {
            let next = ids.len();
            these.push(*ids.entry(&line.text).or_insert(next));
        }
        numbered.push(these);
    }
    let ops = capture_diff_slices(Algorithm::Myers, &numbered[0], &numbered[1]);
    let equal = ops.into_iter().filter_map(|op| match op {
        DiffOp::Equal {
            old_index,
            new_index,
            len,
        } => Some((0..len).map(move |n| (old_index + n, new_index + n))),
        _ => None,
    });
    equal.flatten().collect()
}
