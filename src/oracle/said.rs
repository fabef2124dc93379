//! Reads the output of an oracle: its evidence, the last line of its log, and signs that a limit of this machine stopped it.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::model::sanitize_line;

/// Characters of evidence that are kept.
pub(super) const EVIDENCE: usize = 400;

/// Bytes of a file that are looked at for evidence.
const LOOK: u64 = 4096;

/// Texts by which a program says that this machine does not let it have memory, files or processes. None of them is
/// one by which a guest's kernel says that.
const LIMITS: [&str; 14] = [
    "File size limit exceeded",
    "CPU time limit exceeded",
    "File too large",
    "Too many open files",
    "annot fork",
    "an't fork",
    "fork: retry: ",
    "fork: Resource temporarily unavailable",
    "annot allocate memory",
    "emory exhausted",
    "MemoryError",
    "bad_alloc",
    "failed to map segment",
    "shared object file: Error ",
];

/// The first line of the file that is not empty, made clean.
pub(super) fn first_line(path: &Path) -> Option<String> {
    clean_lines(&bytes(path, SeekFrom::Start(0))?)
        .into_iter()
        .next()
}

/// The last line of the file that is not empty, made clean.
pub(super) fn last_line(path: &Path) -> Option<String> {
    clean_lines(&end(path)?).pop()
}

/// The line at the end of a log by which something that the oracle called says that a limit of this machine stopped
/// it. Lines of a kernel's console (`[    1.234567] ...`) do not count.
pub(super) fn limit_line(log: &Path) -> Option<String> {
    let is_limit = |line: &String| {
        !line.trim_start().starts_with('[') && LIMITS.iter().any(|text| line.contains(text))
    };
    clean_lines(&end(log)?).into_iter().rfind(is_limit)
}

fn clean_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(|line| sanitize_line(line, EVIDENCE));
    lines.filter(|line| !line.is_empty()).collect()
}

fn end(path: &Path) -> Option<Vec<u8>> {
    let size = fs::metadata(path).ok()?.len();
    bytes(path, SeekFrom::Start(size.saturating_sub(LOOK)))
}

fn bytes(path: &Path, from: SeekFrom) -> Option<Vec<u8>> {
    // Not a fifo or a device, which an oracle may have put there and which would hold us up.
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    file.seek(from).ok()?;
    let mut bytes = Vec::new();
    file.take(LOOK).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_this_machine_is_found_in_a_log_and_one_of_a_guests_kernel_is_not() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let found = |text: &str| {
            fs::write(log.path(), text).unwrap();
            limit_line(log.path())
        };
        for line in [
            "./check: line 3: 42 File size limit exceeded(core dumped) cat a >b",
            "dd: error writing 'x': File too large",
            "./check: fork: retry: Resource temporarily unavailable",
            "sh: 3: Cannot fork",
            "./check: line 2: /dev/null: Too many open files",
            "virtual memory exhausted: Cannot allocate memory",
            "MemoryError",
            "ls: error while loading shared libraries: libc.so.6: failed to map segment from shared object",
        ] {
            assert_eq!(
                found(&format!("first\n{line}\nlast\n")).as_deref(),
                Some(line)
            );
        }
        for line in [
            "[    1.204512] sh: page allocation failure: Cannot allocate memory",
            "Out of memory: Killed process 71 (init)",
            "cat: read error: Resource temporarily unavailable",
            "no shell",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }
}
