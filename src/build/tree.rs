//! One build tree: what is built in it, and what others wrote to it.

use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::contents::{self, Contents};
use super::plan::Product;
use super::stamp::Stamp;
use crate::Result;
use crate::model::{Fingerprint, sanitize_line};

/// So many files that an oracle wrote are named, with so many characters of each.
const NAMES: usize = 3;
const NAME_LENGTH: usize = 120;

/// One build tree.
#[derive(Debug)]
pub struct Tree {
    pub(super) path: PathBuf,
    /// Written to while something is built; read while others are copied from it.
    pub(super) lock: RwLock<()>,
    /// What was built in it was discarded.
    is_discarded: AtomicBool,
}

impl Tree {
    /// The tree at this path, with what is there.
    pub(super) fn at(path: PathBuf) -> Self {
        Self {
            path,
            lock: RwLock::new(()),
            is_discarded: AtomicBool::new(false),
        }
    }

    /// Was it discarded since something was built in it?
    #[must_use]
    pub fn is_discarded(&self) -> bool {
        self.is_discarded.load(Ordering::Relaxed)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is completely built in it, if nobody wrote to it since.
    pub(super) fn stamp(&self) -> Option<Fingerprint> {
        let stamp = Stamp::read(&self.path)?;
        stamp.is_of(&self.path).then_some(stamp.fingerprint)
    }

    /// Is `fingerprint` completely built in it, and did nobody write to it since?
    pub(super) fn holds(&self, fingerprint: Fingerprint) -> bool {
        let stamp = Stamp::read(&self.path).filter(|stamp| stamp.fingerprint == fingerprint);
        stamp.is_some_and(|stamp| stamp.is_of(&self.path))
    }

    /// Says that `fingerprint` is completely built in the tree, with this product. Returns what the tree holds.
    ///
    /// # Errors
    /// The tree cannot be looked at, or the stamp cannot be written.
    pub fn built(&self, fingerprint: Fingerprint, product: &Product) -> Result<Contents> {
        let contents = Contents::of(&self.path)?;
        Stamp::new(&self.path, fingerprint, product, &contents).write(&self.path)?;
        self.is_discarded.store(false, Ordering::Relaxed);
        Ok(contents)
    }

    /// Undoes what was written to the tree since it held `before`: removes what was added. If anything else was
    /// changed, apart from the file `restored`, which is known to hold what it held, the tree is discarded: nothing
    /// is left of it. Returns what was written, if anything was.
    ///
    /// # Errors
    /// The tree cannot be looked at, or a file not be removed. The tree is discarded then, now or when it is next
    /// used.
    pub fn undo_writes(
        &self,
        before: &Contents,
        restored: Option<&Path>,
    ) -> Result<Option<Written>> {
        let undone = Contents::of(&self.path).and_then(|now| self.undo(before, &now, restored));
        if undone.is_err() {
            // The first error tells more.
            let _ = self.discard();
        }
        undone
    }

    /// Undoes what is other in `now`.
    fn undo(
        &self,
        before: &Contents,
        now: &Contents,
        restored: Option<&Path>,
    ) -> Result<Option<Written>> {
        if now == before {
            return Ok(None);
        }
        let differences = |now: &Contents| {
            let mut differences = before.differences(now);
            differences.changed.retain(|path| Some(&**path) != restored);
            differences
        };
        let differences_now = differences(now);
        let (names, mut is_discarded) = match differences_now.changed.is_empty() {
            true => (differences_now.added, false),
            false => (differences_now.changed, true),
        };
        if !is_discarded {
            contents::remove(&self.path, &names)?;
            let left = Contents::of(&self.path)?;
            // Somebody may be writing still.
            is_discarded = !differences(&left).is_none();
            if !is_discarded && let Some(stamp) = Stamp::read(&self.path) {
                stamp.with(&left).write(&self.path)?;
            }
        }
        if is_discarded {
            self.discard()?;
        }
        Ok((is_discarded || !names.is_empty()).then_some(Written {
            names,
            is_discarded,
        }))
    }

    /// Nothing is known to be completely built in it.
    pub(super) fn spoil(&self) -> Result<()> {
        Stamp::remove(&self.path)
    }

    /// Removes all of it: nothing may be built from its contents.
    ///
    /// # Errors
    /// It cannot be removed. It is tried again before the tree is used.
    pub fn discard(&self) -> Result<()> {
        self.is_discarded.store(true, Ordering::Relaxed);
        contents::remove_tree(&self.path)?;
        // Last: by a stamp that does not hold, the next session knows of a tree of which something is left.
        self.spoil()
    }

    /// Something else is to be built in it: nothing of what was discarded may be left.
    ///
    /// # Errors
    /// It cannot be removed.
    pub(super) fn begin(&self) -> Result<()> {
        if self.is_discarded() {
            self.discard()?;
            self.is_discarded.store(false, Ordering::Relaxed);
        }
        self.spoil()
    }
}

/// What somebody other than make wrote to a build tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// Paths in the tree, sorted: those that were changed; if none was, those that were added. None if a restored
    /// file is all that was written to at first.
    pub names: Vec<PathBuf>,
    /// Nothing is left of the tree, because it cannot be made what it was.
    pub is_discarded: bool,
}

impl Written {
    /// What the user should know of it.
    pub(super) fn warning(&self) -> String {
        let first = self.names.iter().take(NAMES);
        let mut names: Vec<String> = first
            .map(|path| sanitize_line(&path.to_string_lossy(), NAME_LENGTH))
            .collect();
        if self.names.len() > NAMES {
            names.push(format!("{} more", self.names.len() - NAMES));
        }
        let undone = match self.is_discarded {
            true => {
                "not all of it can be undone, so that the tree is discarded, and the next build takes longer"
            }
            false => "the new files are removed",
        };
        format!(
            "an oracle writes to the build tree ({}): {undone}. Let it write to $KBISECT_TRIAL, or to a copy",
            names.join(", ")
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::super::plan::product_at;
    use super::*;

    /// A tree with a product, and what it holds.
    fn built() -> (tempfile::TempDir, Tree, Contents) {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::at(dir.path().join("tree-000"));
        fs::create_dir_all(tree.path().join("fs")).unwrap();
        let image = tree.path().join("image");
        fs::write(&image, "built").unwrap();
        let product = product_at(&image).unwrap();
        let before = tree.built(Fingerprint([1; 32]), &product).unwrap();
        (dir, tree, before)
    }

    #[test]
    fn what_is_written_while_other_writes_are_undone_discards_the_tree() {
        let (_dir, tree, before) = built();
        fs::write(tree.path().join("first"), "").unwrap();
        let now = Contents::of(tree.path()).unwrap();
        fs::write(tree.path().join("late"), "").unwrap();
        let written = tree.undo(&before, &now, None).unwrap().unwrap();
        assert!(written.is_discarded, "{written:?}");
        assert!(!tree.path().exists());
        assert_eq!(tree.stamp(), None);
    }

    #[test]
    fn a_tree_that_could_not_be_removed_keeps_a_stamp_that_does_not_hold() {
        let (_dir, tree, before) = built();
        // Where the tree was, there is something that is no folder.
        fs::remove_dir_all(tree.path()).unwrap();
        fs::write(tree.path(), "").unwrap();
        assert!(tree.undo_writes(&before, None).is_err());
        assert!(tree.is_discarded());
        assert!(Stamp::read(tree.path()).is_some(), "the next session knows");
        assert_eq!(tree.stamp(), None);
        // It is not used before it is removed.
        assert!(tree.begin().is_err());
        fs::remove_file(tree.path()).unwrap();
        tree.begin().unwrap();
        assert!(!tree.is_discarded());
    }
}
