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
}

/// Texts by which a machine that gives out shows in a build log.
const STARVED: [&str; 7] = [
    "No space left on device",
    "Disk quota exceeded",
    "Cannot allocate memory",
    "virtual memory exhausted",
    "out of memory allocating",
    "Killed signal terminated program",
    "Resource temporarily unavailable",
];

/// Reads the log of a failed build.
///
/// # Errors
/// The log cannot be read.
pub fn read_failure(log: &Path) -> Result<BuildFailure> {
    let wrong = |e| Error::io("read the build log", log, e);
    let mut lines = BufReader::new(File::open(log).map_err(wrong)?);
    let mut first_error: Option<String> = None;
    let mut make_error: Option<String> = None;
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
    Ok(BuildFailure::Config(
        first_error.or(make_error).unwrap_or(last),
    ))
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
            panic!("starved")
        };
        assert_eq!(text, "mm/a.c:3:1: error: unknown type name 'pgd_t'");
    }

    #[test]
    fn a_linker_error_is_evidence() {
        let log = b"  LD      vmlinux\nld: kernel/x.o: in function `f':\nx.c:(.text+0x1): undefined reference to `g'\n";
        let BuildFailure::Config(text) = read(log) else {
            panic!("starved")
        };
        assert!(text.contains("kernel/x.o"));
    }

    #[test]
    fn want_of_disk_or_memory_is_not_the_configs_fault() {
        for log in [
            &b"as: fatal error: x.o: No space left on device\n"[..],
            b"gcc: fatal error: Killed signal terminated program cc1\n",
            b"make[2]: *** [scripts/Makefile.build:250: fs/x.o] Killed\n",
        ] {
            assert!(matches!(read(log), BuildFailure::Starved(_)));
        }
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
            panic!("starved")
        };
        assert_eq!(text, "a.c:1: error: red\u{fffd}");
    }
}
