//! What a run tells people of its search.

use std::collections::BTreeSet;

use super::Run;
use crate::lab::store::BEST_FRAGMENT;
use crate::model::{
    Candidate, Event, Origin, Purpose, RequestId, RequestSet, ResolvedConfig, WorkerId,
};
use crate::search::{Coverage, Reliability};
use crate::trial::TrialKey;

impl Run<'_, '_> {
    /// Says which trial a worker took, and why.
    pub(super) fn tell_began(&mut self, worker: WorkerId, key: TrialKey) {
        let Some(trial) = self.flights.trial(key) else {
            return;
        };
        let (id, Some(candidate)) = (trial.id, trial.candidates.first()) else {
            return;
        };
        let gone = (self.search.has_passed()).then(|| self.search.best().minus(&candidate.keep));
        let single = gone.as_ref().and_then(|gone| self.single(gone));
        let purpose = match &gone {
            _ if candidate.round > 0 => Purpose::Repeat,
            _ if candidate.origin == Origin::Empty => Purpose::Rebuild,
            None => Purpose::Guess,
            Some(_) if single.is_some() => Purpose::Single,
            Some(_) => Purpose::Group,
        };
        let event = Event::TrialBegan {
            worker,
            trial: id,
            purpose,
            requests: candidate.keep.len(),
            lacks: gone.map(|gone| gone.len()),
            symbol: single.map(|id| self.lab.requests[id.index()].symbol.clone()),
        };
        self.lab.emit(&event);
    }

    /// The request with which all of these fall, if there is one.
    fn single(&self, gone: &RequestSet) -> Option<RequestId> {
        if gone.len() == 1 {
            return gone.iter().next();
        }
        let depends = self.lab.journal.state().depends.as_ref()?;
        gone.iter().find(|id| {
            let carried = depends.carried.get(id.index());
            let falls = carried.into_iter().flatten().copied().chain([*id]);
            gone.is_subset(&RequestSet::of(gone.capacity(), falls))
        })
    }

    /// Says why something that was built before is built from nothing.
    pub(super) fn tell_origin(&mut self, candidate: &Candidate) {
        if candidate.origin == Origin::Earlier {
            return;
        }
        let text = if candidate.keep == *self.search.best() {
            "the answer is built once from an empty build tree, and judged there: its own may have something in it that \
             earlier builds, or the oracle, left"
        } else {
            "what failed to build, and proves that a request is needed, is built once more, from an empty build tree"
        };
        self.lab.emit(&Event::Note { text: text.into() });
    }

    /// Says what is built when no guess has passed that is less than half of the start.
    pub(super) fn tell_large(&mut self, candidate: &Candidate, config: &ResolvedConfig) {
        let (requests, all) = (candidate.keep.len(), candidate.keep.capacity());
        if self.search.has_passed() || candidate.round > 0 || 2 * requests <= all {
            return;
        }
        let lists = self.lab.site.objects(std::slice::from_ref(&config.config));
        let objects = match lists.first().map_or(0, BTreeSet::len) {
            0 => String::new(),
            objects => format!(", a kernel of {objects} objects"),
        };
        let text = format!(
            "nothing has passed yet: {requests} of all {all} requests are built next{objects}"
        );
        self.lab.emit(&Event::Note { text });
    }

    /// Says that the leaves of the best are certified, once for each best, if that is not the end.
    pub(super) fn tell_leaves(&mut self) {
        let best = self.search.best();
        if self.told_leaves_of.as_ref() == Some(best)
            || self.search.certificate().coverage() != Coverage::Leaves
        {
            return;
        }
        self.told_leaves_of = Some(best.clone());
        let text = format!(
            "{} requests are left, in {BEST_FRAGMENT}: minimal if the oracle is monotone. Next, each request with \
             dependents is removed",
            best.len(),
        );
        self.lab.emit(&Event::Note { text });
    }

    /// Says that the oracle contradicts itself, when it does so for the first time, and again each
    /// time that it has done so four times as often.
    pub(super) fn warn_of_errors(&mut self, before: u32) {
        let Reliability {
            again, differed, ..
        } = self.search.reliability();
        let steps = || std::iter::successors(Some(1_u32), |n| n.checked_mul(4));
        if !steps().any(|step| before < step && step <= differed) {
            return;
        }
        let text = format!(
            "the oracle contradicts itself: of {again} judgements of configurations that were judged more \
             than once, {differed} said the opposite of the others. What matters is repeated until it \
             is sure enough (--confidence); that takes more trials"
        );
        self.lab.emit(&Event::Warning { text });
    }

    pub(super) fn tell_progress(&mut self) {
        let outlook = self.search.outlook();
        self.progress.at_least = outlook.at_least;
        self.progress.at_most = outlook.at_most;
        self.progress.likely = outlook.likely;
        let event = Event::Progress {
            progress: self.progress.clone(),
            elapsed: self.lab.journal.elapsed(),
        };
        self.lab.emit(&event);
    }
}
