//! Single files that must not change, such as those of an oracle.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::nothing::{is_nothing_to_a_build, is_probe};
use super::stamp::{self, Reading, Stamp, Sum};
use crate::{Error, Result};

/// How many names of a folder are looked at, and how deep.
const NAMES: usize = 5000;
const DEEPEST: usize = 8;

/// A file that is known by its contents, or in [another way](Known).
#[derive(Debug)]
pub struct Tracked {
    name: String,
    path: PathBuf,
    known: Known,
    sum: Sum,
    /// When it was first seen.
    first: Stamp,
    seen: Mutex<Seen>,
}

/// What a file is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Its contents.
    Contents,
    /// Its size and the time of its last modification: it is too large to be read.
    Stat,
    /// A folder, by the names of the files in it and in its folders.
    Names,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    reading: Reading,
    writes: u64,
}

/// What a look at a file found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// `None`: it is not there.
    sum: Option<Sum>,
    writes: u64,
}

impl Version {
    /// Were the contents others when `earlier` was seen, or did somebody write to it since?
    #[must_use]
    pub fn is_written_since(&self, earlier: &Self) -> bool {
        self != earlier
    }
}

impl Tracked {
    /// The file at `path`, which people know as `name`, by its contents.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn new(name: &str, path: &Path) -> Result<Self> {
        Self::by(Known::Contents, name, path)
    }

    /// The file at `path`, which people know as `name`, by what is said.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn by(known: Known, name: &str, path: &Path) -> Result<Self> {
        let reading = read(known, path).map_err(|e| Error::io("read", path, e))?;
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            known,
            sum: reading.sum,
            first: reading.stamp,
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

    /// A short hash of what it is known by, in hex.
    #[must_use]
    pub fn hash(&self) -> String {
        blake3::Hash::from_bytes(self.sum).to_hex()[..16].to_owned()
    }

    /// Looks at it. It is read only if its stat is not what it was.
    #[must_use]
    pub fn version(&self) -> Version {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let was = seen.reading;
        let found = stamp::stat(&self.path).and_then(|stamp| {
            let is_stale = stamp != was.stamp || was.is_racy || self.known == Known::Names;
            if is_stale {
                read(self.known, &self.path)
            } else {
                Ok(was)
            }
        });
        if let Ok(reading) = found {
            // The stat of a folder changes with files that come and go.
            let is_written = match self.known {
                Known::Names => reading.sum != was.sum,
                Known::Contents | Known::Stat => reading.stamp != was.stamp,
            };
            seen.writes += u64::from(is_written);
            seen.reading = reading;
        }
        Version {
            sum: found.ok().map(|reading| reading.sum),
            writes: seen.writes,
        }
    }

    /// Is a version of it what it was when it was first seen?
    #[must_use]
    pub fn is_first(&self, version: &Version) -> bool {
        version.sum == Some(self.sum)
    }

    /// Is it a file to which somebody only added something since it was first seen, as a program does that appends to
    /// a log? An editor as a rule makes a new file.
    #[must_use]
    pub fn has_grown(&self) -> bool {
        let begin = || -> std::io::Result<bool> {
            let now = stamp::stat(&self.path)?;
            let is_longer = now.inode == self.first.inode && now.size > self.first.size;
            if !is_longer || self.known != Known::Contents || now.is_link() {
                return Ok(false);
            }
            let mut hasher = blake3::Hasher::new();
            std::io::copy(
                &mut fs::File::open(&self.path)?.take(self.first.size),
                &mut hasher,
            )?;
            Ok(*hasher.finalize().as_bytes() == self.sum)
        };
        begin().unwrap_or(false)
    }

    /// Looks whether it is what it was: how often somebody was seen to have written to it since it is tracked;
    /// `None` if it has other contents, or is not there any more.
    #[must_use]
    pub fn look(&self) -> Option<u64> {
        let version = self.version();
        self.is_first(&version).then_some(version.writes)
    }
}

fn read(known: Known, path: &Path) -> std::io::Result<Reading> {
    if known == Known::Contents {
        return stamp::read(path);
    }
    let stamp = stamp::stat(path)?;
    let mut hasher = blake3::Hasher::new();
    if known == Known::Stat {
        hasher.update(format!("stat {} {}", stamp.size, stamp.modified).as_bytes());
    } else {
        for name in files_below(path)? {
            hasher.update(name.as_os_str().as_bytes()).update(b"\0");
        }
    }
    Ok(Reading {
        stamp,
        sum: *hasher.finalize().as_bytes(),
        is_racy: false,
    })
}

/// The files in a folder and its folders, sorted and relative to it; not more than some thousand, without what
/// version control, editors and Python keep for themselves, and links to folders not followed.
///
/// # Errors
/// The folder cannot be read.
pub fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    while let Some((below, depth)) = folders.pop() {
        let entries = match fs::read_dir(folder.join(&below)) {
            Err(error) if below == Path::new("") => return Err(error),
            // Gone meanwhile, or nobody may look there.
            Err(_) => continue,
            Ok(entries) => entries,
        };
        for entry in entries.flatten() {
            let name = below.join(entry.file_name());
            if is_nothing_to_a_build(&name) || is_probe(&entry) {
                continue;
            }
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_folder {
                all.push(name);
            } else if depth < DEEPEST {
                folders.push((name, depth + 1));
            }
            if all.len() >= NAMES {
                folders.clear();
                break;
            }
        }
    }
    all.sort_unstable();
    Ok(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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

    #[test]
    fn a_file_grows_only_if_its_beginning_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "one\n").unwrap();
        let file = Tracked::new("log", &path).unwrap();
        assert!(!file.has_grown());
        fs::write(&path, "one\ntwo\n").unwrap();
        assert!(file.has_grown());
        fs::write(&path, "ONE\ntwo\n").unwrap();
        assert!(!file.has_grown());
        // By a new file.
        fs::write(dir.path().join("new"), "one\ntwo\n").unwrap();
        fs::rename(dir.path().join("new"), &path).unwrap();
        assert!(!file.has_grown());
        fs::remove_file(&path).unwrap();
        assert!(!file.has_grown());
    }

    #[test]
    fn a_folder_is_known_by_the_names_in_it_and_a_large_file_by_its_size_and_time() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("sub/a"), "1").unwrap();
        let folder = Tracked::by(Known::Names, "x/", dir.path()).unwrap();
        let file = Tracked::by(Known::Stat, "a", &at("sub/a")).unwrap();
        assert_eq!((folder.look(), file.look()), (Some(0), Some(0)));
        fs::write(at("sub/a"), "22").unwrap();
        assert_eq!((folder.look(), file.look()), (Some(0), None));
        fs::write(at("sub/b"), "").unwrap();
        assert_eq!(folder.look(), None);
        fs::remove_file(at("sub/b")).unwrap();
        assert_eq!(folder.look(), Some(2));
    }
}
