//! Lines of a build log that show a failure of the machine, the network or the compiler, not of the source.
//!
//! A source's own text may have any of these. Then nothing is said of it, which costs a verdict; the other mistake
//! would cost the answer. Only where a compiler shows a line of the source it is known to be one.

/// Texts in a build log that show that the machine ran out of resources or is broken.
const STARVED: [&str; 32] = [
    "annot fork",
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Input/output error",
    "I/O error",
    "File too large",
    "Stale file handle",
    "Structure needs cleaning",
    "Text file busy",
    "Too many open files",
    "annot allocate memory",
    "memory allocation of ",
    "MemoryError",
    "xmalloc: ",
    "failed to map segment",
    "shared object file: Error ",
    "emory exhausted",
    "ut of memory",
    "bad_alloc",
    "Resource temporarily unavailable",
    "write error",
    "rror writing ",
    "file truncated",
    "File truncated",
    "Killed signal terminated program",
    "terminated with signal 9",
    "terminated by signal",
    "Terminated signal terminated program",
    "Bus error",
    "File size limit exceeded",
    "CPU time limit exceeded",
];

/// Texts by which a recipe that needs the network says that it failed.
const DISCONNECTED: [&str; 10] = [
    "emporary failure in name resolution",
    "emporary failure resolving",
    "ould not resolve ",
    "nable to resolve host",
    "onnection timed out",
    "onnection refused",
    "onnection reset by peer",
    "etwork is unreachable",
    "o route to host",
    "ransport endpoint is not connected",
];

/// Does make say that a file is newer than the clock? Then it may take what is out of date for made.
#[must_use]
pub fn is_clock_skew(line: &str) -> bool {
    let Some((name, says)) = line.split_once(": ") else {
        return false;
    };
    // `make`, `gmake`, `make[2]`.
    let name = name.split_once('[').map_or(name, |(name, _)| name);
    let says = says.to_ascii_lowercase();
    name.ends_with("make")
        && says.starts_with("warning:")
        && (says.contains("clock skew detected")
            || says.contains("has modification time") && says.contains("in the future"))
}

/// Does a line say that a disk has no room?
pub(super) fn is_full_disk(line: &str) -> bool {
    ["No space left on device", "Disk quota exceeded"]
        .iter()
        .any(|text| line.contains(text))
}

/// Texts by which a compiler, an assembler or a linker says that it is at fault itself.
const CRASHED: [&str; 16] = [
    "internal compiler error",
    "nternal error",
    "signal terminated program",
    "terminated with signal",
    "ubmit a full bug report",
    "submit a bug report",
    "unable to execute command: ",
    "frontend command failed",
    "LLVM ERROR",
    "Segmentation fault",
    "Illegal instruction",
    "Floating point exception",
    "Trace/breakpoint trap",
    "stack smashing detected",
    "double free or corruption",
    "core dumped",
];

/// The statuses with which a shell says that a program was ended from outside: SIGHUP, SIGINT, SIGBUS, SIGKILL,
/// SIGTERM, SIGXCPU, SIGXFSZ.
const ENDED: [i32; 7] = [129, 130, 135, 137, 143, 152, 153];

/// And that it crashed: SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSEGV.
const FAULTS: [i32; 5] = [132, 133, 134, 136, 139];

/// Did the machine or the network fail?
pub(super) fn is_trouble(line: &str) -> bool {
    if is_quote(line) {
        return false;
    }
    let words = ["Killed", "Terminated", "Hangup", "Interrupt"];
    let mut texts = STARVED.iter().chain(&DISCONNECTED);
    texts.any(|text| line.contains(text))
        || has_word(line, words[0])
        || line.contains("*** ") && words.iter().any(|word| has_word(line, word))
        || status(line).is_some_and(|status| ENDED.contains(&status))
}

/// Did the compiler, or another program of the build, crash?
pub(super) fn is_crash(line: &str) -> bool {
    if is_quote(line) {
        return false;
    }
    CRASHED.iter().any(|text| line.contains(text))
        || has_word(line, "Aborted")
        || status(line).is_some_and(|status| FAULTS.contains(&status))
}

/// Is it a line of the source, as gcc and clang show it below their own message: `   12 | text`?
fn is_quote(line: &str) -> bool {
    let gutter = line
        .split_once(" | ")
        .map(|(gutter, _)| gutter.trim_start());
    gutter.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
}

/// The exit status in make's `*** [Makefile:1: x.o] Error 1`.
fn status(line: &str) -> Option<i32> {
    let (_, rest) = line.split_once("*** [")?;
    let (_, status) = rest.rsplit_once("] Error ")?;
    status.split_whitespace().next()?.parse().ok()
}

/// Is the word in the line, and not just as a part of another?
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_of_disk_or_memory_is_told_from_an_error_of_the_source() {
        for line in [
            "as: fatal error: x.o: No space left on device",
            "gcc: fatal error: Killed signal terminated program cc1",
            "make[2]: *** [scripts/Makefile.build:250: fs/x.o] Killed",
            "make: *** [Makefile:2: all] Terminated",
            "make: *** [Makefile:2: all] Error 137",
            "make: *** [Makefile:2: all] Bus error (core dumped)",
            "collect2: fatal error: ld terminated with signal 9 [Killed]",
            "/usr/bin/ld: vmlinux: memory exhausted",
            "virtual memory exhausted: Cannot allocate memory",
            "fatal error: runtime: cannot allocate memory",
            "memory allocation of 1048576 bytes failed",
            "MemoryError",
            "/bin/bash: xmalloc: cannot allocate 24 bytes",
            "gcc: error while loading shared libraries: libc.so.6: failed to map segment from shared object",
            "cat: error while loading shared libraries: libc.so.6: cannot open shared object file: Error 24",
            "/bin/bash: fork: retry: Resource temporarily unavailable",
            "dd: error writing '/x/big': File too large",
            "make: *** [Makefile:2: all] File size limit exceeded",
            "make: *** [Makefile:2: all] CPU time limit exceeded",
            "as: /dev/null: Too many open files",
            "cc1: out of memory allocating 65536 bytes after a total of 1 bytes",
            "fixdep: error writing file: x.cmd: Read-only file system",
            "sh: 0: Cannot fork: Resource temporarily unavailable",
            "make: write error: stdout",
            "cp: error writing '/x/out.bin': Disk quota exceeded",
            "/bin/sh: line 1: 4242 Killed                  gcc -c a.c",
            "ld: fs/x.o: file not recognized: file truncated",
            "kbisect-cc: error: No space left on device (os error 28)",
            "curl: (6) Could not resolve host: example.org",
            "wget: unable to resolve host address 'example.org'",
            "getaddrinfo: Temporary failure in name resolution",
            "ssh: connect to host 10.0.0.1 port 22: Connection timed out",
            "curl: (7) Failed to connect to 10.0.0.1 port 80: Connection refused",
            "connect: Network is unreachable",
            "cp: cannot stat 'x': Transport endpoint is not connected",
        ] {
            assert!(is_trouble(line), "{line}");
        }
        for line in [
            "a.c:3:1: error: 'SKB_Killed' undeclared",
            "make: *** [Makefile:2: all] Error 1",
            "make: *** [Makefile:2: all] Error 255",
            "a.c:3:1: error: unknown type name 'Interrupt'",
            "   12 |         pr_err(\"%s: I/O error\\n\", name);",
        ] {
            assert!(!is_trouble(line), "{line}");
        }
    }

    #[test]
    fn makes_word_that_the_clock_is_wrong_is_told_from_anybody_elses() {
        for line in [
            "make: Warning: File '/x/out.bin' has modification time 3599 s in the future",
            "make[2]: warning:  Clock skew detected.  Your build may be incomplete.",
            "gmake[1]: warning:  Clock skew detected.  Your build may be incomplete.",
        ] {
            assert!(is_clock_skew(line), "{line}");
        }
        for line in [
            "a.c:3:1: warning: Clock skew detected",
            "  CC      drivers/clock_skew.o",
            "make: Warning: File 'x' is old",
            "tar: x: time stamp 2030-01-01 is 5 s in the future",
        ] {
            assert!(!is_clock_skew(line), "{line}");
        }
    }

    #[test]
    fn a_compiler_that_crashed_is_told_from_one_that_refuses() {
        for line in [
            "gcc: internal compiler error: Segmentation fault signal terminated program cc1",
            "mm/a.c:3:1: internal compiler error: in fold_convert_loc, at fold-const.c:2440",
            "collect2: fatal error: ld terminated with signal 11 [Segmentation fault], core dumped",
            "Please submit a full bug report, with preprocessed source.",
            "clang: error: unable to execute command: Segmentation fault",
            "make[1]: *** [Makefile:9: x.o] Segmentation fault (core dumped)",
            "make: *** [Makefile:9: x.o] Error 139",
            "ld: BFD (GNU Binutils) 2.40 internal error, aborting at ../elf.c:7",
        ] {
            assert!(is_crash(line), "{line}");
        }
        for line in [
            "a.c:3:1: error: expected ';' before 'return'",
            "make: *** [Makefile:9: x.o] Error 1",
        ] {
            assert!(!is_crash(line), "{line}");
        }
    }
}
