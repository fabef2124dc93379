//! Notices what somebody other than make wrote to a build tree.

use std::collections::HashMap;
use std::fs::{self, Metadata, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::unless_absent;
use crate::{Error, Result};

/// The entries of a build tree, by their paths in it. Contents are not read: whoever writes to a file changes its
/// time of change, which no program can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents(HashMap<PathBuf, Mark>);

/// A state of one entry. Of a folder only who may do what with it: its time changes with its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Folder {
        mode: u32,
    },
    Other {
        inode: u64,
        size: u64,
        mode: u32,
        /// Seconds and nanoseconds.
        changed: (i64, i64),
    },
}

impl Mark {
    fn of(meta: &Metadata) -> Self {
        if meta.is_dir() {
            return Self::Folder { mode: meta.mode() };
        }
        Self::Other {
            inode: meta.ino(),
            size: meta.len(),
            mode: meta.mode(),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// What differs between two states of a tree: paths in it, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// Entries that were not there; of a folder only itself.
    pub(super) added: Vec<PathBuf>,
    /// Entries that were written to, replaced or removed.
    pub(super) changed: Vec<PathBuf>,
}

impl Differences {
    pub(super) fn is_none(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty()
    }
}

impl Contents {
    /// Looks at all entries of `tree`.
    ///
    /// # Errors
    /// A folder or an entry cannot be looked at.
    pub(super) fn of(tree: &Path) -> Result<Self> {
        let mut found = HashMap::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let path = tree.join(&folder);
            let wrong = |e| Error::io("read the folder", &path, e);
            let entries = match fs::read_dir(&path) {
                // It was removed meanwhile.
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                entries => entries.map_err(wrong)?,
            };
            for entry in entries {
                let entry = entry.map_err(wrong)?;
                // Does not follow links.
                let mark = match entry.metadata() {
                    Err(e) if e.kind() == ErrorKind::NotFound => continue,
                    meta => Mark::of(&meta.map_err(wrong)?),
                };
                let name = folder.join(entry.file_name());
                if matches!(mark, Mark::Folder { .. }) {
                    folders.push(name.clone());
                }
                found.insert(name, mark);
            }
        }
        Ok(Self(found))
    }

    /// A hash of all entries: equal for equal contents only.
    pub(super) fn digest(&self) -> String {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_unstable_by_key(|(path, _)| *path);
        let mut hasher = blake3::Hasher::new();
        for (path, mark) in entries {
            hasher.update(path.as_os_str().as_encoded_bytes());
            hasher.update(&[0]);
            let (kind, numbers) = match *mark {
                Mark::Folder { mode } => (0, [mode.into(), 0, 0, 0, 0]),
                Mark::Other {
                    inode,
                    size,
                    mode,
                    changed: (seconds, nanoseconds),
                } => {
                    let (seconds, nanoseconds) =
                        (seconds.cast_unsigned(), nanoseconds.cast_unsigned());
                    (1, [inode, size, mode.into(), seconds, nanoseconds])
                }
            };
            hasher.update(&[kind]);
            for number in numbers {
                hasher.update(&number.to_le_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// What differs in `now`.
    pub(super) fn differences(&self, now: &Self) -> Differences {
        let is_within_added = |path: &Path| {
            let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
            parent.is_some_and(|parent| !self.0.contains_key(parent))
        };
        let mut differences = Differences::default();
        for (path, mark) in &now.0 {
            match self.0.get(path) {
                None if is_within_added(path) => {}
                None => differences.added.push(path.clone()),
                Some(was) if was != mark => differences.changed.push(path.clone()),
                Some(_) => {}
            }
        }
        let removed = self.0.keys().filter(|path| !now.0.contains_key(*path));
        differences.changed.extend(removed.cloned());
        differences.added.sort_unstable();
        differences.changed.sort_unstable();
        differences
    }
}

/// Removes these entries of `tree`, with all that is in them.
///
/// # Errors
/// One of them cannot be removed.
pub(super) fn remove(tree: &Path, entries: &[PathBuf]) -> Result<()> {
    for entry in entries {
        let path = tree.join(entry);
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        let removed = match is_folder {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        unless_absent(removed).map_err(|e| Error::io("remove", &path, e))?;
    }
    Ok(())
}

/// Removes a tree, with all that is in it.
///
/// # Errors
/// It cannot be removed.
pub(super) fn remove_tree(tree: &Path) -> Result<()> {
    let removed = match fs::remove_dir_all(tree) {
        Err(e) if e.kind() == ErrorKind::PermissionDenied => {
            unlock(tree);
            fs::remove_dir_all(tree)
        }
        removed => removed,
    };
    unless_absent(removed).map_err(|e| Error::io("remove", tree, e))
}

/// Makes a folder, and those in it, such that their owner may remove entries of them. What cannot be unlocked stays.
fn unlock(folder: &Path) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let _ = fs::set_permissions(&folder, Permissions::from_mode(0o700));
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        // Does not follow links.
        let inner = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.extend(inner.map(|entry| entry.path()));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn what_was_added_and_what_was_changed_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        fs::create_dir(dir.path().join("fs")).unwrap();
        for name in ["fs/a.o", "fs/b.o", "fs/c.o", "fs/d.o", "kept.o"] {
            write(name, "1");
        }
        let before = Contents::of(dir.path()).unwrap();
        assert_eq!(before, Contents::of(dir.path()).unwrap());
        // The same size and the same time: only the time of change tells.
        let a = dir.path().join("fs/a.o");
        let meta = fs::metadata(&a).unwrap();
        // The clock of files is coarse: until it has gone on.
        while Mark::of(&fs::metadata(&a).unwrap()) == Mark::of(&meta) {
            write("fs/a.o", "2");
            let file = fs::File::open(&a).unwrap();
            file.set_modified(meta.modified().unwrap()).unwrap();
        }
        fs::remove_file(dir.path().join("fs/b.o")).unwrap();
        fs::remove_file(dir.path().join("fs/c.o")).unwrap();
        std::os::unix::fs::symlink("d.o", dir.path().join("fs/c.o")).unwrap();
        fs::create_dir_all(dir.path().join("fs/new/deep")).unwrap();
        write("fs/new/deep/x", "");
        write("poison", "");
        let now = Contents::of(dir.path()).unwrap();
        let differences = before.differences(&now);
        assert_eq!(differences.added, paths(&["fs/new", "poison"]));
        assert_eq!(differences.changed, paths(&["fs/a.o", "fs/b.o", "fs/c.o"]));
        assert_ne!(before.digest(), now.digest());
        remove(dir.path(), &differences.added).unwrap();
        let now = Contents::of(dir.path()).unwrap();
        assert_eq!(before.differences(&now).added, paths(&[]));
        assert!(!dir.path().join("fs/new").exists());
    }

    #[test]
    fn a_folder_of_which_only_the_time_changed_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("fs")).unwrap();
        let before = Contents::of(dir.path()).unwrap();
        fs::write(dir.path().join("fs/x"), "").unwrap();
        remove(dir.path(), &paths(&["fs/x"])).unwrap();
        assert_eq!(Contents::of(dir.path()).unwrap().digest(), before.digest());
    }

    #[test]
    fn a_folder_that_was_locked_is_noticed_and_can_be_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, locked) = (dir.path().join("tree"), dir.path().join("tree/fs/ext4"));
        fs::create_dir_all(&locked).unwrap();
        fs::write(locked.join("x.o"), "").unwrap();
        let before = Contents::of(&tree).unwrap();
        let lock = || fs::set_permissions(&locked, Permissions::from_mode(0o555)).unwrap();
        lock();
        let now = Contents::of(&tree).unwrap();
        assert_eq!(before.differences(&now).changed, paths(&["fs/ext4"]));
        assert_ne!(before.digest(), now.digest());
        // Root does not need it.
        unlock(&tree);
        let mode = fs::metadata(&locked).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
        lock();
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }
}
