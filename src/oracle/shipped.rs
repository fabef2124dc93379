//! The oracles that come with kbisect: scripts in the binary, written out to be run.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::model::near;
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
    "net-ok",
    "ssh-ok",
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
