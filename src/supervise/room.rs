//! Free space on the disks that children write to.
//!
//! A child whose writes fail for want of room fails for a reason that is not its own, and may not even be able
//! to say so: its log is on the same disk. So the disks are asked themselves.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::statvfs::statvfs;

/// What has to fit on a disk that is not full, in bytes: more than a log's next lines, a script's temporary
/// files or most objects, and little beside what a build tree takes.
const ROOM: usize = 1 << 20;

/// Tries to write in a folder.
type Try = Box<dyn Fn(&Path) -> io::Result<()>>;

/// Watches the room in some folders while a child writes to them.
pub struct Room {
    folders: Vec<PathBuf>,
    write: Try,
    lost: Option<String>,
}

impl Room {
    /// Watches these folders.
    #[must_use]
    pub fn of<P: Into<PathBuf>>(folders: impl IntoIterator<Item = P>) -> Self {
        Self {
            folders: folders.into_iter().map(Into::into).collect(),
            write: Box::new(write_in),
            lost: None,
        }
    }

    /// A fake, for tests: `write` says what becomes of a file in a folder.
    #[cfg(test)]
    pub(crate) fn fake(folder: &Path, write: impl Fn() -> io::Result<()> + 'static) -> Self {
        Self {
            write: Box::new(move |_| write()),
            ..Self::of([folder])
        }
    }

    /// Looks how much room is left now. Cheap enough for every tick.
    pub fn look(&mut self) {
        if self.lost.is_none() {
            let full = self.folders.iter().find(|folder| is_full(folder));
            self.lost = full.map(|folder| format!("the disk of {} was full", folder.display()));
        }
    }

    /// Was there too little room at one of the looks, or is there now? A file is written into each folder, and
    /// removed. One line that says where.
    pub fn lost(&mut self) -> Option<String> {
        self.look();
        if self.lost.is_none() {
            self.lost = self.folders.iter().find_map(|folder| {
                let error = (self.write)(folder).err()?;
                // That is no want of room.
                let other = [ErrorKind::NotFound, ErrorKind::PermissionDenied];
                let folder = folder.display();
                (!other.contains(&error.kind()))
                    .then(|| format!("nothing can be written in {folder}: {error}"))
            });
        }
        self.lost.clone()
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room")
            .field("folders", &self.folders)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

/// Where a child with these variables added to its environment keeps temporary files.
#[must_use]
pub fn temporary_folder(env: &[(OsString, OsString)]) -> PathBuf {
    let own = env.iter().rev().find(|(name, _)| name == "TMPDIR");
    own.map_or_else(std::env::temp_dir, |(_, folder)| folder.into())
}

/// Keeps room for the first 1 MiB of a log, so that what a child says last is not lost on a disk that the child
/// itself filled. [`release`] gives back what was not used.
///
/// # Errors
/// There is no room. Where no room can be kept it is none.
pub fn reserve(log: &File) -> io::Result<()> {
    // 1 MiB fits into any offset.
    let reserved = fallocate(log, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, ROOM as i64);
    match reserved.map_err(io::Error::from) {
        Err(error) if is_trouble(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Gives back the room that a log has not used.
///
/// # Errors
/// The file's size cannot be read or set.
pub fn release(log: &File) -> io::Result<()> {
    // Blocks past the end go, even where the size stays.
    log.set_len(log.metadata()?.len())
}

/// Is it the disk's trouble?
fn is_trouble(error: &io::Error) -> bool {
    use nix::libc::{EDQUOT, EIO, ENOSPC, EROFS};
    let code = error.raw_os_error();
    code.is_some_and(|code| [ENOSPC, EDQUOT, EIO, EROFS].contains(&code))
}

fn is_full(folder: &Path) -> bool {
    let Ok(disk) = statvfs(folder) else {
        return false;
    };
    // What is kept for root is room for root only.
    // SAFETY: geteuid takes nothing and cannot fail.
    let is_root = unsafe { nix::libc::geteuid() } == 0;
    let blocks = if is_root {
        disk.blocks_free()
    } else {
        disk.blocks_available()
    };
    // Some filesystems do not count, and say 0 of 0.
    let no_blocks = disk.blocks() > 0 && blocks.saturating_mul(disk.fragment_size()) < ROOM as u64;
    no_blocks || disk.files() > 0 && disk.files_free() == 0
}

/// Writes a file of [`ROOM`] bytes in the folder and removes it.
fn write_in(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".kbisect-room-")
        .tempfile_in(folder)?;
    fill(file.as_file_mut())?;
    // Some disks find out only now, over a network or with room that was promised and is not there.
    file.as_file().sync_data()
}

fn fill(file: &mut File) -> io::Result<()> {
    // Nothing that a filesystem can make smaller.
    let mut bytes = vec![0; ROOM];
    let seed = file.metadata().map(|meta| meta.ino()).unwrap_or_default();
    let mut stream = blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof();
    stream.fill(&mut bytes);
    file.write_all(&bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_be_written_to_has_room_and_keeps_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Room::of([dir.path()]).lost(), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_full_disk_is_found_by_writing_to_it() {
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        let error = fill(&mut full).unwrap_err();
        assert!(is_trouble(&error), "{error}");
    }

    #[test]
    fn a_folder_in_which_no_write_succeeds_has_no_room() {
        for kind in [
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::ReadOnlyFilesystem,
            ErrorKind::FileTooLarge,
            ErrorKind::Other,
        ] {
            let mut room = Room::fake(Path::new("/"), move || Err(kind.into()));
            assert!(room.lost().unwrap().contains(" in /:"), "{kind}");
        }
    }

    #[test]
    fn a_folder_that_is_gone_or_closed_does_not_want_for_room() {
        assert_eq!(Room::of(["/nowhere"]).lost(), None);
        let mut closed = Room::fake(Path::new("/"), || Err(ErrorKind::PermissionDenied.into()));
        assert_eq!(closed.lost(), None);
    }

    #[test]
    fn a_log_keeps_room_and_gives_back_what_it_does_not_use() {
        let log = tempfile::tempfile().unwrap();
        let reserved = fallocate(&log, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, 1);
        log.set_len(0).unwrap();
        reserve(&log).unwrap();
        let blocks = || log.metadata().unwrap().blocks() * 512;
        // Not every filesystem can.
        assert!(reserved.is_err() || blocks() >= ROOM as u64);
        assert_eq!(log.metadata().unwrap().len(), 0);
        (&log).write_all(b"make: *** [all] Error 1\n").unwrap();
        release(&log).unwrap();
        assert!(blocks() < ROOM as u64);
        assert_eq!(log.metadata().unwrap().len(), 24);
    }

    #[test]
    fn temporary_files_are_where_the_environment_says() {
        let env = [("TMPDIR".into(), "/somewhere".into())];
        assert_eq!(temporary_folder(&env), Path::new("/somewhere"));
        assert_eq!(temporary_folder(&[]), std::env::temp_dir());
    }
}
