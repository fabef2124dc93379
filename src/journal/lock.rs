//! The lock on a run directory: one run at a time. It names its owner.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::model::sanitize_line;
use crate::{Error, ErrorKind, Result};

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The process.
    pub pid: u32,
    /// The name of the machine.
    pub host: String,
    /// Since when: seconds since 1970, UTC.
    pub since: u64,
}

impl Owner {
    /// This process, from now on.
    fn present() -> Self {
        // Of the places that know the name this one needs neither a crate nor a process.
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = sanitize_line(&host, 64);
        let host = if host.is_empty() {
            "unknown".to_owned()
        } else {
            host
        };
        Self {
            pid: std::process::id(),
            host,
            since: now(),
        }
    }
}

/// Seconds since 1970, UTC.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

/// A lock that is held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    /// A child that another thread starts just now has the file open, too, until it is another program: closing
    /// the file would leave the lock with it.
    fn drop(&mut self) {
        // Where it fails, it goes with the file.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Takes the lock that `path` stands for, and writes the owner into the file.
    ///
    /// The file stays when the lock goes: it means nothing by itself.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`], with the owner, when it is held; else when the file cannot be
    /// made.
    pub fn take(path: &Path) -> Result<Self> {
        let io = |e| Error::io("lock", path, e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false) // it may be somebody else's
            .open(path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(path, &mut file)),
            Err(TryLockError::Error(e)) => return Err(io(e)),
        }
        let text = serde_json::to_string(&Owner::present()).map_err(|e| io(e.into()))?;
        file.set_len(0)
            .and_then(|()| writeln!(file, "{text}"))
            .map_err(io)?;
        Ok(Self { file })
    }
}

/// Does somebody hold the lock that `path` stands for? Not when nobody can tell.
pub(super) fn is_held(path: &Path) -> bool {
    // A shared lock, for a moment: those who only look are not in each other's way.
    let Ok(file) = File::open(path) else {
        return false;
    };
    match file.try_lock_shared() {
        Ok(()) => {
            // As when a lock is dropped.
            let _ = file.unlock();
            false
        }
        Err(error) => matches!(error, TryLockError::WouldBlock),
    }
}

fn held(path: &Path, file: &mut File) -> Error {
    let dir = super::atomic::folder_of(path).display();
    let mut text = String::new();
    let owner = file
        .read_to_string(&mut text)
        .ok()
        .and_then(|_| serde_json::from_str::<Owner>(&text).ok());
    let (message, end) = match owner {
        Some(Owner { pid, host, since }) => {
            let host = sanitize_line(&host, 64);
            let seconds = now().saturating_sub(since);
            let time = match seconds {
                0..120 => format!("{seconds} s"),
                _ => format!("{} min", seconds / 60),
            };
            let who = format!("process {pid} on {host}, for {time}");
            (
                format!("another run holds {dir}: {who}"),
                format!("end it (kill {pid})"),
            )
        }
        None => (
            format!("another run holds {dir}"),
            "wait for its end".to_owned(),
        ),
    };
    let hint = format!("{end}, or give this run a folder of its own with --output");
    Error::new(ErrorKind::Locked, message).hint(hint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_dropped_while_a_child_begins_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = Lock::take(&path).unwrap();
        // As a fork does.
        let _of_child = lock.file.try_clone().unwrap();
        assert!(is_held(&path));
        drop(lock);
        assert!(!is_held(&path));
        Lock::take(&path).unwrap();
    }
}
