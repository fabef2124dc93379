//! The host's end of the serial console: two pipes, and the log of what came from it.
//!
//! Named pipes and not a socket: with a socket QEMU's main loop wakes up in the middle of the
//! guest's work, and boots that count instructions are the same no more.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc::O_NONBLOCK;
use nix::poll::PollFlags;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use super::Console;
use crate::{Error, Result};

/// The most that a guest may write. Far more than any boot, far less than a disk.
pub(super) const LOG_LIMIT: u64 = 16 << 20;

/// A serial console.
#[derive(Debug)]
pub(super) struct Serial {
    /// The folder of the pipes, until QEMU has opened them.
    dir: Option<TempDir>,
    output: File,
    input: File,
    to_type: Vec<u8>,
    log: File,
    log_path: PathBuf,
    received: u64,
}

impl Serial {
    /// A console whose output goes to `log` as it comes.
    ///
    /// # Errors
    /// The log or the pipes cannot be made.
    pub(super) fn new(log: &Path) -> Result<Self> {
        let failed = |error| Error::failed("cannot make pipes for the console").because(error);
        let dir = tempfile::Builder::new()
            .prefix("kbisect-")
            .tempdir()
            .map_err(failed)?;
        let pipe = |name: &str| {
            let path = dir.path().join(name);
            mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
            // Both ways, so that they never end: that QEMU is gone is seen elsewhere.
            OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(O_NONBLOCK)
                .open(&path)
        };
        let (output, input) = (
            pipe("console.out").map_err(failed)?,
            pipe("console.in").map_err(failed)?,
        );
        Ok(Self {
            dir: Some(dir),
            output,
            input,
            to_type: Vec::new(),
            log: File::create(log).map_err(|error| Error::io("write", log, error))?,
            log_path: log.to_owned(),
            received: 0,
        })
    }

    /// The pipes, without the `.in` and `.out` at the end of their names, as long as QEMU has
    /// not opened them.
    pub(super) fn pipes(&self) -> Option<PathBuf> {
        Some(self.dir.as_ref()?.path().join("console"))
    }

    /// Bytes that came so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// What to wait for before the next [`Self::pump`].
    pub(super) fn interests(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let typing = (!self.to_type.is_empty()).then(|| (self.input.as_fd(), PollFlags::POLLOUT));
        [(self.output.as_fd(), PollFlags::POLLIN)]
            .into_iter()
            .chain(typing)
    }

    /// Brings a piece of what came to the log and to `console`, and types what that asks for.
    /// Says whether there may be more. Never blocks.
    ///
    /// # Errors
    /// The log cannot be written, or a pipe is broken.
    pub(super) fn pump(&mut self, console: &mut Console) -> Result<bool> {
        let broken = |error| Error::failed("the pipe of the console is broken").because(error);
        let mut piece = [0; 1 << 16];
        let more = match self.output.read(&mut piece) {
            Ok(length) => {
                let piece = &piece[..length];
                self.log
                    .write_all(piece)
                    .map_err(|error| Error::io("write", &self.log_path, error))?;
                self.received += length as u64;
                // QEMU has them open, and without names nothing can be left behind.
                self.dir = None;
                console.feed(piece);
                self.to_type.extend_from_slice(&console.take_input());
                true
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => return Err(broken(error)),
        };
        while !self.to_type.is_empty() {
            match self.input.write(&self.to_type) {
                Ok(length) => drop(self.to_type.drain(..length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(broken(error)),
            }
        }
        Ok(more)
    }
}
