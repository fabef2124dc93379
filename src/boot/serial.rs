//! The host's end of the serial console: a socket, and the log of what came from it.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::poll::PollFlags;
use tempfile::TempDir;

use super::Console;
use crate::{Error, Result};

/// The most that a guest may write. Far more than any boot, far less than a disk.
pub(super) const LOG_LIMIT: u64 = 16 << 20;

/// The longest path of a socket, without the zero at its end.
const SOCKET_PATH: usize = 107;

/// A serial console.
#[derive(Debug)]
pub(super) struct Serial {
    line: Line,
    to_type: Vec<u8>,
    log: File,
    log_path: PathBuf,
    received: u64,
}

#[derive(Debug)]
enum Line {
    /// QEMU connects to the socket in this folder, which only we can enter.
    Awaited(UnixListener, TempDir),
    Open(UnixStream),
    Closed,
}

impl Serial {
    /// A console whose output goes to `log` as it comes.
    ///
    /// # Errors
    /// The log or the socket cannot be made.
    pub(super) fn listen(log: &Path) -> Result<Self> {
        let failed = |error| Error::failed("cannot make a socket for the console").because(error);
        let mut dir = tempfile::Builder::new()
            .prefix("kbisect-")
            .tempdir()
            .map_err(failed)?;
        if socket_in(dir.path()).as_os_str().as_bytes().len() > SOCKET_PATH {
            dir = tempfile::Builder::new()
                .prefix("kbisect-")
                .tempdir_in("/tmp")
                .map_err(failed)?;
        }
        let listener = UnixListener::bind(socket_in(dir.path())).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            line: Line::Awaited(listener, dir),
            to_type: Vec::new(),
            log: File::create(log).map_err(|error| Error::io("write", log, error))?,
            log_path: log.to_owned(),
            received: 0,
        })
    }

    /// Where QEMU has to connect to, as long as it has not.
    pub(super) fn socket(&self) -> Option<PathBuf> {
        match &self.line {
            Line::Awaited(_, dir) => Some(socket_in(dir.path())),
            _ => None,
        }
    }

    /// Bytes that came so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// What to wait for before the next [`Self::pump`].
    pub(super) fn interest(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        match &self.line {
            Line::Awaited(listener, _) => Some((listener.as_fd(), PollFlags::POLLIN)),
            Line::Open(stream) if self.to_type.is_empty() => {
                Some((stream.as_fd(), PollFlags::POLLIN))
            }
            Line::Open(stream) => Some((stream.as_fd(), PollFlags::POLLIN | PollFlags::POLLOUT)),
            Line::Closed => None,
        }
    }

    /// Brings a piece of what came to the log and to `console`, and types what that asks for.
    /// Says whether there may be more. Never blocks.
    ///
    /// # Errors
    /// The log cannot be written.
    pub(super) fn pump(&mut self, console: &mut Console) -> Result<bool> {
        if let Line::Awaited(listener, _) = &self.line {
            let Ok((stream, _)) = listener.accept() else {
                return Ok(false);
            };
            stream.set_nonblocking(true).map_err(|error| {
                Error::failed("cannot use the socket of the console").because(error)
            })?;
            // With this the folder goes.
            self.line = Line::Open(stream);
        }
        let Line::Open(stream) = &mut self.line else {
            return Ok(false);
        };
        let mut piece = [0; 1 << 16];
        let more = match stream.read(&mut piece) {
            Ok(0) => None,
            Ok(length) => {
                let piece = &piece[..length];
                self.log
                    .write_all(piece)
                    .map_err(|error| Error::io("write", &self.log_path, error))?;
                self.received += length as u64;
                console.feed(piece);
                self.to_type.extend_from_slice(&console.take_input());
                Some(true)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Some(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(false),
            // QEMU is gone.
            Err(_) => None,
        };
        match more.filter(|_| type_into(stream, &mut self.to_type).is_ok()) {
            Some(more) => Ok(more),
            None => {
                self.line = Line::Closed;
                Ok(false)
            }
        }
    }
}

fn socket_in(dir: &Path) -> PathBuf {
    dir.join("console")
}

/// Types as much as the guest takes now.
fn type_into(stream: &mut UnixStream, text: &mut Vec<u8>) -> io::Result<()> {
    while !text.is_empty() {
        match stream.write(text) {
            Ok(length) => drop(text.drain(..length)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
