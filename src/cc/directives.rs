//! Text whose directives are carried out and whose macros are not expanded yet: what of it an object
//! depends on.
//!
//! gcc's `-fdirectives-only` makes it in two fifths of the time that it takes to expand all macros, and
//! expands them when it compiles. In such a text are all macros, so also all values that `autoconf.h` has. Of
//! these only those count whose symbols the rest of the text mentions: fixdep's rule, which here sees only
//! what the preprocessor left.
//!
//! Where the text does not tell all, or might not, there is no key; gcc then expands the macros as well.

use std::collections::BTreeSet;

use memchr::{memchr_iter, memmem, memrchr};

use super::autoconf::is_autoconf;
use super::hash::add;
use super::source_text::{after_splices, has_raw};
use super::symbols::{Mention, Values};
use super::text::{Marker, is_no_file, markers};

/// Words whose meaning is lost between the two calls of gcc: clocks, the name of the main file, which is
/// standard input then, and how deep it is in others.
const LOST: &[&[u8]] = &[
    b"__DATE__",
    b"__TIME__",
    b"__TIMESTAMP__",
    b"__BASE_FILE__",
    b"__INCLUDE_LEVEL__",
];

/// Hashes what the compiler makes of the text; nothing when that depends on more, or may.
pub(super) fn hash(
    hasher: &mut blake3::Hasher,
    text: &[u8],
    values: &Values<'_>,
    has_lines: bool,
) -> Option<()> {
    let kept = kept(&runs(text)?, has_lines);
    let is_lost = |word: &&[u8]| memmem::find(&kept, word).is_some();
    if LOST.iter().any(is_lost) || has_spliced_word(&kept) || has_raw(&kept) || may_read_more(&kept)
    {
        return None;
    }
    let mut symbols = BTreeSet::new();
    for mention in values.mentioned(&kept) {
        match mention {
            Mention::Symbol(symbol) => symbols.insert(symbol),
            Mention::Formed => return None,
        };
    }
    add(hasher, &kept);
    add(hasher, &values.digest(symbols.into_iter()));
    Some(())
}

/// The text without what `autoconf.h` says, in a form of which there is only one: each group of lines that
/// follow one another, without an empty one between, behind its place. Where a line stands matters
/// (`__LINE__`). How many lines are left out after it, or which files that say nothing, matters only with
/// `has_lines`.
fn kept(runs: &[Run<'_>], has_lines: bool) -> Vec<u8> {
    let len: usize = runs.iter().map(|run| run.body.len()).sum();
    let mut kept = Vec::with_capacity(len + len / 2);
    let mut before = b"".as_slice();
    for run in runs {
        let is_entered = std::mem::replace(&mut before, run.file) != run.file;
        if is_autoconf(run.file) {
            // That it is there, and where, is not among the values.
            if is_entered {
                place(&mut kept, run, 0);
            }
            continue;
        }
        if has_lines {
            place(&mut kept, run, run.line);
            kept.extend_from_slice(run.body);
            continue;
        }
        let (mut line, mut rest) = (run.line, run.body);
        while !rest.is_empty() {
            let end = memmem::find(rest, b"\n\n").map_or(rest.len(), |at| at + 1);
            let (group, after) = rest.split_at(end);
            // Not what the first line begins with: a warning may look at it.
            let empty = group.iter().take_while(|b| **b == b'\n').count();
            if empty < group.len() {
                place(&mut kept, run, line + empty as u64);
                kept.extend_from_slice(&group[empty..]);
            }
            line += newlines(group);
            rest = after;
        }
    }
    kept
}

/// A group has no empty line, so nothing in one looks like a place. The newlines keep words apart.
fn place(kept: &mut Vec<u8>, run: &Run<'_>, line: u64) {
    kept.extend_from_slice(if run.is_system {
        b"\n\n\x01"
    } else {
        b"\n\n\0"
    });
    kept.extend_from_slice(&line.to_le_bytes());
    kept.extend_from_slice(run.file);
    kept.push(b'\n');
}

fn newlines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}

/// What stands between one line marker and the next.
struct Run<'t> {
    file: &'t [u8],
    is_system: bool,
    /// The number of its first line.
    line: u64,
    body: &'t [u8],
}

/// The text cut at its line markers. Nothing when they do not lead into files and back: not all of them are
/// the preprocessor's then (a comment may have some, `#line` makes others).
fn runs(text: &[u8]) -> Option<Vec<Run<'_>>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut within: Vec<&[u8]> = Vec::new();
    let mut start = 0;
    for (at, line) in markers(text) {
        let Some(marker) = Marker::of(line) else {
            // A pragma, or whatever else.
            continue;
        };
        match runs.last_mut() {
            Some(run) => run.body = text.get(start..at)?,
            None if at > 0 => return None,
            None => {}
        }
        if marker.has(b'1') {
            within.push(runs.last()?.file);
        } else if marker.has(b'2') {
            let from = within.pop()?;
            if from != marker.file && !is_no_file(from) {
                return None;
            }
        } else if let Some(run) = runs.last()
            && run.file != marker.file
            && !is_no_file(run.file)
            && !is_no_file(marker.file)
        {
            return None;
        }
        start = at + line.len() + 1;
        runs.push(Run {
            file: marker.file,
            is_system: marker.has(b'3'),
            line: marker.line,
            body: b"",
        });
    }
    runs.last_mut()?.body = text.get(start..).unwrap_or_default();
    within.is_empty().then_some(runs)
}

/// Is a word written in two lines? Whoever looks for words does not see it.
fn has_spliced_word(text: &[u8]) -> bool {
    let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    memchr_iter(b'\\', text).any(|at| {
        let rest = after_splices(&text[at..]);
        rest.len() < text.len() - at && at > 0 && is_word(text.get(at - 1)) && is_word(rest.first())
    })
}

/// May it make the assembler read files? That a comment speaks of it, as one of the kernel's headers does, is
/// nothing: a line of code that begins with a `*` says no such thing.
fn may_read_more(text: &[u8]) -> bool {
    let is_comment = |at: usize| {
        let start = memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1);
        let before = text[start..at].trim_ascii_start();
        before.starts_with(b"*") && memmem::find(before, b"*/").is_none()
    };
    let words = [b"incbin".as_slice(), b".include"];
    words
        .iter()
        .any(|word| memmem::find_iter(text, word).any(|at| !is_comment(at)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const AUTOCONF: &str = "#define CONFIG_NET 1\n#define CONFIG_HZ 250\n";

    /// `body` in `a.c`, behind an `autoconf.h`.
    fn text(autoconf: &str, body: &str) -> String {
        format!(
            "# 0 \"a.c\"\n# 0 \"<built-in>\"\n#define __STDC__ 1\n# 0 \"<command-line>\"\n\
             # 1 \"./include/generated/autoconf.h\" 1\n{autoconf}# 0 \"<command-line>\" 2\n\
             # 1 \"a.c\"\n{body}"
        )
    }

    fn of_text(autoconf: &str, text: &str, has_lines: bool) -> Option<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        let values = Values::of(autoconf.as_bytes());
        hash(&mut hasher, text.as_bytes(), &values, has_lines)?;
        Some(hasher.finalize())
    }

    fn hashed(autoconf: &str, body: &str, has_lines: bool) -> Option<blake3::Hash> {
        of_text(autoconf, &text(autoconf, body), has_lines)
    }

    #[test]
    fn of_all_values_those_count_that_are_mentioned() {
        let body = "int hz = CONFIG_HZ;\n";
        let of = |autoconf| hashed(autoconf, body, false).unwrap();
        assert_eq!(of(AUTOCONF), of("#define CONFIG_HZ 250\n"));
        for other in [
            "#define CONFIG_NET 1\n#define CONFIG_HZ 100\n",
            "#define CONFIG_NET 1\n",
            "#define OTHER 1\n#define CONFIG_HZ 250\n",
        ] {
            assert_ne!(of(AUTOCONF), of(other), "{other}");
        }
    }

    #[test]
    fn of_busyboxs_values_those_count_that_are_mentioned_by_any_of_their_names() {
        let autoconf = "#define CONFIG_CAT 1\n#define ENABLE_CAT 1\n#define IF_CAT(...) __VA_ARGS__\n\
                        #define IF_NOT_CAT(...)\n#undef CONFIG_TAC\n#define ENABLE_TAC 0\n";
        let other = autoconf.replace("CAT 1", "CAT 0");
        let differs =
            |body| hashed(autoconf, body, false).unwrap() != hashed(&other, body, false).unwrap();
        assert!(differs("int a = ENABLE_CAT;\n") && differs("IF_NOT_CAT(int a;)\n"));
        assert!(!differs("int a = ENABLE_TAC;\n"));
    }

    #[test]
    fn where_a_line_stands_counts_and_what_says_nothing_does_not() {
        let of = |body| hashed(AUTOCONF, body, false).unwrap();
        let body = "int a;\n\n\nint b;\n# 9 \"a.c\"\nint c;\n";
        assert_eq!(
            of(body),
            of("int a;\n# 4 \"a.c\"\nint b;\n\n\n\n\nint c;\n")
        );
        assert_eq!(
            of(body),
            of("int a;\n# 1 \"b.h\" 1\n\n# 3 \"a.c\" 2\n\nint b;\n# 9 \"a.c\"\nint c;\n")
        );
        for other in [
            "int a;\n\nint b;\n# 9 \"a.c\"\nint c;\n",
            "int a;\n\n\nint b;\n# 8 \"a.c\"\nint c;\n",
            "int a;\n\n\nint b;\n# 9 \"b.h\" 1\nint c;\n# 10 \"a.c\" 2\n",
            "int a;\n\n\nint b;\n# 9 \"b.h\" 1 3\nint c;\n# 10 \"a.c\" 2\n",
            "int a;\n\n\nint b;\n# 9 \"a.c\"\nint d;\n",
            "\nint a;\n\nint b;\n# 9 \"a.c\"\nint c;\n",
            "int a;\n\n\n int b;\n# 9 \"a.c\"\nint c;\n",
        ] {
            assert_ne!(of(body), of(other), "{other}");
        }
        let in_system = "# 1 \"b.h\" 1\nint b;\n# 2 \"a.c\" 2\n";
        assert_ne!(of(in_system), of(&in_system.replace("h\" 1", "h\" 1 3")));
    }

    #[test]
    fn that_the_values_are_there_and_where_counts() {
        let full = text(AUTOCONF, "int hz = CONFIG_HZ;\n");
        let start = full.find("# 1 \"./inc").unwrap();
        let end = full.find("# 1 \"a.c\"").unwrap();
        let without = format!("{}{}", &full[..start], &full[end..]);
        let after = full[start..end].replace("0 \"<command-line>\"", "2 \"a.c\"");
        let after = format!("{without}{after}");
        let of = |text: &str| of_text(AUTOCONF, text, false).unwrap();
        let all = [of(&full), of(&without), of(&after)];
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    }

    #[test]
    fn with_debug_information_a_file_that_says_nothing_counts_too() {
        let of = |body| hashed(AUTOCONF, body, true).unwrap();
        let (one, other) = ("int a;\n", "# 1 \"b.h\" 1\n# 1 \"a.c\" 2\nint a;\n");
        assert_ne!(of(one), of(other));
        assert_eq!(of(one), of(one));
        let values = "#define CONFIG_HZ 250\n";
        assert_eq!(hashed(AUTOCONF, one, true), hashed(values, one, true));
    }

    #[test]
    fn what_the_text_may_not_tell_is_not_known() {
        for body in [
            "char *t = __TIME__;\n",
            "#define BUILT __DATE__\n",
            "char *t = __BASE_FILE__;\n",
            "#define ON(x) CONFIG_##x\n",
            "int a = JOIN(CONFIG_,HZ);\n",
            "int a = CONFIG_H\\\nZ;\n",
            "int a = CONFIG_H\\\n\\\r\nZ;\n",
            "char *a = R\"(\n\n a)\";\n",
            "char *a = u8R\"x(\n\n a)x\";\n",
            "asm(\".incbin \\\"x\\\"\");\n",
            "#define D incbin\n",
            "/* here */ asm(\".include \\\"x\\\"\");\n",
            "/*\n */ asm(\".include \\\"x\\\"\");\n",
            "/* *\\\n/\nasm(\".include \\\"x\\\"\");\n",
        ] {
            assert_eq!(hashed(AUTOCONF, body, false), None, "{body}");
        }
    }

    #[test]
    fn a_text_with_markers_that_are_not_the_preprocessors_is_not_known() {
        for body in [
            "/*\n# 1 \"include/generated/autoconf.h\"\n*/\nint x = 1;\n",
            "/*\n# 1 \"include/generated/autoconf.h\" 1\n*/\nint x = 1;\n",
            "/*\n# 1 \"a.c\" 2\n*/\nint x = 1;\n",
            "# 1 \"b.h\" 1\nint x;\n# 7 \"c.c\" 2\n",
        ] {
            assert_eq!(hashed(AUTOCONF, body, false), None, "{body}");
        }
        assert_eq!(of_text(AUTOCONF, "int a;\n# 1 \"a.c\"\n", false), None);
        assert_eq!(of_text(AUTOCONF, "", false), None);
    }

    #[test]
    fn a_comment_may_speak_of_anything_the_assembler_reads() {
        let body = "/*\n * from C via asm(\".include <asm/x.h>\") but let's not go there.\n\n */\nint a;\n";
        assert!(hashed(AUTOCONF, body, false).is_some());
    }
}
