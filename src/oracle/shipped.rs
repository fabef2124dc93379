//! The oracles that come with kbisect: scripts in the binary, written out to be run.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::header::{Header, without};
use crate::model::{OracleKey, near};
use crate::{Error, Result};

/// A shipped oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its name, as `--oracle` takes it.
    pub name: &'static str,
    /// The script.
    pub script: &'static str,
    /// How likely it needs a symbol: a symbol and a chance on each line, as `--prior` takes them. From recorded
    /// results.
    pub chances: &'static str,
}

impl Shipped {
    /// What it is for: the first comment line of the script.
    #[must_use]
    pub fn description(&self) -> &'static str {
        let first = self.script.lines().nth(1).unwrap_or_default();
        first.trim_start_matches(['#', ' '])
    }

    /// What it says that it needs.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage): as for [`Header::read`].
    pub fn header(&self) -> Result<Option<Header>> {
        Header::read(Path::new(self.name), self.script.as_bytes())
    }

    /// BLAKE3 of the script as it was when oracles had no headers.
    pub(super) fn hash_without_header(&self) -> blake3::Hash {
        blake3::hash(without(self.script).as_bytes())
    }
}

macro_rules! shipped {
    ($($name:literal),*) => {
        &[$(Shipped {
            name: $name,
            script: include_str!(concat!("../../oracles/", $name)),
            chances: include_str!(concat!("../../oracles/chances/", $name)),
        }),*]
    };
}

/// All shipped oracles, the quickest first.
pub const SHIPPED: &[Shipped] = shipped![
    "shell-ok",
    "dmesg-clean",
    "disk-ok",
    "disk-dmesg-clean",
    "grub-ok",
    "net-ok",
    "dhcp-ok",
    "ssh-ok",
    "openssh-ok",
    "ec2-ok",
    "userspace-ok",
    "systemd-ok",
    "docker-ok",
    "ec2-instance"
];

/// The shipped oracle of this name.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when there is none.
pub fn shipped(name: &str) -> Result<&'static Shipped> {
    let found = SHIPPED.iter().find(|shipped| shipped.name == name);
    found.ok_or_else(|| {
        let near = near(name, SHIPPED.iter().map(|s| s.name));
        let error = Error::usage(format!("there is no oracle `{}`", name.escape_debug()));
        match near.first() {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint("try: kbisect oracles"),
        }
    })
}

/// The key `is` of a shipped oracle as the key `was` has it, if that one is of the time when oracles had no headers and
/// the script is otherwise the same: what the header of each asks for is what the oracle was given then.
pub fn excuse_header(was: &OracleKey, is: &mut OracleKey) {
    let (OracleKey::Files(was), OracleKey::Files(is)) = (was, is) else {
        return;
    };
    let short = |hash: blake3::Hash| hash.to_hex()[..16].to_owned();
    for shipped in SHIPPED.iter().filter(|shipped| shipped.name == is.name) {
        let now = short(blake3::hash(shipped.script.as_bytes()));
        let then = short(shipped.hash_without_header());
        let is_then = was.files.get(shipped.name) == Some(&then);
        if let Some(hash) = is.files.get_mut(shipped.name)
            && is_then
            && *hash == now
        {
            *hash = then;
        }
    }
}

/// Writes `shipped` below the folder `cache`, unless it is there already; returns its path.
/// The folder has the hash of the contents in its name: a newer kbisect does not change the
/// script under an older one that runs.
pub(super) fn install(shipped: &Shipped, cache: &Path) -> Result<PathBuf> {
    let hash = blake3::hash(shipped.script.as_bytes()).to_hex();
    let dir = cache.join("oracles").join(&hash[..12]);
    let path = dir.join(shipped.name);
    if path.is_file() {
        return Ok(path);
    }
    fs::create_dir_all(&dir).map_err(|e| Error::io("make the folder", &dir, e))?;
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&dir)?;
        file.write_all(shipped.script.as_bytes())?;
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o755))?;
        // Closed before it is renamed: a script that is open for writing cannot be executed.
        file.into_temp_path().persist(&path)?;
        Ok(())
    };
    write().map_err(|e| Error::io("write", &path, e))?;
    Ok(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_oracle_is_a_script_with_a_description() {
        for shipped in SHIPPED {
            assert!(
                shipped.script.starts_with("#!/bin/sh\n# "),
                "{}",
                shipped.name
            );
            assert!(shipped.description().ends_with('.'), "{}", shipped.name);
        }
    }

    #[test]
    fn the_header_of_each_shipped_oracle_can_be_met() {
        for shipped in SHIPPED {
            let header = shipped.header().unwrap();
            // What boots has one.
            let boots = shipped.script.contains("kbisect boot");
            assert_eq!(header.is_some(), boots, "{}", shipped.name);
        }
    }

    #[test]
    fn a_run_that_began_before_there_were_headers_has_the_same_oracle() {
        let of = |script: &str| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("shell-ok");
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            crate::oracle::find(path.to_str().unwrap()).unwrap().key()
        };
        let now = of(SHIPPED[0].script);
        let then = of(&without(SHIPPED[0].script));
        assert_ne!(now, then);
        let mut is = now.clone();
        excuse_header(&then, &mut is);
        assert_eq!(is, then);
        // Another script is another oracle.
        let other = of("#!/bin/sh\n");
        let mut is = now.clone();
        excuse_header(&other, &mut is);
        assert_eq!(is, now);
        let mut is = other.clone();
        excuse_header(&then, &mut is);
        assert_eq!(is, other);
    }

    #[test]
    fn a_shipped_oracle_is_written_out_as_an_executable_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = install(&SHIPPED[0], dir.path()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), SHIPPED[0].script);
        let meta = fs::metadata(&path).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o755);
        let again = install(&SHIPPED[0], dir.path()).unwrap();
        assert_eq!(again, path);
        assert_eq!(
            fs::metadata(&path).unwrap().modified().unwrap(),
            meta.modified().unwrap()
        );
    }
}
