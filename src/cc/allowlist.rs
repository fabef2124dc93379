//! The allowlist of options and texts with which a compiler reads and writes no other files.
//!
//! Options and directives must be among those that are let through here; a text must have nothing in it that
//! may make its reader read more. Whatever else there is goes to the compiler.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::call::UNUSUAL;

/// Longest text that is a probe, in bytes.
const LONGEST: usize = 64 << 10;

/// Beginnings of options that read and write nothing.
const ALLOWED: &[&str] = &[
    "-f",
    "-m",
    "-W",
    "-O",
    "-g",
    "-std=",
    "-w",
    "-pipe",
    "-nostdinc",
    "-ansi",
    "-pedantic",
    "--param=",
];

/// Beginnings of options that do not fit a probe, though they may be given for an object: some talk of
/// other things than the words.
const OTHERS: &[&str] = &[
    "-fdebug-cpp",
    "-fdeps",
    "-fdiagnostics-",
    "-fintrinsic-modules-path",
    "-fmem-report",
    "-fsyntax-only",
    "-Wp,",
    "-Wl,",
];

/// Beginnings of what may be passed on to the assembler.
const ASSEMBLER: &[&str] = &[
    "--32",
    "--64",
    "--fatal-warnings",
    "--noexecstack",
    "--version",
    "-gdwarf-",
    "-m",
];

/// Parts of a text that may make it read files, or differ from one day or folder to another, or hide that
/// it does.
const READS: &[&str] = &[
    "inc", "import", "embed", "pragma", "__date", "__time", "macro", "section", ".file", ".loc",
    "\\", "??", "%:", "##", "@",
];

/// The directives of the preprocessor that a text may have.
const DIRECTIVES: &[&str] = &["if", "ifdef", "ifndef", "elif", "else", "endif"];

/// Is nothing there, in a folder that is? Whatever else is there (a device, a link, a file that a compiler
/// may leave as it is) is the compiler's business.
pub(super) fn is_free(path: &Path) -> bool {
    let is_absent =
        |path: &Path| fs::symlink_metadata(path).is_err_and(|e| e.kind() == ErrorKind::NotFound);
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) => Path::new("."),
        None => return false,
    };
    let is_file = path.file_name().is_some() && path.to_str().is_some_and(|p| !p.starts_with('@'));
    is_file && is_absent(path) && folder.is_dir()
}

/// Does a text make its reader read nothing else, and mean the same each day and in each folder?
pub(super) fn is_plain(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let lower = text.to_ascii_lowercase();
    let has = |part: &str| lower.contains(part);
    let is_known = |line: &str| {
        line.trim_start().strip_prefix('#').is_none_or(|rest| {
            let word = rest.trim_start().split(|c: char| !c.is_ascii_alphabetic());
            DIRECTIVES.contains(&word.into_iter().next().unwrap_or_default())
        })
    };
    text.len() <= LONGEST
        && !READS.iter().any(|part| has(part))
        && !text.contains(|c: char| c.is_control() && c != '\t' && c != '\n')
        // A directive may stand behind a comment.
        && !(has("#") && (has("/*") || has("*/")))
        // What a compiler passes on to the assembler can be put together from several strings, and a
        // raw one needs no escapes.
        && !(has("asm") && has("."))
        && !text.contains("R\"")
        && lower.lines().all(is_known)
}

/// Does an option make a compiler read and write nothing more, and answer the same each time?
pub(super) fn is_allowed(option: &str) -> bool {
    if !is_simple(option) {
        return false;
    }
    if let Some(passed) = option.strip_prefix("-Wa,") {
        let is_known = |part: &str| ASSEMBLER.iter().any(|known| part.starts_with(known));
        return passed.split(',').all(is_known);
    }
    if let Some(defined) = option.strip_prefix("-D").or(option.strip_prefix("-U")) {
        let is_name = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let (name, value) = defined.split_once('=').unwrap_or((defined, ""));
        return !name.is_empty() && is_name(name) && value.chars().all(|c| c.is_ascii_digit());
    }
    // Where files would be found does not matter where none is read.
    if option.starts_with("-ffile-prefix-map=") {
        return true;
    }
    let begins = |list: &[&str]| list.iter().any(|known| option.starts_with(known));
    begins(ALLOWED) && !begins(UNUSUAL) && !begins(OTHERS)
}

/// Has an option nothing in it that the assembler, or the compiler's driver, could take for something else?
pub(super) fn is_simple(option: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "_+=,./:-".contains(c);
    option.chars().all(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_could_read_a_file_or_a_clock_is_not_plain() {
        for text in [
            "",
            "adcx %r10,%r10",
            ".cfi_startproc",
            "#if defined(__clang__)\nClang __clang_major__\n#else\nunknown\n#endif",
            "int foo(void) { char X[200]; return 3; }",
            "void foo(void) { asm inline (\"\"); }",
        ] {
            assert!(is_plain(text.as_bytes()), "{text}");
        }
        for text in [
            "#include <a.h>",
            "#i\\\nnclude \"a.h\"",
            "%:include \"a.h\"",
            "??=include \"a.h\"",
            ".INCBIN \"a\"",
            "asm(\".in\" \"cbin \\\"a\\\"\");",
            "asm(\".in\" \"cb\" \"in 'a'\");",
            ".macro m a b",
            "# 1 \"a.c\"",
            "#pragma GCC dependency \"a.h\"",
            "/**/#if 0",
            "\0#if 0",
            "_Pragma(\"GCC dependency <a.h>\") int x;",
            "int x __attribute__((section(\"a\")));",
            "asm(R\"(a)\");",
            ".file 1 \"a.c\"\n.loc 1 1\nnop",
            "#if __has_include(\"a.h\")",
            "__DATE__",
            "#define P(a, b) a ## b",
        ] {
            assert!(!is_plain(text.as_bytes()), "{text}");
        }
        assert!(!is_plain(b"\xff"));
        assert!(!is_plain(&vec![b' '; LONGEST + 1]));
    }
}
