//! Preprocessed text: the files it came from, and its key.

use std::collections::HashSet;

use memchr::{memchr, memmem};

/// The files that the preprocessor read, in the order of their first line, from its line markers
/// (`# 12 "include/linux/fs.h" 2`). Nothing when one of them cannot be understood.
pub(super) fn files(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for Marker { file: name, .. } in markers(text).filter_map(|(_, line)| Marker::of(line)) {
        if !seen.insert(name) || is_no_file(name) {
            continue;
        }
        // What has a quote or an odd byte in its name is written as a C string.
        if name.contains(&b'\\') {
            return None;
        }
        found.push(name);
    }
    Some(found)
}

/// `<built-in>`, `<command-line>`, or, with `-g`, the working directory: a folder, with two slashes.
pub(super) fn is_no_file(name: &[u8]) -> bool {
    name.starts_with(b"<") || name.ends_with(b"//")
}

/// The lines that begin with `# `, without their newlines, each with its place.
pub(super) fn markers(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let first = text.starts_with(b"# ").then_some(0);
    let others = memmem::find_iter(text, b"\n# ").map(|at| at + 1);
    first.into_iter().chain(others).map(|at| {
        let rest = &text[at..];
        (at, &rest[..memchr(b'\n', rest).unwrap_or(rest.len())])
    })
}

/// A line marker: where what follows it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker<'t> {
    /// The number of the next line.
    pub(super) line: u64,
    pub(super) file: &'t [u8],
    flags: &'t [u8],
}

impl<'t> Marker<'t> {
    /// Other lines of this kind (`#pragma`) are none.
    pub(super) fn of(line: &'t [u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"# ")?;
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let name = rest[digits..].strip_prefix(b" \"")?;
        let end = name.iter().rposition(|b| *b == b'"')?;
        let (file, flags) = (&name[..end], &name[end + 1..]);
        let line: u32 = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        let is_flag = |b: &u8| matches!(b, b' ' | b'1'..=b'4');
        flags.iter().all(is_flag).then_some(Self {
            line: line.into(),
            file,
            flags,
        })
    }

    /// Has it this flag? `1`: a file is entered, `2`: one is left, `3`: it is the system's.
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags.contains(&flag)
    }
}

/// Hashes what the compiler makes of the text. Where no line number gets into the object, the
/// same code in another line, or from another header, is the same.
pub(super) fn hash(hasher: &mut blake3::Hasher, text: &[u8], has_lines: bool) {
    if has_lines {
        hasher.update(text);
        return;
    }
    let mut add = |code: &[u8]| {
        if !code.is_empty() {
            hasher.update(code);
            hasher.update(b"\n");
        }
    };
    // What is hashed runs from one marker to the next, less the empty lines around it.
    let mut end = 0;
    for (at, line) in markers(text) {
        add(text[end..at].trim_ascii());
        if Marker::of(line).is_none() {
            // A pragma, or whatever else: it may well mean something.
            add(line);
        }
        end = at + line.len();
    }
    add(text[end..].trim_ascii());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str = "# 0 \"a.c\"\n# 0 \"/t//\"\n# 0 \"<built-in>\"\n# 1 \"./include/x.h\" 1\nint x;\n\
                        # 2 \"a.c\" 2\n#pragma once\nint f(void)\n{\n}\n# 1 \"/s/y.h\" 1 3\n";

    fn hashed(text: &str, has_lines: bool) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hash(&mut hasher, text.as_bytes(), has_lines);
        hasher.finalize()
    }

    #[test]
    fn the_files_of_a_text_are_those_of_its_line_markers() {
        let files = files(TEXT.as_bytes()).unwrap();
        let files: Vec<_> = files.iter().map(|f| String::from_utf8_lossy(f)).collect();
        assert_eq!(files, ["a.c", "./include/x.h", "/s/y.h"]);
    }

    #[test]
    fn a_file_with_an_odd_name_is_not_understood() {
        assert_eq!(files(b"# 1 \"a\\\"b.c\"\n"), None);
    }

    #[test]
    fn where_the_code_stands_counts_only_where_it_gets_into_the_object() {
        let moved = TEXT.replace("# 2 \"a.c\" 2\n", "# 7 \"a.c\" 2\n\n\n");
        assert_eq!(hashed(TEXT, false), hashed(&moved, false));
        assert_ne!(hashed(TEXT, true), hashed(&moved, true));
        for other in [
            TEXT.replace("int x;", "int y;"),
            TEXT.replace("int x;", "int x; "),
            TEXT.replace("#pragma once", "#pragma twice"),
            TEXT.replace("{\n}", "{}"),
        ] {
            let differs = hashed(TEXT, false) != hashed(&other, false);
            assert_eq!(differs, !other.contains("int x; "), "{other}");
        }
    }

    #[test]
    fn a_line_that_only_looks_like_a_marker_is_hashed() {
        assert_ne!(
            hashed("int a;\n# pragma x\n", false),
            hashed("int a;\n# pragma y\n", false)
        );
        assert_ne!(
            hashed("# ident \"x\"\n", false),
            hashed("# ident \"y\"\n", false)
        );
    }
}
