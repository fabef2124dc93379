//! The first line at which the log of a failing boot differs from that of a good one in a way that tells why.
//!
//! The lines are made comparable and aligned (Myers). A line of the failing log is *new* if the good log has it
//! nowhere: a line that only moved, as the messages of concurrent drivers do, is not. The rule:
//!
//! 1. The first new line that says that something went wrong ([`Telling::Error`]). The lines after it are mostly its
//!    consequences: a panic comes after the reason for it.
//! 2. If there is none, where the logs part for good: the first new line after the last line that both have.
//! 3. If nothing new is there, the failing log ends early: no line, and the good log's next line is what was expected.
//! 4. If both end alike, the first new line at all; else the first line that the failing log lacks.
//!
//! What depends on the host's load ([`Telling::Noise`]) never counts. That a line of the good log is missing comes last,
//! as each option takes its own messages along when it goes.
//!
//! Simpler rules were tried on the recorded runs: the first line of a plain diff is a clock's calibration or the
//! absence of a driver's own message on most consoles with a kernel's log; the last line is the panic, or the oracle's
//! own message, which says that something failed but not why.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::alignment::{Compared, compared, pairs};
use super::log::{Log, LogLine};
use super::telling::{Telling, telling};

/// Where two logs differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The line of the failing log. None if it ends before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad: Option<LogLine>,
    /// The line of the good log that was expected there. None if that ends before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<LogLine>,
}

/// The first line at which a failing log differs from a good one in a way that tells why; the module says by which
/// rule. None if they do not differ in anything but what depends on the boot.
///
/// Time and memory are bounded, whatever the logs say.
#[must_use]
pub fn difference(good: &Log, bad: &Log) -> Option<Difference> {
    let both = Both::new(good, bad);
    let of = |bad: Option<usize>, good: Option<usize>| Difference {
        bad: bad.map(|n| both.bad[n].line.clone()),
        good: good.map(|n| both.good[n].line.clone()),
    };
    let new = both.new_lines();
    let first_error = new.iter().find(|(_, how)| *how == Telling::Error);
    if let Some((n, _)) = first_error {
        return Some(of(Some(*n), both.expected_at(*n)));
    }
    let (good_end, bad_end) = both.parted();
    if let Some((n, _)) = new.iter().find(|(n, _)| *n >= bad_end) {
        return Some(of(Some(*n), both.expected_at(*n)));
    }
    if let Some(next) = both.missing_from(good_end) {
        return Some(of(None, Some(next)));
    }
    if let Some((n, _)) = new.first() {
        return Some(of(Some(*n), both.expected_at(*n)));
    }
    both.missing_from(0).map(|next| of(None, Some(next)))
}

/// The lines of a failing log that a good one does not have, each once, in their order, without those that depend on the
/// host's load. Lines are the same if they are comparable.
#[must_use]
pub fn new_lines<'a>(good: &Log, bad: &'a Log) -> Vec<&'a LogLine> {
    let known: HashSet<String> = compared(good).into_iter().map(|line| line.text).collect();
    let mut seen = HashSet::new();
    let lines = compared(bad).into_iter();
    let new =
        lines.filter(|line| telling(&line.text) > Telling::Noise && !known.contains(&line.text));
    new.filter_map(|line| seen.insert(line.text).then_some(line.line))
        .collect()
}

/// Two logs, aligned.
struct Both<'a> {
    good: Vec<Compared<'a>>,
    bad: Vec<Compared<'a>>,
    pairs: Vec<(usize, usize)>,
}

impl<'a> Both<'a> {
    fn new(good: &'a Log, bad: &'a Log) -> Self {
        let (good, bad) = (compared(good), compared(bad));
        let pairs = pairs(&good, &bad);
        Self { good, bad, pairs }
    }

    /// The lines of the failing log that the good one has nowhere, but for noise.
    fn new_lines(&self) -> Vec<(usize, Telling)> {
        let known: HashSet<&str> = self.good.iter().map(|line| line.text.as_str()).collect();
        let lines = self.bad.iter().enumerate();
        let new = lines.filter(|(_, line)| !known.contains(line.text.as_str()));
        let judged = new.map(|(n, line)| (n, telling(&line.text)));
        judged.filter(|(_, how)| *how > Telling::Noise).collect()
    }

    /// From where on the logs have nothing in common.
    fn parted(&self) -> (usize, usize) {
        let last = self.pairs.last();
        last.map_or((0, 0), |(good, bad)| (good + 1, bad + 1))
    }

    /// The good log's line that belongs where this line of the failing log is: the first one between the pairs around
    /// it that the failing log lacks. None if the line was only put in between.
    fn expected_at(&self, bad: usize) -> Option<usize> {
        let before = self.pairs.iter().rfind(|pair| pair.1 < bad);
        let after = self.pairs.iter().find(|pair| pair.1 > bad);
        let missing = self.missing_from(before.map_or(0, |pair| pair.0 + 1))?;
        after.is_none_or(|pair| missing < pair.0).then_some(missing)
    }

    /// The first of the good log's lines, from this one on, that the failing log has nowhere.
    fn missing_from(&self, start: usize) -> Option<usize> {
        let known: HashSet<&str> = self.bad.iter().map(|line| line.text.as_str()).collect();
        let is_missing = |n: &usize| {
            let text = self.good[*n].text.as_str();
            !known.contains(text) && telling(text) > Telling::Noise
        };
        (start..self.good.len()).find(is_missing)
    }
}

#[cfg(test)]
mod tests;
