//! The cache folder, for downloaded, unpacked and generated files.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use super::context::{Setup, interrupted};
use crate::{Error, Result};

/// How often a lock that another process holds is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// The folder of the work folders, in the cache.
const WORK: &str = "work";

/// How the name of a folder that is being filled begins.
const PARTIAL: &str = ".partial-";

impl Setup<'_> {
    /// The folder `name` in the cache. When it is not there, `fill` fills it, once: in a
    /// temporary place, renamed when complete, under a lock, so neither a crash nor a second
    /// process leaves or sees half of it.
    pub(crate) fn folder(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut Self, &Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let target = self.cache.join(name);
        if target.is_dir() {
            return Ok(target);
        }
        let parent = target.parent().unwrap_or(&self.cache).to_owned();
        fs::create_dir_all(&parent).map_err(|e| Error::io("make the folder", &parent, e))?;
        let _lock = self.lock()?;
        if target.is_dir() {
            return Ok(target);
        }
        remove_leftovers(&parent);
        let partial = tempfile::Builder::new()
            .prefix(PARTIAL)
            .tempdir_in(&parent)
            .map_err(|e| Error::io("make a folder in", &parent, e))?;
        let contents = partial.path().join("contents");
        fs::create_dir(&contents).map_err(|e| Error::io("make the folder", &contents, e))?;
        fill(self, &contents)?;
        fs::rename(&contents, &target).map_err(|e| Error::io("rename to", &target, e))?;
        Ok(target)
    }

    /// A new folder to work in, which goes with the value. What killed processes left of theirs
    /// goes now.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn work_folder(&mut self) -> Result<WorkFolder> {
        let parent = self.cache.join(WORK);
        fs::create_dir_all(&parent).map_err(|e| Error::io("make the folder", &parent, e))?;
        // So that nobody takes a folder whose owner has not marked it yet for a leftover.
        let _lock = self.lock()?;
        for entry in fs::read_dir(&parent).into_iter().flatten().flatten() {
            if let Some(_nobodys) = mark(&entry.path()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let dir =
            tempfile::tempdir_in(&parent).map_err(|e| Error::io("make a folder in", &parent, e))?;
        let failed = || Error::failed(format!("cannot lock {}", dir.path().display()));
        let mark = mark(dir.path()).ok_or_else(failed)?;
        Ok(WorkFolder { dir, _mark: mark })
    }

    /// Takes the lock of the cache folder; waits while another process has it.
    fn lock(&mut self) -> Result<Flock<File>> {
        let path = self.cache.join("lock");
        let failed = |e| Error::io("lock", &path, e);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed)?;
        let mut told = false;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(lock),
                Err((back, nix::Error::EWOULDBLOCK)) => file = back,
                Err((_, e)) => return Err(failed(e.into())),
            }
            if self.cancel.is_cancelled() {
                return Err(interrupted());
            }
            if !told {
                self.note("waiting: another kbisect is filling the cache folder");
                told = true;
            }
            thread::sleep(RETRY);
        }
    }
}

/// A folder that is in use as long as this lives.
#[derive(Debug)]
pub struct WorkFolder {
    dir: tempfile::TempDir,
    _mark: Flock<File>,
}

impl WorkFolder {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Locks a work folder; `None` when it is somebody else's.
fn mark(folder: &Path) -> Option<Flock<File>> {
    let file = File::create(folder.join(".in-use")).ok()?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()
}

/// Removes what a killed process left half done; the lock must be held.
fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            // If it cannot be removed, it only takes space.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::supervise::CancelToken;

    #[test]
    fn a_folder_is_filled_once() {
        let dir = tempfile::tempdir().unwrap();
        let cancel = CancelToken::new();
        let mut note = |_: &str| {};
        let mut setup = Setup::at(dir.path(), &mut note, &cancel);
        for text in ["first", "second"] {
            let folder = setup
                .folder("a/b", |_, path| {
                    fs::write(path.join("file"), text).map_err(|e| Error::io("write", path, e))
                })
                .unwrap();
            assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "first");
        }
    }

    #[test]
    fn a_folder_that_could_not_be_filled_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let cancel = CancelToken::new();
        let mut note = |_: &str| {};
        let mut setup = Setup::at(dir.path(), &mut note, &cancel);
        let failed = setup.folder("a", |_, path| {
            fs::write(path.join("half"), "").unwrap();
            Err(Error::failed("no"))
        });
        assert!(failed.is_err());
        let left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left, ["lock"]);
    }

    #[test]
    fn what_a_killed_process_left_half_done_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let leftover = dir.path().join(".partial-x");
        fs::create_dir(&leftover).unwrap();
        let cancel = CancelToken::new();
        let mut note = |_: &str| {};
        Setup::at(dir.path(), &mut note, &cancel)
            .folder("a", |_, _| Ok(()))
            .unwrap();
        assert!(!leftover.exists());
    }

    #[test]
    fn a_work_folder_stays_while_it_is_used_and_goes_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let cancel = CancelToken::new();
        let mut note = |_: &str| {};
        let mut setup = Setup::at(dir.path(), &mut note, &cancel);
        let used = setup.work_folder().unwrap();
        // As after kill -9: a folder with a mark that nobody holds.
        let leftover = dir.path().join("work/left");
        fs::create_dir(&leftover).unwrap();
        fs::write(leftover.join(".in-use"), "").unwrap();
        let other = setup.work_folder().unwrap();
        assert!(used.path().is_dir() && other.path().is_dir());
        assert!(!leftover.exists());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
    }

    #[test]
    fn waiting_for_the_lock_can_be_interrupted() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (CancelToken::new(), CancelToken::new());
        let mut note = |_: &str| {};
        let mut holder = Setup::at(dir.path(), &mut note, &first);
        let _lock = holder.lock().unwrap();
        let mut notes = Vec::new();
        let mut note = |text: &str| notes.push(text.to_owned());
        let mut other = Setup::at(dir.path(), &mut note, &second);
        second.cancel();
        let refused = other.folder("a", |_, _| Ok(()));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Interrupted);
    }
}
