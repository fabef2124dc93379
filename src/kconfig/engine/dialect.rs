//! Whose semantics a tree follows: what changed in LKC from version to version of Linux.

use std::fs;
use std::path::{Path, PathBuf};

use super::syntax::{Holds, Strings, Syntax};

/// A dialect of Kconfig: that of the LKC which came with some version of Linux. Other projects
/// have copies of it, of various ages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The version of Linux: 6001 is 6.1.
    age: u32,
    /// How it writes a `.config`.
    writer: Writer,
    /// Coreboot's own way to read `source`.
    wildcards: bool,
    /// How it reads a `.config`.
    syntax: Syntax,
}

/// How a `.config` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// What there is to say, and each symbol once.
    Linux,
    /// Every symbol, each time that it is defined, whether there is anything to say of it or not.
    BusyBox,
    /// Every symbol once, whether there is anything to say of it or not.
    Toybox,
}

impl Writer {
    fn of_source(confdata: &str) -> Self {
        if confdata.contains("# Busybox version: ") {
            Self::BusyBox
        } else if confdata.contains("SYMBOL_FORCEWRITE") {
            Self::Toybox
        } else {
            Self::Linux
        }
    }
}

/// Where projects have their copy of LKC: Linux, BusyBox, U-Boot and SeaBIOS; toybox; coreboot; Buildroot;
/// uClibc.
const FOLDERS: [&str; 5] = [
    "scripts/kconfig",
    "kconfig",
    "util/kconfig",
    "support/kconfig",
    "extra/config",
];

/// Where the reading of files is, from version to version, in source or as it comes with it.
const LEXERS: [&str; 2] = ["lexer.l", "zconf.l"];

impl Default for Dialect {
    /// That of Linux 6.1.
    fn default() -> Self {
        Self::aged(6001)
    }
}

impl Dialect {
    const fn aged(age: u32) -> Self {
        Self {
            age,
            writer: Writer::Linux,
            wildcards: false,
            syntax: Syntax::aged(age),
        }
    }

    /// The one of this version of Linux, as in `6.1.192`.
    #[must_use]
    pub fn of_linux(version: &str) -> Self {
        let mut parts = version.split(|c: char| !c.is_ascii_digit());
        let mut part = || parts.next().and_then(|p| p.parse::<u32>().ok());
        match (part(), part()) {
            (Some(major), minor) if major < 1000 => {
                Self::aged(major * 1000 + minor.unwrap_or(0).min(999))
            }
            _ => Self::default(),
        }
    }

    /// The folder of a source tree in which its LKC is.
    #[must_use]
    pub fn folder_in(source: &Path) -> Option<PathBuf> {
        let folders = FOLDERS.iter().map(|folder| source.join(folder));
        let mut own = folders.filter(|folder| folder.join("confdata.c").is_file());
        own.next()
    }

    /// The one of the LKC whose source is in this folder ([`Self::folder_in`] a project's tree): told by
    /// what that source has and has not. `None` when it cannot be read.
    #[must_use]
    pub fn of_source(folder: &Path) -> Option<Self> {
        let read = |name: &str| {
            let bytes = fs::read(folder.join(name)).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let (symbol, confdata) = (read("symbol.c")?, read("confdata.c")?);
        let age = if !symbol.contains("dir_dep") {
            2006
        } else if !folder.join("preprocess.c").is_file() {
            3010
        } else if !confdata.contains("# end of ") {
            4020
        } else if symbol.contains("sym_get_choice_menu") {
            6011
        } else if symbol.contains("\"0x0\"") {
            6008
        } else {
            6001
        };
        Some(Self {
            age,
            writer: Writer::of_source(&confdata),
            wildcards: LEXERS
                .iter()
                .any(|name| read(name).is_some_and(|text| text.contains("zconf_nextfiles"))),
            syntax: Syntax::aged(age).of_source(&confdata),
        })
    }

    /// The same, but a `.config` is read as by the LKC whose source is in this folder: stable
    /// versions have parts of later ones.
    #[must_use]
    pub fn reading_as(mut self, folder: &Path) -> Self {
        if let Ok(bytes) = fs::read(folder.join("confdata.c")) {
            self.syntax = self.syntax.of_source(&String::from_utf8_lossy(&bytes));
        }
        self
    }

    /// How it reads a `.config`.
    pub(super) fn syntax(self) -> Syntax {
        self.syntax
    }

    /// Are there wildcards in a `source`, and may its files be missing? Coreboot has it so.
    pub(super) fn has_wildcards(self) -> bool {
        self.wildcards
    }

    /// Is a choice a menu, one of whose bools is on? Before 6.11 it is a symbol with a value of
    /// its own, and may be a tristate.
    pub(super) fn choice_menus(self) -> bool {
        self.age >= 6011
    }

    /// Can an entry of a choice lie below another one, and so be no member? Until 6.8.
    pub(super) fn submenus_in_choices(self) -> bool {
        self.age < 6009
    }

    /// Is a number without a value zero? Before 6.8 it is empty.
    pub(super) fn zero_numbers(self) -> bool {
        self.age >= 6008
    }

    /// Does `olddefconfig` take back a number out of its range? Until 6.7; from then on it is
    /// limited like any other.
    pub(super) fn resets_numbers(self) -> bool {
        self.age < 6008
    }

    /// Does it do so while it still reads, and then ask for new ones? In 2.6.
    pub(super) fn resets_at_once(self) -> bool {
        self.age < 3000
    }

    /// Does `imply` obey what the symbol depends on, and may the symbol still be `m`? From 5.7
    /// on.
    pub(super) fn weak_imply(self) -> bool {
        self.age >= 5007
    }

    /// Is a menu's end told by a comment? From 5.3 on.
    pub(super) fn ends_menus(self) -> bool {
        self.age >= 5003
    }

    /// Is a bound of a range taken as it is written? Before some 5.x it was written anew.
    pub(super) fn bounds_as_written(self) -> bool {
        self.age >= 5000
    }

    /// May a word have slashes and dots in it, as in `source a/b`? Until 4.20.
    pub(super) fn paths_are_words(self) -> bool {
        self.age < 5000
    }

    /// Are there macros? From 4.18 on. Before that, what is no token is passed over.
    pub(super) fn has_macros(self) -> bool {
        self.age >= 4018
    }

    /// Are values compared as numbers, where they are some? From 4.3 on.
    pub(super) fn compares_numbers(self) -> bool {
        self.age >= 4003
    }

    /// Does a default of `n` still make a line? Until some 4.x; and in a choice of which one is to
    /// be chosen, a member that could only be `m` was shown.
    pub(super) fn writes_all_defaults(self) -> bool {
        self.age < 4018
    }

    /// Do defaults hold for what is visible or selected as far as it is visible, and for the rest
    /// whatever their condition allows? So it was in 2.6.
    pub(super) fn loose_defaults(self) -> bool {
        self.age < 3000
    }

    /// Of two assignments to a symbol, does the first hold? In 2.6.
    #[must_use]
    pub fn first_holds(self) -> bool {
        self.syntax.holds == Holds::First
    }

    /// Are quotes and backslashes escaped in a `.config`? U-Boot has them as they are.
    #[must_use]
    pub fn escapes_strings(self) -> bool {
        self.syntax.strings == Strings::Escaped
    }

    /// How a `.config` is written.
    pub(super) fn writer(self) -> Writer {
        self.writer
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_version_tells_what_holds() {
        let of = Dialect::of_linux;
        for version in ["6.11.0", "6.12.38", "7.0-rc1"] {
            assert!(
                of(version).choice_menus() && of(version).zero_numbers(),
                "{version}"
            );
        }
        for version in ["6.1.192", "6.10.14", "5.15.0", ""] {
            assert!(!of(version).choice_menus(), "{version}");
        }
        assert!(of("6.8.1").zero_numbers() && !of("6.8.1").resets_numbers());
        assert!(of("6.8.1").submenus_in_choices() && !of("6.9.0").submenus_in_choices());
        assert_ne!(of("6.7.12").syntax(), of("6.8.1").syntax());
        assert!(of("5.10.0").ends_menus() && !of("5.2.0").ends_menus());
        assert!(of("").has_macros() && !of("4.17.0").has_macros());
    }

    #[test]
    fn what_its_source_has_tells_the_age_of_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Dialect::of_source(dir.path()), None);
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("symbol.c", "");
        write("confdata.c", "# Busybox version: ");
        let old = Dialect::of_source(dir.path()).unwrap();
        assert!(old.writer() == Writer::BusyBox && old.loose_defaults());
        write("symbol.c", "dir_dep sym_get_choice_menu");
        write("confdata.c", "# end of ");
        write("preprocess.c", "");
        let new = Dialect::of_source(dir.path()).unwrap();
        assert!(new.writer() == Writer::Linux && new.choice_menus());
    }
}
