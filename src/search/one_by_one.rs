//! The plainest search: one request after the other, until none can go.

use crate::model::{CandidateId, Phase, RequestSet, Verdict};

use super::depends::Depends;
use super::history::History;
use super::{Ask, Certificate, Options, Outlook, Search, Update, sweep};

/// Removes one request at a time, in order, on as many workers as ask, as if each trial in
/// flight were going to fail.
///
/// It needs one trial a request and, where several can go, more for the certificate. Hard to
/// beat when most requests are needed.
#[derive(Debug)]
pub(super) struct OneByOne {
    history: History,
    phase: Phase,
}

impl OneByOne {
    /// A search over the requests of `start`, which is known to pass, without ever removing
    /// those of `fixed`.
    #[must_use]
    pub fn new(start: RequestSet, fixed: &RequestSet, options: &Options) -> Self {
        let mut search = Self {
            history: History::new(start, fixed, &options.failed),
            phase: Phase::Reducing,
        };
        search.settle();
        search
    }

    /// From the first time on that every removal is answered, the rest is for the certificate.
    fn settle(&mut self) {
        if !sweep::has_hope(&self.history) {
            self.phase = Phase::Certifying;
        }
    }
}

impl Search for OneByOne {
    fn heard(&mut self, _: &str) {}

    fn ask(&mut self) -> Ask {
        sweep::step(&mut self.history, &Depends::none())
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        self.history.record(id, verdict);
        self.settle();
        sweep::update(&self.history, Phase::Certifying)
    }

    fn withdraw(&mut self, id: CandidateId) {
        self.history.withdraw(id);
    }

    // Each verdict is taken as it comes.
    fn start_judged(&mut self, _: Verdict) {}

    fn best(&self) -> &RequestSet {
        self.history.best()
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn outlook(&self) -> Outlook {
        let owed = sweep::owed(&self.history, &Depends::none()) as u32;
        let flying = self.history.in_flight().count() as u32;
        let at_most = match self.phase {
            // Each removal that passes makes the failures before it worthless as proofs, and may
            // need a trial of the merge with one that passed beside it.
            Phase::Reducing => owed + 2 * self.history.free().len() as u32 + flying,
            _ => owed + flying,
        };
        Outlook {
            at_least: owed,
            at_most: at_most + self.history.merges() as u32,
            likely: None,
        }
    }

    fn certificate(&self) -> Certificate {
        sweep::certificate(&self.history, &Depends::none())
    }
}
