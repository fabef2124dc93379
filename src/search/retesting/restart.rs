//! Verdicts that are taken back, and the new inner search that follows.

use super::{At, PATIENCE, Retesting};
use crate::model::Verdict;

impl Retesting {
    /// Checks all bases again after each verdict, because the required certainty may have changed.
    pub(super) fn reconsider_the_bases(&mut self) {
        let is_lost = |retesting: &Self, at: At| {
            let is_told = retesting.evidence[at].told.is_some_and(Verdict::is_pass);
            is_told && retesting.settled(at).is_some_and(|now| !now.is_pass())
        };
        // Each that is lost is a base no more, but for the start, with which all is over.
        while !self.reliability.start_fails
            && let Some(at) = self.bases.iter().copied().find(|at| is_lost(self, *at))
        {
            self.consider(at);
        }
    }

    pub(super) fn is_below_the_best(&self, at: At) -> bool {
        let (keep, best) = (&self.evidence[at].keep, self.inner.best());
        keep != best && keep.is_subset(best)
    }

    /// Corrects a verdict that the inner search was told and that is now known to be wrong.
    pub(super) fn take_back(&mut self, at: At, now: Verdict) {
        if at == 0 && !now.is_pass() {
            self.reliability.start_fails = true;
            return;
        }
        if now.is_pass() {
            let is_first = self.bases.is_empty();
            if is_first || self.evidence[at].keep.len() < self.inner.best().len() {
                self.bases.push(at);
            }
        } else if let Some(place) = self.bases.iter().position(|base| *base == at) {
            self.bases.truncate(place);
            // The base before it may be wrong as well.
            if let Some(base) = self.bases.last() {
                let base = &mut self.evidence[*base];
                base.wanted = base.wanted.max(2);
            }
        }
        self.begin_anew();
    }

    /// Makes the inner search anew, from the newest base, with the sets that are known to fail.
    pub(super) fn begin_anew(&mut self) {
        let is_known = |at: &At| {
            let evidence = &self.evidence[*at];
            let says = self.settled(*at).is_some_and(Verdict::is_fail);
            says && evidence.told.is_some_and(Verdict::is_fail)
        };
        self.proposed = (0..self.evidence.len()).filter(is_known).collect();
        let mut known = self.proposed.iter().peekable();
        for (at, evidence) in self.evidence.iter_mut().enumerate() {
            evidence.awaited = None;
            if known.next_if(|k| **k == at).is_none() && at != 0 {
                evidence.told = None;
            }
        }
        let keep = |at: &At| self.evidence[*at].keep.clone();
        let failed = self.proposed.iter().map(keep).collect();
        self.inner = match self.bases.last() {
            Some(base) => {
                let base = &mut self.evidence[*base];
                base.told = Some(Verdict::Pass);
                self.make.search(base.keep.clone(), failed)
            }
            None => self.make.growing(&self.evidence[0].keep, failed),
        };
        self.pointless.clear();
        (self.failures, self.patience) = (0, PATIENCE);
    }
}
