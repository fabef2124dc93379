//! One candidate after the other, then the certificate sweep: what is common to the searches
//! that go on only when the candidate before has its verdict.
//!
//! They use one worker, until the certificate. A [`Plan`] says which candidate is next; what it
//! takes for granted need not be so, as the sweep tries each removal all the same.

use crate::model::{CandidateId, Phase, RequestSet, Verdict};

use super::depends::Depends;
use super::history::History;
use super::{Ask, Certificate, Options, Outlook, Search, Update, sweep};

/// Which candidate comes after which.
pub(super) trait Plan: Send {
    /// A plan for the best of `history`, of which nothing is known but what `depends` says.
    fn new(history: &History, depends: Depends) -> Self;

    /// The set to try next, a part of the best; the same until its verdict is told. `None`:
    /// the rest is for the certificate.
    fn wanted(&self, history: &History) -> Option<RequestSet>;

    /// The wanted set passed and is the best now.
    fn passed(&mut self, history: &History);

    /// The wanted set did not pass. As [`passed`](Self::passed), this must bring the plan nearer to its end whatever
    /// the verdicts are, or the search would not end.
    fn failed(&mut self, history: &History);

    /// The largest number of sets that it will want, including the one in flight.
    fn at_most(&self, history: &History) -> usize;
}

/// A search with one candidate at a time, by a [`Plan`], and the sweep after it.
#[derive(Debug)]
pub(super) struct Sequential<P> {
    history: History,
    phase: Phase,
    plan: P,
}

impl<P: Plan> Sequential<P> {
    /// A search over the requests of `start`, which is known to pass, without ever removing
    /// those of `fixed`.
    pub fn new(start: RequestSet, fixed: &RequestSet, options: Options) -> Self {
        let history = History::new(start, fixed, &options.failed);
        let mut search = Self {
            plan: P::new(&history, options.depends),
            history,
            phase: Phase::Reducing,
        };
        search.settle();
        search
    }

    /// Goes on to what must be tried: a set that was tried before has its verdict already. (Not
    /// that it passes: it is smaller than the best.)
    fn settle(&mut self) {
        while self.phase == Phase::Reducing {
            match self.plan.wanted(&self.history) {
                None => self.phase = Phase::Certifying,
                Some(keep) if self.history.verdict(&keep).is_some() => {
                    self.plan.failed(&self.history);
                }
                Some(_) => return,
            }
        }
    }
}

impl<P: Plan> Search for Sequential<P> {
    fn heard(&mut self, _: &str) {}

    fn ask(&mut self) -> Ask {
        if self.phase == Phase::Certifying {
            return sweep::step(&mut self.history, &Depends::none());
        }
        if self.history.in_flight().next().is_some() {
            return Ask::Wait;
        }
        match self.plan.wanted(&self.history) {
            Some(keep) => Ask::Evaluate(self.history.propose(keep)),
            // Not while requests are removed in bulk: `settle` saw to it.
            None => Ask::Wait,
        }
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        self.history.record(id, verdict);
        if self.phase == Phase::Reducing {
            if verdict.is_pass() {
                self.plan.passed(&self.history);
            } else {
                self.plan.failed(&self.history);
            }
            self.settle();
        }
        sweep::update(&self.history, self.phase)
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
        let owed = sweep::owed(&self.history, &Depends::none());
        let extra = self.history.in_flight().count() + self.history.merges();
        // If dependencies promised too much, requests go in the sweep: each of them makes the
        // failures before it worthless as proofs, once.
        let sweep = 3 * self.history.free().len() + extra;
        let (at_least, at_most) = match self.phase {
            Phase::Reducing => (1, self.plan.at_most(&self.history) + sweep),
            // After a removal the remaining sets may have been tried before.
            _ if sweep::has_hope(&self.history) => (owed.min(1), sweep),
            _ => (owed, owed + extra),
        };
        Outlook {
            at_least: at_least as u32,
            at_most: at_most as u32,
            likely: None,
        }
    }

    fn certificate(&self) -> Certificate {
        sweep::certificate(&self.history, &Depends::none())
    }
}
