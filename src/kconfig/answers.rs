//! The answers of `$(shell ...)`: computed once, and stored as the shim in `conf` stores them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::conf_call::{Call, LIMIT};
use super::engine::{Shell, ShellError};
use crate::supervise::{self, CancelToken, How, Spec};
use crate::{Error, ErrorKind, Result};

/// What LKC reads of an answer, in bytes.
const READ: usize = 4095;

/// What is kept of one, and what a command may write.
const LONGEST: usize = 65536;
const OUTPUT: u64 = 64 << 20;

/// Runs commands as `conf` would, each once.
#[derive(Debug)]
pub(super) struct RecordedShell<'a> {
    pub(super) call: &'a Call,
    pub(super) cancel: &'a CancelToken,
}

impl Shell for RecordedShell<'_> {
    fn run(&mut self, command: &str) -> Result<String, ShellError> {
        let path = path(&self.call.shim.answers, command);
        let answer = match read(&path, command) {
            Some(answer) => answer,
            None => self.ask(command, &path)?,
        };
        let answer = &answer[..answer.len().min(READ)];
        Ok(String::from_utf8_lossy(answer).into_owned())
    }
}

impl RecordedShell<'_> {
    fn ask(&self, command: &str, path: &Path) -> Result<Vec<u8>> {
        let mut spec = Spec::new("/bin/sh")
            .arg("-c")
            .arg(command)
            .cwd(&self.call.cwd)
            .wall(LIMIT)
            .file_size(OUTPUT);
        for (name, value) in &self.call.env {
            spec = spec.env(name, value);
        }
        let (ended, answer) = supervise::capture(&spec, self.cancel)?;
        match ended.how {
            How::Exited(status) if status < 128 => {}
            How::Cancelled => return Err(Error::new(ErrorKind::Interrupted, "interrupted")),
            _ => {
                return Err(Error::failed(format!(
                    "a command in Kconfig did not finish: {}",
                    crate::model::sanitize_line(command, 200)
                )));
            }
        }
        if answer.len() <= LONGEST {
            // What cannot be kept is asked again.
            let _ = write(path, command, &answer);
        }
        Ok(answer)
    }
}

/// The file of an answer: named by two FNV-1a hashes from different starts, as in the shim.
fn path(folder: &Path, command: &str) -> PathBuf {
    const PRIME: u64 = 0x0100_0000_01b3;
    let (mut a, mut b) = (0xcbf2_9ce4_8422_2325_u64, 0x6c62_272e_07bb_0142_u64);
    for byte in command.bytes() {
        a = (a ^ u64::from(byte)).wrapping_mul(PRIME);
        b = (b ^ u64::from(byte))
            .wrapping_mul(PRIME)
            .wrapping_add(0x9e37_79b9_7f4a_7c15);
    }
    folder.join(format!("{a:016x}{b:016x}"))
}

/// How long the question and the answer are, then both. `None`: it is not there, cut short, or
/// the answer to another question.
fn read(path: &Path, command: &str) -> Option<Vec<u8>> {
    let bytes = fs::read(path).ok()?;
    let (asked, rest) = bytes.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let asked = usize::try_from(u64::from_ne_bytes(*asked)).ok()?;
    let length = usize::try_from(u64::from_ne_bytes(*length)).ok()?;
    let (question, answer) = rest.split_at_checked(asked)?;
    (question == command.as_bytes() && answer.len() == length).then(|| answer.to_vec())
}

/// Writes beside `path` and renames: nobody sees half of it.
fn write(path: &Path, command: &str, answer: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let command = command.as_bytes();
    for length in [command.len(), answer.len()] {
        file.write_all(&(length as u64).to_ne_bytes())?;
    }
    file.write_all(command)?;
    file.write_all(answer)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written_and_one_cut_short_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), "echo 1");
        assert_eq!(read(&path, "echo 1"), None);
        write(&path, "echo 1", b"1\n").unwrap();
        assert_eq!(read(&path, "echo 1").unwrap(), b"1\n");
        assert_eq!(read(&path, "echo 2"), None);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(read(&path, "echo 1"), None);
    }
}
