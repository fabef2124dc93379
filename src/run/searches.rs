//! The search of a run: made from its settings, told what Kconfig says, given up when its oracle errs.

use crate::journal::RunInfo;
use crate::kconfig::{self, CheckedResolver, Variations};
use crate::model::{Config, Order, Origin, Request, RequestId, RequestSet, ResolvedConfig};
use crate::search::{self, Algorithm, Depends, Growing, Retesting, Search};
use crate::settings::{JudgeStart, Settings};
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// The search of a run, new; `start` is what its start was built from.
pub(crate) fn search_of(
    info: &RunInfo,
    settings: &Settings,
    options: search::Options,
    start: Origin,
) -> Result<Box<dyn Search>> {
    let search = search_for_answer(info, settings, options)?;
    let search = search::Rebuilding::new(search, settings.confidence, start);
    Ok(Box::new(search))
}

/// The search of a run before version 6 of the journal, new: it does not have the answer built from an empty tree.
///
/// # Errors
/// There is no such algorithm.
pub fn search_for_answer(
    info: &RunInfo,
    settings: &Settings,
    options: search::Options,
) -> Result<Box<dyn Search>> {
    let full = RequestSet::full(info.requests.len());
    let unknown = |e: search::UnknownAlgorithm| Error::failed(e.to_string());
    let algorithm: Algorithm = info.algorithm.parse().map_err(unknown)?;
    let fixed = &info.keep;
    let search: Box<dyn Search> = match (settings.judge_start, settings.confidence) {
        (JudgeStart::First, None) => algorithm.search(full, fixed, options),
        (JudgeStart::First, Some(sure)) => {
            Box::new(Retesting::new(algorithm, &full, fixed, options, sure))
        }
        (JudgeStart::Needed, None) => Box::new(Growing::new(algorithm, &full, fixed, options)),
        (JudgeStart::Needed, Some(sure)) => {
            Box::new(Retesting::growing(algorithm, &full, fixed, options, sure))
        }
    };
    let search: Box<dyn Search> = match settings.order {
        Order::AsItComes => search,
        Order::Deterministic => Box::new(search::InOrder::new(search)),
    };
    Ok(search)
}

/// The start of a run, and who can tell what it would be without some of its requests.
#[derive(Clone, Copy)]
pub(crate) struct StartModel<'a> {
    pub(crate) info: &'a RunInfo,
    pub(crate) resolved: &'a ResolvedConfig,
    pub(crate) depends: &'a Depends,
    pub(crate) resolver: &'a CheckedResolver,
    /// All requests, to ask what becomes of some of them.
    pub(crate) variations: &'a Variations<'a>,
}

/// A step from one set of requests to a smaller one.
pub(crate) struct Step {
    /// Nothing: from all of the start.
    pub(crate) before: Option<RequestSet>,
    pub(crate) after: RequestSet,
}

impl StartModel<'_> {
    /// All requests.
    pub(crate) fn full(&self) -> RequestSet {
        RequestSet::full(self.info.requests.len())
    }

    /// The removal that shows the effect of a request.
    pub(crate) fn step(&self, id: RequestId) -> Step {
        let selectors = self.info.selectors.get(id.index());
        step(id, selectors, &self.info.keep, self.depends)
    }

    /// What Kconfig makes of some of them.
    pub(crate) fn keeping(&self, keep: &RequestSet) -> Result<Config> {
        let gone: Vec<RequestId> = self.full().minus(keep).iter().collect();
        let mut variations = self.variations.fork();
        variations.leave_out_if(&gone, |_| true)?;
        Ok(variations.config().clone())
    }
}

/// The removal that shows the effect of a request. If others select it, they and their dependents are removed
/// before; if one of these must stay, no removal shows it.
fn step(
    id: RequestId,
    selectors: Option<&RequestSet>,
    fixed: &RequestSet,
    depends: &Depends,
) -> Step {
    let full = RequestSet::full(fixed.capacity());
    match selectors.filter(|by| !by.is_empty() && !by.has_any_of(fixed)) {
        None => Step {
            before: None,
            after: full.without(id),
        },
        Some(by) => {
            // What must stay may be among what goes with them, and counts as gone for that.
            let before = full.minus(&depends.closure(by).without(id));
            let own = RequestSet::of(full.capacity(), [id]);
            Step {
                after: before.minus(&depends.closure(&own)),
                before: Some(before),
            }
        }
    }
}

/// What depends on what in a set of requests, if it can be told quickly.
pub(crate) fn depends_of(
    requests: &[Request],
    keep: &RequestSet,
    resolver: &CheckedResolver,
    cancel: &CancelToken,
) -> Result<Depends> {
    if resolver.trusted().is_none() {
        return Ok(Depends::none());
    }
    let ids: Vec<RequestId> = keep.iter().collect();
    let kept: Vec<Request> = ids.iter().map(|id| requests[id.index()].clone()).collect();
    let carried = kconfig::dependents(&kept, &[], resolver, cancel)?;
    // Of a part they are numbered by their place in it.
    let mut all = vec![RequestSet::empty(requests.len()); requests.len()];
    for (id, carried) in ids.iter().zip(carried) {
        let carried = carried.iter().map(|place| ids[place.index()]);
        all[id.index()] = RequestSet::of(requests.len(), carried);
    }
    Ok(Depends::measured(all))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_others_select_is_seen_by_a_step_from_a_start_without_them() {
        let set = |ids: &[u32]| RequestSet::of(4, ids.iter().map(|id| RequestId(*id)));
        // DISK selects FILES; TABLE depends on DISK, and NODE on FILES.
        let (disk, files) = (RequestId(0), RequestId(2));
        let carried = [&[1][..], &[], &[0, 1, 3], &[]].map(set).to_vec();
        let depends = Depends::new(carried);
        let step = |id, selectors: &[u32], fixed: &[u32]| {
            let step = step(id, Some(&set(selectors)), &set(fixed), &depends);
            (step.before, step.after)
        };
        assert_eq!(step(disk, &[], &[]), (None, set(&[1, 2, 3])));
        assert_eq!(step(files, &[0], &[]), (Some(set(&[2, 3])), set(&[])));
        assert_eq!(step(files, &[0], &[0]), (None, set(&[0, 1, 3])));
    }
}
