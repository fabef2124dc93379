//! Finds in a build log why the build failed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::failure::Failure;
use super::trouble;
use crate::model::sanitize_line;

/// Longest evidence, in characters.
const LONGEST: usize = 300;

/// Errors that are remembered of one log. A kernel without one macro gives thousands.
const MOST: usize = 1000;

/// Why a build failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BuildFailure {
    /// The source does not build in this configuration, the compiler crashed, or the log says that the machine or
    /// the network failed.
    Other(Failure),
    /// The machine ran out of memory or disk: nothing is known of the configuration.
    Starved(String),
    /// A program that the build calls is not there, or cannot be run: no configuration would
    /// build.
    ToolMissing(String),
}

/// Texts by which a compiler says that a part of it is missing.
const PART_MISSING: [&str; 3] = [
    "fatal error: cannot execute ",
    "error trying to exec ",
    "fatal error: cannot find 'ld'",
];

/// What the kernel's Kconfig says of a toolchain that is not there: `C compiler 'gcc' not found`.
const TOOLCHAIN: [&str; 2] = ["C compiler '", "linker '"];

/// Reads the log of a failed build. A log that cannot be read, or that lacks its end, is a sign of the machine's
/// trouble.
pub(super) fn read_failure(log: &Path) -> BuildFailure {
    let mut reading = Reading::default();
    match reading.all(log) {
        Ok(()) => reading.failure(),
        Err(error) => BuildFailure::Starved(format!("the build log cannot be read: {error}")),
    }
}

/// The line in which make says that a file is newer than the clock, if there is one.
pub(super) fn clock_skew(log: &Path) -> Option<String> {
    // One that cannot be read is looked at by others.
    let mut lines = BufReader::new(File::open(log).ok()?)
        .split(b'\n')
        .map_while(Result::ok);
    lines.find_map(|line| {
        let line = String::from_utf8_lossy(&line);
        trouble::is_clock_skew(&line).then(|| sanitize_line(&line, LONGEST))
    })
}

/// What was read of a log.
#[derive(Default)]
struct Reading {
    failure: Failure,
    absent: Option<String>,
    tool_missing: Option<String>,
    /// The last line that is not blank.
    last: String,
    /// The outermost make has said why it gives up.
    is_closed: bool,
    /// The last line has its end.
    is_whole: bool,
}

impl Reading {
    fn all(&mut self, log: &Path) -> std::io::Result<()> {
        let mut lines = BufReader::new(File::open(log)?);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if lines.read_until(b'\n', &mut bytes)? == 0 {
                return Ok(());
            }
            self.is_whole = bytes.ends_with(b"\n");
            self.line(&String::from_utf8_lossy(&bytes));
        }
    }

    fn line(&mut self, line: &str) {
        let clean = || sanitize_line(line, LONGEST);
        if self.tool_missing.is_none() {
            if is_absent(line) || is_part_missing(line) {
                // The last one before make gives up: the ones before may be mere questions.
                self.absent = Some(clean());
            }
            if is_part_missing(line) || is_not_run(line) {
                self.tool_missing = self.absent.clone().or_else(|| Some(clean()));
            }
        }
        let failure = &mut self.failure;
        if failure.trouble.is_none() && trouble::is_trouble(line) {
            failure.trouble = Some(clean());
        }
        if failure.crash.is_none() && trouble::is_crash(line) {
            failure.crash = Some(clean());
        }
        if failure.errors.len() < MOST && is_error(line) {
            failure.errors.push(clean());
        }
        if failure.makes.len() < MOST && line.contains("*** ") {
            failure.makes.push(clean());
        }
        self.is_closed |= is_outermost(line);
        if !line.trim().is_empty() {
            self.last = clean();
        }
    }

    fn failure(mut self) -> BuildFailure {
        // `$(error)` in the outermost makefile has its place in front and not make's name.
        let is_closed = self.is_closed || self.last.ends_with(" Stop.");
        let is_complete = is_closed && self.is_whole;
        match (self.failure.trouble.take(), self.tool_missing) {
            (Some(line), _) if !is_complete => return BuildFailure::Starved(line),
            (None, Some(line)) => return BuildFailure::ToolMissing(line),
            (trouble, _) => self.failure.trouble = trouble,
        }
        if self.failure.crash.is_none() && !is_complete {
            return BuildFailure::Starved(if self.last.is_empty() {
                "make failed, and its log is empty".to_owned()
            } else {
                format!("make failed, and its log lacks the end: {}", self.last)
            });
        }
        self.failure.last = self.last;
        BuildFailure::Other(self.failure)
    }
}

/// The outermost make's last words.
fn is_outermost(line: &str) -> bool {
    let Some((name, rest)) = line.split_once(": ") else {
        return false;
    };
    let gives_up = rest.starts_with("*** ")
        && !["*** Waiting for ", "*** Deleting "]
            .iter()
            .any(|s| rest.starts_with(s));
    // Not `make[1]`. Some are called `gmake`.
    let is_make = name.ends_with("make") && !name.contains(' ');
    is_make && (gives_up || rest.contains(" not remade because of errors"))
}

/// A shell's, make's or env's way of saying that there is no such program. Scripts that only ask
/// whether there is one cause that too, so by itself it proves nothing.
fn is_absent(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with(": not found")
        || line.ends_with(": command not found")
        || line.ends_with(": Permission denied")
        || (line.starts_with("make") || line.contains("env: "))
            && line.ends_with(": No such file or directory")
}

/// A compiler lacks a part of itself, or Kconfig the compiler.
fn is_part_missing(line: &str) -> bool {
    PART_MISSING.iter().any(|s| line.contains(s))
        || line.trim_end().ends_with("' not found") && TOOLCHAIN.iter().any(|s| line.contains(s))
}

/// make's way of saying that a command could not be run: the shell's statuses for a program
/// that is not there, and one that may not be executed.
fn is_not_run(line: &str) -> bool {
    let line = line.trim_end();
    line.contains("*** [") && (line.ends_with("] Error 127") || line.ends_with("] Error 126"))
}

/// A line by which a compiler, an assembler or a linker says that it failed.
fn is_error(line: &str) -> bool {
    line.contains(" error: ")
        || line.contains(" Error: ")
        || line.contains("fatal error:")
        || line.contains("undefined reference to")
        || line.contains("multiple definition of")
        || line.contains("ld: ") && !line.contains("warning:")
        || line.starts_with("ERROR: ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> BuildFailure {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_failure(file.path())
    }

    /// The line that tells why, of a log that says so much and then make's last words.
    fn line(text: &str) -> String {
        let text = format!("{text}make: *** [Makefile:234: __sub-make] Error 2\n");
        let BuildFailure::Other(failure) = read(text.as_bytes()) else {
            panic!("not the config: {text}")
        };
        failure.line().to_owned()
    }

    #[test]
    fn the_first_compiler_error_is_the_evidence() {
        let log = "  CC      a.o\nmm/a.c:3:1: error: unknown type name 'pgd_t'\nmm/a.c:9:1: error: two\nmake[1]: *** [a.o] Error 1\n";
        assert_eq!(line(log), "mm/a.c:3:1: error: unknown type name 'pgd_t'");
    }

    #[test]
    fn a_linker_error_is_evidence() {
        let log = "  LD      vmlinux\nld: kernel/x.o: in function `f':\nx.c:(.text+0x1): undefined reference to `g'\n";
        assert!(line(log).contains("kernel/x.o"));
    }

    #[test]
    fn a_sign_of_the_machines_trouble_outweighs_all_else() {
        for sign in ["cc1: out of memory\n", "x.cmd: No space left on device\n"] {
            let log = format!(
                "a.c:3:1: error: no\nsh: 1: bc: not found\nmake[1]: *** [a.o] Error 127\n{sign}make: *** [a.o] Error 2\n"
            );
            let BuildFailure::Other(failure) = read(log.as_bytes()) else {
                panic!("{log}")
            };
            assert!(failure.is_trouble());
            assert_eq!(failure.line(), sign.trim_end());
            assert_eq!(failure.in_common(&failure), None, "no verdict");
        }
    }

    #[test]
    fn a_log_that_is_empty_or_cut_is_no_verdict() {
        let log = "a.c:3:1: error: no\nmake[1]: *** [Makefile:1: a.o] Error 1\nmake: *** [Makefile:9: all] Error 2\n";
        for end in 0..log.len() {
            let failure = read(&log.as_bytes()[..end]);
            assert!(matches!(failure, BuildFailure::Starved(_)), "{end}");
        }
        assert!(matches!(read(log.as_bytes()), BuildFailure::Other(_)));
        let nowhere = read_failure(Path::new("/nowhere"));
        assert!(matches!(nowhere, BuildFailure::Starved(_)));
    }

    #[test]
    fn each_way_in_which_make_gives_up_is_an_end() {
        for end in [
            "make: *** No rule to make target 'x', needed by 'y'.  Stop.",
            "Makefile:3: *** this does not build.  Stop.",
            "make: *** [x.o] Error 1",
            "gmake: *** [Makefile:1: x.o] Error 1",
            "make: Target 'all' not remade because of errors.",
        ] {
            let failure = read(format!("{end}\n").as_bytes());
            assert!(matches!(failure, BuildFailure::Other(_)), "{end}");
        }
        for no_end in [
            "make: *** Waiting for unfinished jobs....",
            "make: *** Deleting file 'x.o'",
            "make[1]: *** [Makefile:1: x.o] Error 1",
        ] {
            let failure = read(format!("{no_end}\n").as_bytes());
            assert!(matches!(failure, BuildFailure::Starved(_)), "{no_end}");
        }
    }

    #[test]
    fn a_compiler_that_crashed_says_nothing_about_the_source() {
        let log = b"gcc: internal compiler error: Segmentation fault signal terminated program cc1\nmake: *** [x.o] Error 1\n";
        let BuildFailure::Other(failure) = read(log) else {
            panic!("not a crash")
        };
        assert!(failure.is_crash());
        assert!(failure.line().contains("internal compiler error"));
    }

    #[test]
    fn a_missing_program_is_not_the_configs_fault() {
        for (log, says) in [
            (
                &b"/bin/sh: 1: gcc: not found\nmake[2]: *** [Makefile.build:250: mm/x.o] Error 127\n"[..],
                "gcc: not found",
            ),
            (
                b"make[1]: gcc: No such file or directory\nmake[1]: *** [Makefile:9: x.o] Error 127\n",
                "gcc: No such file or directory",
            ),
            (
                b"bash: line 1: bc: command not found\nmake: *** [Kbuild:24: timeconst.h] Error 127\n",
                "bc: command not found",
            ),
            (
                b"gcc: fatal error: cannot execute 'cc1': execvp: No such file or directory\nmake: *** [x.o] Error 1\n",
                "cc1",
            ),
            (
                b"scripts/Kconfig.include:39: C compiler 'gcc' not found\nmake: *** [syncconfig] Error 1\n",
                "C compiler 'gcc' not found",
            ),
        ] {
            let BuildFailure::ToolMissing(text) = read(log) else {
                panic!("{}", String::from_utf8_lossy(log))
            };
            assert!(text.contains(says), "{text}");
        }
    }

    #[test]
    fn a_script_that_only_asks_for_a_program_does_not_hide_the_compilers_error() {
        let log = "sh: 1: pahole: not found\na.c:3:1: error: no\nmake: *** [a.o] Error 1\n";
        assert_eq!(line(log), "a.c:3:1: error: no");
    }

    #[test]
    fn without_an_error_line_makes_own_word_is_taken() {
        let log = "make[1]: *** [Makefile:12: prepare] Error 2\nnothing\n";
        assert_eq!(line(log), "make[1]: *** [Makefile:12: prepare] Error 2");
    }

    #[test]
    fn control_characters_do_not_get_through() {
        let log = "a.c:1: error: \x1b[31mred\x1b[0m\x07\n";
        assert_eq!(line(log), "a.c:1: error: red\u{fffd}");
    }
}
