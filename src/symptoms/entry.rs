//! One failing trial of the index, and the lines that tell of it.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::logs::{Log, LogLine, Telling, comparable, difference, new_lines, telling};
use crate::model::{Symbol, sanitize_line};

/// Lines with an error that are kept of one console.
const ERRORS: usize = 6;

/// Last lines that are kept of one console.
const LAST: usize = 2;

/// Longest line, in characters.
const LONGEST: usize = 200;

/// A trial that failed without one option; or what is known of an option without a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The option that was removed.
    pub symbol: Symbol,
    /// How many lines of the config went with it, its own included. 0 if that is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub carried: u32,
    /// The run, by its contents. None of what is not from a trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Where it is written, of what is not from a trial: the literature, or the kernel's source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// The oracles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oracles: Vec<String>,
    /// The guest, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
    /// The kernel's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The lines that tell of it, as [`lines`] gives them.
    pub lines: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// What differs from oracle to oracle in what kbisect itself says.
static OWN_WORDS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        (r"^the same \w+ as in trial \d+: ", ""),
        (r"^at level \w+: ", ""),
        (r"^on the console: ", ""),
        (r"`[^`]*`", "MARK"),
    ];
    let compile = |(pattern, by): (&str, &'static str)| Some((Regex::new(pattern).ok()?, by));
    rules.into_iter().filter_map(compile).collect()
});

/// The lines that tell of a failing trial, comparable and each once: what the oracle said, where the console first
/// differs from a good one, its errors, its last lines. A console without a good one gives only its errors.
#[must_use]
pub fn lines(evidence: &str, good: Option<&Log>, bad: Option<&Log>) -> Vec<String> {
    // The parts of an oracle's evidence were lines of their own.
    let mut found: Vec<String> = evidence.split("; ").map(normal).collect();
    if let (Some(good), Some(bad)) = (good, bad) {
        let new = new_lines(good, bad);
        let first = difference(good, bad).and_then(|difference| difference.bad);
        found.extend(first.map(|line| normal(&line.text)));
        found.extend(errors(new.iter().copied()));
        let last = new.iter().rev().take(LAST).rev();
        found.extend(last.map(|line| normal(&line.text)));
    } else if let Some(bad) = bad {
        found.extend(errors(bad.lines().iter()));
    }
    let mut kept: Vec<String> = Vec::new();
    for line in found {
        if says_something(&line) && !kept.contains(&line) {
            kept.push(line);
        }
    }
    kept
}

fn errors<'a>(lines: impl Iterator<Item = &'a LogLine>) -> Vec<String> {
    let errors = lines.filter(|line| telling(&line.text) == Telling::Error);
    errors.take(ERRORS).map(|line| normal(&line.text)).collect()
}

/// A line as the index has it.
pub(super) fn normal(line: &str) -> String {
    let mut line = comparable(&sanitize_line(line, LONGEST));
    for (pattern, by) in OWN_WORDS.iter() {
        line = pattern.replace_all(&line, *by).into_owned();
    }
    line
}

/// A prompt, a row of dots and a single word tell nothing.
fn says_something(line: &str) -> bool {
    let is_word = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() > 1;
    line.split_whitespace().filter(is_word).count() > 1
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn log(text: &str) -> Log {
        Log::of_bytes(text.as_bytes())
    }

    #[test]
    fn the_lines_of_a_trial_are_its_evidence_its_errors_and_its_end() {
        let good = log("guest: sshd is up\r\n[22] Nov 30 11:22:48 Running in background\r\n");
        let bad = log(
            "mount: mounting devpts on /dev/pts failed: No such device\r\n\
             guest: sshd is up\r\n[22] Nov 30 11:28:28 Running in background\r\n\
             [23] Nov 30 11:28:29 pty_allocate: openpty: No such device or address\r\n\
             [23] Nov 30 11:28:29 Exit (root) from <10.0.2.2:46918>: Exited normally\r\n/ # ",
        );
        let evidence = "no session: PTY allocation request failed on channel 0";
        assert_eq!(
            lines(evidence, Some(&good), Some(&bad)),
            [
                evidence,
                "mount: mounting devpts on /dev/pts failed: No such device",
                "DATE pty_allocate: openpty: No such device or address",
                "DATE Exit (root) from <10.0.2.2:#>: Exited normally",
            ]
        );
    }

    #[test]
    fn marks_and_places_of_the_evidence_go() {
        let of = |evidence: &str| lines(evidence, None, None);
        assert_eq!(
            of("at level fast: the guest ended or restarted before `^kept 42000` appeared"),
            ["the guest ended or restarted before MARK appeared"]
        );
        assert_eq!(
            of("on the console: guest: failed: x; sshd: openpty: No such file"),
            ["guest: failed: x", "sshd: openpty: No such file"]
        );
        assert_eq!(of("the same image as in trial 7: it failed"), ["it failed"]);
        assert!(of("").is_empty());
    }

    #[test]
    fn without_a_good_console_only_errors_count() {
        let bad = log("Linux version 6.1\nopenpty: No such file or directory\n");
        assert_eq!(
            lines("", None, Some(&bad)),
            ["openpty: No such file or directory"]
        );
    }

    #[test]
    fn an_entry_has_no_more_fields_than_it_needs() {
        let entry = Entry {
            symbol: Symbol::new("FUTEX").unwrap(),
            carried: 0,
            run: None,
            known: Some("kernel/sys_ni.c".to_owned()),
            oracles: Vec::new(),
            guest: None,
            kernel: None,
            lines: vec!["futex: no".to_owned()],
        };
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(
            text,
            r#"{"symbol":"FUTEX","known":"kernel/sys_ni.c","lines":["futex: no"]}"#
        );
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    }
}
