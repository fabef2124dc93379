//! The folder of a guest: its files, and the check that they are what was made.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The list of the hashes of a guest's files.
const SUMS: &str = "sums";

/// The folder with a prepared guest, which an oracle sees as `KBISECT_GUEST`. That of `busybox` and `busybox-ssh`:
///
/// | file | what |
/// | --- | --- |
/// | `shell.cpio` | busybox and init |
/// | `ssh.cpio` | the same and Dropbear, with its host key and our public key |
/// | `busybox` | the guest's busybox, to be run on the host |
///
/// That of a guest on a disk:
///
/// | file | what |
/// | --- | --- |
/// | `root.img` | its root file system, ext4, without a partition table |
/// | `boot.img` | the beginning of a disk that GRUB boots: the boot sector and the partition `/boot` |
///
/// Both have:
///
/// | file | what |
/// | --- | --- |
/// | `id_ed25519`, `known_hosts` | our private key; the host key, for the name `guest` |
/// | `packages` | of which packages it is made |
/// | `sums` | the BLAKE3 of each of these files, as it was made |
///
/// That of a guest of the user's in an archive has `initrd.cpio` and `sums`; one on a disk has keys only if OpenSSH is
/// in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestDir {
    path: PathBuf,
    version: String,
    files: &'static [&'static str],
}

impl GuestDir {
    /// The guest in `path`, of these files, if they are what they were when it was made.
    pub(super) fn open(
        path: PathBuf,
        version: String,
        files: &'static [&'static str],
    ) -> Result<Self> {
        check_sums(&path, files)?;
        Ok(Self {
            path,
            version,
            files,
        })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes when a guest of other contents is made: the hash of init, recipe and package
    /// versions. The keys, which differ everywhere, have no part in it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its files, by their names. One of the user's need not have keys.
    #[must_use]
    pub fn files(&self) -> Vec<(&'static str, PathBuf)> {
        let file = |name: &&'static str| (*name, self.path.join(name));
        let files = self.files.iter().map(file);
        files.filter(|(_, path)| path.exists()).collect()
    }
}

/// Are the files of the guest in `dir` what they were when it was made? They are noted if they were not yet.
pub(super) fn check_sums(dir: &Path, files: &[&str]) -> Result<()> {
    let mut sums = String::new();
    for name in files {
        sums += &format!("{} {name}\n", sum_of(&dir.join(name)));
    }
    let path = dir.join(SUMS);
    let Ok(noted) = fs::read_to_string(&path) else {
        // In a cache that nobody may write to nobody changes it either.
        let _ = write(&path, sums.as_bytes(), 0o644);
        return Ok(());
    };
    let differs = |(is, was): &(&str, &str)| is != was;
    let changed = sums.lines().zip(noted.lines()).filter(differs);
    let names: Vec<&str> = changed.filter_map(|(is, _)| is.split(' ').nth(1)).collect();
    if names.is_empty() && sums.lines().count() == noted.lines().count() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "the guest in {} is not what was made: {} was changed",
        dir.display(),
        if names.is_empty() {
            SUMS.to_owned()
        } else {
            names.join(", ")
        }
    ))
    .hint(format!(
        "remove it, and it is made anew: rm -r {}",
        dir.display()
    )))
}

/// The hash of a file. One that is not there has the hash of nothing: an oracle that needs it will say so.
fn sum_of(path: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    if let Ok(file) = File::open(path)
        && hasher.update_reader(file).is_err()
    {
        hasher.reset();
    }
    hasher.finalize().to_hex().to_string()
}

/// The hash of some parts.
pub(super) fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        // The length keeps the parts apart.
        hasher.update(&part.len().to_le_bytes()).update(part);
    }
    hasher.finalize().to_hex().to_string()
}

/// The name of the folder of a guest, in the cache, from a hash of what it is made of.
pub(super) fn folder_name(prefix: &str, hash: &str) -> String {
    format!("guest/{prefix}{}", &hash[..12])
}

/// The contents of a file.
pub(super) fn contents(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Error::io("read", path, e))
}

/// Writes a file with these permissions.
pub(super) fn write(path: &Path, contents: &[u8], permissions: u32) -> Result<()> {
    fs::write(path, contents)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(permissions)))
        .map_err(|e| Error::io("write", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_guest_is_noticed() -> Result<()> {
        const FILES: [&str; 2] = ["busybox", "shell.cpio"];
        let dir = tempfile::tempdir().map_err(|e| Error::failed("no folder").because(e))?;
        for name in FILES {
            write(&dir.path().join(name), name.as_bytes(), 0o644)?;
        }
        // As one that an earlier version made.
        check_sums(dir.path(), &FILES)?;
        check_sums(dir.path(), &FILES)?;
        write(&dir.path().join("shell.cpio"), b"another", 0o644)?;
        let error = check_sums(dir.path(), &FILES).err().map(|e| e.to_string());
        assert!(error.is_some_and(|text| text.contains("shell.cpio was changed")));
        Ok(())
    }

    #[test]
    fn parts_of_a_hash_are_kept_apart() {
        assert_ne!(
            hash([b"ab".as_slice(), b"c"]),
            hash([b"a".as_slice(), b"bc"])
        );
    }
}
