//! The kernel source: Debian's tarball, unpacked once.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Setup;
use crate::supervise::Spec;
use crate::{Error, Result};

/// Where the packages `linux-source-*` put their tarballs.
const TARBALLS: &str = "/usr/src";

impl Setup<'_> {
    /// The newest kernel source that is installed as a package, unpacked into the cache folder.
    /// Each version of the package gets a folder of its own, so that a run which uses an older
    /// one is not disturbed.
    ///
    /// # Errors
    /// No tarball is there, or it cannot be unpacked (1.3 GB).
    pub fn kernel_source(&mut self) -> Result<PathBuf> {
        let tarball = newest_tarball(Path::new(TARBALLS)).ok_or_else(|| {
            Error::failed(format!(
                "there is no kernel source ({TARBALLS}/linux-source-*.tar.*)"
            ))
            .hint("run `kbisect setup`, or name a source tree with --source")
        })?;
        self.source_of(&tarball)
    }

    /// The source in `tarball`, unpacked into the cache folder. Another tarball of the same
    /// name gets a folder of its own.
    ///
    /// # Errors
    /// It cannot be read or unpacked.
    pub fn source_of(&mut self, tarball: &Path) -> Result<PathBuf> {
        let meta = fs::metadata(tarball).map_err(|e| Error::io("look at", tarball, e))?;
        let stamp = blake3::hash(format!("{} {}", meta.size(), meta.mtime()).as_bytes());
        let name = format!("src/{}-{}", version_name(tarball), &stamp.to_hex()[..8]);
        self.folder(&name, |setup, dir| {
            setup.note(&format!("unpacking {}", tarball.display()));
            setup.untar(tarball, dir)
        })
    }

    /// Unpacks `tarball`, without its top folder, into `dir`.
    pub(super) fn untar(&mut self, tarball: &Path, dir: &Path) -> Result<()> {
        let spec = Spec::new("tar")
            .args(["--strip-components=1", "--no-same-owner", "-C"])
            .arg(dir)
            .arg("-xf")
            .arg(tarball);
        if self.run(spec)?.success() {
            Ok(())
        } else {
            Err(self.apt_failed("tar"))
        }
    }
}

/// The tarball that the installed package `package` (`linux-source-6.1`) put in its place.
pub(super) fn installed_tarball(package: &str) -> Option<PathBuf> {
    let dir = Path::new(TARBALLS);
    let entries = fs::read_dir(dir).ok()?.flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths.find(|path| {
        path.is_file()
            && version_name(path) == package
            && path.extension().is_some_and(|end| end != "asc")
    })
}

/// The tarball of the highest version in `dir`.
pub(super) fn newest_tarball(dir: &Path) -> Option<PathBuf> {
    fs::read_dir(dir)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            name.is_some_and(|n| n.starts_with("linux-source-") && n.contains(".tar."))
        })
        // Ubuntu's is a link into a folder; one that leads nowhere is of no use.
        .filter(|path| path.is_file())
        .max_by_key(|path| version(path))
}

/// `linux-source-6.1` of `/usr/src/linux-source-6.1.tar.xz`.
fn version_name(tarball: &Path) -> String {
    let name = tarball
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    name.split(".tar.").next().unwrap_or(&name).to_owned()
}

fn version(tarball: &Path) -> Vec<u32> {
    version_name(tarball)
        .split(|c: char| !c.is_ascii_digit())
        .flat_map(str::parse)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_tarball_is_found_by_number_not_by_letter() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "linux-source-6.1.tar.xz",
            "linux-source-6.12.tar.xz",
            "linux-source-6.9.tar.bz2",
            "linux-config-7.0.tar.xz",
            "linux-source-6.13",
        ] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let newest = newest_tarball(dir.path()).unwrap();
        assert_eq!(newest.file_name().unwrap(), "linux-source-6.12.tar.xz");
        assert_eq!(version_name(&newest), "linux-source-6.12");
    }

    #[test]
    fn without_a_tarball_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(newest_tarball(dir.path()), None);
    }
}
