//! Which sets are judged again, and when a verdict is certain.

use super::{At, LOOSE, Retesting};
use crate::model::{Phase, Proof, RequestId, Stage, Verdict};
use crate::search::evidence::MOST;

/// A start that nothing smaller passed before is refused only when it failed so often.
const TWICE: u32 = 2;

impl Retesting {
    /// The number of judgements by which one verdict on a set must lead.
    pub(super) fn lead(&self, at: At) -> u32 {
        let evidence = &self.evidence[at];
        let best = self.inner.best();
        let is_alone = evidence.keep.len() + 1 == best.len() && evidence.keep.is_subset(best);
        let error = self.confidence.error();
        // A wrong pass makes everything after it wrong, a wrong failure of a single request makes the
        // answer larger, and one of the start ends the run. A wrong failure of a group only costs
        // trials: its members are tried again.
        let error = if evidence.leans_to_fail() && !is_alone && at != 0 {
            error.max(LOOSE)
        } else {
            error
        };
        let lead = self.reliability.lead(error);
        // If nothing passes the run ends with the start.
        let is_last = at == 0 && self.bases.is_empty() && evidence.leans_to_fail();
        lead.max(if is_last { TWICE } else { 1 })
    }

    /// The verdict on a set, once it is certain.
    pub(super) fn settled(&self, at: At) -> Option<Verdict> {
        self.evidence[at].settled(self.lead(at))
    }

    /// The number of further judgements until a set is certain.
    pub(super) fn lacks(&self, at: At) -> u32 {
        self.evidence[at].lacks(self.lead(at))
    }

    /// Does the inner search rely on a set whose judgements disagree?
    pub(super) fn is_shaken(&self, at: At) -> bool {
        let evidence = &self.evidence[at];
        let (passes, fails) = (evidence.passes, evidence.fails);
        // A certain verdict is not repeated whenever the oracle errs somewhere else.
        let error = self.confidence.error().max(LOOSE);
        let is_even = passes.abs_diff(fails) < self.reliability.lead(error);
        evidence.told.is_some() && passes > 0 && fails > 0 && is_even
    }

    /// A set to judge again now, if there is one.
    pub(super) fn doubtful(&self) -> Option<At> {
        let disputed = |at: &At| {
            let evidence = &self.evidence[*at];
            let is_open = evidence.awaited.is_some() && evidence.judged() > 0;
            (is_open || self.is_shaken(*at)) && self.lacks(*at) > 0
        };
        let wanted = |at: &At| {
            let evidence = &self.evidence[*at];
            // The first base one after the other: beside it there is something to find out.
            let is_first = *at == 0 || self.bases.first() == Some(at);
            let is_busy = is_first && evidence.flying > 0;
            evidence.asked() < evidence.wanted && !evidence.is_unbuildable() && !is_busy
        };
        let all = 0..self.evidence.len();
        // The set that was judged last is most likely still built in a tree.
        all.clone()
            .find(disputed)
            .or_else(|| all.clone().rev().find(wanted))
            .or_else(|| self.unsure_in_the_end())
    }

    /// A proof that is not certain enough, while requests are removed alone.
    pub(super) fn unsure_in_the_end(&self) -> Option<At> {
        if self.inner.phase() != Phase::Certifying {
            return None;
        }
        let certificate = self.inner.certificate();
        let entries = certificate.entries().iter();
        let mut tried = entries.filter_map(|(id, proof)| self.tried(*id, *proof));
        tried.find(|at| self.lacks(*at) > 0)
    }

    /// The set whose judgements decide whether a request is proved, if there are any.
    ///
    /// The inner search may have been made anew since a request was removed alone. It then names a dependent as the
    /// proof, but the trial itself is the better one.
    pub(super) fn tried(&self, id: RequestId, proof: Proof) -> Option<At> {
        match proof {
            Proof::Tested(inside) => Some(self.proposed[inside.0 as usize]),
            Proof::Implied(_) => {
                let at = self.by_set.get(&self.inner.best().without(id)).copied();
                at.filter(|at| self.evidence[*at].judged() + self.evidence[*at].unresolved > 0)
            }
            Proof::Missing => None,
        }
    }

    /// A set failed, and now a part of it passes: one of the verdicts is wrong, or the oracle is
    /// not monotone. To see which costs a trial, so not too often.
    pub(super) fn doubt_what_failed_above(&mut self, at: At) {
        if self.doubts >= 2 + self.next_id / 50 + 4 * self.reliability.differed {
            return;
        }
        let keep = self.evidence[at].keep.clone();
        let failed = self
            .evidence
            .iter_mut()
            .filter(|d| d.told == Some(Verdict::Fail(Stage::Oracle)) && keep.is_subset(&d.keep));
        // The smallest says most.
        if let Some(least) = failed.min_by_key(|d| d.keep.len())
            && least.judged() == 1
            && least.wanted == 0
        {
            least.wanted = 2;
            self.doubts += 1;
        }
    }

    /// Before every removal is tried alone: does what they are taken from hold at all?
    pub(super) fn doubt_the_best_in_the_end(&mut self) {
        let best = self.base();
        if self.inner.phase() == Phase::Certifying && best != 0 {
            // It was chosen from all tried sets because it passed. So it must pass until the probability
            // that any of them did so by mistake is small enough (Bonferroni's correction).
            let error = self.confidence.error() / self.evidence.len() as f64;
            let lead = self.reliability.lead(error).max(2);
            let best = &mut self.evidence[best];
            let wanted = 2 * best.fails + best.unresolved + lead;
            best.wanted = best.wanted.max(wanted.min(MOST));
            let is_short = best.passes.saturating_sub(best.fails) < lead;
            if is_short && best.flying == 0 && best.is_exhausted() {
                best.is_given_up = true;
                self.consider(self.base());
            }
        }
    }
}
