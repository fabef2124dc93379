//! The log of a child: a file, or a file of limited size.
//!
//! A child is not to notice the limit: one that gets SIGXFSZ or an error when it writes gives
//! another verdict. So it writes to a pipe, which a thread empties for as long as it lives. The
//! thread keeps the beginning and the end, and says in between how much is missing.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Log;
use crate::{Error, Result};

/// Of a log that is too long so much of the end is kept, at most; and never more than half of
/// what may be kept.
const TAIL: u64 = 1 << 20;

/// The most that can be in a pipe that nobody has made larger than a user may.
const PIPE: usize = 1 << 20;

/// The file of a log, if there is one.
pub(super) fn open(log: &Log) -> Result<Option<File>> {
    let open = |path: &Path| {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| Error::io("write the log", path, error))
    };
    match log {
        Log::Null => Ok(None),
        Log::Append(path) => open(path).map(Some),
        Log::File(path) => {
            let file = open(path)?;
            file.set_len(0)
                .map_err(|error| Error::io("empty the log", path, error))?;
            Ok(Some(file))
        }
    }
}

/// Both streams of a child, to `log`; and who empties them, if there is a limit.
pub(super) fn outputs(log: &Log, limit: Option<u64>) -> Result<(Stdio, Stdio, Option<Drain>)> {
    let failed = |error| Error::failed("cannot use a log").because(error);
    let (Some(file), Log::File(path) | Log::Append(path)) = (open(log)?, log) else {
        return Ok((Stdio::null(), Stdio::null(), None));
    };
    let Some(limit) = limit else {
        let twin = file.try_clone().map_err(failed)?;
        return Ok((file.into(), twin.into(), None));
    };
    let (reader, writer) = io::pipe().map_err(failed)?;
    let twin = writer.try_clone().map_err(failed)?;
    let drain = Drain::start(reader, file, path.clone(), limit)?;
    Ok((writer.into(), twin.into(), Some(drain)))
}

/// Empties the pipe of a child. Dropped, it ends with what it has.
#[derive(Debug)]
pub(super) struct Drain {
    path: PathBuf,
    /// Closed to end the thread, whoever holds the pipe open still.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Drain {
    fn start(pipe: PipeReader, file: File, path: PathBuf, limit: u64) -> Result<Self> {
        let failed = |error| Error::failed("cannot keep a log").because(error);
        let (stopped, stop) = io::pipe().map_err(failed)?;
        let thread = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || drain(pipe, &stopped, Bounded::new(file, limit)))
            .map_err(failed)?;
        Ok(Self {
            path,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Writes what is left, and ends.
    ///
    /// # Errors
    /// The log could not be written: it lacks something that the child said.
    pub(super) fn finish(mut self) -> Result<()> {
        self.join()
            .map_err(|error| Error::io("write the log", &self.path, error))
    }

    fn join(&mut self) -> io::Result<()> {
        drop(self.stop.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the thread that writes it panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = self.join();
    }
}

fn drain(mut pipe: PipeReader, stopped: &PipeReader, mut log: Bounded) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    // The child writes on whatever becomes of its log, or the disk would be its fault.
    let mut result = Ok(());
    let mut after_stop = 0;
    // What was written before the stop is read. Who holds the pipe open still was not ended, and
    // may write for ever.
    while after_stop < PIPE {
        let mut fds = [pipe.as_fd(), stopped.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let has = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
        let has_stopped = has(&fds[1]);
        if has(&fds[0]) {
            let length = match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) if has_stopped => {
                    after_stop += length;
                    length
                }
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if result.is_ok() {
                result = log.add(&buffer[..length]);
            }
        } else if has_stopped {
            break;
        }
    }
    result.and_then(|()| log.finish())
}

/// A file that gets the beginning at once and the end at the end.
struct Bounded {
    file: File,
    /// Bytes that the beginning may have still.
    head: u64,
    tail: VecDeque<u8>,
    longest_tail: usize,
    left_out: u64,
    limit: u64,
}

impl Bounded {
    fn new(file: File, limit: u64) -> Self {
        let tail = TAIL.min(limit / 2);
        Self {
            file,
            head: limit - tail,
            tail: VecDeque::new(),
            // One MiB at most.
            longest_tail: tail as usize,
            left_out: 0,
            limit,
        }
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        let head = usize::try_from(self.head)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let (head, rest) = bytes.split_at(head);
        self.file.write_all(head)?;
        self.head -= head.len() as u64;
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(self.longest_tail);
        self.tail.drain(..surplus);
        self.left_out += surplus as u64;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if self.left_out > 0 {
            writeln!(
                self.file,
                "\n[kbisect: {} bytes are left out here, as a log may have {} bytes]",
                self.left_out, self.limit
            )?;
        }
        let (one, two) = self.tail.as_slices();
        self.file.write_all(one)?;
        self.file.write_all(two)
    }
}
