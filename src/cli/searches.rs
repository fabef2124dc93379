//! The search of a run: made from its settings, told what Kconfig says, given up when its oracle errs.

use std::path::Path;

use crate::journal::{Record, RunDir, RunInfo};
use crate::kconfig::{self, CheckedResolver, Resolver};
use crate::lab::fragment_of;
use crate::model::{Order, Origin, Request, RequestId, RequestSet, ResolvedConfig, Verdict};
use crate::search::{self, Depends, Rebuilt, Reliability, Search};
use crate::settings::Settings;
use crate::supervise::CancelToken;
use crate::{Error, ErrorKind, Result};

/// The search of a run, new; `start` is what its start was built from.
pub(super) fn search_of(
    info: &RunInfo,
    settings: &Settings,
    full: RequestSet,
    options: search::Options,
    start: Origin,
) -> Result<Box<dyn Search>> {
    let (name, fixed) = (&info.algorithm, &info.fixed);
    let unknown = |e: search::UnknownAlgorithm| Error::failed(e.to_string());
    let search: Box<dyn Search> = match settings.confidence {
        None => search::by_name(name, full, fixed, options).map_err(unknown)?,
        Some(confidence) => {
            Box::new(search::doubting(name, &full, fixed, options, confidence).map_err(unknown)?)
        }
    };
    let search: Box<dyn Search> = match settings.order {
        Order::AsItComes => search,
        Order::Deterministic => Box::new(search::InOrder::new(search)),
    };
    let search = search::Rebuilding::new(search, settings.confidence, start);
    Ok(Box::new(search))
}

/// The start of a run, and who can tell what it would be without some of its requests.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) info: &'a RunInfo,
    pub(super) resolved: &'a ResolvedConfig,
    pub(super) depends: &'a Depends,
    pub(super) resolver: &'a CheckedResolver,
}

/// A step from one set of requests to a smaller one.
pub(super) struct Step {
    /// Nothing: from all of the start.
    pub(super) before: Option<RequestSet>,
    pub(super) after: RequestSet,
}

impl Whole<'_> {
    /// All requests.
    pub(super) fn full(&self) -> RequestSet {
        RequestSet::full(self.info.requests.len())
    }

    /// The removal that shows the effect of a request.
    pub(super) fn step(&self, id: RequestId) -> Step {
        let selectors = self.info.selectors.get(id.index());
        step(id, selectors, &self.info.fixed, self.depends)
    }

    /// What Kconfig makes of some of them.
    pub(super) fn keeping(
        &self,
        keep: &RequestSet,
        cancel: &CancelToken,
    ) -> Result<ResolvedConfig> {
        let fragment = fragment_of(&self.info.requests, keep);
        self.resolver.foresee(&fragment, cancel)
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
pub(super) fn depends_of(
    requests: &[Request],
    keep: &RequestSet,
    resolver: &CheckedResolver,
    cancel: &CancelToken,
) -> Result<Depends> {
    if resolver.trusted().is_none() {
        return Ok(Depends::none());
    }
    let ids: Vec<RequestId> = keep.iter().collect();
    let fragment = fragment_of(requests, keep);
    let carried = kconfig::carried(fragment.requests(), &[], resolver, cancel)?;
    // Of a part they are numbered by their place in it.
    let mut all = vec![RequestSet::empty(requests.len()); requests.len()];
    for (id, carried) in ids.iter().zip(carried) {
        let carried = carried.iter().map(|place| ids[place.index()]);
        all[id.index()] = RequestSet::of(requests.len(), carried);
    }
    Ok(Depends::measured(all))
}

/// What an answer is worth that was built from an empty tree, once the search is over; none if it holds.
pub(super) fn leftovers(rebuilt: Rebuilt, run: &Path) -> Option<Error> {
    // What it said, in the trial that told.
    let evidence = |is_wanted: fn(Verdict) -> bool| {
        let (_, lines) = RunDir::read(run).ok()?;
        lines.into_iter().rev().find_map(|line| match line.record {
            Record::Told { judgement, .. }
                if judgement.origin == Origin::Empty && is_wanted(judgement.verdict) =>
            {
                let why = judgement.evidence.map(|why| format!(": {why}"));
                Some(format!(
                    " (trial {}{})",
                    judgement.trial,
                    why.unwrap_or_default()
                ))
            }
            _ => None,
        })
    };
    let of = |is_wanted| evidence(is_wanted).unwrap_or_default();
    let left = "builds of this project, or the oracle, leave something in the build tree that later builds use";
    let text = match rebuilt {
        Rebuilt::Holds => return None,
        Rebuilt::Fails => format!(
            "the answer passed in a build tree that went from one configuration to the next, and fails when it is \
             built from an empty build tree{}: {left}",
            of(Verdict::is_fail)
        ),
        // Of a search that is over it is not open.
        Rebuilt::Unresolved | Rebuilt::Open => format!(
            "the answer passed in a build tree that went from one configuration to the next, and built from an empty \
             build tree it gets no clear verdict{}",
            of(|verdict| !verdict.is_pass())
        ),
        Rebuilt::ProofFails => format!(
            "without one of the requests that are left the rest did not build in a build tree that went from one \
             configuration to the next, and from an empty build tree it does{}: {left}",
            of(Verdict::is_pass)
        ),
    };
    Some(Error::new(ErrorKind::Unreliable, text).hint(
        "begin anew with another --output, and --clean-builds; or let the product be linked from what the \
         configuration asks for only, no failed command be ignored, and the oracle write to $KBISECT_TRIAL, not to \
         $KBISECT_BUILD",
    ))
}

/// The oracle answers one way and then another.
pub(super) fn unreliable(reliability: &Reliability) -> Error {
    let Reliability {
        again,
        differed,
        start_fails,
        risk,
        is_unsure,
        ..
    } = reliability;
    let unsure = match risk.filter(|_| *is_unsure) {
        Some(risk) => format!(
            "; the chance that the answer is wrong is still {:.1} %, although it was asked for again and again",
            100.0 * risk
        ),
        None => String::new(),
    };
    let start = if *start_fails {
        "the start, which passed at first, does not pass reliably; "
    } else {
        ""
    };
    Error::new(
        ErrorKind::Unreliable,
        format!(
            "the oracle is too unreliable: {start}of {again} judgements that were repeats or \
             repeated, {differed} differed from the others on the same configuration ({:.0} %){unsure}",
            100.0 * reliability.rate()
        ),
    )
    .hint(
        "make it answer the same each time (a longer --timeout, fewer trials at once by -j 1, a \
         test that does not race with the boot), then begin anew with another --output; the \
         trials/ folder has what it said each time",
    )
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
