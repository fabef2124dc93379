//! The rules of who may use whom, checked on the source text.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

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

/// The modules of this crate that `module` uses.
fn used_by(module: &str) -> Vec<String> {
    let mut used = Vec::new();
    for source in sources().iter().filter(|s| s.is_in(module)) {
        for line in source.program() {
            for part in line.split("crate::").skip(1) {
                let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let part = part.trim_start_matches('{');
                let end = part.find(|c| !name(c)).unwrap_or(part.len());
                used.push(part[..end].to_owned());
            }
        }
    }
    used.sort();
    used.dedup();
    used
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

#[test]
fn modules_use_only_those_below_them() {
    let common = ["Error", "ErrorKind", "Result", "error", "model", "places"];
    for (module, below) in [
        ("model", &[][..]),
        ("search", &[]),
        ("journal", &[]),
        ("supervise", &[]),
        ("identity", &["supervise"]),
        ("kconfig", &["identity", "supervise"]),
        ("cc", &["identity", "supervise"]),
        ("build", &["cc", "supervise"]),
        ("oracle", &["identity", "setup", "supervise"]),
        ("boot", &["supervise"]),
        ("ui", &[]),
        ("report", &["journal"]),
    ] {
        let above: Vec<String> = used_by(module)
            .into_iter()
            .filter(|name| {
                name != module
                    && !common.contains(&name.as_str())
                    && !below.contains(&name.as_str())
            })
            .collect();
        assert_eq!(above, NONE, "{module} uses what is not below it");
    }
    assert!(
        used_by("lab").contains(&"build".to_owned()),
        "the check sees something"
    );
}
