//! The environment variables that builds and oracles see and that a verdict can depend on.
//!
//! A Makefile may read any variable, and so may a compiler or an oracle. So all of them count but those that are
//! known to be [harmless](super::harmless). Any of them may be a secret, whatever its name is, and what is noted is
//! shown to others: a key has only hashes of the values, but for [some](SHOWN) that tell people something. The
//! hashes are keyed by a number of the run, which is noted beside them: the hashes of two runs do not tell whether
//! they had the same secret.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::harmless::is_harmless;
use crate::model::{EnvironmentKey, NotedVariables, contract};
use crate::{Error, Result};

/// Variables whose values are noted as they are.
const SHOWN: &[&str] = &[
    "ARCH",
    "CC",
    "CFLAGS",
    "CPPFLAGS",
    "CROSS_COMPILE",
    "HOSTCFLAGS",
    "KAFLAGS",
    contract::DISK,
    contract::NIC,
    "KCFLAGS",
    "KCPPFLAGS",
    "LD",
    "LDFLAGS",
    "LLVM",
    "W",
];

/// Bytes up to which a value is noted as it is.
const SHORT: usize = 1000;

/// Where random numbers come from.
const RANDOM: &str = "/dev/urandom";

/// What a key says of the variables that verdicts may depend on, without those that `overridden` says that builds
/// see another value of. `PATH` is none of them: what is found through it is known by its contents.
///
/// # Errors
/// The system has no random number.
pub fn environment(overridden: &[(String, String)]) -> Result<EnvironmentKey> {
    let salt = Salt::new()?;
    let is_overridden = |name: &OsStr| overridden.iter().any(|(other, _)| name == &**other);
    let variables = std::env::vars_os()
        .filter(|(name, _)| name != "PATH" && !is_harmless(name) && !is_overridden(name))
        .map(|(name, value)| {
            let name = name.to_string_lossy().into_owned();
            let value = salt.noted(&name, &value);
            (name, value)
        })
        .collect();
    Ok(EnvironmentKey::Keyed(NotedVariables {
        salt: salt.to_hex(),
        variables,
    }))
}

/// The environment of this process in the form in which `was` is noted, which another run wrote; `is` is that of
/// this process as it was [noted](environment) itself. `None`: `was` is noted without a number that keys its
/// hashes, and cannot be compared.
pub(super) fn noted_like(was: &EnvironmentKey, is: &EnvironmentKey) -> Option<EnvironmentKey> {
    let (EnvironmentKey::Keyed(was), EnvironmentKey::Keyed(is)) = (was, is) else {
        return None;
    };
    let mut is = is.clone();
    if is.salt == was.salt {
        return Some(EnvironmentKey::Keyed(is));
    }
    let salt = Salt::from_hex(&was.salt)?;
    for (name, value) in &mut is.variables {
        if let Some(now) = std::env::var_os(name) {
            *value = salt.noted(name, &now);
        }
    }
    is.salt.clone_from(&was.salt);
    Some(EnvironmentKey::Keyed(is))
}

/// A random number that keys the hashes of one run.
struct Salt([u8; blake3::KEY_LEN]);

impl Salt {
    fn new() -> Result<Self> {
        let mut bytes = [0; blake3::KEY_LEN];
        File::open(RANDOM)
            .and_then(|mut file| file.read_exact(&mut bytes))
            .map_err(|e| Error::io("read", Path::new(RANDOM), e))?;
        Ok(Self(bytes))
    }

    fn from_hex(text: &str) -> Option<Self> {
        let hash = blake3::Hash::from_hex(text).ok()?;
        Some(Self(*hash.as_bytes()))
    }

    fn to_hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// A value as it is noted in a key.
    fn noted(&self, name: &str, value: &OsStr) -> String {
        match value.to_str() {
            Some(text)
                if SHOWN.contains(&name)
                    && text.len() <= SHORT
                    && !NotedVariables::is_hidden(text) =>
            {
                text.to_owned()
            }
            _ => {
                let mut hasher = blake3::Hasher::new_keyed(&self.0);
                hasher.update(name.as_bytes()).update(b"=");
                let hash = hasher.update(value.as_bytes()).finalize().to_hex();
                format!("{}{}", NotedVariables::HIDDEN, &hash[..16])
            }
        }
    }
}

/// What builds do not take from the environment: the names of the variables that are set all the same, options
/// for make.
#[must_use]
pub fn not_passed_on() -> Vec<&'static str> {
    let is_set = |name: &&&str| {
        std::env::var_os(name).is_some_and(|value| !value.as_bytes().trim_ascii().is_empty())
    };
    MAKE_OPTIONS.iter().filter(is_set).copied().collect()
}

/// Options for make. With `-i` or `-k` it would leave what is out of date and say that it succeeded, and an
/// assignment would hold against the Makefile.
pub const MAKE_OPTIONS: &[&str] = &["GNUMAKEFLAGS", "MAKEFLAGS"];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn of_most_values_there_is_only_a_hash_that_is_another_one_in_each_run() {
        let (salt, other) = (Salt::new().unwrap(), Salt::new().unwrap());
        let noted = |name: &str, value: &str| salt.noted(name, OsStr::new(value));
        assert_eq!(noted("CFLAGS", "-O2"), "-O2");
        for name in [
            "API_TOKEN",
            "DB_PW",
            "RESTIC_REPOSITORY",
            "SLACK_WEBHOOK",
            "X",
        ] {
            let text = noted(name, "hush");
            assert!(
                NotedVariables::is_hidden(&text) && !text.contains("hush"),
                "{name}"
            );
            assert_eq!(text, noted(name, "hush"));
            assert_ne!(text, noted(name, "other"));
            assert_ne!(text, other.noted(name, OsStr::new("hush")));
        }
        assert_ne!(noted("A", "hush"), noted("B", "hush"));
        assert!(NotedVariables::is_hidden(&noted(
            "CFLAGS",
            &"x".repeat(SHORT + 1)
        )));
        assert!(NotedVariables::is_hidden(&noted("CFLAGS", "blake3:1")));
    }

    #[test]
    fn the_environment_of_now_is_compared_by_the_number_of_the_other_run() {
        let (was, is) = (environment(&[]).unwrap(), environment(&[]).unwrap());
        assert_ne!(was, is);
        assert_eq!(noted_like(&was, &is).unwrap(), was);
        let EnvironmentKey::Keyed(mut other) = was else {
            panic!("that is how it is noted");
        };
        other
            .variables
            .insert("NOT_THERE".into(), "blake3:12".into());
        let other = EnvironmentKey::Keyed(other);
        assert_ne!(noted_like(&other, &is).unwrap(), other);
        // As it was noted at first.
        let first = EnvironmentKey::Unknown(serde_json::json!({ "W": "1" }));
        assert_eq!(noted_like(&first, &is), None);
    }
}
