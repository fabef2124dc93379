//! A failure of make, and the comparison of two failures.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

/// What failed in one run of make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Failure {
    /// The lines in which compilers, assemblers and linkers say that they failed.
    pub(super) errors: Vec<String>,
    /// The lines in which make says what it could not make.
    pub(super) makes: Vec<String>,
    /// The line by which the machine or the network may have failed. Nothing else speaks of that.
    pub(super) trouble: Option<String>,
    /// The line that shows that a program crashed.
    pub(super) crash: Option<String>,
    /// The last line of all.
    pub(super) last: String,
}

type Lines<'a> = Vec<&'a str>;

/// What differs from one run to the next, though nothing else does: names of temporary files, addresses.
static PASSING: LazyLock<Regex> = LazyLock::new(|| {
    // A constant that is tested.
    #[allow(clippy::unwrap_used)]
    Regex::new(r"/cc[A-Za-z0-9]{6}\b|\.tmp_\d+|\b0x[0-9a-fA-F]+").unwrap()
});

impl Failure {
    /// The line that tells best why.
    pub(super) fn line(&self) -> &str {
        let first = self.trouble.as_ref().or(self.crash.as_ref());
        let first = first.or(self.errors.first());
        first.or(self.makes.first()).unwrap_or(&self.last)
    }

    /// Did a program crash? Then it says nothing about the source.
    pub(super) fn is_crash(&self) -> bool {
        self.crash.is_some()
    }

    /// Did the machine or the network fail, by what the log says? Then it says nothing about the source.
    pub(super) fn is_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// The first error of both, as it stands here: the same message, from what both could not make. Crashes and
    /// the machine's trouble are nobody's error.
    pub(super) fn in_common<'a>(&'a self, other: &Self) -> Option<&'a str> {
        let says_nothing = |failure: &Self| failure.is_crash() || failure.is_trouble();
        if says_nothing(self) || says_nothing(other) {
            return None;
        }
        let find = |mine: Lines<'a>, theirs: Lines<'_>| {
            let theirs: HashSet<String> = theirs.iter().map(|line| normal(line)).collect();
            mine.into_iter().find(|line| theirs.contains(&normal(line)))
        };
        let (mine, theirs) = (self.innermost(), other.innermost());
        let may_be_same = mine.is_empty() || theirs.is_empty();
        if !may_be_same && find(mine, theirs).is_none() {
            return None;
        }
        let found = find(self.signs(), other.signs())?;
        Some(if self.errors.is_empty() {
            self.line()
        } else {
            found
        })
    }

    /// The lines by which it is known: its errors; if it has none, what make could not make.
    fn signs(&self) -> Lines<'_> {
        if self.errors.is_empty() {
            return self.innermost();
        }
        self.errors.iter().map(String::as_str).collect()
    }

    /// make's lines about what really failed. A make that fails for what another one could not make gives the
    /// status 2, in nearly all runs for the same targets.
    fn innermost(&self) -> Lines<'_> {
        let gives_up = |line: &&str| {
            let waits = ["*** Waiting for ", "*** Deleting "];
            !waits.iter().any(|text| line.contains(text))
        };
        let lines: Lines<'_> = self
            .makes
            .iter()
            .map(String::as_str)
            .filter(gives_up)
            .collect();
        let passes_on = |line: &str| line.ends_with("] Error 2");
        let own: Lines<'_> = lines
            .iter()
            .copied()
            .filter(|line| !passes_on(line))
            .collect();
        if !own.is_empty() {
            return own;
        }
        let deepest = lines.iter().map(|line| level(line)).max();
        let is_deepest = |line: &&str| Some(level(line)) == deepest;
        lines.into_iter().filter(is_deepest).collect()
    }

    /// What make could not make: names in the build tree, or none at all.
    pub(super) fn targets(&self) -> impl Iterator<Item = &str> {
        self.makes.iter().filter_map(|line| {
            let (_, rest) = line.split_once("*** [")?;
            let (place, _) = rest.rsplit_once("] ")?;
            Some(place.rsplit_once(": ").map_or(place, |(_, target)| target))
        })
    }

    /// The lines of a linker, and of the kernel's `modpost`.
    pub(super) fn links(&self) -> impl Iterator<Item = &str> {
        let says = [
            "undefined reference to",
            "multiple definition of",
            "ld: ",
            "ld.bfd: ",
            "ld.lld: ",
            "collect2: ",
            "modpost: ",
        ];
        let errors = self.errors.iter().map(String::as_str);
        errors.filter(move |line| says.iter().any(|text| line.contains(text)))
    }
}

/// How deep the make that says this is within others.
fn level(line: &str) -> u32 {
    let name = line.split(':').next().unwrap_or_default();
    let level = name.split_once('[').and_then(|(_, n)| n.strip_suffix(']'));
    level.and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn normal(line: &str) -> String {
    PASSING.replace_all(line, "?").into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn failure(errors: &[&str], makes: &[&str]) -> Failure {
        let owned = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        Failure {
            errors: owned(errors),
            makes: owned(makes),
            ..Failure::default()
        }
    }

    #[test]
    fn an_error_that_comes_twice_is_found_among_others() {
        let one = failure(&["a.c:1: error: x", "b.c:1: error: y"], &[]);
        let other = failure(&["c.c:1: error: z", "b.c:1: error: y"], &[]);
        assert_eq!(one.in_common(&other), Some("b.c:1: error: y"));
        let none = failure(&["a.c:1: error: y"], &[]);
        assert_eq!(one.in_common(&none), None);
    }

    #[test]
    fn an_error_in_another_target_is_another_error() {
        let of = |target: &str| {
            let line = format!("make: *** [Makefile:9: {target}] Error 1");
            failure(&["x.h:1: error: y"], &[&line])
        };
        assert_eq!(of("a.o").in_common(&of("b.o")), None);
        assert_eq!(of("a.o").in_common(&of("a.o")), Some("x.h:1: error: y"));
    }

    #[test]
    fn names_of_temporary_files_and_addresses_do_not_count() {
        let link = |file: &str, at: &str| {
            let line =
                format!("/usr/bin/ld: /tmp/cc{file}.o:(.text+{at}): undefined reference to `g'");
            failure(&[&line], &[])
        };
        let (one, other) = (link("kY12ab", "0x7f"), link("Zz9xQ0", "0x80"));
        assert_eq!(one.in_common(&other), Some(one.line()));
    }

    #[test]
    fn without_a_message_it_is_what_make_could_not_make_itself() {
        let outer = "make: *** [Makefile:234: __sub-make] Error 2";
        let of = |target: &str, status: &str| {
            let line = format!("make[2]: *** [Makefile:9: {target}] Error {status}");
            failure(&[], &[&line, outer])
        };
        assert_eq!(of("a.o", "1").in_common(&of("b.o", "1")), None);
        assert_eq!(of("a.o", "2").in_common(&of("b.o", "2")), None);
        let (one, other) = (of("a.o", "1"), of("a.o", "1"));
        assert_eq!(one.in_common(&other), Some(one.line()));
    }

    #[test]
    fn a_crash_is_never_the_same_as_anything() {
        let crash = Failure {
            crash: Some("internal compiler error".into()),
            ..failure(&["a.c:1: error: x"], &[])
        };
        assert_eq!(crash.in_common(&crash), None);
    }

    #[test]
    fn targets_are_what_make_names() {
        let failed = failure(
            &[],
            &[
                "make[2]: *** [scripts/Makefile.build:250: fs/x.o] Error 1",
                "make[1]: *** [y.o] Error 1",
                "make: *** No rule to make target 'z'. Stop.",
            ],
        );
        assert_eq!(failed.targets().collect::<Vec<_>>(), ["fs/x.o", "y.o"]);
    }
}
