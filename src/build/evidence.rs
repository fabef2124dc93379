//! What a build log says of why the build failed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::model::sanitize_line;
use crate::{Error, Result};

/// Longest evidence, in characters.
const LONGEST: usize = 300;

/// Why a build failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildFailure {
    /// The source does not build in this configuration; with the first error.
    Config(String),
    /// The machine gave out (memory, disk): nothing is known of the configuration.
    Starved(String),
    /// A program that the build calls is not there, or cannot be run: no configuration would
    /// build.
    ToolMissing(String),
}

/// Texts by which a machine that gives out shows in a build log.
const STARVED: [&str; 14] = [
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Input/output error",
    "Too many open files",
    "Cannot allocate memory",
    "memory exhausted",
    "out of memory allocating",
    "LLVM ERROR: out of memory",
    "Killed signal terminated program",
    "internal compiler error: Killed",
    "unable to execute command: Killed",
    "terminated with signal 9",
    "Resource temporarily unavailable",
];

/// Texts by which a compiler says that a part of it is missing.
const PART_MISSING: [&str; 3] = [
    "fatal error: cannot execute ",
    "error trying to exec ",
    "fatal error: cannot find 'ld'",
];

/// What the kernel's Kconfig says of a toolchain that is not there: `C compiler 'gcc' not found`.
const TOOLCHAIN: [&str; 2] = ["C compiler '", "linker '"];

/// Reads the log of a failed build.
///
/// # Errors
/// The log cannot be read.
pub fn read_failure(log: &Path) -> Result<BuildFailure> {
    let wrong = |e| Error::io("read the build log", log, e);
    let mut lines = BufReader::new(File::open(log).map_err(wrong)?);
    let mut first_error: Option<String> = None;
    let mut make_error: Option<String> = None;
    let mut absent: Option<String> = None;
    let mut tool_missing = false;
    let mut last = String::from("make failed without a word");
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if lines.read_until(b'\n', &mut bytes).map_err(wrong)? == 0 {
            break;
        }
        let line = String::from_utf8_lossy(&bytes);
        if STARVED.iter().any(|s| line.contains(s)) || is_killed(&line) {
            return Ok(BuildFailure::Starved(sanitize_line(&line, LONGEST)));
        }
        if is_absent(&line) {
            // The last one before make gives up: the ones before may be mere questions.
            absent = Some(sanitize_line(&line, LONGEST));
        }
        if is_part_missing(&line) {
            absent = Some(sanitize_line(&line, LONGEST));
            tool_missing = true;
            break;
        }
        if is_not_run(&line) {
            let line = sanitize_line(&line, LONGEST);
            absent.get_or_insert(line);
            tool_missing = true;
            break;
        }
        if first_error.is_none() && is_error(&line) {
            first_error = Some(sanitize_line(&line, LONGEST));
        }
        if make_error.is_none() && line.contains("*** ") {
            make_error = Some(sanitize_line(&line, LONGEST));
        }
        if !line.trim().is_empty() {
            last = sanitize_line(&line, LONGEST);
        }
    }
    if tool_missing {
        return Ok(BuildFailure::ToolMissing(absent.unwrap_or(last)));
    }
    Ok(BuildFailure::Config(
        first_error.or(make_error).unwrap_or(last),
    ))
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

/// make's way of saying that a command was killed with SIGKILL, which the kernel does when
/// memory runs out.
fn is_killed(line: &str) -> bool {
    line.contains("***") && (line.contains("] Killed") || line.contains("Error 137"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> BuildFailure {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_failure(file.path()).unwrap()
    }

    #[test]
    fn the_first_compiler_error_is_the_evidence() {
        let log = b"  CC      a.o\nmm/a.c:3:1: error: unknown type name 'pgd_t'\nmm/a.c:9:1: error: two\nmake[1]: *** [a.o] Error 1\n";
        let BuildFailure::Config(text) = read(log) else {
            panic!("not the config")
        };
        assert_eq!(text, "mm/a.c:3:1: error: unknown type name 'pgd_t'");
    }

    #[test]
    fn a_linker_error_is_evidence() {
        let log = b"  LD      vmlinux\nld: kernel/x.o: in function `f':\nx.c:(.text+0x1): undefined reference to `g'\n";
        let BuildFailure::Config(text) = read(log) else {
            panic!("not the config")
        };
        assert!(text.contains("kernel/x.o"));
    }

    #[test]
    fn want_of_disk_or_memory_is_not_the_configs_fault() {
        for log in [
            &b"as: fatal error: x.o: No space left on device\n"[..],
            b"gcc: fatal error: Killed signal terminated program cc1\n",
            b"make[2]: *** [scripts/Makefile.build:250: fs/x.o] Killed\n",
            b"collect2: fatal error: ld terminated with signal 9 [Killed]\n",
            b"/usr/bin/ld: vmlinux: memory exhausted\n",
            b"fixdep: error writing file: x.cmd: Read-only file system\n",
        ] {
            assert!(matches!(read(log), BuildFailure::Starved(_)));
        }
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
        let log = b"sh: 1: pahole: not found\na.c:3:1: error: no\nmake: *** [a.o] Error 1\n";
        assert_eq!(read(log), BuildFailure::Config("a.c:3:1: error: no".into()));
    }

    #[test]
    fn without_an_error_line_makes_own_word_is_taken() {
        let log = b"make[1]: *** [Makefile:12: prepare] Error 2\nnothing\n";
        assert_eq!(
            read(log),
            BuildFailure::Config("make[1]: *** [Makefile:12: prepare] Error 2".into())
        );
    }

    #[test]
    fn control_characters_do_not_get_through() {
        let log = b"a.c:1: error: \x1b[31mred\x1b[0m\x07\n";
        let BuildFailure::Config(text) = read(log) else {
            panic!("not the config")
        };
        assert_eq!(text, "a.c:1: error: red\u{fffd}");
    }
}
