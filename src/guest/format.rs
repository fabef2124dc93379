//! Tells what a file or folder of the user is, and refuses what no guest can be made of.

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::supervise::quote;
use crate::{Error, Result};

/// The largest archive: the guest has it in memory twice while it unpacks it.
const LARGEST_ARCHIVE: u64 = 512 << 20;

/// The largest file system.
pub(super) const LARGEST_DISK: u64 = 16 << 30;

/// What a path of the user holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder with the files of a root file system.
    Folder,
    /// An archive (cpio, newc): an initial RAM disk.
    Archive,
    /// An ext2, ext3 or ext4 file system in a file.
    Image,
    /// A list of Debian's packages.
    Packages,
}

impl Kind {
    /// What it is, in one sentence.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Folder => "A folder with the files of a root file system.",
            Self::Archive => "An initial RAM disk.",
            Self::Image => "A file system in a file.",
            Self::Packages => "Debian with a list of packages.",
        }
    }
}

/// What is at `path`.
pub(super) fn kind_of(path: &Path) -> Result<Kind> {
    let meta = fs::metadata(path).map_err(|e| Error::io("look at", path, e))?;
    if meta.is_dir() {
        return match fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
            true => Ok(Kind::Folder),
            false => Err(
                Error::usage(format!("the guest {} is an empty folder", path.display()))
                    .hint("it is the root of a file system: it has an init, such as /sbin/init"),
            ),
        };
    }
    if !meta.is_file() {
        return Err(Error::usage(format!(
            "the guest {} is neither a file nor a folder",
            path.display()
        ))
        .hint("copy it into a file"));
    }
    if path
        .extension()
        .is_some_and(|e| e == "list" || e == "packages")
    {
        return Ok(Kind::Packages);
    }
    let file = File::open(path).map_err(|e| Error::io("read", path, e))?;
    let mut head = Vec::new();
    (&file)
        .take(2048)
        .read_to_end(&mut head)
        .map_err(|e| Error::io("read", path, e))?;
    if head.starts_with(b"070701") || head.starts_with(b"070702") {
        if meta.len() > LARGEST_ARCHIVE {
            return Err(too_large(path, meta.len(), LARGEST_ARCHIVE)
                .hint("make a guest on a disk of it: unpack it, and give the folder"));
        }
        check_archive(path, &file)?;
        return Ok(Kind::Archive);
    }
    if let Some(error) = wrong(path, &head) {
        return Err(error);
    }
    check_image(path, &file, &head, meta.len())?;
    Ok(Kind::Image)
}

/// The error of what is too large.
pub(super) fn too_large(path: &Path, is: u64, may_be: u64) -> Error {
    Error::usage(format!(
        "the guest {} is too large: {} MiB; it may have {}",
        path.display(),
        is >> 20,
        may_be >> 20
    ))
}

/// The error of a file of a format that is known, and that is none of ours.
fn wrong(path: &Path, head: &[u8]) -> Option<Error> {
    let name = quote(&path.display().to_string());
    let has = |at: usize, magic: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let (what, hint) = if has(0, b"QFI\xfb") {
        (
            "is an image of QEMU's format qcow2",
            format!("convert it: qemu-img convert -O raw {name} guest.img"),
        )
    } else if has(0, b"KDMV") || has(0, b"# Disk DescriptorFile") || has(0, b"vhdxfile") {
        (
            "is an image of another virtual machine",
            format!("convert it: qemu-img convert -O raw {name} guest.img"),
        )
    } else if has(1080, b"\x53\xef") {
        return None;
    } else if has(0, b"\x1f\x8b")
        || has(0, b"\xfd7zXZ")
        || has(0, b"\x28\xb5\x2f\xfd")
        || has(0, b"BZh")
    {
        (
            "is compressed",
            "uncompress it (zcat, xzcat, zstdcat, bzcat): else each kernel would need what uncompresses it".to_owned(),
        )
    } else if has(510, b"\x55\xaa") || has(512, b"EFI PART") {
        (
            "is a disk with partitions",
            format!(
                "give the file system alone: `sfdisk --dump {name}` shows where it begins and how long it is, then \
                 dd if={name} of=root.img bs=512 skip=START count=SIZE"
            ),
        )
    } else if has(0, b"070707") || has(0, b"\xc7\x71") {
        (
            "is an archive of an old format",
            "the kernel reads newc only: pack it with cpio -o -H newc".to_owned(),
        )
    } else if has(257, b"ustar") {
        (
            "is a tar archive",
            format!("unpack it as root, and give the folder: tar -xpf {name} -C FOLDER"),
        )
    } else if has(0, b"hsqs") {
        (
            "is a squashfs",
            format!("unpack it as root, and give the folder: unsquashfs -d FOLDER {name}"),
        )
    } else {
        (
            "is nothing that can be booted",
            "a guest is a folder, a cpio archive (newc), an ext2, ext3 or ext4 file system in a file, or a list of \
             packages (*.list, *.packages)"
                .to_owned(),
        )
    };
    Some(Error::usage(format!("the guest {} {what}", path.display())).hint(hint))
}

/// Reads the archive to its end.
fn check_archive(path: &Path, file: &File) -> Result<()> {
    let damaged = |e: std::io::Error| {
        Error::usage(format!(
            "the guest {} is damaged: the archive ends too early",
            path.display()
        ))
        .because(e)
    };
    let mut input = BufReader::new(file);
    input.rewind().map_err(damaged)?;
    let mut has_init = false;
    loop {
        let reader = cpio::NewcReader::new(input).map_err(damaged)?;
        let entry = reader.entry();
        if entry.is_trailer() {
            break;
        }
        has_init |= entry
            .name()
            .trim_start_matches("./")
            .trim_start_matches('/')
            == "init";
        input = reader.finish().map_err(damaged)?;
    }
    match has_init {
        true => Ok(()),
        false => Err(
            Error::usage(format!("the guest {} has no /init", path.display()))
                .hint("the kernel starts /init of an initial RAM disk"),
        ),
    }
}

/// Looks at the superblock of a file system.
fn check_image(path: &Path, file: &File, head: &[u8], length: u64) -> Result<()> {
    const NEEDS_RECOVERY: u32 = 4;
    let number = |at: usize| {
        let bytes = head.get(1024 + at..1024 + at + 4);
        bytes
            .and_then(|four| four.try_into().ok())
            .map_or(0, u32::from_le_bytes)
    };
    let mut last = [0];
    let blocks = u64::from(number(4));
    let bytes = blocks << (10 + number(24).min(6));
    let is_there = bytes > 0 && bytes <= length && file.read_exact_at(&mut last, bytes - 1).is_ok();
    if !is_there {
        return Err(Error::usage(format!(
            "the guest {} is damaged: its file system has {} MiB, the file {}",
            path.display(),
            bytes >> 20,
            length >> 20
        ))
        .hint("copy it again"));
    }
    if length > LARGEST_DISK {
        return Err(too_large(path, length, LARGEST_DISK)
            .hint("shrink it: e2fsck -f IMAGE && resize2fs -M IMAGE"));
    }
    if number(96) & NEEDS_RECOVERY != 0 {
        return Err(Error::usage(format!(
            "the guest {} is in use, or was not unmounted",
            path.display()
        ))
        .hint(format!(
            "unmount it; if it is not mounted: e2fsck -fy {}",
            quote(&path.display().to_string())
        )));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What is said of a file with these bytes.
    fn said(bytes: &[u8]) -> (String, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guest");
        fs::write(&path, bytes).unwrap();
        let error = kind_of(&path).unwrap_err();
        let hint = error.hint_text().unwrap_or_default().to_owned();
        let text = error.to_string();
        (text.replace(&path.display().to_string(), "G"), hint)
    }

    fn at(at: usize, magic: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        bytes[at..at + magic.len()].copy_from_slice(magic);
        bytes
    }

    #[test]
    fn what_cannot_be_booted_is_told_by_its_format_and_how_to_convert_it() {
        for (bytes, text, hint) in [
            (at(0, b"QFI\xfb"), "qcow2", "qemu-img convert -O raw"),
            (at(0, b"\x1f\x8b"), "compressed", "zcat"),
            (at(510, b"\x55\xaa"), "partitions", "sfdisk --dump"),
            (at(512, b"EFI PART"), "partitions", "dd if="),
            (at(0, b"070707"), "old format", "cpio -o -H newc"),
            (at(257, b"ustar"), "tar archive", "tar -xpf"),
            (at(0, b"hsqs"), "squashfs", "unsquashfs"),
            (
                b"hello".to_vec(),
                "nothing that can be booted",
                "*.packages",
            ),
            (Vec::new(), "nothing that can be booted", "a folder"),
        ] {
            let (is, advice) = said(&bytes);
            assert!(is.starts_with("the guest G "), "{is}");
            assert!(is.contains(text), "{is}: {text}");
            assert!(advice.contains(hint), "{advice}: {hint}");
        }
    }

    #[test]
    fn a_truncated_file_system_is_damaged_and_one_in_use_is_told_as_such() {
        let mut image = at(1080, b"\x53\xef");
        // 100 blocks of 1 KiB.
        image[1028..1032].copy_from_slice(&100_u32.to_le_bytes());
        assert!(said(&image).0.contains("is damaged"));
        image.resize(100 << 10, 0);
        image[1024 + 96] = 4;
        let (text, hint) = said(&image);
        assert!(text.contains("in use"), "{text}");
        assert!(hint.contains("e2fsck -fy"), "{hint}");
        image[1024 + 96] = 0;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guest");
        fs::write(&path, &image).unwrap();
        assert_eq!(kind_of(&path).unwrap(), Kind::Image);
    }

    #[test]
    fn an_archive_has_an_init_and_an_end() {
        let whole = crate::guest::archive::Archive::new()
            .file("init", 0o755, &[b'x'; 400])
            .finish()
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guest");
        fs::write(&path, &whole).unwrap();
        assert_eq!(kind_of(&path).unwrap(), Kind::Archive);
        assert!(said(&whole[..300]).0.contains("is damaged"));
        let other = crate::guest::archive::Archive::new()
            .file("linuxrc", 0o755, b"x")
            .finish()
            .unwrap();
        assert_eq!(said(&other).0, "the guest G has no /init");
    }

    #[test]
    fn an_empty_folder_is_no_guest_and_a_list_is_told_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        assert!(
            kind_of(dir.path())
                .unwrap_err()
                .to_string()
                .contains("empty folder")
        );
        let path = dir.path().join("mine.packages");
        fs::write(&path, "zsh\n").unwrap();
        assert_eq!(kind_of(&path).unwrap(), Kind::Packages);
        assert_eq!(kind_of(dir.path()).unwrap(), Kind::Folder);
    }
}
