//! Between the run directory and the search: the files of the best, the calls of the search that a journal has.

use std::collections::HashSet;

use crate::Result;
use crate::journal::{Line, Record, RunDir, RunState};
use crate::kconfig;
use crate::model::{Fragment, Request, RequestSet, Symbol};
use crate::search::{Call, Depends};

/// The resolved config of the best, in the run directory.
pub const BEST_CONFIG: &str = "best.config";

/// Its requests.
pub const BEST_FRAGMENT: &str = "best.fragment";

/// The requests of `keep`, in order.
#[must_use]
pub fn fragment_of(requests: &[Request], keep: &RequestSet) -> Fragment {
    Fragment::new(keep.iter().map(|id| requests[id.index()].clone()).collect())
}

/// Replaces both files, each of them at once. `header` stands before the fragment.
///
/// # Errors
/// They cannot be written.
pub fn write_best(dir: &RunDir, config: &str, header: &str, fragment: &Fragment) -> Result<()> {
    dir.write(BEST_CONFIG, config.as_bytes())?;
    dir.write(BEST_FRAGMENT, laid_over(header, fragment).as_bytes())?;
    Ok(())
}

/// A fragment with what stands before it, less what the fragment itself has another value for: some `conf`s
/// take the first of two lines.
#[must_use]
pub fn laid_over(header: &str, fragment: &Fragment) -> String {
    let asked: HashSet<&Symbol> = fragment.requests().iter().map(|r| &r.symbol).collect();
    let is_overridden = |line: &str| {
        let line = kconfig::read(line.as_bytes()).fragment;
        line.requests().iter().any(|r| asked.contains(&r.symbol))
    };
    let kept = header
        .split_inclusive('\n')
        .filter(|line| !is_overridden(line));
    kept.collect::<String>() + &fragment.to_string()
}

/// The calls of the search that a journal has, since it last began anew, for
/// [`replay`](crate::search::replay).
pub fn calls(lines: &[Line]) -> impl Iterator<Item = Call> + '_ {
    let calls = RunState::of(lines).calls.into_iter();
    calls.filter_map(|at| match &lines[at].record {
        Record::Start { judgement, .. } => Some(Call::StartJudged(judgement.verdict)),
        Record::Proposed { candidate } => Some(Call::Proposed(candidate.clone())),
        Record::Told {
            candidate,
            judgement,
        } => Some(Call::Told(*candidate, judgement.verdict)),
        Record::Withdrawn { candidate } => Some(Call::Withdrawn(*candidate)),
        // One that does not fit says nothing, as if nobody could tell.
        Record::Depends { keep, carried } => Some(Call::Learnt(
            Depends::of_lists(carried, keep.capacity()).unwrap_or_default(),
        )),
        _ => None,
    })
}
