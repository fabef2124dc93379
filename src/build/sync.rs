//! Makes one build tree equal to another, copying only what differs.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileTimes, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::unless_absent;
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// What [`sync`] had to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Synced {
    /// Files in the tree.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that had to be copied.
    pub copied: u64,
    /// Files and folders that had to go.
    pub removed: u64,
}

/// Makes the tree `to` equal to the tree `from`, with modification times kept, which is what
/// make looks at. A file of the same size and time is taken to be equal, as make and rsync do.
/// Where the filesystem can share blocks (reflink), nothing is really copied.
///
/// Kbuild notes some targets by absolute path (objtool's, for one, on which every object
/// depends): in the notes (`*.cmd`, `*.d`) the path of the one tree becomes that of the other,
/// or the copy would be compiled anew. The two paths must be equally long, so that the size of
/// such a file still tells whether it is equal.
///
/// Returns `None` when `cancel` was quicker; `to` is then neither the one nor the other, and
/// good for nothing but another `sync`.
///
/// # Errors
/// A file cannot be read or written; the error names it.
pub fn sync(from: &Path, to: &Path, cancel: &CancelToken) -> Result<Option<Synced>> {
    if from.as_os_str().len() != to.as_os_str().len() {
        return Err(Error::failed(format!(
            "the build trees {} and {} need names of one length",
            from.display(),
            to.display()
        )));
    }
    let roots = Roots { from, to };
    let mut done = Synced::default();
    let finished = sync_folder(&roots, from, to, cancel, &mut done)?;
    Ok(finished.then_some(done))
}

struct Roots<'a> {
    from: &'a Path,
    to: &'a Path,
}

fn sync_folder(
    roots: &Roots<'_>,
    from: &Path,
    to: &Path,
    cancel: &CancelToken,
    done: &mut Synced,
) -> Result<bool> {
    fs::create_dir_all(to).map_err(|e| Error::io("make the folder", to, e))?;
    let mut theirs = entries(to)?;
    for (name, meta) in entries(from)? {
        if cancel.is_cancelled() {
            return Ok(false);
        }
        let (source, target) = (from.join(&name), to.join(&name));
        let mut old = theirs.remove(&name);
        if old
            .as_ref()
            .is_some_and(|old| old.file_type() != meta.file_type())
        {
            remove(&target, old.as_ref(), done)?;
            old = None;
        }
        if meta.is_dir() {
            if !sync_folder(roots, &source, &target, cancel, done)? {
                return Ok(false);
            }
        } else if meta.is_symlink() {
            sync_link(&source, &target, old.is_some(), done)?;
        } else if meta.is_file() {
            done.files += 1;
            done.bytes += meta.len();
            if old.is_some_and(|old| same(&meta, &old))
                && (!is_pinned(&meta) || same_contents(roots, &source, &target))
            {
                continue;
            }
            copy(roots, &source, &target, &meta)?;
            done.copied += 1;
        }
        // Sockets, pipes and devices have no business in a build tree.
    }
    for (name, meta) in theirs {
        remove(&to.join(name), Some(&meta), done)?;
    }
    Ok(true)
}

fn entries(folder: &Path) -> Result<HashMap<OsString, Metadata>> {
    let wrong = |e| Error::io("read the folder", folder, e);
    let mut found = HashMap::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        // Does not follow links.
        let meta = entry.metadata().map_err(wrong)?;
        found.insert(entry.file_name(), meta);
    }
    Ok(found)
}

fn same(a: &Metadata, b: &Metadata) -> bool {
    // `modified` works wherever this program runs; were it not so, all would be copied.
    a.len() == b.len()
        && a.permissions() == b.permissions()
        && matches!((a.modified(), b.modified()), (Ok(a), Ok(b)) if a == b)
}

/// Is its time one that somebody set, as `touch -d` and `cp -p` do? Then it does not tell two contents apart.
/// (A clock that counts whole seconds makes all files look so: then all are compared.)
fn is_pinned(meta: &Metadata) -> bool {
    meta.mtime_nsec() == 0
}

/// Would a copy of `source` be what `target` is? What cannot be read is copied, and fails there if it must.
fn same_contents(roots: &Roots<'_>, source: &Path, target: &Path) -> bool {
    let copy = match is_note(source).then(|| moved_note(roots, source)) {
        Some(Ok(Some(text))) => Ok(text),
        _ => fs::read(source),
    };
    matches!((copy, fs::read(target)), (Ok(copy), Ok(old)) if copy == old)
}

fn remove(path: &Path, meta: Option<&Metadata>, done: &mut Synced) -> Result<()> {
    done.removed += 1;
    let result = if meta.is_some_and(Metadata::is_dir) {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    result.map_err(|e| Error::io("remove", path, e))
}

/// Makes `target` the same symbolic link as `source`.
fn sync_link(source: &Path, target: &Path, exists: bool, done: &mut Synced) -> Result<()> {
    let points_to = fs::read_link(source).map_err(|e| Error::io("read the link", source, e))?;
    if exists {
        if fs::read_link(target).is_ok_and(|old| old == points_to) {
            return Ok(());
        }
        remove(target, None, done)?;
    }
    done.copied += 1;
    std::os::unix::fs::symlink(&points_to, target)
        .map_err(|e| Error::io("make the link", target, e))
}

fn copy(roots: &Roots<'_>, source: &Path, target: &Path, meta: &Metadata) -> Result<()> {
    // A new file, never the old one overwritten: that could be open, or a hard link.
    unless_absent(fs::remove_file(target)).map_err(|e| Error::io("replace", target, e))?;
    let moved = if is_note(source) {
        moved_note(roots, source)?
    } else {
        None
    };
    match moved {
        Some(text) => fs::write(target, text),
        None => reflink_copy::reflink_or_copy(source, target).map(|_| ()),
    }
    .map_err(|e| Error::io("write", target, e))?;
    let kept = (|| {
        fs::set_permissions(target, meta.permissions())?;
        let times = FileTimes::new().set_modified(meta.modified()?);
        // Setting times wants ownership, not the right to write.
        File::open(target)?.set_times(times)
    })();
    kept.map_err(|e| Error::io("set the time of", target, e))
}

/// Is it a file in which Kbuild notes what it did?
fn is_note(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e == OsStr::new("cmd") || e == OsStr::new("d"))
}

/// The text of a note with the one tree's path become the other's; `None` if it is not in it.
fn moved_note(roots: &Roots<'_>, path: &Path) -> Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|mut f| f.read_to_end(&mut text))
        .map_err(|e| Error::io("read", path, e))?;
    let (old, new) = (
        roots.from.as_os_str().as_bytes(),
        roots.to.as_os_str().as_bytes(),
    );
    let mut found = false;
    let mut at = 0;
    while let Some(i) = find(&text[at..], old) {
        let (begin, end) = (at + i, at + i + old.len());
        text[begin..end].copy_from_slice(new);
        found = true;
        at = end;
    }
    Ok(found.then_some(text))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    // The first byte of an absolute path is `/`; most notes hold none of ours.
    text.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn write(path: &Path, text: &str, age: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
        File::open(path)
            .unwrap()
            .set_times(FileTimes::new().set_modified(time))
            .unwrap();
    }

    fn two_trees() -> (tempfile::TempDir, std::path::PathBuf, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("tree-0"), dir.path().join("tree-1"));
        (dir, a, b)
    }

    #[test]
    fn a_time_that_was_set_does_not_tell_two_files_apart() {
        let (_dir, a, b) = two_trees();
        write(&a.join("x.o"), "on_", 5);
        write(&b.join("x.o"), "off", 5);
        sync(&a, &b, &CancelToken::new()).unwrap();
        assert_eq!(fs::read_to_string(b.join("x.o")).unwrap(), "on_");
    }

    #[test]
    fn the_copy_has_the_files_the_times_and_nothing_else() {
        let (_dir, a, b) = two_trees();
        write(&a.join("kernel/fork.o"), "object", 5);
        write(&b.join("kernel/old.o"), "gone", 5);
        write(&b.join("kernel/fork.o"), "newer!", 1);
        std::os::unix::fs::symlink("/source", a.join("source")).unwrap();
        let done = sync(&a, &b, &CancelToken::new()).unwrap().unwrap();
        assert_eq!(
            done,
            Synced {
                files: 1,
                bytes: 6,
                copied: 2,
                removed: 1
            }
        );
        assert_eq!(fs::read(b.join("kernel/fork.o")).unwrap(), b"object");
        assert_eq!(
            fs::metadata(a.join("kernel/fork.o"))
                .unwrap()
                .modified()
                .unwrap(),
            fs::metadata(b.join("kernel/fork.o"))
                .unwrap()
                .modified()
                .unwrap(),
        );
        assert_eq!(
            fs::read_link(b.join("source")).unwrap(),
            Path::new("/source")
        );
        assert!(!b.join("kernel/old.o").exists());
    }

    #[test]
    fn a_second_copy_copies_nothing() {
        let (_dir, a, b) = two_trees();
        write(&a.join("x.o"), "object", 5);
        write(&a.join("x.cmd"), &format!("cmd_{}/x.o", a.display()), 5);
        sync(&a, &b, &CancelToken::new()).unwrap();
        assert_eq!(
            sync(&a, &b, &CancelToken::new()).unwrap().unwrap().copied,
            0
        );
    }

    #[test]
    fn notes_name_the_tree_that_they_are_in() {
        let (_dir, a, b) = two_trees();
        write(
            &a.join(".x.o.cmd"),
            &format!("cmd_{0}/x.o := cc {0}/x.c", a.display()),
            5,
        );
        sync(&a, &b, &CancelToken::new()).unwrap();
        let text = fs::read_to_string(b.join(".x.o.cmd")).unwrap();
        assert_eq!(text, format!("cmd_{0}/x.o := cc {0}/x.c", b.display()));
    }

    #[test]
    fn a_folder_in_the_place_of_a_file_is_replaced() {
        let (_dir, a, b) = two_trees();
        write(&a.join("thing"), "file", 5);
        write(&b.join("thing/inside"), "x", 5);
        sync(&a, &b, &CancelToken::new()).unwrap();
        assert_eq!(fs::read(b.join("thing")).unwrap(), b"file");
    }

    #[test]
    fn trees_with_names_of_different_lengths_are_refused() {
        let (_dir, a, _) = two_trees();
        let error = sync(&a, &a.join("longer"), &CancelToken::new()).unwrap_err();
        assert!(error.to_string().contains("names of one length"));
    }
}
