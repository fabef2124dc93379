//! How sure the answer is, and what to judge once more before it is sure enough.

use super::{At, Retesting};
use crate::model::Phase;
use crate::search::evidence::{Evidence, MOST};
use crate::search::posterior::{Observations, Posterior, Tally};

/// How often the oracle is asked about the answer without a request, at least: at once, while its image
/// is there.
const TWICE: u32 = 2;

/// The certificate is near when so many trials are expected before it, or fewer.
const NEAR: usize = 3;

/// The risk may be this share of what `--confidence` allows: at a single rate of error the answer may be
/// wrong more often than on average over those that are believed in. (Of 400 simulated runs at each rate from 1 to
/// 30 %, one way or both, up to 1.5 % were wrong without it.)
const SHARE: f64 = 0.5;

/// By how many its passes lead at least, before an answer is certified: an oracle that accepts what is not good one
/// time in four does that six times in a row in one of 4,000 runs, whatever is believed of it.
const LEAST_LEAD: u32 = 6;

/// If the answer had to be judged so often more, or more often than it has proofs, these are asked for once
/// more instead: they are what is unsure.
const MANY: u32 = 12;

impl Evidence {
    /// Its judgements, and those in flight as if they said the same.
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

    /// It failed to build: that is made sure by building twice, not here.
    fn is_oracles_matter(&self) -> bool {
        !self.is_unbuildable() || self.passes > 0
    }
}

impl Retesting {
    /// The sets whose judgements prove the requests of the best to be needed, those that failed to build
    /// included.
    fn all_proofs(&self) -> Vec<At> {
        let certificate = self.inner.certificate();
        let entries = certificate.entries().iter();
        entries
            .filter_map(|(id, proof)| self.tried(*id, *proof))
            .collect()
    }

    /// Of these, those that are the oracle's word.
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
            sets: judged.map(tally).collect(),
            best: tally(&self.evidence[best]),
            best_is_start: best == 0,
            without: proofs.iter().map(|at| tally(&self.evidence[*at])).collect(),
        }
    }

    /// How sure the answer is, once it is being certified; and each proof of it is asked for a second time,
    /// right after the first one.
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
        // How many exactly is found out when there is nothing else to do.
        self.owed = if self.is_unsure() { MANY } else { 0 };
    }

    /// Near the end of the search, what fails without a single request will be a proof: it is asked for a second
    /// time while its image is there, which was dear to build if it comes so late.
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

    /// Is the answer less sure than it must be?
    pub(super) fn is_unsure(&self) -> bool {
        let is_high = |risk: f64| risk > self.bound();
        self.reliability.risk.is_some_and(is_high) || self.says_yes_to_all()
    }

    /// It said no at times, and now to nothing any more: perhaps it does not look any more.
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

    /// How high the risk may be.
    fn bound(&self) -> f64 {
        SHARE * self.confidence.error()
    }

    /// A set to judge once more, when there is nothing else left to do and the answer is not as sure as it
    /// must be: the answer itself, or one of its proofs, whatever takes fewer judgements. What is in flight
    /// counts as if it agreed.
    pub(super) fn judge_once_more(&mut self) -> Option<At> {
        if let Some(at) = self.control() {
            return Some(self.want_once_more(at));
        }
        let (proofs, best) = (self.proofs(), self.base());
        let posterior = Posterior::new(self.observations(&proofs, Evidence::expected));
        // What may still be asked of each.
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

    /// A set to judge once more, whatever the risk is, since an oracle may have stopped to work meanwhile: what was
    /// said last must be that the answer is good, and, after that became the answer, that something is not. And a
    /// build that failed may have failed for a while: it is made once more, later than the first time.
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
