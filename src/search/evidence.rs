//! The judgements of one set of requests, the candidates that wait for them, and the verdict drawn from them.

use crate::model::{CandidateId, RequestSet, Stage, Verdict};

/// After this many judgements without a clear answer a set is unresolved.
pub(super) const MOST: u32 = 24;

/// The evidence on one set.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) keep: RequestSet,
    pub(super) passes: u32,
    /// Builds that failed included.
    pub(super) fails: u32,
    pub(super) unresolved: u32,
    /// Build failures since the set was last built.
    unbuilt: u32,
    /// Build failures that no longer count, because the set was built later.
    refuted: u32,
    /// It was judged as often as allowed and did not become certain.
    pub(super) is_given_up: bool,
    pub(super) flying: u32,
    /// The number of judgements that are wanted.
    pub(super) wanted: u32,
    /// The inner search waits for its verdict, under this id.
    pub(super) awaited: Option<CandidateId>,
    /// The verdict that the inner search was told.
    pub(super) told: Option<Verdict>,
    /// The last time it failed.
    pub(super) failed_as: Option<CandidateId>,
    /// The time of the last judgement, as a count of all judgements.
    pub(super) last: u32,
    /// The time of the last failure.
    pub(super) last_fail: u32,
    /// The time of the first pass.
    pub(super) first_pass: u32,
}

impl Evidence {
    pub(super) fn new(keep: RequestSet) -> Self {
        Self {
            keep,
            passes: 0,
            fails: 0,
            unresolved: 0,
            unbuilt: 0,
            refuted: 0,
            is_given_up: false,
            flying: 0,
            wanted: 0,
            awaited: None,
            told: None,
            failed_as: None,
            last: 0,
            last_fail: 0,
            first_pass: 0,
        }
    }

    /// Takes a verdict, which has an id if the search asked for it, and returns the verdict that it counts as.
    ///
    /// A build that fails says nothing of the oracle. So it never counts beside a refusal by the oracle: neither
    /// before it, as the set was built after all, nor after it.
    pub(super) fn judge(&mut self, id: Option<CandidateId>, verdict: Verdict) -> Verdict {
        let is_refused = self.fails > self.unbuilt && self.passes <= self.fails;
        let verdict = match verdict {
            Verdict::Fail(Stage::Build) if is_refused => Verdict::Unresolved,
            verdict => verdict,
        };
        match verdict {
            Verdict::Pass => {
                self.was_built();
                self.passes += 1;
            }
            Verdict::Fail(stage) => {
                match stage {
                    Stage::Build => self.unbuilt += 1,
                    Stage::Oracle => self.was_built(),
                }
                self.fails += 1;
                self.failed_as = id.or(self.failed_as);
            }
            Verdict::Unresolved => self.unresolved += 1,
        }
        verdict
    }

    /// The set was built, so its earlier build failures had another cause.
    fn was_built(&mut self) {
        self.fails -= self.unbuilt;
        self.refuted += self.unbuilt;
        self.unbuilt = 0;
    }

    /// Its last build failed. Builds are deterministic.
    pub(super) fn is_unbuildable(&self) -> bool {
        self.unbuilt > 0
    }

    /// The number of times that it was proposed.
    pub(super) fn proposed(&self) -> u32 {
        self.asked() + self.refuted
    }

    /// The number of judgements that gave a verdict.
    pub(super) fn judged(&self) -> u32 {
        self.passes + self.fails
    }

    /// The number of trials, those in flight included, without build failures that no longer count.
    pub(super) fn asked(&self) -> u32 {
        self.judged() + self.unresolved + self.flying
    }

    pub(super) fn leans_to_fail(&self) -> bool {
        self.fails > self.passes
    }

    /// The verdict, once one answer leads by `lead` judgements.
    pub(super) fn settled(&self, lead: u32) -> Option<Verdict> {
        if self.is_given_up {
            return Some(Verdict::Unresolved);
        }
        if self.is_unbuildable() && self.passes == 0 {
            return Some(Verdict::Fail(Stage::Build));
        }
        let is_clear = self.passes.abs_diff(self.fails) >= lead;
        match (is_clear, self.passes > self.fails) {
            (true, true) => Some(Verdict::Pass),
            (true, false) => Some(Verdict::Fail(Stage::Oracle)),
            (false, _) if self.is_exhausted() => Some(Verdict::Unresolved),
            (false, _) => None,
        }
    }

    /// Was it tried so often, or so often without a verdict, that another trial has no point?
    pub(super) fn is_exhausted(&self) -> bool {
        let judged = self.judged();
        let is_mute = self.unresolved > 3 * judged;
        judged + self.unresolved >= MOST || is_mute
    }

    /// The number of further judgements until the verdict is certain.
    pub(super) fn lacks(&self, lead: u32) -> u32 {
        if self.settled(lead).is_some() {
            return 0;
        }
        let has = self.passes.abs_diff(self.fails);
        lead.saturating_sub(has)
            .min(MOST.saturating_sub(self.judged() + self.unresolved))
            .saturating_sub(self.flying)
    }
}
