//! Identifies a toolchain by the contents of the programs that make an object.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::stamp;
use crate::supervise::{self, CancelToken, Spec, find_program};

/// A header that is included without being named, unless `-nostdinc` is said.
const PREDEFINED: &str = "/usr/include/stdc-predef.h";

/// Names the toolchain of `compiler`: what it says of itself, and the contents of the driver, of
/// the compiler proper, of the assembler and of what they include by themselves. Nothing when one of
/// them cannot be found: then nothing is cached.
#[must_use]
pub fn compiler(compiler: &str, cancel: &CancelToken) -> Option<String> {
    let ask = |arg: &str| ask(compiler, arg, cancel);
    let mut hasher = blake3::Hasher::new();
    hasher.update(ask("--version")?.as_bytes());
    hasher.update(ask("-dumpmachine")?.as_bytes());
    for part in parts(compiler, &ask)? {
        hasher.update(&contents(&part)?);
    }
    // What gcc includes by itself.
    hasher.update(&contents(Path::new(PREDEFINED)).unwrap_or_default());
    Some(hasher.finalize().to_hex().to_string())
}

/// What the compiler says when it is asked for one thing.
fn ask(compiler: &str, arg: &str, cancel: &CancelToken) -> Option<String> {
    let spec = Spec::new(compiler).arg(arg).in_english();
    let spec = spec.wall(Duration::from_secs(20));
    let text = String::from_utf8(supervise::answer(&spec, cancel)?).ok()?;
    Some(text.trim().to_owned())
}

/// The driver, the compiler proper and the assembler.
fn parts(compiler: &str, ask: &dyn Fn(&str) -> Option<String>) -> Option<[PathBuf; 3]> {
    let driver = find_program(compiler)?;
    let cc1 = find_program(&ask("-print-prog-name=cc1")?)?;
    let assembler = find_program(&ask("-print-prog-name=as")?)?;
    Some([driver, cc1, assembler])
}

/// The state of the programs of `compiler`, times included: for [`is_still`], which looks in a millisecond whether
/// the compiler is the one that [`compiler`] named. To be taken before that.
#[must_use]
pub fn compiler_state(compiler: &str, cancel: &CancelToken) -> Option<OsString> {
    let parts = parts(compiler, &|arg| ask(compiler, arg, cancel))?;
    let mut state = OsString::from(stamps(&parts)?);
    for part in parts {
        state.push("\n");
        state.push(part);
    }
    Some(state)
}

/// Is `compiler` what it was when its [state](compiler_state) was taken?
#[must_use]
pub fn is_still(compiler: &OsStr, state: &OsStr) -> bool {
    let mut lines = state.as_bytes().split(|byte| *byte == b'\n');
    let was = lines.next().unwrap_or_default();
    let parts: Vec<PathBuf> = lines.map(|line| OsStr::from_bytes(line).into()).collect();
    let found = compiler.to_str().and_then(find_program);
    found.is_some()
        && found.as_ref() == parts.first()
        && stamps(&parts).is_some_and(|is| is.as_bytes() == was)
}

fn stamps(parts: &[PathBuf]) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(format!("{:?}", stamp::stat(part).ok()?).as_bytes());
    }
    Some(hasher.finalize().to_hex().to_string())
}

fn contents(path: &Path) -> Option<[u8; 32]> {
    Some(*blake3::hash(&fs::read(path).ok()?).as_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_has_a_name_and_what_is_none_has_not() {
        let cancel = CancelToken::new();
        let name = compiler("gcc", &cancel).unwrap();
        assert_eq!(name, compiler("gcc", &cancel).unwrap());
        assert_eq!(compiler("true", &cancel), None);
        assert_eq!(compiler("no-such-compiler", &cancel), None);
    }

    #[test]
    fn a_compiler_that_is_replaced_is_not_what_it_was() {
        use std::os::unix::fs::PermissionsExt;
        let cancel = CancelToken::new();
        let state = compiler_state("gcc", &cancel).unwrap();
        assert!(is_still(OsStr::new("gcc"), &state));
        assert!(!is_still(OsStr::new("cc-of-another-name"), &state));
        // A fake that has the parts of the real one.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fake-gcc");
        let write = |text: &str| {
            fs::write(dir.path().join("new"), text).unwrap();
            fs::rename(dir.path().join("new"), &path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        let text = "#!/bin/sh\nexec gcc \"$@\"\n";
        write(text);
        let state = compiler_state(path.to_str().unwrap(), &cancel).unwrap();
        assert!(is_still(path.as_os_str(), &state));
        // The same contents: what was compiled in between is not known.
        write(text);
        assert!(!is_still(path.as_os_str(), &state));
    }
}
