//! Which CONFIG symbols a text mentions, by the rule of the kernel's `fixdep`; and their values.

use std::collections::{BTreeSet, HashMap};

use memchr::memmem;

const PREFIX: &[u8] = b"CONFIG_";

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Adds the symbols that `text` mentions, without `CONFIG_` and `_MODULE`
/// (`parse_config_file` in `scripts/basic/fixdep.c`).
pub(super) fn mentioned<'t>(text: &'t [u8], found: &mut BTreeSet<&'t [u8]>) {
    for at in memmem::find_iter(text, PREFIX) {
        if at > 0 && is_word(text[at - 1]) {
            continue;
        }
        let name = &text[at + PREFIX.len()..];
        let len = name.iter().position(|b| !is_word(*b)).unwrap_or(name.len());
        let name = &name[..len];
        let name = name.strip_suffix(b"_MODULE").unwrap_or(name);
        if !name.is_empty() {
            found.insert(name);
        }
    }
}

/// The values of `autoconf.h`.
#[derive(Debug)]
pub(super) struct Values<'t>(HashMap<&'t [u8], &'t [u8]>);

impl<'t> Values<'t> {
    /// Reads an `autoconf.h`: `#define CONFIG_X 1`. What is no such line is nobody's value.
    pub(super) fn of(autoconf: &'t [u8]) -> Self {
        let line = |line: &'t [u8]| {
            let rest = line.strip_prefix(b"#define CONFIG_")?;
            let space = rest.iter().position(|b| *b == b' ').unwrap_or(rest.len());
            Some((&rest[..space], rest[space..].trim_ascii()))
        };
        Self(autoconf.split(|b| *b == b'\n').filter_map(line).collect())
    }

    /// Tells these symbols from each other by what they are set to: as built in and as a module.
    pub(super) fn digest<'s>(&self, symbols: impl Iterator<Item = &'s [u8]>) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let mut name = Vec::new();
        for symbol in symbols {
            name.clear();
            name.extend_from_slice(symbol);
            let built_in = self.0.get(name.as_slice());
            name.extend_from_slice(b"_MODULE");
            let module = self.0.get(name.as_slice());
            if built_in.is_none() && module.is_none() {
                continue;
            }
            for part in [Some(symbol), built_in.copied(), module.copied()] {
                // No part can run into the next.
                let part = part.unwrap_or(b"\0");
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        }
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        mentioned(text.as_bytes(), &mut found);
        let text = |s: &[u8]| String::from_utf8_lossy(s).into_owned();
        found.into_iter().map(text).collect()
    }

    #[test]
    fn symbols_are_found_as_fixdep_finds_them() {
        let text = "#if IS_ENABLED(CONFIG_NET) /* CONFIG_X86_64 */\n#ifdef CONFIG_USB_MODULE\n\
                    __CONFIG_NOT aCONFIG_NEITHER CONFIG_ CONFIG_lower_Case CONFIG_MODULE_SIG";
        assert_eq!(
            all(text),
            ["MODULE_SIG", "NET", "USB", "X86_64", "lower_Case"]
        );
    }

    #[test]
    fn a_digest_changes_with_the_values_of_its_symbols_only() {
        let digest = |autoconf: &str, symbols: &[&str]| {
            Values::of(autoconf.as_bytes()).digest(symbols.iter().map(|s| s.as_bytes()))
        };
        let (a, b) = (
            "#define CONFIG_NET 1\n#define CONFIG_HZ 250\n",
            "#define CONFIG_HZ 250\n",
        );
        assert_ne!(digest(a, &["NET", "HZ"]), digest(b, &["NET", "HZ"]));
        assert_eq!(digest(a, &["HZ", "USB"]), digest(b, &["HZ", "USB"]));
        let module = "#define CONFIG_NET_MODULE 1\n";
        assert_ne!(digest(a, &["NET"]), digest(module, &["NET"]));
        assert_ne!(digest(b, &["NET"]), digest(module, &["NET"]));
    }
}
