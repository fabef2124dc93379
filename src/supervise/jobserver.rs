//! One GNU make job server for all builds.
//!
//! The pipe holds a byte (a token) for each job that may run beside what already runs. Each
//! make that *we* start runs one job without asking: for that one the caller takes a token out
//! first, with [`JobServer::slot`].
//!
//! A make that is killed keeps the tokens that it had, and with enough of them gone nothing is
//! ever built again. So when one of our makes had to be killed, no new one is started until all
//! are gone: then the number of tokens in the pipe must be the full number, and is made to be.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::libc::O_NONBLOCK;
use nix::poll::{PollFd, PollFlags, poll};

use super::pidfd::poll_timeout;
use super::spec::JobTokens;
use super::{CancelToken, Spec};
use crate::{Error, Result};

/// How often a waiter looks at its cancel token.
const TICK: Duration = Duration::from_millis(100);

/// The tokens of all builds together. Clones are the same server.
#[derive(Clone, Debug)]
pub struct JobServer(Arc<Server>);

#[derive(Debug)]
struct Server {
    client: jobserver::Client,
    /// The reading end once more, under an open file description of its own, so that it can be
    /// non-blocking for us without being so for make, which older ones do not expect.
    read: File,
    total: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Slots handed out, each the token of one make.
    slots: usize,
    /// A make was killed since the tokens were last known to be complete.
    suspect: bool,
}

/// The right to run one make. Dropped, it is given back; the make must have ended by then.
#[derive(Debug)]
#[must_use]
pub struct Slot(Arc<Server>);

impl JobServer {
    /// A server for `total` jobs at once, in all makes together.
    ///
    /// # Errors
    /// The pipe cannot be made, or does not hold so many.
    pub fn new(total: NonZeroUsize) -> Result<Self> {
        let failed = |error| Error::failed("cannot make a job server").because(error);
        let client = jobserver::Client::new(total.get()).map_err(failed)?;
        let read = reopen(&client).map_err(failed)?;
        let (state, changed) = (Mutex::default(), Condvar::new());
        Ok(Self(Arc::new(Server {
            client,
            read,
            total: total.get(),
            state,
            changed,
        })))
    }

    /// Takes the token of one make; waits until there is one. `None` when `cancel` was quicker.
    ///
    /// # Errors
    /// The pipe is broken.
    pub fn slot(&self, cancel: &CancelToken) -> Result<Option<Slot>> {
        let server = &self.0;
        let failed = |error| Error::failed("the job server is broken").because(error);
        while !cancel.is_cancelled() {
            let mut state = server.lock();
            if state.slots == 0 {
                server.complete().map_err(failed)?;
                state.suspect = false;
            }
            if state.suspect {
                let waited = server.changed.wait_timeout(state, TICK);
                drop(waited.unwrap_or_else(PoisonError::into_inner));
                continue;
            }
            if server.take().map_err(failed)? {
                state.slots += 1;
                return Ok(Some(Slot(Arc::clone(server))));
            }
            drop(state);
            // Interrupted or not: the loop looks again.
            let mut fds = [PollFd::new(server.read.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut fds, poll_timeout(TICK));
        }
        Ok(None)
    }

    /// Tokens that nobody has right now.
    ///
    /// # Errors
    /// The pipe is broken.
    pub fn available(&self) -> Result<usize> {
        self.0
            .client
            .available()
            .map_err(|error| Error::failed("the job server is broken").because(error))
    }
}

impl Slot {
    /// Makes the child of `spec`, a make, share the job server. It must not get a `-j` of its
    /// own, which would cut it off.
    pub fn configure(&self, spec: &mut Spec) {
        spec.tokens = Some(Arc::clone(&self.0) as Arc<dyn JobTokens>);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.slots -= 1;
        // With the last slot the pipe is counted anyway, and a token that cannot be written
        // back now is replaced then.
        let _ = self.0.client.release_raw();
        drop(state);
        self.0.changed.notify_all();
    }
}

impl JobTokens for Server {
    fn configure(&self, command: &mut Command) {
        self.client.configure_make(command);
    }

    fn suspect(&self) {
        self.lock().suspect = true;
    }
}

impl Server {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Two plain values, each of them right after every single step: a panic elsewhere
        // leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a token if there is one.
    fn take(&self) -> io::Result<bool> {
        loop {
            match (&self.read).read(&mut [0]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the number of tokens the full one. To be called when no make runs.
    fn complete(&self) -> io::Result<()> {
        let mut available = self.client.available()?;
        while available > self.total && self.take()? {
            available -= 1;
        }
        for _ in available..self.total {
            self.client.release_raw()?;
        }
        Ok(())
    }
}

/// The reading end of `client`'s pipe, non-blocking. The crate tells nobody its number but
/// make.
fn reopen(client: &jobserver::Client) -> io::Result<File> {
    let mut command = Command::new("make");
    client.configure_make(&mut command);
    let fd = command
        .get_envs()
        .filter(|(name, _)| *name == "MAKEFLAGS")
        .find_map(|(_, value)| value?.to_str()?.split_once("--jobserver-auth="))
        .and_then(|(_, fds)| fds.split(',').next()?.parse::<u32>().ok())
        .ok_or(io::ErrorKind::Unsupported)?;
    OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(format!("/proc/self/fd/{fd}"))
}
