//! Which of the trials in flight are still needed.

use super::{At, Retesting};
use crate::model::{CandidateId, Phase};

impl Retesting {
    /// Does a pending decision need this trial?
    pub(super) fn matters(&self, at: At) -> bool {
        let evidence = &self.evidence[at];
        let is_awaited = evidence
            .awaited
            .is_some_and(|id| !self.pointless.contains(&id));
        let is_wanted = evidence.judged() + evidence.unresolved < evidence.wanted;
        let is_unsure =
            || self.settled(at).is_none() && (evidence.told.is_some() || self.decides(at));
        is_awaited || is_wanted || is_unsure()
    }

    /// Does a proof of the certificate rest on this set?
    fn decides(&self, at: At) -> bool {
        if self.inner.phase() != Phase::Certifying {
            return false;
        }
        let certificate = self.inner.certificate();
        let mut entries = certificate.entries().iter();
        entries.any(|(id, proof)| self.tried(*id, *proof) == Some(at))
    }

    pub(super) fn useless(&self) -> Vec<CandidateId> {
        let flights = self.flights.iter().filter(|(_, at)| !self.matters(**at));
        flights.map(|(id, _)| *id).collect()
    }
}
