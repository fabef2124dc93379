//! A source tree that must not change while a run builds it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::changes::{Changes, names};
use super::index::Index;
use super::mentions::Mentions;
use super::outside::Outside;
use super::stamp;
use super::store::Store;
use super::toolchain::Variables;
use crate::Result;
use crate::model::{Difference, Part, RunKey, SourceId, SourceKey};
use crate::supervise::CancelToken;

/// How often a file is looked at again that a build may be writing.
const LOOKS: u32 = 10;

/// How long it may take to write one: builds write small ones.
const PAUSE: Duration = Duration::from_millis(20);

/// Grows each time that somebody is seen to have written to the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(u64);

/// What a look at the source found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nobody has written to it.
    Same,
    /// Somebody has written to these files since the generation that was asked about. They are again what
    /// they were.
    Touched(BTreeSet<PathBuf>),
    /// It is not what it was.
    Changed(Changes),
}

/// A source tree that is watched.
#[derive(Debug)]
pub struct SourceTree {
    root: PathBuf,
    store: Store,
    state: Mutex<State>,
    warnings: Mutex<Vec<String>>,
}

#[derive(Debug)]
struct State {
    /// The state that the source must keep.
    index: Index,
    mentions: Mentions,
    generation: u64,
    /// What was written to, in each generation from the first on.
    written: Vec<BTreeSet<PathBuf>>,
    /// Files that builds left there, now or earlier: they belong to the source, and a hint can name who left them.
    left: BTreeSet<PathBuf>,
    /// Files that builds were seen to write since the tree was opened. Only of these is a touch no reason for
    /// doubt; nobody knows whether builds write them later too, so a later session looks again.
    by_builds: BTreeSet<PathBuf>,
}

impl State {
    /// Are these only changes of files that builds write or wrote?
    fn is_left(&self, changes: &Changes) -> bool {
        let all = [&changes.changed, &changes.added, &changes.removed];
        let mut all = all.into_iter().flatten();
        all.all(|path| self.left.contains(path) || self.by_builds.contains(path))
    }

    /// Takes files out that builds write.
    fn retain_others(&self, paths: &mut BTreeSet<PathBuf>) {
        paths.retain(|path| !self.by_builds.contains(path));
    }
}

impl SourceTree {
    /// Looks at the tree `root`; what is known of it from earlier looks is in the cache folder `cache`.
    ///
    /// # Errors
    /// A folder cannot be read, or the cache not be written;
    /// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted).
    pub fn open(root: &Path, cache: &Path, cancel: &CancelToken) -> Result<Self> {
        let store = Store::within(cache);
        let kept = store.tree(root);
        let mentions = Mentions::default();
        let known = kept.clone().unwrap_or_default();
        let (index, _) = known.look(root, &mentions, cancel)?;
        if kept.as_ref() != Some(&index) {
            store.keep_tree(root, &index)?;
        }
        let left = store.left(root);
        Ok(Self {
            root: root.to_owned(),
            store,
            state: Mutex::new(State {
                index,
                mentions,
                generation: 0,
                written: Vec::new(),
                left,
                by_builds: BTreeSet::new(),
            }),
            warnings: Mutex::default(),
        })
    }

    /// Was this tree looked at before? If not, all of it will be read.
    #[must_use]
    pub fn is_known(root: &Path, cache: &Path) -> bool {
        Store::within(cache).tree(root).is_some()
    }

    /// The files that builds were seen to leave in the tree `root`.
    #[must_use]
    pub fn left_in(root: &Path, cache: &Path) -> Vec<PathBuf> {
        Store::within(cache).left(root).into_iter().collect()
    }

    /// Notes that builds leave these files in the tree `root`.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn note_left(root: &Path, cache: &Path, paths: &[PathBuf]) -> Result<()> {
        let store = Store::within(cache);
        let mut left = store.left(root);
        left.extend(paths.iter().cloned());
        store.keep_left(root, &left)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is changed in single steps: a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the tree is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What it is.
    #[must_use]
    pub fn id(&self) -> SourceId {
        let state = self.state();
        SourceId {
            hash: state.index.hash().to_hex()[..32].to_owned(),
            files: state.index.entries.len(),
        }
    }

    /// A name for the state of all its files, times included: what was built from it in another state may be
    /// built from other contents.
    #[must_use]
    pub fn state_id(&self) -> String {
        let state = self.state();
        state.index.state(&state.by_builds).to_hex().to_string()
    }

    /// What its Makefiles and Kconfig files include from outside; see [`Outside::of`].
    #[must_use]
    pub fn outside(&self, named: &[PathBuf], variables: &Variables) -> Outside {
        let entries = self.state().index.entries.clone();
        let within: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path).collect();
        Outside::of(&self.root, &within, named, variables)
    }

    /// Keeps the list of its files, so that what is not the same later can be named.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn keep(&self) -> Result<()> {
        let hash = self.id().hash;
        self.store.keep_contents(&hash, &self.state().index)
    }

    /// What is not as it was in the tree with this hash; `None` if nobody knows its files any more.
    #[must_use]
    pub fn since(&self, hash: &str) -> Option<Changes> {
        let was = self.store.contents(hash)?;
        let mut changes = was.compare(&self.state().index).changes;
        changes.changed.retain(|path| {
            let earlier = stamp::earlier_sum(&self.root.join(path));
            earlier.is_none() || earlier != was.entry(path).map(|entry| entry.reading.sum)
        });
        if changes.only_adds() {
            // What a build left there is there for all that follow.
            let state = self.state();
            changes.added.retain(|path| !state.left.contains(path));
        }
        Some(changes)
    }

    /// Names the files that are not what they were, in what `differs` from the key `was` of an earlier run. A
    /// source in which there is only what builds left there is no difference.
    #[must_use]
    pub fn explain(&self, was: &RunKey, mut differs: Vec<Difference>) -> Vec<Difference> {
        let at = differs.iter().position(|d| d.part == Part::Source);
        let (Some(at), Some(SourceKey::Contents(was))) = (at, &was.source) else {
            return differs;
        };
        let changes = self.since(&was.hash);
        if changes.as_ref().is_some_and(Changes::is_empty) {
            differs.remove(at);
            return differs;
        }
        differs[at].details = vec![match changes {
            Some(changes) => format!("the source was changed: {changes}"),
            None => "the source was changed; which files is not known".to_owned(),
        }];
        differs
    }

    /// The present state: a later look asks what changed since.
    #[must_use]
    pub fn generation(&self) -> Generation {
        Generation(self.state().generation)
    }

    /// Looks whether it is what it was.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn look(&self, since: Generation, cancel: &CancelToken) -> Result<Seen> {
        let mut state = self.state();
        let (mut now, mut look) = state.index.look(&self.root, &state.mentions, cancel)?;
        for _ in 0..LOOKS {
            // A build may be writing it at this moment.
            if look.changes.is_empty() || !state.is_left(&look.changes) {
                break;
            }
            thread::sleep(PAUSE);
            (now, look) = state.index.look(&self.root, &state.mentions, cancel)?;
        }
        let mut written: BTreeSet<PathBuf> = look.touched.into_iter().collect();
        state.retain_others(&mut written);
        if !look.changes.is_empty() {
            written.extend(look.changes.changed.iter().cloned());
            written.extend(look.changes.added.iter().cloned());
            written.extend(look.changes.removed.iter().cloned());
        }
        if !written.is_empty() {
            state.generation += 1;
            state.written.push(written);
        }
        if !look.changes.is_empty() {
            // It is still to be what it was.
            return Ok(Seen::Changed(look.changes));
        }
        if state.index != now {
            // If it is not kept, the next run reads those files once more.
            let _ = self.store.keep_tree(&self.root, &now);
            state.index = now;
        }
        // There are as many as generations.
        let since = state.written.iter().skip(since.0 as usize);
        let mut touched: BTreeSet<PathBuf> = since.flatten().cloned().collect();
        state.retain_others(&mut touched);
        Ok(if touched.is_empty() {
            Seen::Same
        } else {
            Seen::Touched(touched)
        })
    }

    /// Builds left these new files: they become a part of the state that the source must keep, now and later.
    ///
    /// # Errors
    /// As for [`Self::open`]; the cache cannot be written.
    pub fn adopt(&self, paths: &BTreeSet<PathBuf>, cancel: &CancelToken) -> Result<()> {
        let mut state = self.state();
        let (now, _) = state.index.look(&self.root, &state.mentions, cancel)?;
        let is_new = |path: &Path| state.index.entry(path).is_none() && paths.contains(path);
        let new: Vec<_> = now
            .entries
            .into_iter()
            .filter(|e| is_new(&e.path))
            .collect();
        state.index.entries.extend(new);
        state.index.sort();
        state.left.extend(paths.iter().cloned());
        state.by_builds.extend(paths.iter().cloned());
        self.store.keep_left(&self.root, &state.left)?;
        self.store.keep_tree(&self.root, &state.index)
    }

    /// Builds write these files of the source each time, with the contents that they have: until the tree is
    /// opened again, a touch of them is no reason for doubt.
    pub fn expect_writes(&self, paths: &BTreeSet<PathBuf>) {
        self.state().by_builds.extend(paths.iter().cloned());
    }

    /// Are these only changes of files that builds write?
    #[must_use]
    pub fn is_by_builds(&self, changes: &Changes) -> bool {
        self.state().is_left(changes)
    }

    /// Has something to say to the user.
    pub fn warn(&self, text: impl Into<String>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.push(text.into());
    }

    /// What was not told yet.
    pub fn take_warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut warnings)
    }
}

impl Seen {
    /// The names of the files, for people.
    #[must_use]
    pub fn names(&self) -> String {
        match self {
            Self::Same => String::new(),
            Self::Touched(paths) => names(&paths.iter().cloned().collect::<Vec<_>>()),
            Self::Changed(changes) => changes.to_string(),
        }
    }
}

/// The source is not what it was: what to do.
#[must_use]
pub fn changed(changes: &Changes) -> crate::Error {
    crate::Error::failed(format!("the source was changed: {changes}")).hint(
        "put it back as it was and `kbisect resume`: nothing is lost; or start a new run with another --output",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
