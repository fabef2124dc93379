//! One file: its stat data, and the hash of its contents.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds for which a change may leave no trace in the times of a file: the coarsest clock of a file
/// system in use has steps of two seconds.
const GRAIN: i128 = 2_000_000_000;

/// Bytes from which on a file is mapped and hashed in parallel pieces.
const LARGE: u64 = 1 << 20;

/// What a stat says of a file. It does not stay the same when somebody writes to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The kind of the file, and whether its owner may execute it.
    pub(super) mode: u32,
    pub(super) size: u64,
    /// Nanoseconds since 1970.
    pub(super) modified: i128,
    /// The same, of the last change of contents, owner, permissions or links.
    pub(super) changed: i128,
    pub(super) inode: u64,
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        let time =
            |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            mode: meta.mode() & (nix::libc::S_IFMT | 0o100),
            size: meta.size(),
            modified: time(meta.mtime(), meta.mtime_nsec()),
            changed: time(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
        }
    }

    /// May another change, made after the time `read`, leave the same stamp?
    pub(super) fn is_racy(&self, read: i128) -> bool {
        self.changed.max(self.modified) > read - GRAIN
    }

    /// Adds all of it.
    pub(super) fn hash(&self, hasher: &mut blake3::Hasher) {
        let Self {
            mode,
            size,
            modified,
            changed,
            inode,
        } = self;
        hasher
            .update(&mode.to_le_bytes())
            .update(&size.to_le_bytes())
            .update(&modified.to_le_bytes())
            .update(&changed.to_le_bytes())
            .update(&inode.to_le_bytes());
    }

    /// Is it a symbolic link?
    pub(super) fn is_link(&self) -> bool {
        is(self, nix::libc::S_IFLNK)
    }

    /// May its owner execute it?
    pub(super) fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

/// BLAKE3 of what a file is: its contents, or where a link leads.
pub(super) type Sum = [u8; 32];

/// What was read of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) stamp: Stamp,
    pub(super) sum: Sum,
    /// It was changed so shortly before it was read that another change may leave the same stamp.
    pub(super) is_racy: bool,
}

/// Nanoseconds since 1970.
pub(super) fn now() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // It fits for some 10²² years.
    since.map_or(0, |d| d.as_nanos() as i128)
}

/// Reads the file at `path`; a symbolic link is not followed, but what it leads to is read as well, if that
/// is a file.
///
/// # Errors
/// There is no such file. One that may not be read counts as one with contents that nobody knows.
pub(super) fn read(path: &Path) -> io::Result<Reading> {
    let begun = now();
    let before = stat(path)?;
    let sum = sum(path, &before)?;
    let after = stat(path)?;
    let is_racy = before != after || after.is_racy(begun);
    Ok(Reading {
        stamp: after,
        sum,
        is_racy,
    })
}

/// The stamp of the file at `path`: of a symbolic link to a file that of both in one.
///
/// # Errors
/// There is no such file.
pub(super) fn stat(path: &Path) -> io::Result<Stamp> {
    Ok(through(path, Stamp::of(&fs::symlink_metadata(path)?)))
}

/// `stamp` is that of the file at `path`, with links not followed.
pub(super) fn through(path: &Path, mut stamp: Stamp) -> Stamp {
    if is(&stamp, nix::libc::S_IFLNK)
        && let Ok(meta) = fs::metadata(path)
        && meta.is_file()
    {
        let target = Stamp::of(&meta);
        stamp.mode |= target.mode & 0o100;
        stamp.size += target.size;
        stamp.modified = stamp.modified.max(target.modified);
        stamp.changed = stamp.changed.max(target.changed);
        stamp.inode ^= target.inode.rotate_left(32);
    }
    for (link, target) in further_links(path, &stamp) {
        stamp.modified = stamp.modified.max(link.modified);
        stamp.changed = stamp.changed.max(link.changed);
        let hash = blake3::hash(target.as_os_str().as_bytes());
        let (begin, _) = hash.as_bytes().split_at(8);
        let begin = begin
            .iter()
            .fold(0, |all, byte| all << 8 | u64::from(*byte));
        stamp.inode ^= link.inode.rotate_left(16) ^ begin;
    }
    stamp
}

/// How many links may lead from one to the next: the kernel follows no more.
const LINKS: usize = 40;

/// The links through which the link at `path` leads, itself left out, with their stamps and where each leads. One
/// of them may be anywhere, also among the folders of a path.
fn further_links(path: &Path, stamp: &Stamp) -> Vec<(Stamp, PathBuf)> {
    let mut found = Vec::new();
    if !is(stamp, nix::libc::S_IFLNK) {
        return found;
    }
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    let Some((mut at, target)) = folder.zip(fs::read_link(path).ok()) else {
        return found;
    };
    let mut rest = target;
    while found.len() < LINKS {
        let all = rest;
        let mut parts = all.components();
        let Some(part) = parts.next() else { break };
        rest = parts.as_path().to_owned();
        match part {
            Component::ParentDir => {
                at.pop();
            }
            Component::CurDir => {}
            part => {
                let next = at.join(part);
                match fs::read_link(&next) {
                    Ok(target) => {
                        if let Ok(meta) = fs::symlink_metadata(&next) {
                            found.push((Stamp::of(&meta), target.clone()));
                        }
                        rest = target.join(rest);
                    }
                    // No link, or nothing at all.
                    Err(_) => at = next,
                }
            }
        }
    }
    found
}

/// The sum of a symbolic link as earlier versions made it, without the links that it leads through; nothing for
/// other files.
pub(super) fn earlier_sum(path: &Path) -> Option<Sum> {
    let stamp = Stamp::of(&fs::symlink_metadata(path).ok()?);
    let is_link = is(&stamp, nix::libc::S_IFLNK);
    is_link.then(|| link_sum(path, &[]).ok())?
}

fn is(stamp: &Stamp, kind: u32) -> bool {
    stamp.mode & nix::libc::S_IFMT == kind
}

fn sum(path: &Path, stamp: &Stamp) -> io::Result<Sum> {
    let mut hasher = blake3::Hasher::new();
    if is(stamp, nix::libc::S_IFLNK) {
        return link_sum(path, &further_links(path, stamp));
    }
    if is(stamp, nix::libc::S_IFREG) {
        contents(path, stamp.size, &mut hasher)?;
    } else {
        // A device, a pipe: to read it may take for ever.
        hasher.update(format!("special {:o}", stamp.mode).as_bytes());
    }
    Ok(*hasher.finalize().as_bytes())
}

/// The sum of the link at `path`, which leads through the others.
fn link_sum(path: &Path, others: &[(Stamp, PathBuf)]) -> io::Result<Sum> {
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(b"link ")
        .update(fs::read_link(path)?.as_os_str().as_bytes());
    for (_, target) in others {
        hasher
            .update(b"\0link ")
            .update(target.as_os_str().as_bytes());
    }
    // One that leads nowhere, or to a folder, is where it leads.
    if fs::metadata(path).is_ok_and(|meta| meta.is_file()) {
        hasher.update(b"\0");
        contents(path, 0, &mut hasher)?;
    }
    Ok(*hasher.finalize().as_bytes())
}

fn contents(path: &Path, size: u64, hasher: &mut blake3::Hasher) -> io::Result<()> {
    match File::open(path) {
        Ok(file) if size >= LARGE => {
            let mut file = io::BufReader::with_capacity(LARGE as usize, file);
            io::copy(&mut file, hasher)?;
        }
        Ok(mut file) => {
            io::copy(&mut file, hasher)?;
        }
        // Nor can a build read it.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            hasher.update(b"unreadable");
        }
        Err(e) => return Err(e),
    }
    Ok(())
}
