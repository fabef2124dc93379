//! Finds the reason why each request of the best stays.

use super::Reason;
use crate::journal::{RunInfo, RunState};
use crate::model::{Ballot, Judgement, Proof, RequestId, RequestSet, Verdict};

/// What the reasons are found in.
pub(super) struct Reasons<'a> {
    info: &'a RunInfo,
    state: &'a RunState,
    best: &'a RequestSet,
    /// The verdict by which the best passed.
    passed: &'a Judgement,
}

impl<'a> Reasons<'a> {
    pub(super) fn new(
        info: &'a RunInfo,
        state: &'a RunState,
        best: &'a RequestSet,
        passed: &'a Judgement,
    ) -> Self {
        Self {
            info,
            state,
            best,
            passed,
        }
    }

    /// Why this request of the best stays.
    pub(super) fn of(&self, id: RequestId) -> Reason {
        if self.info.keep.contains(id) {
            return Reason::Kept;
        }
        let reason = match &self.state.certified {
            Some(proofs) => proofs.get(&id).and_then(|proof| self.proved(id, *proof)),
            // Older runs do not say it.
            None => self.by_majority(id).or_else(|| self.by_dependent(id)),
        };
        reason.unwrap_or(Reason::Unproved)
    }

    /// What the search proved: of the trials without the request the first that failed shows how.
    fn proved(&self, id: RequestId, proof: Proof) -> Option<Reason> {
        match proof {
            Proof::Tested(candidate) => {
                let failed = self.without(id).and_then(Ballot::fail);
                let failed = failed.and_then(|judgement| self.needed(judgement));
                let of_candidate = self.state.of_candidate(candidate);
                failed.or_else(|| self.needed(of_candidate?))
            }
            Proof::Implied(by) => Some(self.implied(by)),
            Proof::Missing => None,
        }
    }

    /// What most trials without the request say.
    fn by_majority(&self, id: RequestId) -> Option<Reason> {
        self.needed(self.without(id)?.winner()?)
    }

    /// A dependent whose trials failed, if the request was not tested itself.
    fn by_dependent(&self, id: RequestId) -> Option<Reason> {
        let depends = self.state.depends.as_ref();
        let depends = depends.filter(|of| of.keep == *self.best)?;
        let is_open = self.without(id).is_none();
        let carried = depends.carried.get(id.index()).filter(|_| is_open)?;
        let is_tested = |by: &RequestId| {
            let is_free = self.best.contains(*by) && !self.info.keep.contains(*by);
            *by != id && is_free && self.by_majority(*by).is_some()
        };
        let by = carried.iter().copied().find(is_tested)?;
        Some(self.implied(by))
    }

    /// The verdicts on the best without this request.
    fn without(&self, id: RequestId) -> Option<&Ballot> {
        self.state.ballot(&self.best.without(id))
    }

    fn needed(&self, judgement: &Judgement) -> Option<Reason> {
        match judgement.verdict {
            Verdict::Fail(stage) => Some(Reason::Needed {
                trial: judgement.trial,
                stage,
                evidence: judgement.evidence.clone(),
                lines: self.passed.lines.saturating_sub(judgement.lines),
            }),
            Verdict::Pass | Verdict::Unresolved => None,
        }
    }

    fn implied(&self, by: RequestId) -> Reason {
        Reason::Implied {
            by: self.info.requests[by.index()].symbol.clone(),
        }
    }
}
