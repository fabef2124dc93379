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
    /// Are its chances estimates of ours? They say so, as long as there is no recorded result.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        let mut lines = self.chances.lines();
        let is_said = lines
            .next()
            .is_some_and(|line| line.contains("is no recorded result"));
        is_said && lines.any(|line| !line.starts_with('#'))
    }

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

/// All shipped oracles: those that boot, the quickest first, and then those to combine with them.
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
    "ec2-instance",
    "size-under",
    "builds-clean"
];

/// What an oracle takes as its argument: `NAME:ARGUMENT`.
struct Argument {
    oracle: &'static str,
    /// What it is, and one that is right.
    what: &'static str,
    example: &'static str,
    is_right: fn(&str) -> bool,
}

/// The shipped oracles that take one.
const ARGUMENTS: &[Argument] = &[Argument {
    oracle: "size-under",
    what: "a number of bytes, or one with K, M or G behind it",
    example: "2M",
    is_right: is_size,
}];

/// `2000000`, `900K`, `2M`. The shell counts with 64 bits, and takes what begins with 0 for an octal number.
fn is_size(text: &str) -> bool {
    let digits = text.strip_suffix(['K', 'M', 'G']).unwrap_or(text);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (1..=9).contains(&digits.len()) && !digits.starts_with('0')
}

/// The shipped oracle that `asked`, `NAME` or `NAME:ARGUMENT`, means, and its argument; none if it means none.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage): the argument is wrong, lacking, or one too many.
pub(super) fn asked(asked: &str) -> Result<Option<(&'static Shipped, Option<&str>)>> {
    let (name, given) = match asked.split_once(':') {
        Some((name, given)) => (name, Some(given)),
        None => (asked, None),
    };
    let Some(shipped) = SHIPPED.iter().find(|shipped| shipped.name == name) else {
        return Ok(None);
    };
    let takes = ARGUMENTS.iter().find(|argument| argument.oracle == name);
    match (takes, given) {
        (None, None) => Ok(Some((shipped, None))),
        (Some(takes), Some(given)) if (takes.is_right)(given) => Ok(Some((shipped, Some(given)))),
        (Some(takes), given) => {
            let is = match given {
                Some(given) => format!("`{}` is none", given.escape_debug()),
                None => "there is none".to_owned(),
            };
            let (what, example) = (takes.what, takes.example);
            let error = Error::usage(format!("the oracle {name} takes {what}, and {is}"));
            Err(error.hint(format!(
                "write it behind a colon: --oracle {name}:{example}"
            )))
        }
        (None, Some(given)) => Err(Error::usage(format!(
            "the oracle {name} takes no argument, and `{}` is one",
            given.escape_debug()
        ))
        .hint(format!("--oracle {name}"))),
    }
}

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
    fn chances_without_a_recorded_result_are_known_as_estimates() {
        let is_estimated = |name: &str| shipped(name).unwrap().is_estimated();
        assert!(is_estimated("docker-ok"));
        assert!(!is_estimated("ssh-ok"));
        assert!(!is_estimated("size-under"), "it has none");
    }

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
    fn an_argument_is_checked_before_anything_is_done() {
        let (shipped, argument) = asked("size-under:2M").unwrap().unwrap();
        assert_eq!((shipped.name, argument), ("size-under", Some("2M")));
        assert_eq!(asked("shell-ok").unwrap().unwrap().1, None);
        assert_eq!(asked("./size-under:2M").unwrap(), None);
        assert_eq!(asked("my:2M").unwrap(), None);
        for wrong in [
            "size-under",
            "size-under:",
            "size-under:M",
            "size-under:2m",
            "size-under:-2",
            "size-under:02",
            "size-under:0",
            "size-under:2 M",
            "size-under:10000000000",
        ] {
            let error = asked(wrong).unwrap_err();
            let hint = error.hint_text().unwrap();
            assert!(hint.ends_with("--oracle size-under:2M"), "{wrong}: {hint}");
        }
        let error = asked("shell-ok:2").unwrap_err();
        assert!(error.to_string().contains("takes no argument"), "{error}");
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
