//! Names of files with wildcards, as glob(3) has them in the C locale: for copies of LKC whose `source` takes
//! these.

use std::fs;
use std::path::Path;

/// The paths below `folder` that `pattern` matches, from `folder` and sorted byte by byte.
pub(super) fn matching(folder: &Path, pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for part in pattern.split('/') {
        found = found
            .iter()
            .flat_map(|at| within(folder, at, part))
            .collect();
    }
    found.sort_unstable();
    found
}

/// The entries of the folder `at` (from `folder`) that `part` of a pattern matches.
fn within(folder: &Path, at: &str, part: &str) -> Vec<String> {
    let path = |name: &str| match at {
        "" => name.to_owned(),
        at => format!("{at}/{name}"),
    };
    if !part.contains(['*', '?', '[']) {
        let exists = folder.join(path(part)).symlink_metadata().is_ok();
        return exists.then(|| path(part)).into_iter().collect();
    }
    let entries = fs::read_dir(folder.join(at)).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_hidden = |name: &str| name.starts_with('.') && !part.starts_with('.');
    names
        .filter(|name| !is_hidden(name) && is_match(part.as_bytes(), name.as_bytes()))
        .map(|name| path(&name))
        .collect()
}

/// Does the pattern match the whole of this name?
fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return name.is_empty();
    };
    match first {
        b'*' => (0..=name.len()).any(|n| is_match(rest, &name[n..])),
        b'?' => !name.is_empty() && is_match(rest, &name[1..]),
        b'[' => match (set(rest), name.split_first()) {
            (Some((set, rest)), Some((byte, name))) => set.has(*byte) && is_match(rest, name),
            // A bracket without its end is one.
            (None, Some((b'[', name))) => is_match(rest, name),
            _ => false,
        },
        _ => name.first() == Some(first) && is_match(rest, &name[1..]),
    }
}

/// What stands between brackets.
struct Set<'p> {
    inverted: bool,
    members: &'p [u8],
}

/// The set that begins here, after its bracket, and what follows it.
fn set(pattern: &[u8]) -> Option<(Set<'_>, &[u8])> {
    let inverted = matches!(pattern.first(), Some(b'!' | b'^'));
    let members = &pattern[usize::from(inverted)..];
    // A bracket that comes first is a member.
    let end = 1 + members.iter().skip(1).position(|byte| *byte == b']')?;
    let set = Set {
        inverted,
        members: &members[..end],
    };
    Some((set, &members[end + 1..]))
}

impl Set<'_> {
    fn has(&self, byte: u8) -> bool {
        let mut left = self.members;
        let mut is_in = false;
        while let Some((first, rest)) = left.split_first() {
            left = rest;
            if let [b'-', last, rest @ ..] = rest {
                is_in |= (*first..=*last).contains(&byte);
                left = rest;
            } else {
                is_in |= *first == byte;
            }
        }
        is_in != self.inverted
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_a_shell() {
        let cases = [
            ("*", "abc", true),
            ("fsp*", "fsp2_0", true),
            ("fsp*", "xfsp", false),
            ("K*g*", "Kconfig.name", true),
            ("a?c", "abc", true),
            ("a?", "a", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x]y", "]y", true),
            ("[ab", "[ab", true),
            ("", "", true),
        ];
        for (pattern, name, expected) in cases {
            let got = is_match(pattern.as_bytes(), name.as_bytes());
            assert_eq!(got, expected, "{pattern} {name}");
        }
    }

    #[test]
    fn paths_are_found_in_the_order_of_their_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b/Kconfig", "a/Kconfig", "a-b/Kconfig", ".h/Kconfig", "c/x"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = matching(dir.path(), "*/Kconfig");
        assert_eq!(found, ["a-b/Kconfig", "a/Kconfig", "b/Kconfig"]);
        assert_eq!(matching(dir.path(), "a/Kconfig"), ["a/Kconfig"]);
        assert_eq!(matching(dir.path(), "gone/*"), Vec::<String>::new());
    }
}
