//! What tells one toolchain from another: the programs that make an object, by their contents.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::supervise::{self, CancelToken, Spec, find_program};

/// A header that is included without being named, unless `-nostdinc` is said.
const PREDEFINED: &str = "/usr/include/stdc-predef.h";

/// Names the toolchain of `compiler`: what it says of itself, and the contents of the driver, of
/// the compiler proper, of the assembler and of what they include by themselves. Nothing when one of
/// them cannot be found: then nothing is cached.
#[must_use]
pub fn compiler(compiler: &str, cancel: &CancelToken) -> Option<String> {
    let ask = |arg: &str| {
        let spec = Spec::new(compiler).arg(arg).in_english();
        let spec = spec.wall(Duration::from_secs(20));
        let text = String::from_utf8(supervise::answer(&spec, cancel)?).ok()?;
        Some(text.trim().to_owned())
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(ask("--version")?.as_bytes());
    hasher.update(ask("-dumpmachine")?.as_bytes());
    let driver = find_program(compiler)?;
    let parts = ["-print-prog-name=cc1", "-print-prog-name=as"];
    let parts = parts.into_iter().map(|part| find_program(&ask(part)?));
    for part in std::iter::once(Some(driver)).chain(parts) {
        hasher.update(&contents(&part?)?);
    }
    // What gcc includes by itself.
    hasher.update(&contents(Path::new(PREDEFINED)).unwrap_or_default());
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
}
