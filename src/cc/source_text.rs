//! Does the text of which [`super::directives`] makes a key tell all that gcc makes of a source file?

use memchr::{memchr_iter, memchr3, memmem, memrchr};

/// What follows `#pragma` where gcc passes it on, or may drop it in text of one piece. Others it carries out
/// itself and leaves out (`push_macro`, `poison`), does not write at all (`redefine_extname`), or does not
/// know to change macros (`GCC target`).
const PASSED_ON: &[&str] = &[
    "GCC diagnostic",
    "GCC visibility",
    "GCC push_options",
    "GCC pop_options",
    "GCC unroll",
    "GCC ivdep",
    "GCC system_header",
    "STDC",
    "clang",
    "once",
    "pack",
    "weak",
];

/// Pragmas that are none of these, however they are written.
const KEPT: &[&[u8]] = &[b"push_macro", b"redefine_extname"];

/// Does the text tell all that gcc makes of this file of the source?
pub(super) fn tells_all(source: &[u8]) -> bool {
    let has = |word: &&[u8]| memmem::find(source, word).is_some();
    !has_odd_pragma(source)
        && !KEPT.iter().any(has)
        && !has_marker(source)
        && !has_raw(source)
        && !has_odd_comment(source)
        && has_whole_literals(source)
}

fn has_odd_pragma(source: &[u8]) -> bool {
    memmem::find_iter(source, b"pragma").any(|at| {
        let before = source[..at].trim_ascii_end();
        let mut words = source[at + b"pragma".len()..]
            .split(|b| !b.is_ascii_alphanumeric() && *b != b'_')
            .filter(|word| !word.is_empty());
        let (one, two) = (words.next(), words.next());
        let is_passed_on = |known: &&str| {
            let mut known = known.split(' ').map(|word| Some(word.as_bytes()));
            known.next() == Some(one) && known.next().is_none_or(|word| word == two)
        };
        // `%:` is a number sign, too.
        let is_directive = before.ends_with(b"#") || before.ends_with(b"%:");
        is_directive && !PASSED_ON.iter().any(is_passed_on)
    })
}

/// Is there a line, in a comment perhaps, that would be taken for a line marker?
fn has_marker(source: &[u8]) -> bool {
    let is_marker = |rest: &[u8]| {
        rest.trim_ascii_start()
            .first()
            .is_some_and(u8::is_ascii_digit)
    };
    let first = source.strip_prefix(b"# ").is_some_and(is_marker);
    first || memmem::find_iter(source, b"\n# ").any(|at| is_marker(&source[at + 3..]))
}

/// May a comment begin or end elsewhere for gcc 12 than it does here? It takes `/*/` for a whole one where it
/// only carries out directives; one may end with a `*` and a `/` in two lines; and a carriage return of its own
/// ends a line for some.
fn has_odd_comment(source: &[u8]) -> bool {
    let is_spliced = |at: usize| after_splices(&source[at + 1..]).starts_with(b"/");
    let is_alone = |at: usize| source.get(at + 1) != Some(&b'\n');
    memmem::find(source, b"/*/").is_some()
        || memmem::find_iter(source, b"*\\").any(is_spliced)
        || memchr_iter(b'\r', source).any(is_alone)
}

/// What stands behind all newlines here that a backslash stands before. Between them gcc allows blanks.
pub(super) fn after_splices(mut text: &[u8]) -> &[u8] {
    let after_one = |text: &[u8]| {
        let rest = text.strip_prefix(b"\\")?;
        let blanks = rest.iter().take_while(|b| b" \t\r".contains(b)).count();
        Some(text.len() - rest[blanks..].strip_prefix(b"\n")?.len())
    };
    while let Some(len) = after_one(text) {
        text = &text[len..];
    }
    text
}

/// Do all literals end in their line? In what is left out gcc 12 looks for the end of one that does not
/// (`don't`) over all lines, directives and all, and says nothing.
fn has_whole_literals(source: &[u8]) -> bool {
    let comment_end = memmem::Finder::new(b"*/");
    let mut at = 0;
    while let Some(next) = memchr3(b'"', b'\'', b'/', &source[at..]) {
        let start = at + next;
        let from = &source[start..];
        at = match from {
            [b'/', b'*', inner @ ..] => match comment_end.find(inner) {
                // `#include <x/*y>` has none.
                Some(end) if !names_file(&source[..start]) => start + end + 4,
                _ => return false,
            },
            [b'/', b'/', ..] => start + line_len(from),
            [b'/', ..] => start + 1,
            _ => match literal_len(from) {
                Some(len) => start + len,
                // A directive is read to the end of its line.
                None if is_directive(&source[..start]) => start + line_len(from),
                None => return false,
            },
        };
    }
    true
}

/// The length of the literal that begins here, if it ends before its line does.
fn literal_len(from: &[u8]) -> Option<usize> {
    let (quote, inner) = from.split_first()?;
    let mut is_escaped = false;
    for (at, byte) in inner.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = *byte == b'\r',
            b'\\' => is_escaped = true,
            b'\n' => return None,
            _ if byte == quote => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Is the line whose beginning ends here, and which may go over several, a directive? Not one that a comment ends
/// in, as it may have begun in that.
fn is_directive(before: &[u8]) -> bool {
    let start = memchr_iter(b'\n', before)
        .rev()
        .find(|at| ends_line(before, *at));
    let line = &before[start.map_or(0, |at| at + 1)..];
    line.trim_ascii_start().starts_with(b"#") && memmem::find(line, b"*/").is_none()
}

/// Does the name of a file begin in the line whose beginning ends here?
fn names_file(before: &[u8]) -> bool {
    let start = memrchr(b'\n', before).map_or(0, |at| at + 1);
    let line = before[start..].trim_ascii_start();
    let has = |part: &[u8]| memmem::find(line, part).is_some();
    line.starts_with(b"#") && has(b"include") && has(b"<") && !has(b">")
}

/// Up to the newline that no backslash stands before.
fn line_len(from: &[u8]) -> usize {
    let end = memchr_iter(b'\n', from).find(|at| ends_line(from, *at));
    end.unwrap_or(from.len())
}

/// Has this newline no backslash before it?
fn ends_line(text: &[u8], newline: usize) -> bool {
    let before = &text[..newline];
    !before.ends_with(b"\\") && !before.ends_with(b"\\\r")
}

/// Is there a literal like `R"x(...)x"`? Within one, an empty line matters and a number sign means nothing.
pub(super) fn has_raw(text: &[u8]) -> bool {
    memmem::find_iter(text, b"R\"").any(|at| {
        let delimiter = text[at + 2..].iter().take(17);
        let end = delimiter.take_while(|b| !b" )\\\"\t\n\x0b\x0c".contains(b));
        end.copied().any(|b| b == b'(')
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn pragmas_that_gcc_keeps_to_itself_are_odd() {
        for odd in [
            "#pragma push_macro(\"f\")",
            "# pragma  GCC  poison x",
            "#pragma GCC target(\"avx2\")",
            "\n%:pragma redefine_extname a b",
            "# /* x */ pragma push_macro(\"f\")",
            "_Pragma(\"push_macro(f)\")",
            "#pragma message \"x\"",
            "#pragma omp parallel",
            "#pragma",
        ] {
            assert!(!tells_all(odd.as_bytes()), "{odd}");
        }
        for known in [
            "#pragma once\n#pragma pack(1)",
            "#pragma GCC diagnostic push",
            "/* pragma of ours */ _Pragma(\"message\")",
        ] {
            assert!(tells_all(known.as_bytes()), "{known}");
        }
    }

    #[test]
    fn a_literal_that_does_not_end_in_its_line_may_swallow_what_follows() {
        for open in [
            "#if 0\ndon't\n#endif\n",
            "#if 0\nsay \"\n#endif\n",
            "x = 1'000;\n",
            "/* it's */ don't\n",
            "// it's\ndon't\n",
            "a \\\n# b don't\n",
            "char *a = \"\\\\\n",
            "/* never ended '\n",
            "#if 0\n/*/ it's */\n#endif\n",
            "#if 0\n/* old:\n#define A 1 */ it don't\n#endif\n",
            "#if 0\n/* *\\\n/ don't /* */\n#endif\n",
            "#if 0\n#include <x/*y>\n don't */\n#endif\n",
            "a = '\\\r' x'\n",
            "#if 0\nx = R\"(a\"b'c)\" 'd\n#endif\n",
            "don't",
        ] {
            assert!(!tells_all(open.as_bytes()), "{open}");
        }
        for whole in [
            "/* don't */ // won't\nchar a = '\\'', *b = \"'\\\\\";\n",
            "// a \\\n don't\nint a;\n",
            "#error don't\n#define A \\\n don't\nint a;\n",
            "  # error don't \\\n can't\n",
            "char *a = \"one \\\n two\\\r\n three\";\n",
            "a / b\n/**/",
            "#include <x.h> /* don't */\r\nint a;\n",
            "/* struct *\\ /x *\\\n * y */\n",
        ] {
            assert!(tells_all(whole.as_bytes()), "{whole}");
        }
    }

    #[test]
    fn a_line_of_the_source_that_looks_like_a_marker_tells_too_much() {
        assert!(!tells_all(b"/*\n# 50 \"k.c\"\n*/\n"));
        assert!(!tells_all(b"#  1\n") && tells_all(b"# define A 1\n#1\n"));
    }
}
