//! ProbDD and CDD: one candidate after the other, its size from what failed before.
//!
//! *ProbDD* (G. Wang et al., "Probabilistic Delta Debugging", ESEC/FSE 2021) stores for each request
//! the probability that it is needed. It removes the least likely requests, in the number with the
//! largest expected gain, and a failure raises the probability of each. *CDD* (M. Zhang et al., "Deep
//! Dive into Probabilistic Delta Debugging", 2024) shows that this amounts to rounds of one group size
//! each, smaller from round to round, and counts failures instead.
//!
//! Both need the verdict on one candidate before they propose the next, so they use one worker. The
//! certificate is a sweep for any number of workers, because they can miss single removals.

use crate::model::{CandidateId, Phase, RequestId, RequestSet, Verdict};

use super::depends::Depends;
use super::history::History;
use super::{Ask, Certificate, Options, Outlook, Search, Update, sweep};

/// The initial probability, from the paper.
const AT_FIRST: f64 = 0.1;

/// The variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A probability for each request.
    ProbDd,
    /// A counter for each request.
    Cdd,
}

/// ProbDD or CDD, by its [`Rule`].
#[derive(Debug)]
pub(super) struct Probabilities {
    history: History,
    phase: Phase,
    rule: Rule,
    /// The probability that each request is needed; 1 once its removal alone failed.
    needed: Vec<f64>,
    /// The number of failed groups that contained each request.
    failures: Vec<i32>,
    /// The requests that the candidate in flight lacks.
    gone: Vec<RequestId>,
}

impl Probabilities {
    /// A search over the requests of `start`, which is known to pass, without ever removing
    /// those of `fixed`.
    #[must_use]
    pub fn new(start: RequestSet, fixed: &RequestSet, rule: Rule, options: &Options) -> Self {
        let n = start.capacity();
        let mut search = Self {
            history: History::new(start, fixed, &options.failed),
            phase: Phase::Reducing,
            rule,
            needed: vec![AT_FIRST; n],
            failures: vec![0; n],
            gone: Vec::new(),
        };
        search.settle();
        search
    }

    /// The requests that may be removed, the least likely needed first; among equals the last in menu order.
    fn open(&self) -> Vec<RequestId> {
        let free = self.history.free();
        let mut open: Vec<RequestId> = free
            .iter()
            .rev()
            .filter(|id| self.needed[id.index()] < 1.0)
            .collect();
        match self.rule {
            Rule::ProbDd => {
                open.sort_by(|a, b| self.needed[a.index()].total_cmp(&self.needed[b.index()]));
            }
            Rule::Cdd => open.sort_by_key(|id| self.failures[id.index()]),
        }
        open
    }

    fn group(&self) -> Vec<RequestId> {
        let mut open = self.open();
        let len = match self.rule {
            Rule::ProbDd => {
                let mut none = 1.0;
                let gains = open.iter().zip(1..).map(|(id, len)| {
                    none *= 1.0 - self.needed[id.index()];
                    (f64::from(len) * none, len)
                });
                let best = gains.max_by(|a, b| a.0.total_cmp(&b.0));
                best.map_or(0, |(_, len)| len)
            }
            Rule::Cdd => {
                let Some(first) = open.first() else {
                    return open;
                };
                let round = self.failures[first.index()];
                open.retain(|id| self.failures[id.index()] == round);
                // p0 / (1 - 1/e)^r, and the size that promises most of it.
                let chance = AT_FIRST / (1.0 - (-1.0_f64).exp()).powi(round);
                let size = -1.0 / (1.0 - chance.min(0.999)).ln();
                // Rounds have some ten requests at most.
                #[allow(clippy::cast_possible_truncation)]
                let size = size.round().clamp(1.0, 1e9) as i32;
                size
            }
        };
        open.truncate(usize::try_from(len).unwrap_or(1).max(1));
        open
    }

    fn settle(&mut self) {
        if self.phase == Phase::Reducing && self.gone.is_empty() && self.open().is_empty() {
            self.phase = Phase::Certifying;
        }
    }

    fn learn(&mut self, verdict: Verdict) {
        let gone = std::mem::take(&mut self.gone);
        if verdict.is_pass() {
            return;
        }
        let none: f64 = gone
            .iter()
            .map(|id| 1.0 - self.needed[id.index()])
            .product();
        for id in &gone {
            self.failures[id.index()] += 1;
            let needed = &mut self.needed[id.index()];
            *needed = match (self.rule, gone.len()) {
                (_, 1) => 1.0,
                (Rule::ProbDd, _) => (*needed / (1.0 - none)).min(0.999),
                (Rule::Cdd, _) => *needed,
            };
        }
    }
}

impl Search for Probabilities {
    fn heard(&mut self, _: &str) {}

    fn ask(&mut self) -> Ask {
        if self.phase == Phase::Certifying {
            return sweep::step(&mut self.history, &Depends::none());
        }
        if !self.gone.is_empty() {
            return Ask::Wait;
        }
        loop {
            let gone = self.group();
            let capacity = self.history.best().capacity();
            let keep = self
                .history
                .best()
                .minus(&RequestSet::of(capacity, gone.iter().copied()));
            self.gone = gone;
            if self.history.is_unasked(&keep) {
                return Ask::Evaluate(self.history.propose(keep));
            }
            // It was tried, and did not pass: its verdict counts again.
            self.learn(Verdict::Unresolved);
            self.settle();
            if self.phase == Phase::Certifying {
                return self.ask();
            }
        }
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        self.history.record(id, verdict);
        if self.phase == Phase::Reducing {
            self.learn(verdict);
        }
        self.settle();
        sweep::update(&self.history, self.phase)
    }

    fn withdraw(&mut self, id: CandidateId) {
        self.history.withdraw(id);
        self.gone.clear();
        self.settle();
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
        let extra = (self.history.in_flight().count() + self.history.merges()) as u32;
        let (at_least, at_most) = match self.phase {
            Phase::Certifying => (owed, owed + extra),
            // Each failure makes a group smaller, and a request is in few before it is alone.
            _ => (
                owed.min(1),
                1 + 20 * self.history.free().len() as u32 + extra,
            ),
        };
        Outlook {
            at_least,
            at_most,
            likely: None,
        }
    }

    fn certificate(&self) -> Certificate {
        sweep::certificate(&self.history, &Depends::none())
    }
}
