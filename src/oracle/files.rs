//! The files of an oracle: its program, and the files of its folder that it calls or reads.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::listing::Listing;
use crate::identity::Tracked;
use crate::{Error, Result};

/// Bytes of a text that is searched for names.
const TEXT: usize = 1 << 20;

/// The program of an oracle and the files beside it that it names, themselves or through others. A file that
/// the oracle only writes is none of them. What lies elsewhere: see [`super::uses`].
///
/// # Errors
/// The program cannot be read.
pub(super) fn of(program: &Path) -> Result<Vec<Tracked>> {
    let folder = program.parent().unwrap_or(Path::new("/"));
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let bytes = fs::read(program).map_err(|e| Error::io("read", program, e))?;
    let mut all = vec![Tracked::new(&name, program)?];
    let mut known: BTreeSet<PathBuf> = [program.to_owned()].into();
    let mut texts: Vec<String> = text(&bytes).into_iter().collect();
    let listing = Listing::of(folder);
    while let Some(text) = texts.pop() {
        for name in names(&text) {
            if !listing.may_have_module(name) {
                continue;
            }
            for name in files(name) {
                let path = folder.join(&name);
                if !path.is_file() || known.contains(&path) {
                    continue;
                }
                if !is_program(&path) && is_written(&text, &name) {
                    continue;
                }
                known.insert(path.clone());
                // One that cannot be read is nothing to the oracle either.
                let Ok(file) = Tracked::new(&name, &path) else {
                    continue;
                };
                all.push(file);
                texts.extend(fs::read(&path).ok().and_then(|bytes| self::text(&bytes)));
            }
        }
    }
    all[1..].sort_by(|a, b| a.name().cmp(b.name()));
    Ok(all)
}

/// What may be the name of a file in `text`: of `"$here/data/x.txt"` also `data/x.txt` and `x.txt`.
fn names(text: &str) -> BTreeSet<&str> {
    let inner = |c: char| c.is_alphanumeric() || "._-+@/".contains(c);
    let mut found = BTreeSet::new();
    for word in text.split(|c| !inner(c)) {
        // It may end a sentence.
        let word = word.trim_end_matches(['.', '/']);
        let ends = word.match_indices('/').map(|(at, _)| &word[at + 1..]);
        let ends = std::iter::once(word).chain(ends);
        found.extend(ends.filter(|end| {
            let mut parts = end.split('/');
            parts.all(|part| !matches!(part, "" | "." | ".."))
        }));
    }
    found
}

/// The files that a name may stand for: of a module, which has no ending where it is imported, and dots between
/// its folders.
fn files(name: &str) -> impl Iterator<Item = String> {
    let module = name.replace('.', "/");
    let modules = [name.to_owned(), module];
    let with_end = move |module: &String| MODULE_ENDS.map(|end| format!("{module}.{end}"));
    let found: BTreeSet<String> = modules.iter().flat_map(with_end).collect();
    std::iter::once(name.to_owned()).chain(found)
}

/// What the names of files end with that a language adds.
const MODULE_ENDS: [&str; 6] = ["py", "rb", "pl", "pm", "lua", "js"];

/// `None`: it is no text.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let begin = &bytes[..bytes.len().min(TEXT)];
    let is_text = memchr::memchr(0, begin).is_none();
    is_text.then(|| String::from_utf8_lossy(begin).into_owned())
}

/// Is it something to be run or to be sourced, which an oracle does not write?
pub(super) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    const ENDS: &[&str] = &[
        "sh", "bash", "py", "pl", "rb", "lua", "awk", "sed", "exp", "tcl", "js",
    ];
    let is_executable = |meta: fs::Metadata| meta.permissions().mode() & 0o111 != 0;
    path.extension()
        .is_some_and(|end| ENDS.iter().any(|e| end == *e))
        || fs::metadata(path).is_ok_and(is_executable)
}

/// Does `text` write to the file `name`, or to a variable that has it? Then it is a counter or a log.
fn is_written(text: &str, name: &str) -> bool {
    // Also `[ $x = 1 ]`, as ever: what is left out of an oracle's own files here, `super::uses` looks at again.
    writes_to(text, name, r"(?m)(\w+)\s*=[^\n]*")
}

/// The same, where `assigned` is what stands before the name where a variable gets it.
pub(super) fn writes_to(text: &str, name: &str, assigned: &str) -> bool {
    let name = regex::escape(name);
    let mut targets = vec![name.clone()];
    if let Ok(assigned) = Regex::new(&format!("{assigned}{name}")) {
        let variables = assigned
            .captures_iter(text)
            .map(|found| found[1].to_owned());
        targets.extend(variables.map(|variable| format!(r"\b{variable}\b")));
    }
    targets.iter().any(|target| {
        let forms = [
            format!(r#">\|?[ \t]*[^\s;|&<>]*{target}["'}}]*(\s|[;|&)]|$)"#),
            format!(r"\b(tee|touch|mkdir|flock|truncate)\b[^\n;|&]*{target}"),
            // What is removed or copied to comes last; what is copied is read.
            format!(r#"\b(rm|mv|cp)\b[^\n;|&]*{target}["'}}]*[ \t]*([;|&)\n]|$)"#),
            format!(r#"\bdd\b[^\n;|&]*\bof=[^\s;|&]*{target}"#),
            format!(r#"\bopen\([^)\n]*{target}[^)\n]*['"][wax]"#),
            format!(r"{target}[^\n]*\bwrite_"),
        ];
        forms
            .iter()
            .any(|form| Regex::new(form).is_ok_and(|form| form.is_match(text)))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parts(files: &[(&str, &str)]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let all = of(&dir.path().join(files[0].0)).unwrap();
        all.iter().map(|file| file.name().to_owned()).collect()
    }

    #[test]
    fn an_oracle_is_made_of_what_it_names_and_what_that_names() {
        let files = [
            ("ok", "#!/bin/sh\n. \"$(dirname \"$0\")/lib.sh\"\ncheck\n"),
            ("sub/else.sh", "no\n"),
            ("lib.sh", "check() { grep -f data/expected.txt log; }\n"),
            ("data/expected.txt", "ok\n"),
            ("other.sh", "exit 1\n"),
            ("lib.sh.bak", "old\n"),
        ];
        assert_eq!(parts(&files), ["ok", "data/expected.txt", "lib.sh"]);
    }

    #[test]
    fn what_an_oracle_writes_is_no_part_of_it() {
        let files = [
            (
                "ok",
                "#!/bin/sh\nhere=${0%/*}\ncount=$here/count\necho x >>\"$count\"\ndate > \"$here/log\"\n\
                 grep -q y \"$here/wanted\"\n. \"$here/lib.sh\" >/dev/null\n",
            ),
            ("count", "x\n"),
            ("log", "x\n"),
            ("wanted", "x\n"),
            ("lib.sh", "x\n"),
        ];
        assert_eq!(parts(&files), ["ok", "lib.sh", "wanted"]);
    }

    #[test]
    fn what_an_oracle_copies_is_read_and_what_it_copies_to_is_written() {
        let files = [
            (
                "ok",
                "#!/bin/sh\nhere=${0%/*}\ncp \"$here/disk.img\" \"$KBISECT_TRIAL\"\n\
                 dd if=\"$here/boot.img\" of=\"$here/out.img\"\ncp x \"$here/last\"\nrm -f \"$here/old\"\n",
            ),
            ("disk.img", "x\n"),
            ("boot.img", "x\n"),
            ("out.img", "x\n"),
            ("last", "x\n"),
            ("old", "x\n"),
        ];
        assert_eq!(parts(&files), ["ok", "boot.img", "disk.img"]);
    }

    #[test]
    fn an_imported_module_is_a_part_of_the_oracle() {
        let files = [
            (
                "ok",
                "#!/usr/bin/python3\nimport wanted\nfrom lib.more import x\n",
            ),
            ("wanted.py", "x = 1\n"),
            ("lib/more.py", "x = 1\n"),
            ("other.py", "x = 1\n"),
        ];
        assert_eq!(parts(&files), ["ok", "lib/more.py", "wanted.py"]);
    }

    #[test]
    fn a_binary_names_nothing() {
        assert_eq!(
            parts(&[("ok", "\u{7f}ELF\0lib.sh"), ("lib.sh", "")]),
            ["ok"]
        );
    }
}
