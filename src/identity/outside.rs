//! Files outside of a source tree that its Makefiles and Kconfig files include.
//!
//! They are found by the text: `include ../common.mk`, `source "$(EXTERNAL)/Kconfig"`. Variables are known that
//! make's command line, the environment, the root's Makefile or the file itself assign. What a name is put together
//! from in other ways is not found, nor is what recipes read elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rayon::prelude::*;
use regex::Regex;

use super::plain::plain;
use super::toolchain::Variables;
use super::tracked::Tracked;

/// How many files are followed.
const MANY: usize = 1000;

/// Bytes of a file that is read: others are no text that a person wrote.
const TEXT: u64 = 1 << 20;

/// How deep variables may refer to each other.
const DEEPEST: u32 = 8;

/// Variables with files that make and shells read before all others.
const READ_FIRST: &[&str] = &["MAKEFILES", "BASH_ENV", "ENV"];

/// What is included from outside of a source tree.
#[derive(Debug, Default)]
pub struct Outside {
    /// Files that are there.
    pub files: Vec<Tracked>,
    /// Where a file would be included if it were there.
    pub absent: Vec<PathBuf>,
}

impl Outside {
    /// What the files `within` the tree `root` include, of these what is no part of it; and those of `named` that
    /// are none: files that somebody else knows to be read, relative to `root`.
    #[must_use]
    pub fn of(root: &Path, within: &[PathBuf], named: &[PathBuf], variables: &Variables) -> Self {
        let root_text = read(&root.join("Makefile")).unwrap_or_default();
        let assigned = assignments(&root_text);
        let tree = Tree {
            root,
            real: root.canonicalize().unwrap_or_else(|_| root.to_owned()),
            variables,
            assigned,
        };
        let found = within.par_iter().filter(|path| may_include(path));
        let mut found: BTreeSet<PathBuf> = found
            .flat_map_iter(|path| tree.included(&root.join(path)))
            .collect();
        found.extend(named.iter().map(|path| plain(&root.join(path))));
        for name in READ_FIRST {
            let paths = variables.get(name).split_whitespace();
            found.extend(paths.map(|path| plain(&root.join(path))));
        }
        let mut outside = Self::default();
        let mut known = BTreeSet::new();
        while let Some(path) = found.pop_first() {
            if tree.has(&path) || known.len() >= MANY || !known.insert(path.clone()) {
                continue;
            }
            if !path.is_file() {
                outside.absent.push(path);
                continue;
            }
            found.extend(tree.included(&path));
            // One that cannot be read is nothing to make either.
            outside
                .files
                .extend(Tracked::new(&path.display().to_string(), &path));
        }
        outside
    }

    /// What a key says of it: of each file a hash of its contents.
    #[must_use]
    pub fn key(&self) -> BTreeMap<String, String> {
        let files = self.files.iter();
        files
            .map(|file| (file.name().to_owned(), file.hash()))
            .collect()
    }
}

/// Where includes are looked for.
struct Tree<'a> {
    root: &'a Path,
    real: PathBuf,
    variables: &'a Variables,
    /// In the Makefile of the root.
    assigned: BTreeMap<String, String>,
}

impl Tree<'_> {
    /// Is this path one of the tree? Then its index has it, whatever is there.
    fn has(&self, path: &Path) -> bool {
        path.starts_with(self.root) || path.starts_with(&self.real)
    }

    /// What the file `path` includes from outside, whether it is there or not.
    fn included(&self, path: &Path) -> Vec<PathBuf> {
        let Some(text) = read(path) else {
            return Vec::new();
        };
        let mut assigned: Option<BTreeMap<String, String>> = None;
        let folder = path.parent().unwrap_or(self.root);
        let mut found = Vec::new();
        for line in INCLUDE.captures_iter(&text) {
            let words = line.get(1).or_else(|| line.get(2));
            let words = words.map_or("", |words| words.as_str());
            // Most lines of a tree stay in it.
            if self.has(path) && !words.contains('/') && !words.contains('$') {
                continue;
            }
            let assigned = assigned.get_or_insert_with(|| assignments(&text));
            let Some(words) = self.expand(words, assigned, folder, 0) else {
                continue;
            };
            for word in words.split_whitespace() {
                let word = word.trim_matches(['"', '\'']);
                // Whether make takes it from the root or from the folder, nobody knows here.
                let paths = [self.root, folder].map(|base| plain(&base.join(word)));
                let is_within = |path: &PathBuf| self.has(path) && path.exists();
                let is_known = paths.iter().any(is_within);
                let outside = paths.into_iter().filter(|path| !self.has(path));
                let wanted = outside.filter(|path| !is_known || path.exists());
                found.extend(wanted.flat_map(matching));
            }
        }
        found
    }

    /// `text` with the values of its variables; nothing if one is not known.
    fn expand(
        &self,
        text: &str,
        assigned: &BTreeMap<String, String>,
        folder: &Path,
        depth: u32,
    ) -> Option<String> {
        if depth > DEEPEST {
            return None;
        }
        let mut text = text.to_owned();
        // The innermost first.
        while let Some(found) = VARIABLE.captures(&text) {
            let (whole, name) = (
                found.get(0)?,
                found.get(1).or_else(|| found.get(2))?.as_str(),
            );
            let value = match name.split_once([' ', ',']) {
                // `$(abspath ../x)`: a path is made plain anyway.
                Some(("abspath" | "realpath" | "wildcard" | "firstword" | "strip", rest)) => {
                    rest.trim().to_owned()
                }
                Some(_) => return None,
                None => self.value(name, assigned, folder, depth)?,
            };
            text.replace_range(whole.range(), &value);
        }
        (!text.contains('$')).then_some(text)
    }

    fn value(
        &self,
        name: &str,
        assigned: &BTreeMap<String, String>,
        folder: &Path,
        depth: u32,
    ) -> Option<String> {
        let path = |path: &Path| path.to_str().map(str::to_owned);
        let given = self.variables.get(name);
        if !given.is_empty() {
            return Some(given.to_owned());
        }
        match name {
            "srctree" | "abs_srctree" | "CURDIR" | "TOPDIR" => return path(self.root),
            "src" | "srcdir" => return path(folder),
            _ => {}
        }
        let value = assigned.get(name).or_else(|| self.assigned.get(name))?;
        self.expand(value, assigned, folder, depth + 1)
    }
}

/// A line that includes, of make and of Kconfig.
static INCLUDE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?m)^[ \t]*(?:(?:-include|sinclude|include)[ \t]+([^#\n]+)|[or]{0,2}source[ \t]+([^#\n]+))"#,
    )
});

/// A variable without another one in it.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| regex(r"\$\(([^()${}]+)\)|\$\{([^(){}$]+)\}"));

static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?m)^[ \t]*(?:export[ \t]+|override[ \t]+)*([A-Za-z_][\w.-]*)[ \t]*(?::{0,3}|\?)=[ \t]*([^#\n]*)",
    )
});

#[allow(
    clippy::expect_used,
    reason = "the texts are constants, and tests use them"
)]
fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}

/// The variables that a text assigns, the first value of each.
fn assignments(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for found in ASSIGNMENT.captures_iter(text) {
        let (name, value) = (found[1].to_owned(), found[2].trim().to_owned());
        all.entry(name).or_insert(value);
    }
    all
}

/// Is it a file in which make or Kconfig looks for includes?
pub(super) fn may_include(path: &Path) -> bool {
    const BEGINS: &[&str] = &[
        "Config",
        "GNUmakefile",
        "Kbuild",
        "Kconfig",
        "Makefile",
        "Platform",
        "makefile",
    ];
    const ENDS: &[&str] = &["mk", "mak", "make", "include"];
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    BEGINS.iter().any(|begin| name.starts_with(begin))
        || path
            .extension()
            .is_some_and(|end| ENDS.iter().any(|known| end == *known))
}

/// A text, if it is one.
fn read(path: &Path) -> Option<String> {
    let meta = fs::metadata(path).ok()?;
    let bytes = (meta.is_file() && meta.len() <= TEXT).then(|| fs::read(path).ok())??;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // Lines that go on.
    Some(text.replace("\\\n", " "))
}

/// The files that a name with `*` in its last part stands for; of another one itself.
fn matching(path: PathBuf) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Vec::new();
    };
    if !name.contains('*') {
        return vec![path];
    }
    let form = regex::escape(name).replace(r"\*", ".*");
    let Ok(form) = Regex::new(&format!("^{form}$")) else {
        return Vec::new();
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter(|entry| form.is_match(&entry.file_name().to_string_lossy()));
    names.take(MANY).map(|entry| entry.path()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A tree `src` with these files beside it and in it, and what is found outside.
    fn outside(files: &[(&str, &str)], args: &[&str]) -> (Vec<String>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().display().to_string();
        let mut within = Vec::new();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.replace("DIR", &at)).unwrap();
            within.extend(name.strip_prefix("src/").map(PathBuf::from));
        }
        let args: Vec<String> = args.iter().map(|arg| arg.replace("DIR", &at)).collect();
        let variables = Variables::of(&args, &[]);
        let found = Outside::of(&dir.path().join("src"), &within, &[], &variables);
        let short = |path: &str| path.replace(&format!("{at}/"), "");
        (
            found.files.iter().map(|file| short(file.name())).collect(),
            found
                .absent
                .iter()
                .map(|path| short(&path.display().to_string()))
                .collect(),
        )
    }

    #[test]
    fn what_is_included_from_outside_is_found_with_what_that_includes() {
        let files = [
            (
                "src/Makefile",
                "EXT ?= $(abspath ../ext)\ninclude ../common.mk\n-include $(EXT)/*.mk \\\n DIR/none.mk\n",
            ),
            (
                "src/sub/Makefile",
                "include $(srctree)/../sub.mk # why\ninclude ../Makefile.in\ninclude $(unknown)/x\n",
            ),
            (
                "src/Kconfig",
                "source \"$(BR2_EXTERNAL)/Kconfig\"\nsource \"sub/Kconfig\"\nosource DIR/none\n",
            ),
            ("common.mk", "include more/rules\n"),
            ("more/rules", ""),
            ("sub.mk", ""),
            ("ext/a.mk", ""),
            ("ext/b.txt", ""),
            ("br/Kconfig", "rsource \"Config.more\"\n"),
            ("br/Config.more", "config X\n"),
            ("other.mk", ""),
        ];
        let (files, absent) = outside(&files, &["BR2_EXTERNAL=DIR/br"]);
        assert!(
            absent.contains(&"none.mk".into()) && absent.contains(&"none".into()),
            "{absent:?}"
        );
        assert!(!absent.contains(&"in.mk".into()), "{absent:?}");
        let expected = [
            "br/Kconfig",
            "br/Config.more",
            "common.mk",
            "ext/a.mk",
            "more/rules",
            "sub.mk",
        ];
        assert_eq!(files, expected);
    }
}
