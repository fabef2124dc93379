//! The pool of build trees: one for each worker, and the base.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::contents::{self, Contents};
use super::stamp::Stamp;
use super::sync::sync;
use super::tree::{Tree, Written};
use crate::error::unless_absent;
use crate::model::{Fingerprint, Origin, WorkerId};
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// What the names of trees begin with.
const TREE: &str = "tree-";

/// The trees of a run.
#[derive(Debug)]
pub struct TreePool {
    root: PathBuf,
    /// Set once it was told that an oracle writes to a tree.
    is_told: OnceLock<()>,
    /// What all that is built begins from.
    origin: Origin,
    /// Whoever has it may wait for the lock of a tree; nobody who writes to the base waits for it.
    roles: Mutex<Roles>,
}

#[derive(Debug)]
struct Roles {
    /// The tree of each worker.
    of_worker: Vec<Arc<Tree>>,
    /// What each of them holds that was accepted, as long as nothing else is begun in it.
    accepted: Vec<Option<Fingerprint>>,
    /// The tree that all trials begin from, or that will become it.
    base: Arc<Tree>,
    /// What is built in the base; nothing at first.
    base_holds: Option<Fingerprint>,
}

impl TreePool {
    /// The number of trees for so many workers: one each, and the base.
    #[must_use]
    pub fn size(workers: usize) -> usize {
        workers + 1
    }

    /// Opens the trees in the folder `root` for so many workers; makes what is missing.
    /// A tree that an earlier run left completely built, of `wanted` if there is one, becomes
    /// the base.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(root: &Path, workers: usize, wanted: Option<Fingerprint>) -> Result<Self> {
        fs::create_dir_all(root).map_err(|e| Error::io("make the folder", root, e))?;
        let mut trees: Vec<Arc<Tree>> = (0..Self::size(workers))
            // Names of one length: see `sync`.
            .map(|i| root.join(format!("{TREE}{i:03}")))
            .map(|path| Arc::new(Tree::at(path)))
            .collect();
        for Tree { path, .. } in trees.iter().map(Arc::as_ref) {
            // An oracle put it in the place of a tree.
            if fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_dir()) {
                fs::remove_file(path).map_err(|e| Error::io("remove", path, e))?;
            }
        }
        let stamps: Vec<Option<Fingerprint>> = trees.iter().map(|t| t.stamp()).collect();
        for (tree, stamp) in trees.iter().zip(&stamps) {
            // A trial that was killed may have changed files whose times do not show it.
            if stamp.is_none() && Stamp::read(&tree.path).is_some() {
                tree.discard()?;
            }
        }
        let best = stamps
            .iter()
            .position(|s| s.is_some() && *s == wanted)
            .or_else(|| stamps.iter().position(Option::is_some));
        let base = trees.remove(best.unwrap_or(0));
        let base_holds = best.and_then(|i| stamps[i]);
        Ok(Self {
            root: root.to_owned(),
            is_told: OnceLock::new(),
            origin: Origin::Earlier,
            roles: Mutex::new(Roles {
                accepted: vec![None; trees.len()],
                of_worker: trees,
                base,
                base_holds,
            }),
        })
    }

    /// The same trees. With [`Origin::Empty`] whatever is built in them is built from nothing.
    #[must_use]
    pub fn building(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    fn roles(&self) -> MutexGuard<'_, Roles> {
        // The roles are changed in single steps: a panic elsewhere leaves them whole.
        self.roles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is built in the base.
    #[must_use]
    pub fn base_holds(&self) -> Option<Fingerprint> {
        let roles = self.roles();
        roles.base_holds.filter(|_| !roles.base.is_discarded())
    }

    /// Where the base is.
    #[must_use]
    pub fn base_path(&self) -> PathBuf {
        self.roles().base.path.clone()
    }

    /// Makes the worker's tree equal to the base (empty, if there is none yet), and runs
    /// `work` in it while no one else touches it. `None` when `cancel` was quicker.
    ///
    /// A tree in which `wanted` is completely built is left as it is. With [`Origin::Empty`] the tree is emptied
    /// whatever is in it. `work` is told what is completely built in the tree; of an empty one, nothing.
    ///
    /// # Errors
    /// Those of copying, and those of `work`.
    ///
    /// # Panics
    /// When the pool has no such worker.
    pub fn with_tree<T>(
        &self,
        worker: WorkerId,
        wanted: Fingerprint,
        origin: Origin,
        cancel: &CancelToken,
        work: impl FnOnce(&Tree, Option<Fingerprint>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut roles = self.roles();
        roles.accepted[worker.0 as usize] = None;
        let tree = Arc::clone(&roles.of_worker[worker.0 as usize]);
        let is_incremental = origin == Origin::Earlier && self.origin == Origin::Earlier;
        let base_holds = roles.base_holds.filter(|_| is_incremental);
        let base = base_holds.is_some().then(|| Arc::clone(&roles.base));
        // Before the roles can change: whoever is given this tree then must not build in it
        // while we copy. Only [`Self::with_base`] writes to the base, for a moment.
        let reading = base
            .as_ref()
            .map(|base| base.lock.read().unwrap_or_else(PoisonError::into_inner));
        drop(roles);
        let is_there = |base: &&Arc<Tree>| !base.is_discarded();
        let from = base.as_ref().filter(is_there);
        let base_holds = base_holds.filter(|_| from.is_some());
        // Waits for those who still copy from it, if it was the base a moment ago. They began
        // before us, so nobody waits in a circle.
        let _writing = tree.lock.write().unwrap_or_else(PoisonError::into_inner);
        if origin == Origin::Earlier && tree.holds(wanted) {
            drop(reading);
            return work(&tree, Some(wanted)).map(Some);
        }
        tree.begin()?;
        match from {
            Some(base) => {
                if sync(&base.path, &tree.path, cancel)?.is_none() {
                    return Ok(None);
                }
            }
            None => {
                // Whatever an earlier run left here is not known to be whole.
                contents::remove_tree(&tree.path)?;
                fs::create_dir_all(&tree.path)
                    .map_err(|e| Error::io("make the folder", &tree.path, e))?;
            }
        }
        drop(reading);
        work(&tree, base_holds).map(Some)
    }

    /// Notes that `fingerprint` was built in the worker's tree, and accepted: the tree may become the base, until
    /// something else is begun in it.
    ///
    /// # Panics
    /// When the pool has no such worker.
    pub fn accepted(&self, worker: WorkerId, fingerprint: Fingerprint) {
        self.roles().accepted[worker.0 as usize] = Some(fingerprint);
    }

    /// A worker's tree in which `fingerprint` was [accepted](Self::accepted) becomes the base; the worker gets the old
    /// one. Its next trial begins with a copy anyway. Nothing changes if there is no such tree any more, or if it was
    /// discarded since.
    pub fn promote(&self, fingerprint: Fingerprint) {
        let mut roles = self.roles();
        let Roles {
            of_worker,
            accepted,
            base,
            base_holds,
        } = &mut *roles;
        let holds = |held: &Option<Fingerprint>| *held == Some(fingerprint);
        let Some(worker) = accepted.iter().position(holds) else {
            return;
        };
        accepted[worker] = None;
        let tree = &mut of_worker[worker];
        if tree.is_discarded() {
            return;
        }
        std::mem::swap(tree, base);
        *base_holds = Some(fingerprint);
    }

    /// Runs `work` on the base, and undoes what it wrote there, as [`Tree::undo_writes`] does. Returns what came of
    /// the work, and what it wrote.
    ///
    /// # Errors
    /// The tree cannot be looked at, or a file not be removed. No trial begins from it then.
    pub fn with_base<T>(&self, work: impl FnOnce(&Path) -> T) -> Result<(T, Option<Written>)> {
        let base = Arc::clone(&self.roles().base);
        let before = Contents::of(&base.path)?;
        let done = work(&base.path);
        let _writing = base.lock.write().unwrap_or_else(PoisonError::into_inner);
        // No file is excepted: nobody knows what one holds that was written to.
        let written = base.undo_writes(&before, None)?;
        Ok((done, written))
    }

    /// What the user should know of what an oracle wrote to a tree; only the first time.
    #[must_use]
    pub fn warning_of(&self, written: &Written) -> Option<String> {
        let is_first = self.is_told.set(()).is_ok();
        is_first.then(|| written.warning())
    }

    /// What is built in the trees is not to be relied on any more: later trials begin from nothing. One that is
    /// under way in a tree may still be promoted.
    ///
    /// # Errors
    /// A stamp cannot be removed.
    pub fn forget(&self) -> Result<()> {
        let mut roles = self.roles();
        roles.base_holds = None;
        roles.accepted.fill(None);
        drop(roles);
        // Those of more workers than there are now, too.
        let read = |e| Error::io("read the folder", &self.root, e);
        for entry in fs::read_dir(&self.root).map_err(read)? {
            let path = entry.map_err(read)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(TREE) && name.ends_with(".json") {
                unless_absent(fs::remove_file(&path)).map_err(|e| Error::io("remove", &path, e))?;
            }
        }
        Ok(())
    }

    /// What is built in the tree of this worker is not to be relied on: its next trial builds anew.
    ///
    /// # Errors
    /// The stamp cannot be removed.
    ///
    /// # Panics
    /// When the pool has no such worker.
    pub fn forget_tree_of(&self, worker: WorkerId) -> Result<()> {
        let mut roles = self.roles();
        roles.accepted[worker.0 as usize] = None;
        roles.of_worker[worker.0 as usize].spoil()
    }

    /// Bytes on disk of the base, times the number of trees: what all of them will take.
    #[must_use]
    pub fn expected_size(&self) -> u64 {
        let roles = self.roles();
        let one = fs_extra::dir::get_size(&roles.base.path).unwrap_or(0);
        one * (roles.of_worker.len() as u64 + 1)
    }
}

#[cfg(test)]
mod tests;
