//! The files that oracles look at, put back when an oracle writes to them.

use std::fs;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::unless_absent;
use crate::{Error, Result};

/// Files and what they hold.
pub(super) struct Given(Vec<(PathBuf, Vec<u8>)>);

impl Given {
    /// `config` is the text of the first file; the others are read.
    ///
    /// # Errors
    /// One of the others cannot be read.
    pub(super) fn new(config: (PathBuf, &str), others: &[PathBuf]) -> Result<Self> {
        let mut files = vec![(config.0, config.1.as_bytes().to_vec())];
        for path in others {
            let bytes = fs::read(path).map_err(|e| Error::io("read", path, e))?;
            files.push((path.clone(), bytes));
        }
        Ok(Self(files))
    }

    /// Does each of them hold what it held?
    pub(super) fn is_there(&self) -> bool {
        !self.0.iter().any(is_other)
    }

    /// Writes those anew that do not hold what they held; returns their names.
    ///
    /// # Errors
    /// One of them cannot be written.
    pub(super) fn put_back(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for (path, bytes) in self.0.iter().filter(|file| is_other(file)) {
            if path.is_dir() && !path.is_symlink() {
                unless_absent(fs::remove_dir_all(path))
                    .map_err(|e| Error::io("remove", path, e))?;
            }
            if let Some(dir) = path.parent() {
                fs::create_dir_all(dir).map_err(|e| Error::io("make the folder", dir, e))?;
            }
            replace(path, bytes)?;
            let name = path.file_name().unwrap_or_default();
            names.push(name.to_string_lossy().into_owned());
        }
        Ok(names)
    }
}

/// Does a file not hold these bytes? One that cannot be read does not.
fn is_other((path, bytes): &(PathBuf, Vec<u8>)) -> bool {
    let is_file = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    !is_file || !fs::read(path).is_ok_and(|now| now == *bytes)
}

/// Writes a file anew, whole or not at all: a killed run must not leave a part of it in a build tree.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(".kbisect-new-")
            // As for any new file, the umask takes away from that.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(path.parent().unwrap_or(Path::new("/")))?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|e| e.error)
    };
    write().map(drop).map_err(|e| Error::io("write", path, e))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_removed_or_replaced_is_put_back_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let (config, other) = (dir.path().join("trial/config"), dir.path().join(".config"));
        fs::create_dir(dir.path().join("trial")).unwrap();
        fs::write(&config, "A\n").unwrap();
        fs::write(&other, "B\n").unwrap();
        let given = Given::new((config.clone(), "A\n"), std::slice::from_ref(&other)).unwrap();
        let check = |names: &[&str]| {
            assert_eq!(given.put_back().unwrap(), names);
            assert_eq!(fs::read_to_string(&config).unwrap(), "A\n");
            assert_eq!(fs::read_to_string(&other).unwrap(), "B\n");
        };
        check(&[]);
        fs::write(&config, "A\nC\n").unwrap();
        check(&["config"]);
        fs::remove_dir_all(dir.path().join("trial")).unwrap();
        fs::remove_file(&other).unwrap();
        check(&["config", ".config"]);
        fs::remove_file(&config).unwrap();
        fs::create_dir(&config).unwrap();
        fs::remove_file(&other).unwrap();
        fs::write(dir.path().join("theirs"), "B\n").unwrap();
        std::os::unix::fs::symlink("theirs", &other).unwrap();
        check(&["config", ".config"]);
    }
}
