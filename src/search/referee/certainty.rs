//! How sure the answer is, and what to judge once more before it is sure enough.

use super::{At, Referee};
use crate::model::Phase;
use crate::search::dossier::{Dossier, MOST};
use crate::search::posterior::{Evidence, Posterior, Tally};

/// How often the oracle is asked about the answer without a request, at least: at once, while its image
/// is there.
const TWICE: u32 = 2;

/// If the answer had to be judged so often more, or more often than it has proofs, these are asked for once
/// more instead: they are what is unsure.
const MANY: u32 = 12;

impl Dossier {
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
        !self.is_unbuildable || self.passes > 0
    }
}

impl Referee {
    /// The sets whose judgements prove the requests of the best to be needed.
    fn proofs(&self) -> Vec<At> {
        let certificate = self.inner.certificate();
        let entries = certificate.entries().iter();
        let tried = entries.filter_map(|(id, proof)| self.tried(*id, *proof));
        tried
            .filter(|at| self.dossiers[*at].is_oracles_matter())
            .collect()
    }

    fn evidence(&self, proofs: &[At], tally: fn(&Dossier) -> Tally) -> Evidence {
        let best = self.base();
        let others = self.dossiers.iter().skip(1);
        let judged = others.filter(|d| d.judged() > 0 && d.is_oracles_matter());
        Evidence {
            start: tally(&self.dossiers[0]),
            sets: judged.map(tally).collect(),
            best: (best != 0).then(|| tally(&self.dossiers[best])),
            without: proofs.iter().map(|at| tally(&self.dossiers[*at])).collect(),
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
                let dossier = &mut self.dossiers[*at];
                dossier.wanted = dossier.wanted.max(TWICE);
            }
        }
        let evidence = self.evidence(&proofs, Dossier::tally);
        self.reliability.risk = Some(Posterior::new(evidence).risk());
        // How many exactly is found out when there is nothing else to do.
        self.owed = if self.is_unsure() { MANY } else { 0 };
    }

    /// Is the answer less sure than it must be?
    pub(super) fn is_unsure(&self) -> bool {
        let is_high = |risk: f64| risk > self.confidence.error();
        self.reliability.risk.is_some_and(is_high)
    }

    /// A set to judge once more, when there is nothing else left to do and the answer is not as sure as it
    /// must be: the answer itself, or one of its proofs, whatever takes fewer judgements. What is in flight
    /// counts as if it agreed.
    pub(super) fn judge_once_more(&mut self) -> Option<At> {
        let (proofs, best) = (self.proofs(), self.base());
        let posterior = Posterior::new(self.evidence(&proofs, Dossier::expected));
        // What may still be asked of each.
        let left = |at: At| MOST.saturating_sub(self.dossiers[at].asked());
        let lean = |at: At| {
            let tally = self.dossiers[at].expected();
            tally.fails.saturating_sub(tally.passes)
        };
        let passes = posterior.passes_to(self.confidence.error(), left(best));
        let open = proofs.iter().copied().filter(|at| left(*at) > 0);
        let proof = open.min_by_key(|at| lean(*at));
        let many = MANY.max(proofs.len() as u32);
        let at = match passes {
            Some(0) => return None,
            Some(passes) if passes > many => proof.unwrap_or(best),
            Some(_) => best,
            None => proof?,
        };
        let dossier = &mut self.dossiers[at];
        dossier.wanted = dossier.wanted.max(dossier.asked() + 1);
        Some(at)
    }
}
