//! Limits on the number of trials and compile jobs.

use std::num::NonZeroUsize;

use crate::{Error, Result};

/// A trial takes a build tree, a gigabyte of memory or two, and descriptors.
const MOST_JOBS: usize = 512;

/// Each compile job is a byte in a pipe, which must hold all of them. The kernel guarantees 4,096.
const MOST_BUILD_JOBS: usize = 4096;

/// Checks the number of trials at once.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage): too many.
pub fn check_jobs(jobs: NonZeroUsize) -> Result<NonZeroUsize> {
    if jobs.get() > MOST_JOBS {
        return Err(Error::usage(format!(
            "{jobs} trials at once are too many: at most {MOST_JOBS}"
        ))
        .hint("give fewer by --jobs"));
    }
    Ok(jobs)
}

/// Checks the number of compile jobs at once.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage): too many.
pub fn check_build_jobs(jobs: NonZeroUsize) -> Result<NonZeroUsize> {
    if jobs.get() > MOST_BUILD_JOBS {
        return Err(Error::usage(format!(
            "{jobs} compile jobs at once are too many: at most {MOST_BUILD_JOBS}"
        ))
        .hint("give fewer by --build-jobs; as many as there are cores are best"));
    }
    Ok(jobs)
}

/// Checks the number of trials that a run may take.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage): none at all.
pub fn check_budget(trials: Option<u32>) -> Result<()> {
    if trials == Some(0) {
        return Err(Error::usage("no trials at all are too few")
            .hint("the first is that of the start: give 1 or more to --budget-trials"));
    }
    Ok(())
}
