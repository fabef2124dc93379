//! A log, read from a file within fixed bounds of memory and time.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::sanitize;
use crate::{Error, Result};

/// Bytes that are read of a log's beginning, and of its end.
const PART: u64 = 256 * 1024;

/// Longest line, in characters.
const LONGEST: usize = 1000;

/// Stands where a line was cut.
const CUT: char = '…';

/// One line of a log. It is safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its number in the file, from 1. None after a part that was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What it says, without control characters, cut after 1,000 characters.
    pub text: String,
}

/// A log: all of it, or its first and its last 256 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    lines: Vec<LogLine>,
    left_out: u64,
    gap: Option<usize>,
}

impl Log {
    /// Reads a log. Of one that is longer than 512 KiB only its two ends are read.
    ///
    /// # Errors
    /// The file cannot be read, or is no plain file.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |e: io::Error| Error::io("read", path, e);
        // To open a pipe would wait for its other end.
        if !fs::metadata(path).map_err(failed)?.is_file() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file");
            return Err(failed(error));
        }
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut head = Vec::new();
        if length <= 2 * PART {
            file.take(2 * PART).read_to_end(&mut head).map_err(failed)?;
            return Ok(Self::of_bytes(&head));
        }
        (&mut file)
            .take(PART)
            .read_to_end(&mut head)
            .map_err(failed)?;
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(length - PART)).map_err(failed)?;
        file.take(PART).read_to_end(&mut tail).map_err(failed)?;
        Ok(Self::of_ends(&head, &tail, length - 2 * PART))
    }

    /// A log that is in memory already. Of one longer than 512 KiB only its two ends are kept.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let part = PART as usize;
        if bytes.len() > 2 * part {
            let (head, rest) = bytes.split_at(part);
            let (middle, tail) = rest.split_at(rest.len() - part);
            return Self::of_ends(head, tail, middle.len() as u64);
        }
        let mut log = Self::default();
        log.add(bytes, Some(1));
        log
    }

    /// Reads a log from what has no length, such as standard input. What is left out is read, but not kept.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_reader(reader: &mut dyn Read) -> io::Result<Self> {
        let part = PART as usize;
        let mut head = Vec::new();
        reader.take(PART).read_to_end(&mut head)?;
        let (mut tail, mut left_out) = (Vec::new(), 0);
        while reader.take(PART).read_to_end(&mut tail)? > 0 {
            let more = tail.len().saturating_sub(part);
            left_out += more as u64;
            tail.drain(..more);
        }
        if left_out == 0 {
            head.extend(tail);
            return Ok(Self::of_bytes(&head));
        }
        Ok(Self::of_ends(&head, &tail, left_out))
    }

    /// Its lines as one text.
    #[must_use]
    pub fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }

    /// A log of which only the ends are known, and how many bytes are between them.
    fn of_ends(head: &[u8], mut tail: &[u8], mut left_out: u64) -> Self {
        let mut log = Self::default();
        log.add(head, Some(1));
        // Both ends have most likely a piece of a line where they were cut.
        if !head.ends_with(b"\n")
            && let Some(last) = log.lines.last_mut()
            && !last.text.ends_with(CUT)
        {
            last.text.push(CUT);
        }
        if let Some(end) = tail.iter().position(|b| *b == b'\n')
            && end + 1 < tail.len()
        {
            left_out += end as u64 + 1;
            tail = &tail[end + 1..];
        }
        log.left_out = left_out;
        log.gap = Some(log.lines.len());
        log.add(tail, None);
        log
    }

    fn add(&mut self, bytes: &[u8], first: Option<u64>) {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if bytes.is_empty() {
            return;
        }
        let lines = bytes.split(|b| *b == b'\n');
        self.lines.extend(lines.zip(0..).map(|(line, n)| LogLine {
            number: first.map(|first| first + n),
            text: clean(line),
        }));
    }

    /// Its lines, blank ones as well.
    #[must_use]
    pub fn lines(&self) -> &[LogLine] {
        &self.lines
    }

    /// How many bytes are left out.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Before which of [`Self::lines`] something is left out.
    #[must_use]
    pub fn gap(&self) -> Option<usize> {
        self.gap
    }

    /// Does it say nothing at all?
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.lines.iter().all(|line| line.text.trim().is_empty())
    }
}

/// A line that is safe to show. White space in it stays; that at its end goes.
fn clean(line: &[u8]) -> String {
    // A character has four bytes at most; some go with escape sequences.
    let some = &line[..line.len().min(8 * LONGEST)];
    let text = sanitize(&String::from_utf8_lossy(some));
    let text = text.replace('\n', " ");
    let text = text.trim_end();
    if text.chars().nth(LONGEST).is_none() && some.len() == line.len() {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(LONGEST - 1).collect();
    cut.push(CUT);
    cut
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    fn texts(log: &Log) -> Vec<&str> {
        log.lines().iter().map(|l| l.text.as_str()).collect()
    }

    #[test]
    fn lines_have_numbers_and_neither_escapes_nor_invalid_text() {
        let log = Log::of_bytes(
            b"\x1b[31mred\x1b[0m\r\n\n  in\xffdented \x07\n<b>&\n/ # \x1b[6n\x1b]0;title",
        );
        assert_eq!(
            texts(&log),
            ["red", "", "  in\u{fffd}dented \u{fffd}", "<b>&", "/ #"]
        );
        assert_eq!(log.lines()[4].number, Some(5));
        assert_eq!((log.left_out(), log.gap()), (0, None));
        assert!(!log.is_blank());
        assert!(Log::of_bytes(b" \r\n\x1b[6n\n").is_blank() && Log::of_bytes(b"").is_blank());
    }

    #[test]
    fn of_a_long_log_both_ends_are_kept() {
        let text: String = (0..100_000).map(|n| format!("line {n}\n")).collect();
        let log = Log::of_bytes(text.as_bytes());
        let gap = log.gap().unwrap();
        let lines = texts(&log);
        assert_eq!((lines[0], *lines.last().unwrap()), ("line 0", "line 99999"));
        assert!(lines[gap - 1].ends_with(CUT));
        assert!(!lines[gap].contains(CUT) && log.lines()[gap].number.is_none());
        let kept: usize = lines.iter().map(|l| l.len() + 1).sum();
        // The cut line lost its end and got a sign; its line feed was never read.
        let cut = CUT.len_utf8() + 1;
        assert_eq!(kept as u64 + log.left_out(), (text.len() + cut) as u64);
    }

    #[test]
    fn a_line_of_a_hundred_megabytes_is_cut() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("console.log");
        let mut file = File::create(&path).unwrap();
        let block = vec![b'x'; 1 << 20];
        for _ in 0..100 {
            file.write_all(&block).unwrap();
        }
        file.write_all(b"\nthe end\n").unwrap();
        let log = Log::read(&path).unwrap();
        let lines = texts(&log);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].chars().count(), LONGEST);
        assert_eq!(lines[1], "the end");
        // Without any end of a line.
        file.set_len(100 << 20).unwrap();
        let log = Log::read(&path).unwrap();
        assert_eq!(log.lines().len(), 2);
        assert!(texts(&log).iter().all(|l| l.chars().count() == LONGEST));
    }

    #[test]
    fn of_a_gigabyte_only_the_ends_are_read() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("console.log");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"Linux version 6.1\n").unwrap();
        file.set_len(1 << 30).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"\nKernel panic - not syncing: no\n")
            .unwrap();
        let log = Log::read(&path).unwrap();
        let lines = texts(&log);
        assert_eq!(lines[0], "Linux version 6.1");
        assert_eq!(*lines.last().unwrap(), "Kernel panic - not syncing: no");
        assert!(log.left_out() > (1 << 30) - 2 * PART);
        let kept: usize = lines.iter().map(|l| l.len()).sum();
        assert!(kept < 4 * LONGEST);
    }

    #[test]
    fn a_stream_without_end_marks_is_read_within_bounds() {
        let mut stream = io::repeat(b'x').take(100 << 20).chain(&b"\nthe end\n"[..]);
        let log = Log::of_reader(&mut stream).unwrap();
        assert_eq!(texts(&log)[1], "the end");
        assert!(log.left_out() > (100 << 20) - 2 * PART);
        let log = Log::of_reader(&mut &b"a\nb\n"[..]).unwrap();
        assert_eq!((log.text().as_str(), log.gap()), ("a\nb", None));
    }

    #[test]
    fn what_is_no_plain_file_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        assert!(Log::read(temp.path()).is_err());
        assert!(Log::read(&temp.path().join("none")).is_err());
        assert!(Log::read(Path::new("/dev/zero")).is_err());
    }
}
