//! The CONFIG symbols that a text mentions, by the rule of the project's `fixdep`, and their values.

use std::collections::HashMap;

use memchr::memmem;

use super::hash::add;

/// What a symbol's name is written behind, wherever its value is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// `CONFIG_X`.
    Kbuild,
    /// Also `ENABLE_X`, `IF_X(...)` and `IF_NOT_X(...)`, which BusyBox's `autoconf.h` defines by
    /// `CONFIG_X`.
    BusyBox,
}

const CONFIG: &str = "CONFIG_";

impl Words {
    fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Kbuild => &[CONFIG],
            Self::BusyBox => &[CONFIG, "ENABLE_", "IF_NOT_", "IF_"],
        }
    }
}

/// One place of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mention<'t> {
    /// A symbol, without `CONFIG_` and `_MODULE`.
    Symbol(&'t [u8]),
    /// A name that the preprocessor puts together (`CONFIG_##option`, `JOIN(CONFIG_, option)`): it can be any.
    Formed,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// `parse_config_file` in the kernel's and in BusyBox's `scripts/basic/fixdep.c`, which do not
/// see names that are put together.
fn mentioned<'t>(text: &'t [u8], prefix: &'t str) -> impl Iterator<Item = Mention<'t>> {
    memmem::find_iter(text, prefix).filter_map(move |at| {
        if at > 0 && is_word(text[at - 1]) {
            return None;
        }
        let name = &text[at + prefix.len()..];
        let len = name.iter().position(|b| !is_word(*b)).unwrap_or(name.len());
        let (name, rest) = name.split_at(len);
        let is_argument = name.is_empty() && matches!(rest.first(), Some(b',' | b')'));
        if is_argument || rest.trim_ascii_start().starts_with(b"##") {
            return Some(Mention::Formed);
        }
        let name = name.strip_suffix(b"_MODULE").unwrap_or(name);
        (!name.is_empty()).then_some(Mention::Symbol(name))
    })
}

/// The values of `autoconf.h`.
#[derive(Debug)]
pub(super) struct Values<'t> {
    of: HashMap<&'t [u8], &'t [u8]>,
    words: Words,
    /// What else it says: it may mean something in any file.
    others: [u8; 32],
}

/// What a line of `autoconf.h` says.
enum Line<'t> {
    Value(&'t [u8], &'t [u8]),
    /// One of BusyBox's other names for a value.
    Alias,
    Nothing,
    Other,
}

impl<'t> Line<'t> {
    fn of(line: &'t [u8]) -> Self {
        let line = line.trim_ascii();
        let Some(directive) = line.strip_prefix(b"#").map(<[u8]>::trim_ascii_start) else {
            let is_comment = line.starts_with(b"/*") || line.starts_with(b"*");
            return if line.is_empty() || is_comment {
                Self::Nothing
            } else {
                Self::Other
            };
        };
        let Some(name) = directive.strip_prefix(b"define ") else {
            // Whether an alias names its symbol once more is asked around it.
            let is_known = directive == b"ifdef MAKE_SUID"
                || directive == b"else"
                || directive == b"endif"
                || directive.starts_with(b"undef CONFIG_");
            return if is_known { Self::Nothing } else { Self::Other };
        };
        if let Some(rest) = name.strip_prefix(CONFIG.as_bytes()) {
            let space = rest.iter().position(|b| *b == b' ').unwrap_or(rest.len());
            return Self::Value(&rest[..space], rest[space..].trim_ascii());
        }
        let mut aliases = Words::BusyBox.prefixes().iter();
        if aliases.any(|prefix| name.starts_with(prefix.as_bytes())) {
            Self::Alias
        } else {
            Self::Other
        }
    }
}

impl<'t> Values<'t> {
    /// Reads an `autoconf.h`: `#define CONFIG_X 1`.
    pub(super) fn of(autoconf: &'t [u8]) -> Self {
        let mut of = HashMap::new();
        let mut words = Words::Kbuild;
        let mut others = blake3::Hasher::new();
        for line in autoconf.split(|b| *b == b'\n') {
            match Line::of(line) {
                Line::Value(name, value) => {
                    of.insert(name, value);
                }
                Line::Alias => words = Words::BusyBox,
                Line::Nothing => {}
                Line::Other => add(&mut others, line),
            }
        }
        add(&mut others, format!("{words:?}").as_bytes());
        Self {
            of,
            words,
            others: *others.finalize().as_bytes(),
        }
    }

    /// The symbols that `text` mentions, each time it does.
    pub(super) fn mentioned<'m>(&self, text: &'m [u8]) -> impl Iterator<Item = Mention<'m>> {
        let prefixes = self.words.prefixes().iter();
        prefixes.flat_map(move |prefix| mentioned(text, prefix))
    }

    /// Tells these symbols from each other by what they are set to: as built in and as a module.
    pub(super) fn digest<'s>(&self, symbols: impl Iterator<Item = &'s [u8]>) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        add(&mut hasher, &self.others);
        let mut name = Vec::new();
        for symbol in symbols {
            name.clear();
            name.extend_from_slice(symbol);
            let built_in = self.of.get(name.as_slice());
            name.extend_from_slice(b"_MODULE");
            let module = self.of.get(name.as_slice());
            if built_in.is_none() && module.is_none() {
                continue;
            }
            for part in [Some(symbol), built_in.copied(), module.copied()] {
                add(&mut hasher, part.unwrap_or(b"\0"));
            }
        }
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const KERNEL: &str = "/*\n * Automatically generated file; DO NOT EDIT.\n */\n\
                          #define CONFIG_HZ 250\n#define CONFIG_NET 1\n";
    const BUSYBOX: &str = "#define AUTOCONF_TIMESTAMP \"\"\n\n#define CONFIG_CAT 1\n\
                           #define ENABLE_CAT 1\n#ifdef MAKE_SUID\n\
                           # define IF_CAT(...) __VA_ARGS__ \"CONFIG_CAT\"\n#else\n\
                           # define IF_CAT(...) __VA_ARGS__\n#endif\n#define IF_NOT_CAT(...)\n\
                           #undef CONFIG_TAC\n#define ENABLE_TAC 0\n";

    /// The symbols that `text` mentions; `##` for a name that is put together.
    fn all(autoconf: &str, text: &str) -> Vec<String> {
        let values = Values::of(autoconf.as_bytes());
        let found: BTreeSet<String> = values
            .mentioned(text.as_bytes())
            .map(|mention| match mention {
                Mention::Symbol(name) => String::from_utf8_lossy(name).into_owned(),
                Mention::Formed => "##".to_owned(),
            })
            .collect();
        found.into_iter().collect()
    }

    #[test]
    fn symbols_are_found_as_fixdep_finds_them() {
        let text = "#if IS_ENABLED(CONFIG_NET) /* CONFIG_X86_64 */\n#ifdef CONFIG_USB_MODULE\n\
                    __CONFIG_NOT aCONFIG_NEITHER CONFIG_ CONFIG_lower_Case CONFIG_MODULE_SIG";
        assert_eq!(
            all(KERNEL, text),
            ["MODULE_SIG", "NET", "USB", "X86_64", "lower_Case"]
        );
    }

    #[test]
    fn busybox_writes_symbols_in_four_ways() {
        let text = "#if ENABLE_CAT\nIF_NOT_TAC(x) IF_SORT(\"y\") CONFIG_UNIQ DIF_NOT RENABLE_NOT";
        assert_eq!(
            all(BUSYBOX, text),
            ["CAT", "NOT_TAC", "SORT", "TAC", "UNIQ"]
        );
        assert_eq!(all(KERNEL, text), ["UNIQ"]);
    }

    #[test]
    fn a_name_that_is_put_together_can_be_any() {
        assert_eq!(all(KERNEL, "IS_ENABLED(CONFIG_##option)"), ["##"]);
        assert_eq!(all(KERNEL, "IS_ENABLED(CONFIG_DVB_ ## fe)"), ["##"]);
        assert_eq!(all(KERNEL, "ENABLE_##x CONFIG_X # #y"), ["X"]);
        assert_eq!(all(BUSYBOX, "ENABLE_##x"), ["##"]);
        assert_eq!(all(KERNEL, "JOIN(CONFIG_, x) /* CONFIG_* */"), ["##"]);
    }

    #[test]
    fn what_else_autoconf_says_concerns_everybody() {
        let digest = |autoconf: &str| Values::of(autoconf.as_bytes()).digest(std::iter::empty());
        let other_time = BUSYBOX.replace("TIMESTAMP \"\"", "TIMESTAMP \"today\"");
        assert_ne!(digest(BUSYBOX), digest(&other_time));
        assert_eq!(digest(KERNEL), digest(&KERNEL.replace("NET 1", "NET 2")));
        assert_eq!(digest(BUSYBOX), digest(&BUSYBOX.replace("TAC 0", "TAC 1")));
        assert_ne!(
            digest(KERNEL),
            digest(&KERNEL.replace("CONFIG_NET", "PROJECT_NET"))
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
