//! Writes newc cpio archives: what the kernel unpacks as its first root file system.

use std::io::Cursor;

use cpio::newc::{Builder, ModeFileType};

use crate::{Error, Result};

/// An archive in the making. Owners are root and times are 0, whoever makes it and whenever, so
/// equal contents give equal bytes.
///
/// The kernel unpacks archives that are written one after the other into one file, and in
/// what comes later a file replaces one of the same name: an overlay is a concatenation.
#[derive(Default)]
pub struct Archive {
    entries: Vec<(Builder, Cursor<Vec<u8>>)>,
}

impl Archive {
    /// An empty archive.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a directory with these permissions. The ones above it have to be there already.
    #[must_use]
    pub fn dir(self, name: &str, permissions: u32) -> Self {
        self.entry(name, ModeFileType::Directory, permissions, (0, 0), b"")
    }

    /// Adds a regular file.
    #[must_use]
    pub fn file(self, name: &str, permissions: u32, contents: &[u8]) -> Self {
        self.entry(name, ModeFileType::Regular, permissions, (0, 0), contents)
    }

    /// Adds a symbolic link to `target`.
    #[must_use]
    pub fn link(self, name: &str, target: &str) -> Self {
        self.entry(
            name,
            ModeFileType::Symlink,
            0o777,
            (0, 0),
            target.as_bytes(),
        )
    }

    /// Adds a character device with the number `major`, `minor`. No privilege is needed for it.
    #[must_use]
    pub fn device(self, name: &str, permissions: u32, major: u32, minor: u32) -> Self {
        self.entry(name, ModeFileType::Char, permissions, (major, minor), b"")
    }

    /// The finished archive.
    ///
    /// # Errors
    /// A file is too large for the format (4 GiB).
    pub fn finish(self) -> Result<Vec<u8>> {
        let mut bytes = cpio::write_cpio(self.entries.into_iter(), Vec::new())
            .map_err(|e| Error::failed("cannot make an archive for the guest").because(e))?;
        // So that another archive may follow: the kernel looks for it at a multiple of 4.
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        Ok(bytes)
    }

    fn entry(
        mut self,
        name: &str,
        kind: ModeFileType,
        permissions: u32,
        (major, minor): (u32, u32),
        contents: &[u8],
    ) -> Self {
        let header = Builder::new(name)
            .mode(permissions)
            .set_mode_file_type(kind)
            .rdev_major(major)
            .rdev_minor(minor);
        self.entries.push((header, Cursor::new(contents.to_vec())));
        self
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Archive({} entries)", self.entries.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_holds_what_was_put_in() {
        let bytes = Archive::new()
            .dir("dev", 0o755)
            .device("dev/null", 0o666, 1, 3)
            .file("init", 0o755, b"hello")
            .finish()
            .unwrap();
        assert_eq!(bytes.len() % 4, 0);
        let mut reader = cpio::NewcReader::new(bytes.as_slice()).unwrap();
        let mut seen = Vec::new();
        while !reader.entry().is_trailer() {
            let e = reader.entry();
            let numbers = (e.rdev_major(), e.rdev_minor(), e.file_size());
            seen.push((e.name().to_owned(), e.mode(), numbers));
            reader = cpio::NewcReader::new(reader.finish().unwrap()).unwrap();
        }
        let expected = [
            ("dev".to_owned(), 0o040_755, (0, 0, 0)),
            ("dev/null".to_owned(), 0o020_666, (1, 3, 0)),
            ("init".to_owned(), 0o100_755, (0, 0, 5)),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn equal_contents_give_equal_bytes() {
        let make = || {
            Archive::new()
                .file("a", 0o644, b"x")
                .link("b", "a")
                .finish()
                .unwrap()
        };
        assert_eq!(make(), make());
    }
}
