//! The certainty of the answer, and the sets to judge again until it is high enough.

use super::{At, Retesting};
use crate::model::Phase;
use crate::search::evidence::{Evidence, MOST};
use crate::search::posterior::{Observations, Posterior, Tally};
use crate::search::sprt::errs_too_often;

/// The least number of judgements of the answer without a request. The second follows at once, while the image is
/// there.
const TWICE: u32 = 2;

/// The certificate is near when at most this many trials are expected before it.
const NEAR: usize = 3;

/// The accepted risk, as a share of the error that `--confidence` allows: at a single error rate the answer may be
/// wrong more often than on average over all rates. (Of 400 simulated runs at each rate from 1 to
/// 30 %, one way or both, up to 1.5 % were wrong without it.)
const SHARE: f64 = 0.5;

/// The least lead of passes before an answer is certified. An oracle that accepts a bad set one time in four does so
/// six times in a row in one of 4,000 runs.
const LEAST_LEAD: u32 = 6;

/// If the answer needed more than this number of further passes, and more than it has proofs, the proofs are judged
/// again instead: they are the uncertain part.
const MANY: u32 = 12;

impl Evidence {
    /// Its judgements, with those in flight counted as if they agreed.
    fn expected(&self) -> Tally {
        let flying = if self.judged() == 0 { 0 } else { self.flying };
        self.tally().and_more(flying)
    }

    fn tally(&self) -> Tally {
        Tally {
            passes: self.passes,
            fails: self.fails,
        }
    }

    /// Is its verdict the oracle's? A build failure is made certain by a second build instead.
    fn is_oracles_matter(&self) -> bool {
        !self.is_unbuildable() || self.passes > 0
    }
}

impl Retesting {
    /// Counts how often the oracle contradicted itself.
    pub(super) fn count(&mut self) {
        let again = self.evidence.iter().filter(|d| d.judged() > 1);
        let again = again.map(Evidence::tally).chain(self.stood);
        let sets: Vec<(u32, u32)> = again.map(|of| (of.passes, of.fails)).collect();
        let reliability = &mut self.reliability;
        reliability.again = sets.iter().map(|(p, f)| p + f).sum();
        reliability.differed = sets.iter().map(|(p, f)| p.min(f)).sum();
        reliability.errs_too_often = reliability.differed > 0 && errs_too_often(&sets);
    }

    /// The sets whose judgements prove the requests of the best to be needed, those that failed to build
    /// included.
    fn all_proofs(&self) -> Vec<At> {
        let certificate = self.inner.certificate();
        let entries = certificate.entries().iter();
        entries
            .filter_map(|(id, proof)| self.tried(*id, *proof))
            .collect()
    }

    /// The proofs that the oracle gave.
    fn proofs(&self) -> Vec<At> {
        let mut proofs = self.all_proofs();
        proofs.retain(|at| self.evidence[*at].is_oracles_matter());
        proofs
    }

    fn observations(&self, proofs: &[At], tally: fn(&Evidence) -> Tally) -> Observations {
        let best = self.base();
        let others = self.evidence.iter().skip(1);
        let judged = others.filter(|d| d.judged() > 0 && d.is_oracles_matter());
        Observations {
            start: tally(&self.evidence[0]),
            sets: judged.map(tally).chain(self.stood).collect(),
            best: tally(&self.evidence[best]),
            best_is_start: best == 0,
            without: proofs.iter().map(|at| tally(&self.evidence[*at])).collect(),
        }
    }

    /// Computes the risk of the answer while it is certified, and asks for a second judgement of each proof right after
    /// the first one.
    pub(super) fn weigh_answer(&mut self) {
        (self.owed, self.reliability.risk) = (0, None);
        if self.inner.phase() != Phase::Certifying {
            return;
        }
        let proofs = self.proofs();
        if self.confidence.error() < super::LOOSE {
            for at in &proofs {
                let evidence = &mut self.evidence[*at];
                evidence.wanted = evidence.wanted.max(TWICE);
            }
        }
        let observations = self.observations(&proofs, Evidence::tally);
        self.reliability.risk = Some(Posterior::new(observations).risk());
        // The exact number is computed when there is nothing else to do.
        self.owed = if self.is_unsure() { MANY } else { 0 };
    }

    /// Near the end of the search a failure without a single request will be a proof. It is judged a second time while
    /// its image is there: so late in the search, a build is expensive.
    pub(super) fn ask_twice_for_a_proof_to_be(&mut self, at: At) {
        let best = self.inner.best();
        let keep = &self.evidence[at].keep;
        let is_single = keep.len() + 1 == best.len() && keep.is_subset(best);
        let likely = self.inner.outlook().likely;
        let is_near = likely.is_some_and(|likely| likely as usize <= best.len() + NEAR);
        if is_single && is_near && self.confidence.error() < super::LOOSE {
            let evidence = &mut self.evidence[at];
            evidence.wanted = evidence.wanted.max(TWICE);
        }
    }

    /// Is the risk of the answer too high?
    pub(super) fn is_unsure(&self) -> bool {
        let is_high = |risk: f64| risk > self.bound();
        self.reliability.risk.is_some_and(is_high) || self.says_yes_to_all()
    }

    /// The oracle rejected sets before, but rejects none now: it may have stopped working.
    fn says_yes_to_all(&self) -> bool {
        let is_certifying = self.inner.phase() == Phase::Certifying;
        let said_no = |d: &Evidence| d.fails > 0 && d.is_oracles_matter();
        is_certifying
            && self.evidence.iter().any(said_no)
            && !self
                .evidence
                .iter()
                .any(|d| said_no(d) && d.leans_to_fail())
    }

    /// The highest accepted risk.
    fn bound(&self) -> f64 {
        SHARE * self.confidence.error()
    }

    /// A set to judge once more, when nothing else is left to do and the answer is not certain enough: the answer
    /// itself or one of its proofs, whichever takes fewer judgements. Trials in flight count as if they agreed.
    pub(super) fn judge_once_more(&mut self) -> Option<At> {
        if let Some(at) = self.control() {
            return Some(self.want_once_more(at));
        }
        let (proofs, best) = (self.proofs(), self.base());
        let posterior = Posterior::new(self.observations(&proofs, Evidence::expected));
        // The number of judgements that are left for each.
        let left = |at: At| MOST.saturating_sub(self.evidence[at].asked());
        let lean = |at: At| {
            let tally = self.evidence[at].expected();
            tally.fails.saturating_sub(tally.passes)
        };
        let passes = posterior.passes_to(self.bound(), left(best));
        let of_best = self.evidence[best].expected();
        let lead = of_best.passes.saturating_sub(of_best.fails);
        let is_short = self.confidence.error() < super::LOOSE && lead < LEAST_LEAD;
        if passes == Some(0) && is_short && left(best) > 0 {
            return Some(self.want_once_more(best));
        }
        let open = proofs.iter().copied().filter(|at| left(*at) > 0);
        let proof = open.min_by_key(|at| lean(*at));
        let many = MANY.max(proofs.len() as u32);
        let at = match passes {
            Some(0) => return None,
            Some(passes) if passes > many => proof.unwrap_or(best),
            Some(_) => best,
            None => proof?,
        };
        Some(self.want_once_more(at))
    }

    fn want_once_more(&mut self, at: At) -> At {
        let evidence = &mut self.evidence[at];
        evidence.wanted = evidence.wanted.max(evidence.asked() + 1);
        at
    }

    /// A set to judge once more, whatever the risk is, because the oracle may have stopped working: after the answer
    /// first passed, some set must have failed, and the last verdict must be a pass of the answer. A failed build is
    /// repeated once, later than the first time, because its cause may have been temporary.
    fn control(&self) -> Option<At> {
        let proofs = self.all_proofs();
        let is_idle = |at: &At| self.evidence[*at].flying == 0;
        let built_once = |at: &At| {
            let evidence = &self.evidence[*at];
            !evidence.is_oracles_matter() && evidence.asked() < TWICE
        };
        if let Some(at) = proofs
            .iter()
            .copied()
            .find(|at| built_once(at) && is_idle(at))
        {
            return Some(at);
        }
        let best = self.base();
        let said_no = |at: &At| {
            let evidence = &self.evidence[*at];
            evidence.leans_to_fail() && evidence.is_oracles_matter() && *at != best
        };
        let last_no = (0..self.evidence.len())
            .filter(said_no)
            .max_by_key(|at| self.evidence[*at].last_fail);
        let left = |at: At| self.evidence[at].asked() < MOST && is_idle(&at);
        // The first time that the answer passed.
        let since = self.evidence[best].first_pass;
        if let Some(no) = last_no
            && self.evidence[no].last_fail <= since
            && left(no)
        {
            return Some(no);
        }
        let last_proof = proofs.iter().map(|at| self.evidence[*at].last).max();
        let is_stale = last_proof.is_some_and(|last| self.evidence[best].last < last);
        (is_stale && left(best)).then_some(best)
    }
}
