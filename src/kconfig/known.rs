//! The symbols that a source tree defines, found by text search, for trees that the engine cannot read.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use crate::model::Symbol;
use crate::{Error, Result};

/// The names of Kconfig files, in the projects that there are.
fn is_kconfig_file(name: &str) -> bool {
    name.starts_with("Kconfig") || name == "Config.in" || name == "Config.src"
}

/// All symbols that a source tree defines, for any architecture: those after `config` and
/// `menuconfig` in its Kconfig files, and in BusyBox's C files, which have theirs in comments.
///
/// # Errors
/// A folder cannot be read.
pub fn known_symbols(source: &Path) -> Result<HashSet<Symbol>> {
    let mut found = BTreeSet::new();
    let busybox = source.join("scripts/gen_build_files.sh").is_file();
    let mut folders = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        let wrong = |e| Error::io("read the folder", &folder, e);
        for entry in fs::read_dir(&folder).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let kind = entry.file_type().map_err(wrong)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_dir() && !name.starts_with('.') {
                folders.push(entry.path());
            } else if kind.is_file() && (is_kconfig_file(&name) || busybox && name.ends_with(".c"))
            {
                let path = entry.path();
                let bytes = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
                found.extend(defined(&String::from_utf8_lossy(&bytes)));
            }
        }
    }
    Ok(found.into_iter().collect())
}

fn defined(text: &str) -> impl Iterator<Item = Symbol> + '_ {
    text.lines().filter_map(|line| {
        let line = line
            .trim_start()
            .trim_start_matches("//")
            .trim_start_matches("config:");
        let mut words = line.split_whitespace();
        match words.next()? {
            "config" | "menuconfig" => Symbol::new(words.next()?).ok(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_found_in_kconfig_files_and_in_busyboxs_comments() {
        let text = "config A\n\tbool\n  menuconfig B\n//config:config C\n//config:\tbool \"x\"\n# config D\nconfigure E\n";
        let names: Vec<String> = defined(text).map(|s| s.to_string()).collect();
        assert_eq!(names, ["A", "B", "C"]);
    }
}
