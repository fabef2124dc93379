//! The files that always hold the smallest configuration that passed so far.

use crate::Result;
use crate::journal::RunDir;
use crate::model::{Fragment, Request, RequestSet};

/// The resolved config of the best, in the run directory.
pub const BEST_CONFIG: &str = "best.config";

/// Its requests.
pub const BEST_FRAGMENT: &str = "best.fragment";

/// The requests of `keep`, in order.
#[must_use]
pub fn fragment_of(requests: &[Request], keep: &RequestSet) -> Fragment {
    Fragment::new(keep.iter().map(|id| requests[id.index()].clone()).collect())
}

/// Replaces both files, each of them at once.
pub(super) fn write_best(dir: &RunDir, config: &str, fragment: &Fragment) -> Result<()> {
    dir.write(BEST_CONFIG, config.as_bytes())?;
    dir.write(BEST_FRAGMENT, fragment.to_string().as_bytes())?;
    Ok(())
}
