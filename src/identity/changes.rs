//! The changed files of a source tree, by name.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::sanitize_line;

/// How many files are named.
const NAMED: usize = 3;

/// Longest name of a file that is shown, in characters.
const LONGEST: usize = 200;

/// Files with other contents than before; all paths are relative to the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// They have other contents, or became executable or not.
    pub changed: Vec<PathBuf>,
    /// They were not there.
    pub added: Vec<PathBuf>,
    /// They are not there any more.
    pub removed: Vec<PathBuf>,
}

impl Changes {
    /// Is all as it was?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many files are not as they were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changed.len() + self.added.len() + self.removed.len()
    }

    /// Is there nothing but new files?
    #[must_use]
    pub fn only_adds(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }
}

/// `kernel/fork.c, init/main.c (removed) (and 2 more)`.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |paths: &[PathBuf], word: &'static str| -> Vec<String> {
            let named = paths.iter().take(NAMED);
            named.map(|path| format!("{}{word}", shown(path))).collect()
        };
        let mut names = with(&self.changed, "");
        names.extend(with(&self.removed, " (removed)"));
        names.extend(with(&self.added, " (added)"));
        names.truncate(NAMED);
        write!(f, "{}{}", names.join(", "), more(self.len(), names.len()))
    }
}

/// The names of some files, for people.
#[must_use]
pub(super) fn names(paths: &[PathBuf]) -> String {
    let named: Vec<String> = paths.iter().take(NAMED).map(|p| shown(p)).collect();
    format!("{}{}", named.join(", "), more(paths.len(), named.len()))
}

fn shown(path: &Path) -> String {
    sanitize_line(&path.to_string_lossy(), LONGEST)
}

fn more(all: usize, named: usize) -> String {
    match all - named {
        0 => String::new(),
        rest => format!(" (and {rest} more)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_are_named_and_the_others_counted() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect();
        let mut changes = Changes {
            changed: paths(&["kernel/fork.c"]),
            ..Changes::default()
        };
        assert_eq!(changes.to_string(), "kernel/fork.c");
        changes.removed = paths(&["init/main.c"]);
        changes.added = paths(&["a.c", "b.c", "evil\u{1b}[2J"]);
        assert_eq!(
            changes.to_string(),
            "kernel/fork.c, init/main.c (removed), a.c (added) (and 2 more)"
        );
    }

    #[test]
    fn a_name_with_control_characters_is_harmless() {
        let changes = Changes {
            added: vec![PathBuf::from("evil\u{1b}[2J")],
            ..Changes::default()
        };
        assert!(!changes.to_string().contains('\u{1b}'));
    }
}
