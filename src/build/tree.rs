//! One build tree: what is built in it, and what others wrote to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::contents::{self, Contents};
use super::plan::Product;
use super::stamp::Stamp;
use crate::error::unless_absent;
use crate::model::{Fingerprint, sanitize_line};
use crate::{Error, Result};

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
    pub(super) fn is_discarded(&self) -> bool {
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
    /// The tree cannot be looked at, or a file not be removed.
    pub fn undo_writes(&self, before: &Contents, restored: &Path) -> Result<Option<Written>> {
        let now = Contents::of(&self.path)?;
        if now == *before {
            return Ok(None);
        }
        let mut differences = before.differences(&now);
        differences.changed.retain(|path| path != restored);
        let (names, is_discarded) = match differences.changed.is_empty() {
            true => (differences.added, false),
            false => (differences.changed, true),
        };
        if is_discarded {
            self.discard()?;
        } else {
            contents::remove(&self.path, &names)?;
            if let Some(stamp) = Stamp::read(&self.path) {
                stamp.with(&Contents::of(&self.path)?).write(&self.path)?;
            }
        }
        Ok((!names.is_empty()).then_some(Written {
            names,
            is_discarded,
        }))
    }

    /// Nothing is known to be completely built in it.
    pub(super) fn spoil(&self) -> Result<()> {
        Stamp::remove(&self.path)
    }

    /// Removes all of it: nothing may be built from its contents.
    pub(super) fn discard(&self) -> Result<()> {
        self.is_discarded.store(true, Ordering::Relaxed);
        self.spoil()?;
        unless_absent(fs::remove_dir_all(&self.path))
            .map_err(|e| Error::io("remove", &self.path, e))
    }
}

/// What somebody other than make wrote to a build tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// Paths in the tree, sorted: those that were changed; if none was, those that were added.
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
                "existing files were changed, so that the tree is discarded, and the next build takes longer"
            }
            false => "the new files are removed",
        };
        format!(
            "an oracle writes to the build tree ({}): {undone}. Let it write to $KBISECT_TRIAL, or to a copy",
            names.join(", ")
        )
    }
}
