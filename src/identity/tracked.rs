//! Single files that are to stay as they are, as those that an oracle is made of.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::stamp::{self, Reading, Sum};
use crate::{Error, Result};

/// A file that is known by its contents.
#[derive(Debug)]
pub struct Tracked {
    name: String,
    path: PathBuf,
    sum: Sum,
    seen: Mutex<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    reading: Reading,
    writes: u64,
}

impl Tracked {
    /// The file at `path`, which people know as `name`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn new(name: &str, path: &Path) -> Result<Self> {
        let reading = stamp::read(path).map_err(|e| Error::io("read", path, e))?;
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            sum: reading.sum,
            seen: Mutex::new(Seen { reading, writes: 0 }),
        })
    }

    /// What people know it as.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds what tells its state from another, times included, as it was when it was last read.
    pub(super) fn hash_state(&self, hasher: &mut blake3::Hasher) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        hasher.update(self.path.as_os_str().as_bytes());
        hasher.update(format!("\0{:?}\0", seen.reading.stamp).as_bytes());
    }

    /// A short hash of its contents, in hex.
    #[must_use]
    pub fn hash(&self) -> String {
        blake3::Hash::from_bytes(self.sum).to_hex()[..16].to_owned()
    }

    /// Looks whether it is what it was: how often somebody was seen to have written to it since it is tracked;
    /// `None` if it has other contents, or is not there any more. It is read only if its stat is not what it was.
    #[must_use]
    pub fn look(&self) -> Option<u64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp::stat(&self.path).ok()?;
        let was = seen.reading;
        if stamp != was.stamp || was.is_racy {
            seen.reading = stamp::read(&self.path).ok()?;
            seen.writes += u64::from(seen.reading.stamp != was.stamp);
        }
        (seen.reading.sum == self.sum).then_some(seen.writes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_known_by_its_contents_and_a_touch_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lib.sh");
        fs::write(&path, "one").unwrap();
        let file = Tracked::new("lib.sh", &path).unwrap();
        assert_eq!(file.look(), Some(0));
        // As long, and perhaps within the grain of the clock.
        fs::write(&path, "two").unwrap();
        assert_eq!(file.look(), None);
        assert_eq!(file.look(), None);
        let other = dir.path().join("other");
        fs::write(&other, "one").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(file.look(), Some(2));
        assert_eq!(file.look(), Some(2));
        fs::remove_file(&path).unwrap();
        assert_eq!(file.look(), None);
    }
}
