//! What a module says of itself: the section `.modinfo`.

use object::{Object, ObjectSection};

/// What a module needs and offers, by its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Info {
    /// The modules whose symbols it uses.
    pub(super) depends: Vec<String>,
    /// The modules, or aliases of modules, that it wants to be loaded before it if they are there.
    pub(super) before: Vec<String>,
    /// Other names for it, and patterns of names of devices, as they are written.
    pub(super) aliases: Vec<String>,
}

/// Reads the contents of a module. None if it is no module.
pub(super) fn read(module: &[u8]) -> Option<Info> {
    let file = object::File::parse(module).ok()?;
    let section = file.section_by_name(".modinfo")?;
    let data = section.data().ok()?;
    let mut info = Info::default();
    for entry in data.split(|byte| *byte == 0) {
        let entry = String::from_utf8_lossy(entry);
        match entry.split_once('=') {
            Some(("depends", names)) => {
                let names = names.split(',').filter(|name| !name.is_empty());
                info.depends.extend(names.map(plain));
            }
            Some(("softdep", text)) => info.before.extend(before(text).map(plain)),
            Some(("alias", name)) => info.aliases.push(name.to_owned()),
            _ => {}
        }
    }
    Some(info)
}

/// A name as modules are compared by: `-` and `_` are the same.
pub(super) fn plain(name: &str) -> String {
    name.replace('-', "_")
}

/// The names after `pre:` in `pre: a b post: c`.
fn before(text: &str) -> impl Iterator<Item = &str> {
    let mut is_before = false;
    text.split_whitespace().filter(move |word| {
        if let Some(kind) = word.strip_suffix(':') {
            is_before = kind == "pre";
            return false;
        }
        is_before
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_soft_dependencies_those_before_count() {
        let found: Vec<&str> = before("pre: crc32c aes post: late pre: sha").collect();
        assert_eq!(found, ["crc32c", "aes", "sha"]);
    }
}
