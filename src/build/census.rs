//! The objects of a built tree, and the CONFIG symbols that each depends on.
//!
//! Kbuild's `fixdep` notes that beside each object (`.fork.o.cmd`): a line
//! `$(wildcard include/config/SYMBOL)` for every symbol that any file mentions that it includes.
//! When a symbol changes, make compiles just those objects anew.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bitvec::vec::BitVec;
use memchr::memmem;

/// The objects of a built tree, and the symbols that each depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// Paths in the tree, without a leading `./`.
    objects: Vec<String>,
    /// By symbol, without `CONFIG_`: the objects that depend on it.
    by_symbol: HashMap<String, BitVec>,
}

const BEGINNING: &[u8] = b"$(wildcard include/config/";

impl Census {
    /// Reads what `fixdep` left in `tree`. What cannot be read is not there: all this is for a
    /// prediction only.
    pub(super) fn of(tree: &Path) -> Self {
        let mut census = Self::default();
        let mut symbols: Vec<(String, Vec<String>)> = Vec::new();
        collect(tree, tree, &mut symbols);
        // The order in which a filesystem lists them says nothing.
        symbols.sort();
        let n = symbols.len();
        for (at, (object, symbols)) in symbols.into_iter().enumerate() {
            census.objects.push(object);
            for symbol in symbols {
                let of = census.by_symbol.entry(symbol);
                of.or_insert_with(|| BitVec::repeat(false, n)).set(at, true);
            }
        }
        census
    }

    /// How many objects there are.
    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Is nothing known?
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The objects that depend on any of these symbols.
    pub(super) fn depending<'s>(
        &'s self,
        symbols: impl Iterator<Item = &'s str>,
    ) -> impl Iterator<Item = &'s str> {
        let mut all: BitVec = BitVec::repeat(false, self.objects.len());
        for of in symbols.filter_map(|symbol| self.by_symbol.get(symbol)) {
            all |= of.as_bitslice();
        }
        self.objects
            .iter()
            .zip(all)
            .filter(|(_, depends)| *depends)
            .map(|(object, _)| object.as_str())
    }

    /// For each object a number that differs, most likely, whenever the value of one of its
    /// symbols does; `value` gives a number for each value that is not `n`.
    pub(super) fn digests(&self, value: impl Fn(&str) -> Option<u64>) -> Vec<(&str, u64)> {
        let mut digests = vec![0_u64; self.objects.len()];
        for (symbol, of) in &self.by_symbol {
            if let Some(value) = value(symbol) {
                of.iter_ones().for_each(|at| digests[at] ^= value);
            }
        }
        let objects = self.objects.iter().map(String::as_str);
        objects.zip(digests).collect()
    }
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, Vec<String>)>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        // Does not follow links.
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            collect(root, &path, found);
        } else if let Some(object) = object(name.as_bytes())
            && let Ok(text) = fs::read(&path)
        {
            let folder = folder.strip_prefix(root).unwrap_or(folder);
            let symbols = symbols(&text);
            if !symbols.is_empty() {
                let object = folder.join(object).to_string_lossy().into_owned();
                found.push((object, symbols));
            }
        }
    }
}

/// `.fork.o.cmd` is about `fork.o`.
fn object(name: &[u8]) -> Option<&str> {
    let name = name.strip_prefix(b".")?.strip_suffix(b".cmd")?;
    let name = std::str::from_utf8(name).ok()?;
    name.ends_with(".o").then_some(name)
}

fn symbols(text: &[u8]) -> Vec<String> {
    let name = |at: usize| {
        let rest = &text[at + BEGINNING.len()..];
        let end = rest.iter().position(|b| *b == b')')?;
        let name = std::str::from_utf8(&rest[..end]).ok()?;
        // Before Linux 5.13, and in BusyBox: `include/config/ash/test.h`.
        Some(match name.strip_suffix(".h") {
            Some(path) => path.replace('/', "_").to_ascii_uppercase(),
            None => name.to_owned(),
        })
    };
    memmem::find_iter(text, BEGINNING)
        .filter_map(name)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn tree(objects: &[(&str, &[&str])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (object, symbols) in objects {
            let path = dir.path().join(object);
            let folder = path.parent().unwrap();
            fs::create_dir_all(folder).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            let lines = symbols
                .iter()
                .map(|s| format!("    $(wildcard include/config/{s}) \\\n"));
            let text = format!(
                "savedcmd_{object} := gcc -c\ndeps_{object} := \\\n{}",
                lines.collect::<String>()
            );
            fs::write(folder.join(format!(".{name}.cmd")), text).unwrap();
        }
        dir
    }

    #[test]
    fn a_census_tells_what_depends_on_a_symbol() {
        let tree = tree(&[
            ("kernel/fork.o", &["SMP", "FUTEX"]),
            ("mm/slub.o", &["SMP"]),
            ("built-in.a", &["SMP"]),
            ("linked.o", &[]),
        ]);
        let census = Census::of(tree.path());
        let of = |symbols: &[&'static str]| -> Vec<String> {
            let found = census.depending(symbols.iter().copied());
            found.map(str::to_owned).collect()
        };
        assert_eq!(of(&["FUTEX"]), ["kernel/fork.o"]);
        assert_eq!(of(&["SMP", "NET"]), ["kernel/fork.o", "mm/slub.o"]);
        assert_eq!(of(&["NET"]), [""; 0]);
        assert_eq!(of(&["SMP"]), ["kernel/fork.o", "mm/slub.o"]);
        assert!(Census::of(Path::new("/nowhere")).is_empty());
    }

    #[test]
    fn old_fixdep_notes_symbols_as_paths() {
        let text = b"    $(wildcard include/config/ash/test.h) \\\n    $(wildcard include/config/X_64) \\\n";
        assert_eq!(symbols(text), ["ASH_TEST", "X_64"]);
    }
}
