//! The initial RAM disk with the modules of the kernel.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::boot::Nameless;
use crate::{Error, Result};

/// What an archive begins with that the kernel unpacks: cpio, or one that is compressed with gzip, xz, zstd, bzip2,
/// LZMA, LZO or LZ4.
const BEGINNINGS: [&[u8]; 9] = [
    b"07070",
    b"\x1f\x8b",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
    b"\x5d\x00\x00",
    b"\x89LZO",
    b"\x02\x21\x4c\x18",
    b"\x04\x22\x4d\x18",
];

/// A file, in `folder` or that for temporary files, with `initrd` and then the archive `modules`.
///
/// # Errors
/// A file cannot be read or written, or `initrd` is no archive, so that nothing can be appended.
pub(super) fn with_modules(
    initrd: &Path,
    modules: &Path,
    folder: Option<&Path>,
) -> Result<Nameless> {
    let read = |path: &Path| fs::read(path).map_err(|e| Error::io("read", path, e));
    let first = read(initrd)?;
    if !BEGINNINGS.iter().any(|start| first.starts_with(start)) {
        return Err(Error::usage(format!(
            "the modules of the kernel cannot be appended to {}: it is no cpio archive",
            initrd.display()
        ))
        .hint("make the initial RAM disk a cpio archive, or use --modules builtin"));
    }
    let wrong = |e| Error::failed("cannot write the initial RAM disk with modules").because(e);
    let joined = Nameless::new(folder).map_err(wrong)?;
    // The kernel looks for the next archive at a multiple of 4, and skips zeros before it.
    let gap = first.len().next_multiple_of(4) - first.len();
    for part in [&first, &vec![0; gap], &read(modules)?] {
        joined.file().write_all(part).map_err(wrong)?;
    }
    Ok(joined)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn modules_follow_the_first_archive_at_a_multiple_of_four() {
        let dir = tempfile::tempdir().unwrap();
        let (initrd, modules) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&initrd, b"\x1f\x8bpacked").unwrap();
        fs::write(&modules, b"070701 modules").unwrap();
        let joined = with_modules(&initrd, &modules, Some(dir.path())).unwrap();
        let text = fs::read(joined.path()).unwrap();
        assert_eq!(text, b"\x1f\x8bpacked070701 modules");
        fs::write(&initrd, b"\x1f\x8bpacke").unwrap();
        let joined = with_modules(&initrd, &modules, None).unwrap();
        let text = fs::read(joined.path()).unwrap();
        assert_eq!(text, b"\x1f\x8bpacke\x00070701 modules");
        // Nothing has a name but what was there.
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_disk_image_gets_no_modules() {
        let dir = tempfile::tempdir().unwrap();
        let (initrd, modules) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&initrd, [0; 1024]).unwrap();
        fs::write(&modules, b"070701").unwrap();
        let error = with_modules(&initrd, &modules, None).unwrap_err();
        assert!(error.to_string().contains("no cpio archive"), "{error}");
    }
}
