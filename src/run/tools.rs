//! What a run works with, once it is made ready.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::build::MakePlan;
use crate::identity::{self, Seen, SourceTree, Toolset, earlier};
use crate::kconfig::CheckedResolver;
use crate::model::{RunKey, Symbol};
use crate::oracle::Oracle;
use crate::setup::WorkFolder;
use crate::supervise::CancelToken;
use crate::trial::StandIn;
use crate::{Error, Result};

/// What a run works with.
pub(crate) struct Tools {
    pub(crate) resolver: Arc<CheckedResolver>,
    pub(crate) plan: MakePlan,
    pub(crate) oracles: Vec<Oracle>,
    /// The folder of the busybox guest, if an oracle boots it.
    pub(crate) guest: Option<PathBuf>,
    /// The kernel that stands for the start, if there is one.
    pub(crate) stand_in: Option<StandIn>,
    pub(crate) kbisect: PathBuf,
    /// The symbols of the source tree.
    pub(crate) known: HashSet<Symbol>,
    /// What verdicts depend on, besides the resolved config; for [`Want::ResolveOnly`] without what takes long.
    pub(crate) key: RunKey,
    /// The source tree, as it is to stay.
    pub(crate) source: Arc<SourceTree>,
    /// The programs of builds, as they are to stay; for [`Want::ResolveOnly`] none.
    pub(crate) toolset: Arc<Toolset>,
    pub(crate) guest_version: Option<String>,
    /// Kconfig works here; goes when the run ends.
    pub(crate) work: WorkFolder,
}

/// What to do about missing packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenMissing {
    /// Say so and stop.
    Fail,
    /// Install them.
    Install,
}

/// What the tools are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// To build and judge: what verdicts depend on is found out.
    Build,
    /// To ask Kconfig only.
    ResolveOnly,
}

impl Tools {
    /// The key in the form in which the kbisect that began a run wrote `was`. What that one did not look at is
    /// left out.
    ///
    /// # Errors
    /// The source cannot be read.
    pub(crate) fn key_like(&self, was: &RunKey, cancel: &CancelToken) -> Result<RunKey> {
        let guest = self.guest_version.as_deref();
        let oracles = self.oracles.iter().map(|o| o.earlier_id(guest)).collect();
        let mut is = self.key.clone();
        let keys = is.oracles.iter_mut().flatten();
        let were = was.oracles.iter().flatten();
        for ((oracle, key), was) in self.oracles.iter().zip(keys).zip(were) {
            oracle.excuse(was, key);
        }
        earlier::key_like(was, &is, self.source.root(), oracles, cancel)
    }

    /// Is the source still what it was when the tools were made ready?
    ///
    /// # Errors
    /// It is not: the error names the files.
    pub(crate) fn check_source(&self, cancel: &CancelToken) -> Result<()> {
        check_same(&self.source, cancel)
    }
}

/// Is the source still what it was, and was it all the time?
pub(crate) fn check_same(source: &SourceTree, cancel: &CancelToken) -> Result<()> {
    match source.look(source.generation(), cancel)? {
        Seen::Same => Ok(()),
        Seen::Changed(changes) => Err(identity::changed(&changes)),
        seen @ Seen::Touched(_) => Err(Error::failed(format!(
            "the source was written to meanwhile: {}",
            seen.names()
        ))
        .hint("it is as it was: do the same again")),
    }
}
