//! The other files that an oracle uses: folders beside it, and files and programs elsewhere that it names.
//!
//! Found by the text of the oracle and of what it names, as [`files`](super::files) are:
//!
//! - folders beside it (`rules.d/*`), with all that is in them,
//! - files beside it that lie above it (`../lib/common.sh`),
//! - files, and small folders, that it names from the root (`/etc/site/rules`), but for the system's own programs,
//! - programs outside of the system's folders that it calls by their names and finds through `PATH`; what these name
//!   from the root, but no folders.
//!
//! Not found is what a binary reads, what a name is put together from by variables, what the shell expands
//! (`*.conf` without a folder, `~`), what comes over the network, and the system's programs (`grep`, `ssh`). What is
//! large is known by size and time only; folders of thousands of files, source trees and directories of runs are
//! left out.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::commands::commands;
use super::files::{is_program, text, writes_to};
use super::listing::Listing;
use crate::identity::{Known, Tracked, files_below, plain};
use crate::supervise::find_program;

/// Bytes, of a file or of a folder with all that is in it, up to which contents are read.
const LARGE: u64 = 64 << 20;

/// Files of a folder up to which their contents are read.
const MANY: usize = 256;

/// Files of a folder beside the oracle up to which it is looked at at all.
const MOST: usize = 4000;

/// Files and folders that are followed.
const ALL: usize = 2000;

/// Where the system has what it is made of, and what is never the same.
const SYSTEM: &[&str] = &[
    "/bin",
    "/dev",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr/bin",
    "/usr/sbin",
];

/// Where everybody's temporary files are.
const TEMPORARY: &str = "/tmp";

/// A folder with these files is the directory of a run, or a source tree: that is watched by itself.
const RUN: [&str; 2] = ["run.json", "journal.jsonl"];
const SOURCE: [&str; 2] = ["Makefile", "Kconfig"];

/// What the oracle `program` uses beside `files`, which are its own.
pub(super) fn of(program: &Path, files: &[Tracked]) -> Vec<Tracked> {
    let mut search = Search {
        own: folder_of(program),
        known: files.iter().map(|file| file.path().to_owned()).collect(),
        found: Vec::new(),
        texts: Vec::new(),
        folders: HashMap::new(),
        absent: HashSet::new(),
        called: HashSet::new(),
    };
    for file in files {
        search.read(file.path(), Reach::Beside);
    }
    while let Some(text) = search.texts.pop() {
        search.look(&text);
    }
    search.found.sort_by(|a, b| a.name().cmp(b.name()));
    search.found
}

struct Search {
    /// The oracle's folder.
    own: PathBuf,
    known: BTreeSet<PathBuf>,
    found: Vec<Tracked>,
    /// Texts to look at.
    texts: Vec<Text>,
    /// What is in folders that were looked at.
    folders: HashMap<PathBuf, Listing>,
    /// Where there is nothing.
    absent: HashSet<PathBuf>,
    /// The names of programs that were looked for.
    called: HashSet<String>,
}

struct Text {
    text: String,
    /// Where it is.
    folder: PathBuf,
    /// Does it call programs, as scripts do?
    is_script: bool,
    reach: Reach,
}

/// What a text may name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// All: it was written for the oracle.
    Beside,
    /// Files from the root, and programs. It is one of the programs that are installed, and beside it are others.
    Root,
}

/// Where a name leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Into a folder that people made for the oracle.
    Beside,
    /// Anywhere.
    Elsewhere,
}

impl Search {
    fn read(&mut self, path: &Path, reach: Reach) {
        let is_small = fs::metadata(path).is_ok_and(|meta| meta.len() <= LARGE);
        if let Some(text) = is_small
            .then(|| fs::read(path).ok())
            .flatten()
            .and_then(|b| text(&b))
        {
            self.texts.push(Text {
                is_script: is_program(path) || text.starts_with("#!"),
                text,
                folder: folder_of(path),
                reach,
            });
        }
    }

    fn look(&mut self, of: &Text) {
        let mut seen = HashSet::new();
        for word in of.text.lines().flat_map(words) {
            if !seen.insert(word) {
                continue;
            }
            if word.starts_with('/') {
                self.name(of, word, &plain(Path::new(word)), Place::Elsewhere);
            }
            if of.reach == Reach::Beside {
                for end in ends(word) {
                    if self.may_have(&of.folder, end) {
                        self.name(of, end, &plain(&of.folder.join(end)), Place::Beside);
                    }
                }
            }
        }
        if of.is_script {
            for word in of.text.lines().flat_map(commands) {
                self.program(word);
            }
        }
    }

    /// May there be something of this name in the folder?
    fn may_have(&mut self, folder: &Path, name: &str) -> bool {
        if let Some(listing) = self.folders.get(folder) {
            return listing.may_have(name);
        }
        let listing = Listing::of(folder);
        let may = listing.may_have(name);
        self.folders.insert(folder.to_owned(), listing);
        may
    }

    /// A text names what is at `path`.
    fn name(&mut self, of: &Text, name: &str, path: &Path, place: Place) {
        let is_system = place == Place::Elsewhere
            && (SYSTEM.iter().any(|folder| path.starts_with(folder)) || self.is_temporary(path));
        let is_new = !self.known.contains(path) && self.known.len() < ALL;
        // What lies above the oracle is not made for it.
        if is_system || !is_new || self.own.starts_with(path) || self.absent.contains(path) {
            return;
        }
        let Ok(meta) = fs::metadata(path) else {
            self.absent.insert(path.to_owned());
            return;
        };
        let text = &of.text;
        if meta.is_file() && (is_program(path) || !is_written(text, name)) {
            self.known.insert(path.to_owned());
            self.file(path, meta.len(), of.reach);
        } else if meta.is_dir() && of.reach == Reach::Beside && !is_folder_written(text, name) {
            self.known.insert(path.to_owned());
            self.folder(path, place, text);
        }
    }

    fn file(&mut self, path: &Path, size: u64, reach: Reach) {
        let known = if size > LARGE {
            Known::Stat
        } else {
            Known::Contents
        };
        // One that cannot be read is nothing to the oracle either.
        let file = Tracked::by(known, &self.shown(path), path);
        self.found.extend(file);
        self.read(path, reach);
    }

    fn folder(&mut self, path: &Path, place: Place, text: &str) {
        let has_all = |names: [&str; 2]| names.iter().all(|name| path.join(name).is_file());
        let is_hidden = path.file_name().is_none_or(|name| name == ".git");
        if has_all(RUN) || has_all(SOURCE) || is_hidden {
            return;
        }
        let Ok(names) = files_below(path) else { return };
        let is_run = |name: &PathBuf| name.ends_with(RUN[1]);
        let sizes = names.iter().map(|name| {
            let meta = fs::metadata(path.join(name));
            meta.map_or(0, |meta| meta.len())
        });
        let is_large = names.len() > MANY || sizes.sum::<u64>() > LARGE;
        let is_huge = names.len() > MOST || (is_large && place == Place::Elsewhere);
        if is_huge || names.iter().any(is_run) {
            return;
        }
        let shown = format!("{}/", self.shown(path));
        self.found.extend(Tracked::by(Known::Names, &shown, path));
        for name in names {
            let file = path.join(&name);
            // By the folder's name too: another file of its name may be written elsewhere.
            let is_read = is_program(&file) || !is_written(text, &self.shown(&file));
            if !file.is_file() || !is_read || !self.known.insert(file.clone()) {
                continue;
            }
            let known = if is_large {
                Known::Stat
            } else {
                Known::Contents
            };
            self.found
                .extend(Tracked::by(known, &self.shown(&file), &file));
            if !is_large {
                self.read(&file, Reach::Beside);
            }
        }
    }

    /// A script calls `word`, which may be a program.
    fn program(&mut self, word: &str) {
        // Ours is not the oracle's.
        if word.len() < 2 || word == "kbisect" || self.called.contains(word) {
            return;
        }
        self.called.insert(word.to_owned());
        let Some(path) = find_program(word).and_then(|path| path.canonicalize().ok()) else {
            return;
        };
        let is_system = SYSTEM
            .iter()
            .chain(&["/usr/lib"])
            .any(|folder| path.starts_with(folder))
            || self.is_temporary(&path);
        if !is_system && self.known.len() < ALL && self.known.insert(path.clone()) {
            let size = fs::metadata(&path).map_or(0, |meta| meta.len());
            self.file(&path, size, Reach::Root);
        }
    }

    /// Is it in a temporary folder that others write too? What shares a folder below that with the oracle is its own:
    /// people work there.
    fn is_temporary(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(TEMPORARY) else {
            return false;
        };
        let first = below.components().next();
        let own = self.own.strip_prefix(TEMPORARY);
        own.map_or(true, |own| own.components().next() != first)
    }

    /// How people know it: from the oracle's folder, or from the root.
    fn shown(&self, path: &Path) -> String {
        let short = path.strip_prefix(&self.own).unwrap_or(path);
        short.display().to_string()
    }
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}

/// What may be a path or the name of a program.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let inner = |c: char| c.is_alphanumeric() || "._-+@/".contains(c);
    let words = line.split(move |c| !inner(c));
    words
        .map(|word| word.trim_end_matches(['.', '/']))
        .filter(|word| !word.is_empty())
}

/// Of `here/../data/x` that itself, `../data/x`, `data/x` and `x`.
fn ends(word: &str) -> impl Iterator<Item = &str> {
    let ends = word.match_indices('/').map(|(at, _)| &word[at + 1..]);
    std::iter::once(word).chain(ends).filter(|end| {
        let mut parts = end.split('/').skip_while(|part| *part == "..").peekable();
        parts.peek().is_some() && parts.all(|part| !matches!(part, "" | "." | ".."))
    })
}

/// Does `text` write to the file `name`, or to a variable that is given it by a statement of its own?
fn is_written(text: &str, name: &str) -> bool {
    const ASSIGNED: &str =
        r"(?m)(?:^|[;&|({]|\b(?:then|do|else|export|local|readonly))[ \t]*(\w+)[ \t]*=[^=\n;]*";
    writes_to(text, name, ASSIGNED)
}

/// Does `text` make the folder `name`, or write to files in it?
fn is_folder_written(text: &str, name: &str) -> bool {
    let inner = regex::escape(name);
    let into = regex::Regex::new(&format!(
        r#"(>|\btee\b|\b(cp|mv)\b[^\n;|&]*[ \t])[^\n;|&<>]*{inner}["'}}]*/"#
    ));
    is_written(text, name) || into.is_ok_and(|into| into.is_match(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::files;
    use super::*;

    /// A folder that builds write. They may be made elsewhere.
    fn target() -> std::path::PathBuf {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        fs::create_dir_all(&target).unwrap();
        target
    }

    /// What an oracle `oracle/ok` with this text uses, with these files beside its folder. `DIR` is where all is.
    fn uses(script: &str, others: &[&str]) -> Vec<String> {
        uses_in(&target(), script, others)
    }

    /// The same, of a folder below `parent`.
    fn uses_in(parent: &Path, script: &str, others: &[&str]) -> Vec<String> {
        let dir = tempfile::tempdir_in(parent).unwrap();
        let at = dir.path().display().to_string();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        others.iter().for_each(|name| write(name, "x\n"));
        write("oracle/ok", &script.replace("DIR", &at));
        let program = dir.path().join("oracle/ok");
        let own = files::of(&program).unwrap();
        let found = of(&program, &own);
        let short = |name: &str| name.replace(&format!("{at}/"), "");
        found.iter().map(|file| short(file.name())).collect()
    }

    #[test]
    fn a_folder_that_an_oracle_names_is_a_part_of_it_with_all_that_is_in_it() {
        let script = "#!/bin/sh\nfor f in \"$here\"/rules.d/*; do . \"$f\"; done\n";
        let others = ["oracle/rules.d/a", "oracle/rules.d/b/c", "oracle/other.d/x"];
        let expected = ["rules.d/", "rules.d/a", "rules.d/b/c"];
        assert_eq!(uses(script, &others), expected);
    }

    #[test]
    fn what_an_oracle_names_from_the_root_and_above_it_is_a_part_of_it() {
        let script =
            "#!/bin/sh\n. \"$here/../lib/common.sh\"\ngrep -f DIR/site/rules x\n/bin/true\n";
        let others = ["lib/common.sh", "site/rules", "site/other"];
        let expected = ["lib/common.sh", "site/rules"];
        assert_eq!(uses(script, &others), expected);
    }

    #[test]
    fn what_is_in_the_folder_of_an_oracle_below_tmp_is_a_part_of_it_and_what_others_have_there_is_not()
     {
        let elsewhere = tempfile::NamedTempFile::new_in(TEMPORARY).unwrap();
        let script = format!(
            "#!/bin/sh\ngrep -f DIR/site/rules {}\n",
            elsewhere.path().display()
        );
        let found = uses_in(Path::new(TEMPORARY), &script, &["site/rules"]);
        assert_eq!(found, ["site/rules"]);
    }

    #[test]
    fn what_an_oracle_writes_elsewhere_is_no_part_of_it() {
        let script = "#!/bin/sh\nmkdir -p \"$here/work\"\necho x >>DIR/log/all\necho y >\"$here/logs/one\"\n";
        let others = ["oracle/work/x", "oracle/logs/one", "log/all"];
        assert_eq!(uses(script, &others), [""; 0]);
    }

    #[test]
    fn a_comparison_is_no_assignment_and_what_is_beside_an_oracle_is_looked_at_again() {
        let script = "#!/bin/sh\necho 1 >>\"$calls\"\n[ $calls = 4 ] && f=DIR/site/rules; \
                      [ $calls = 5 ] && grep -f \"$here/wanted\" x\nlog=$here/log; echo 1 >>\"$log\"\n";
        let others = ["site/rules", "oracle/wanted", "oracle/log"];
        assert_eq!(uses(script, &others), ["site/rules", "wanted"]);
    }

    #[test]
    fn what_python_and_editors_leave_in_a_folder_is_no_part_of_an_oracle() {
        let script = "#!/usr/bin/python3\nfrom lib import more\n";
        let others = [
            "oracle/lib/more.py",
            "oracle/lib/__pycache__/more.cpython-311.pyc",
            "oracle/lib/.more.py.swp",
        ];
        assert_eq!(uses(script, &others), ["lib/", "lib/more.py"]);
    }

    #[test]
    fn a_program_found_through_path_is_a_part_of_an_oracle_where_it_is_called_and_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir_in(target()).unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        let tool = write("shims/my-tool", "#!/bin/sh\nexec other x\n");
        write("shims/other", "");
        let mut search = Search {
            own: dir.path().join("oracle"),
            known: BTreeSet::new(),
            found: Vec::new(),
            texts: Vec::new(),
            folders: HashMap::new(),
            absent: HashSet::new(),
            called: HashSet::new(),
        };
        search.file(&tool, 0, Reach::Root);
        while let Some(text) = search.texts.pop() {
            search.look(&text);
        }
        let names: Vec<&Path> = search.found.iter().map(Tracked::path).collect();
        assert_eq!(names, [tool]);
        assert!(search.called.contains("other"));
        // Prose and data call nothing.
        let data = write("oracle/data.txt", "my-tool x\n");
        fs::set_permissions(&data, fs::Permissions::from_mode(0o644)).unwrap();
        search.called.clear();
        search.read(&data, Reach::Beside);
        let text = search.texts.pop().unwrap();
        search.look(&text);
        assert!(search.called.is_empty());
    }

    #[test]
    fn a_run_and_a_source_tree_are_no_part_of_an_oracle() {
        let script = "#!/bin/sh\nls src/ out/ deep/\n";
        let others = [
            "oracle/src/Makefile",
            "oracle/src/Kconfig",
            "oracle/out/run.json",
            "oracle/out/journal.jsonl",
            "oracle/deep/er/journal.jsonl",
        ];
        assert_eq!(uses(script, &others), [""; 0]);
    }
}
