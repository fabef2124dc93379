//! Keeps indexes of source trees in the cache folder.
//!
//! The one of a tree is found by the tree's path, for the next look at it. A copy is found by the hash of the
//! contents, so that a run that goes on can name what is not as it was when it began. Beside them is the list
//! of the files that builds were seen to leave in the tree.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::codec::{decode, encode};
use super::index::Index;
use crate::{Error, Result};

/// How many files are kept: those that were used last. One of a kernel has some 10 MB.
const KEPT: usize = 16;

/// The ends of names: an index by path, an index by contents, a list of files that were left.
const TREE: &str = "tree";
const CONTENTS: &str = "contents";
const LEFT: &str = "left";

/// The folder with the indexes.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Below the cache folder `cache`.
    pub(super) fn within(cache: &Path) -> Self {
        Self {
            folder: cache.join("sources"),
        }
    }

    fn of_tree(&self, root: &Path, end: &str) -> PathBuf {
        let hash = blake3::hash(root.as_os_str().as_bytes()).to_hex();
        self.folder.join(format!("{}.{end}", &hash[..16]))
    }

    fn of_contents(&self, hash: &str) -> PathBuf {
        let hash: String = hash.chars().filter(char::is_ascii_hexdigit).collect();
        self.folder.join(format!("{hash}.{CONTENTS}"))
    }

    /// The index of the tree in `root`; none if there is none that can be read.
    pub(super) fn tree(&self, root: &Path) -> Option<Index> {
        read(&self.of_tree(root, TREE))
    }

    /// Keeps the index of the tree in `root`.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn keep_tree(&self, root: &Path, index: &Index) -> Result<()> {
        self.write(&self.of_tree(root, TREE), &encode(index))
    }

    /// The index of a tree with these contents, wherever it was.
    pub(super) fn contents(&self, hash: &str) -> Option<Index> {
        read(&self.of_contents(hash))
    }

    /// Keeps the index of a tree with these contents.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn keep_contents(&self, hash: &str, index: &Index) -> Result<()> {
        let path = self.of_contents(hash);
        if touch(&path) {
            return Ok(());
        }
        self.write(&path, &encode(index))
    }

    /// The files that builds left in the tree in `root`.
    pub(super) fn left(&self, root: &Path) -> BTreeSet<PathBuf> {
        let bytes = fs::read(self.of_tree(root, LEFT)).unwrap_or_default();
        let names = bytes.split(|b| *b == 0).filter(|name| !name.is_empty());
        names
            .map(|name| PathBuf::from(OsString::from_vec(name.to_vec())))
            .collect()
    }

    /// Notes which files builds left in the tree in `root`.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn keep_left(&self, root: &Path, left: &BTreeSet<PathBuf>) -> Result<()> {
        let names = left.iter().map(|path| path.as_os_str().as_bytes());
        let bytes = names.collect::<Vec<_>>().join(&0);
        self.write(&self.of_tree(root, LEFT), &bytes)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(bytes)?;
            // Whether it is whole is seen when it is read.
            file.persist(path).map_err(|e| e.error)?;
            Ok(())
        };
        write().map_err(|e| Error::io("write", path, e))?;
        self.clear(path);
        Ok(())
    }

    /// Removes what was not used for longest. What cannot be removed only takes space.
    fn clear(&self, except: &Path) {
        let mut others: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // Lists are small, and other kbisects write to files of other names.
            let is_index = path.extension().is_some_and(|e| e == TREE || e == CONTENTS);
            if is_index && path != except {
                let used = entry.metadata().and_then(|meta| meta.modified());
                others.push((used.unwrap_or(SystemTime::UNIX_EPOCH), path));
            }
        }
        others.sort_unstable();
        let surplus = (others.len() + 1).saturating_sub(KEPT);
        for (_, path) in others.into_iter().take(surplus) {
            let _ = fs::remove_file(path);
        }
    }
}

fn read(path: &Path) -> Option<Index> {
    let index = decode(&fs::read(path).ok()?)?;
    touch(path);
    Some(index)
}

/// Notes the time of a use, if there is such a file. If that fails, it goes earlier than it should.
fn touch(path: &Path) -> bool {
    let file = File::options().append(true).open(path);
    file.and_then(|file| file.set_times(FileTimes::new().set_modified(SystemTime::now())))
        .is_ok()
}
