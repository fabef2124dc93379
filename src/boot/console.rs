//! The console watcher: a state machine over the bytes of a serial console.

use std::mem;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::model::sanitize_line;

/// The most of a line that is looked at. A longer one loses its older half.
const LINE: usize = 4096;

/// The most characters of a line that are shown.
const SHOWN: usize = 200;

/// What the kernel says when it gives up.
static PANIC: LazyLock<Regex> = LazyLock::new(|| {
    // A constant, and the tests use it.
    #[allow(clippy::unwrap_used)]
    Regex::new(r"Kernel panic - not syncing|---\[ end Kernel panic").unwrap()
});

/// The time that printk puts before a line.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    // A constant, and the tests use it.
    #[allow(clippy::unwrap_used)]
    Regex::new(r"^\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? ").unwrap()
});

/// Something to type when the guest asks for it.
#[derive(Clone, Debug)]
pub struct Step {
    /// What the guest says.
    pub when: Regex,
    /// What is typed then. Enter follows.
    pub send: String,
}

/// What to look for on a console.
///
/// A pattern is tried on the current line after each of its bytes, without carriage returns:
/// a prompt is seen although no newline follows, and `$` means the end of the line so far.
#[derive(Clone, Debug)]
pub struct Watch {
    /// What is typed, in order.
    pub steps: Vec<Step>,
    /// The mark to reach after all steps.
    pub until: Regex,
    /// What must not appear. A kernel panic is always looked for.
    pub fail_on: Vec<Regex>,
}

/// What kind of bad sign it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A kernel panic.
    Panic,
    /// One of [`Watch::fail_on`].
    FailOn,
}

/// A bad sign on the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Of what kind.
    pub kind: FailureKind,
    /// The line that shows it, safe to print.
    pub line: String,
}

/// The state of a console. How the bytes are cut into pieces makes no difference.
#[derive(Debug)]
pub struct Console {
    watch: Watch,
    line: Vec<u8>,
    /// The line has lost its beginning: `^` matches no more.
    cut: bool,
    /// Steps done, and how much of the current line they have used up.
    steps_done: usize,
    used: usize,
    input: Vec<u8>,
    last_line: Vec<u8>,
    reached: Option<String>,
    failing: Option<FailureKind>,
    failure: Option<Failure>,
}

impl Console {
    /// A console on which nothing has appeared.
    #[must_use]
    pub fn new(watch: Watch) -> Self {
        Self {
            watch,
            line: Vec::new(),
            cut: false,
            steps_done: 0,
            used: 0,
            input: Vec::new(),
            last_line: Vec::new(),
            reached: None,
            failing: None,
            failure: None,
        }
    }

    /// Takes what came from the guest.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                _ if self.failure.is_some() => return,
                b'\r' => {}
                b'\n' => self.end_line(),
                _ => self.push(byte),
            }
        }
    }

    /// Nothing more will come.
    pub fn finish(&mut self) {
        self.end_line();
    }

    /// The line in which the mark was reached, safe to print. It was before any failure.
    #[must_use]
    pub fn reached(&self) -> Option<&str> {
        self.reached.as_deref()
    }

    /// The bad sign, once its line is complete: the reason of a panic is at the end of it.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Has a bad sign been seen, whose line may not be complete yet?
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    /// Takes the text to type.
    #[must_use]
    pub fn take_input(&mut self) -> Vec<u8> {
        mem::take(&mut self.input)
    }

    /// Step that the console waits for, if it does.
    #[must_use]
    pub fn awaited(&self) -> &str {
        let step = self.watch.steps.get(self.steps_done);
        step.map_or(self.watch.until.as_str(), |step| step.when.as_str())
    }

    /// The last line that is not blank, safe to print; empty if there is none.
    #[must_use]
    pub fn last_line(&self) -> String {
        let current = shown(&self.line);
        if current.is_empty() {
            shown(&self.last_line)
        } else {
            current
        }
    }

    fn push(&mut self, byte: u8) {
        if self.line.len() == LINE {
            self.line.drain(..LINE / 2);
            self.used = self.used.saturating_sub(LINE / 2);
            self.cut = true;
        }
        self.line.push(byte);
        if self.failing.is_some() {
            if self.cut {
                self.end_line();
            }
            return;
        }
        let start = usize::from(self.cut);
        let line = &self.line;
        if PANIC.is_match_at(line, start) {
            self.failing = Some(FailureKind::Panic);
        } else if self
            .watch
            .fail_on
            .iter()
            .any(|regex| regex.is_match_at(line, start))
        {
            self.failing = Some(FailureKind::FailOn);
        } else if let Some(step) = self.watch.steps.get(self.steps_done) {
            if step.when.is_match_at(line, start.max(self.used)) {
                self.input.extend_from_slice(step.send.as_bytes());
                self.input.push(b'\n');
                self.steps_done += 1;
                self.used = line.len();
            }
        } else if self.reached.is_none() && self.watch.until.is_match_at(line, start.max(self.used))
        {
            self.reached = Some(shown(line));
        }
    }

    fn end_line(&mut self) {
        if let Some(kind) = self.failing.filter(|_| self.failure.is_none()) {
            self.failure = Some(Failure {
                kind,
                line: shown(&self.line),
            });
        }
        if !self.line.iter().all(u8::is_ascii_whitespace) {
            mem::swap(&mut self.last_line, &mut self.line);
        }
        self.line.clear();
        self.cut = false;
        self.used = 0;
    }
}

/// A line of the guest, without the time and safe to print.
fn shown(line: &[u8]) -> String {
    let time = TIME.find(line).map_or(0, |time| time.end());
    sanitize_line(&String::from_utf8_lossy(&line[time..]), SHOWN)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn watch(steps: &[(&str, &str)], until: &str, fail_on: &[&str]) -> Watch {
        let regex = |pattern: &&str| Regex::new(pattern).unwrap();
        let step = |(when, send): &(&str, &str)| Step {
            when: regex(when),
            send: (*send).into(),
        };
        Watch {
            steps: steps.iter().map(step).collect(),
            until: regex(&until),
            fail_on: fail_on.iter().map(regex).collect(),
        }
    }

    fn console(steps: &[(&str, &str)], until: &str, fail_on: &[&str]) -> Console {
        Console::new(watch(steps, until, fail_on))
    }

    #[test]
    fn the_mark_is_seen_without_a_newline() {
        let mut console = console(&[], "^login: $", &[]);
        console.feed(b"Welcome\r\nlog");
        assert_eq!(console.reached(), None);
        console.feed(b"in: ");
        assert_eq!(console.reached(), Some("login:"));
    }

    #[test]
    fn a_line_is_matched_alone() {
        let mut console = console(&[], "one.*two", &[]);
        console.feed(b"one\ntwo\n");
        assert_eq!(console.reached(), None);
        console.feed(b"one\r two");
        assert_eq!(console.reached(), Some("one two"));
    }

    #[test]
    fn steps_are_taken_in_order_and_the_mark_counts_only_after_them() {
        let mut console = console(
            &[("ogin:", "root"), ("# ", "uname"), ("# ", "id")],
            "Linux",
            &[],
        );
        console.feed(b"Linux version\nlogin: # ");
        assert_eq!(console.take_input(), b"root\nuname\n");
        assert_eq!((console.reached(), console.awaited()), (None, "# "));
        console.feed(b"# ");
        assert_eq!(console.take_input(), b"id\n");
        assert_eq!(console.awaited(), "Linux");
        console.feed(b"\nLinux");
        assert_eq!(console.reached(), Some("Linux"));
        assert_eq!(console.take_input(), b"");
    }

    #[test]
    fn a_panic_is_told_with_its_reason() {
        let mut console = console(&[], "ok", &[]);
        console.feed(b"[    1.5] Kernel panic - not syncing");
        assert!(console.is_failing() && console.failure().is_none());
        console.feed(b": no init, ok?\r\n---[ end Kernel panic");
        let line = "Kernel panic - not syncing: no init, ok?".to_owned();
        assert_eq!(
            console.failure(),
            Some(&Failure {
                kind: FailureKind::Panic,
                line
            })
        );
        assert_eq!(console.reached(), None);
    }

    #[test]
    fn a_line_that_breaks_off_still_tells_of_the_failure() {
        let mut console = console(&[], "ok", &["(?i)warning"]);
        console.feed(b"WARNING: at");
        console.finish();
        let line = "WARNING: at".to_owned();
        assert_eq!(
            console.failure(),
            Some(&Failure {
                kind: FailureKind::FailOn,
                line
            })
        );
    }

    #[test]
    fn a_failure_after_the_mark_does_not_take_the_mark_back() {
        let mut console = console(&[], "ok", &[]);
        console.feed(b"ok\nKernel panic - not syncing: later\n");
        assert_eq!(console.reached(), Some("ok"));
        assert!(console.failure().is_some());
    }

    #[test]
    fn the_last_line_is_one_that_says_something_and_is_safe_to_print() {
        let mut console = console(&[], "ok", &[]);
        assert_eq!(console.last_line(), "");
        console.feed(b"[    0.25][    T1] \x1b]0;owned\x07\x1b[31mred\xff\n \n\n");
        assert_eq!(console.last_line(), "red\u{fffd}");
    }

    #[test]
    fn an_endless_line_needs_no_endless_memory_and_begins_only_once() {
        let mut console = console(&[], "^x", &[]);
        console.feed(b"y");
        console.feed(&vec![b'x'; 10_000]);
        assert!(console.line.capacity() <= 2 * LINE);
        assert_eq!(console.reached(), None);
        console.feed(b"\nx");
        assert!(console.reached().is_some());
    }

    /// Everything that a caller can see.
    fn outcome(mut console: Console) -> impl PartialEq + std::fmt::Debug {
        let seen = (
            console.reached.clone(),
            console.failure.clone(),
            console.is_failing(),
        );
        (
            seen,
            console.take_input(),
            console.last_line(),
            console.awaited().to_owned(),
        )
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_makes_no_difference(
            words in proptest::collection::vec(
                prop_oneof![
                    "[a-c\r\n ]{0,6}", Just("login: ".to_owned()), Just("# ".to_owned()),
                    Just("Kernel panic - not syncing: x".to_owned()), Just("done".to_owned()),
                    Just("bad".to_owned()), Just("\u{1b}[1m".to_owned()), Just("ä".to_owned()),
                ],
                0..40,
            ),
            cuts in proptest::collection::vec(0_usize..200, 0..10),
        ) {
            let patterns = watch(&[("in: $", "root"), ("# $", "go")], r"done\b|a$", &[r"bad\z|^b.c"]);
            let bytes = words.concat().into_bytes();
            let mut whole = Console::new(patterns.clone());
            whole.feed(&bytes);
            let mut pieces = Console::new(patterns);
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            for cut in cuts.windows(2) {
                pieces.feed(&bytes[cut[0]..cut[1]]);
            }
            prop_assert_eq!(outcome(whole), outcome(pieces));
        }
    }
}
