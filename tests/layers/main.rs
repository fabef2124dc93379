//! The rules of who may use whom, checked on the source text.
#![allow(clippy::unwrap_used)]

mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use uses::Crate;

/// A source file without its comments.
struct Source {
    /// Relative to `src/`.
    path: PathBuf,
    lines: Vec<String>,
}

impl Source {
    fn is_in(&self, module: &str) -> bool {
        self.path.starts_with(module) || self.path == Path::new(&format!("{module}.rs"))
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs")
    }

    /// The lines of the program itself: a test module is the last thing in a file.
    fn program(&self) -> impl Iterator<Item = &String> {
        let end = if self.is_test() {
            0
        } else {
            let tests = self.lines.iter().position(|l| l.contains("#[cfg(test)]"));
            let module = |i: &usize| {
                self.lines[*i..]
                    .iter()
                    .any(|l| l.starts_with("mod tests {"))
            };
            tests.filter(module).unwrap_or(self.lines.len())
        };
        self.lines[..end].iter()
    }
}

fn sources() -> Vec<Source> {
    fn walk(root: &Path, dir: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
                found.push(Source {
                    path: path.strip_prefix(root).unwrap().to_owned(),
                    lines: text.lines().map(code).collect(),
                });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    assert!(found.len() > 50, "the sources are not where they were");
    found
}

/// The program lines that have one of `texts`, in files outside of `modules`.
fn offenders(texts: &[&str], modules: &[&str]) -> Vec<String> {
    let mut bad = Vec::new();
    for source in sources() {
        if modules.iter().any(|m| source.is_in(m)) {
            continue;
        }
        for line in source.program() {
            if texts.iter().any(|t| line.contains(t)) {
                bad.push(format!("{}: {}", source.path.display(), line.trim()));
            }
        }
    }
    bad
}

const NONE: Vec<String> = Vec::new();

#[test]
fn only_supervise_starts_processes() {
    let texts = [
        "process::Command",
        "Command::new",
        "process::{Command",
        "libc::fork",
        "posix_spawn",
        "execv",
    ];
    assert_eq!(offenders(&texts, &["supervise"]), NONE);
}

#[test]
fn only_ui_knows_indicatif_and_only_cli_knows_clap() {
    assert_eq!(offenders(&["indicatif"], &["ui"]), NONE);
    assert_eq!(offenders(&["clap"], &["cli"]), NONE);
}

#[test]
fn nothing_uses_cli_but_main() {
    let texts = ["crate::cli", "kbisect::cli", "super::cli"];
    assert_eq!(offenders(&texts, &["main"]), NONE);
}

#[test]
fn only_cli_and_ui_write_to_the_terminal() {
    let texts = [
        "print!(",
        "println!(",
        "eprint!(",
        "eprintln!(",
        "dbg!(",
        "io::stdout",
        "io::stderr",
    ];
    assert_eq!(offenders(&texts, &["cli", "ui"]), NONE);
}

#[test]
fn search_sees_neither_clock_nor_path_nor_thread_nor_chance() {
    let forbidden = [
        "std::fs",
        "std::io",
        "std::time",
        "std::thread",
        "std::path",
        "rand::",
    ];
    let searching = sources().into_iter().filter(|s| s.is_in("search"));
    let bad: Vec<String> = searching
        .flat_map(|s| s.program().cloned().collect::<Vec<_>>())
        .filter(|line| forbidden.iter().any(|f| line.contains(f)))
        .collect();
    assert_eq!(bad, NONE);
}

/// The table of ARCHITECTURE.md: each module and those that it may use.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = include_str!("../../ARCHITECTURE.md");
    let section = text
        .split("## Layout, and who may use whom")
        .nth(1)
        .unwrap();
    let rows = section.split("\n## ").next().unwrap().lines();
    let quoted = |cell: &str| -> Vec<String> {
        let names = cell.split('`').skip(1).step_by(2);
        names.map(str::to_owned).collect()
    };
    rows.filter(|row| row.starts_with("| `"))
        .map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            let module = quoted(cells[1]).remove(0);
            (module, quoted(cells[3]).into_iter().collect())
        })
        .collect()
}

#[test]
fn modules_use_whom_the_table_of_the_architecture_says() {
    let source = Crate::read();
    let allowed = table();
    let all: BTreeSet<String> = allowed.keys().cloned().collect();
    assert_eq!(all, source.top(), "each module has its row");
    let mut wrong = Vec::new();
    for (module, mut used) in source.uses() {
        used.remove("error");
        let none = BTreeSet::new();
        let may = allowed.get(&module).unwrap_or(&none);
        wrong.extend(used.difference(may).map(|to| format!("{module} uses {to}")));
        wrong.extend(
            may.difference(&used)
                .map(|to| format!("{module} does not use {to}")),
        );
    }
    assert_eq!(wrong, NONE);
}

#[test]
fn the_kconfig_engine_could_be_a_crate_of_its_own() {
    assert_eq!(Crate::read().beyond(&["kconfig", "engine"]), NONE);
}

#[test]
fn the_table_of_the_architecture_goes_down_only() {
    let table = table();
    let mut left: BTreeSet<&String> = table.keys().collect();
    loop {
        let is_free = |m: &&&String| table[**m].iter().all(|to| !left.contains(to));
        let free: Vec<&String> = left.iter().filter(is_free).copied().collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module| !free.contains(module));
    }
    assert!(left.is_empty(), "a circle is among {left:?}");
}

#[test]
fn files_of_a_module_do_not_use_one_another_in_circles() {
    assert_eq!(Crate::read().cycles(), BTreeSet::new());
}

#[test]
fn a_grouped_import_a_path_in_a_macro_and_a_re_export_are_seen() {
    let file = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
    let source = Crate::of([
        file("lib.rs", "pub mod a; pub mod b; pub mod c; pub mod d;"),
        file("a/mod.rs", "mod x; mod y; pub use x::X;"),
        file(
            "a/x.rs",
            "use std::{fs, io}; use super::y::Y; pub struct X;",
        ),
        file("a/y.rs", "use super::X; pub struct Y;"),
        file("b.rs", "use crate::{a::X, c as other};"),
        file("c.rs", "fn f() { format!(\"{}\", crate::d::D) }"),
        file(
            "d.rs",
            "#[cfg(test)] mod tests { use crate::a::X; } pub struct D;",
        ),
    ]);
    let names = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<BTreeSet<_>>();
    let uses = source.uses();
    assert_eq!(uses["b"], names(&["a", "c"]));
    assert_eq!(uses["c"], names(&["d"]));
    assert_eq!(uses["d"], names(&[]));
    assert_eq!(source.cycles(), [names(&["a/x.rs", "a/y.rs"])].into());
}
