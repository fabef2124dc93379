//! What trials use besides the source, and since when a look at it is due.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::identity::{Generation, Toolset};
use crate::model::WorkerId;

/// What trials use besides the source, and since when a look is due.
#[derive(Debug, Default)]
pub struct Watch {
    pub(super) toolset: Arc<Toolset>,
    /// Of workers whose last trial was cancelled: nobody looked whether their trees hold what was built from
    /// other contents.
    unsettled: Mutex<BTreeMap<WorkerId, Since>>,
}

/// The state of the source and of the programs when a trial began. The next look compares with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since {
    pub(super) source: Generation,
    /// How often somebody was seen to have written to the programs.
    pub(super) tools: u64,
}

impl Watch {
    /// Watches the programs of builds.
    #[must_use]
    pub fn of(toolset: Arc<Toolset>) -> Self {
        Self {
            toolset,
            unsettled: Mutex::default(),
        }
    }

    pub(super) fn unsettled(&self) -> MutexGuard<'_, BTreeMap<WorkerId, Since>> {
        // It is changed in single steps: a panic elsewhere leaves it whole.
        self.unsettled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
