//! A search that proposes what a test says, and notes what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::model::{Candidate, CandidateId, RequestId};
use crate::search::{Ask, Certificate, Depends, Outlook, Update};

/// What a search was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Told(u32, Verdict),
    Withdrawn(u32),
}

/// A search that proposes what a test says.
pub(super) struct Scripted {
    left: VecDeque<Candidate>,
    /// What becomes pointless when a candidate passes.
    pointless: Vec<(u32, Vec<u32>)>,
    in_flight: BTreeSet<CandidateId>,
    best: RequestSet,
    keeps: Vec<RequestSet>,
    pub(super) calls: Arc<Mutex<Vec<Call>>>,
}

impl Scripted {
    /// Proposes the start without these requests, each time others.
    pub(super) fn new(without: &[&[&str]]) -> Self {
        let keep = |names: &&[&str]| {
            let mut keep = RequestSet::full(NAMES.len());
            for name in *names {
                let at = NAMES.iter().position(|n| n == name).unwrap();
                keep.remove(RequestId(at as u32));
            }
            keep
        };
        let keeps: Vec<RequestSet> = without.iter().map(keep).collect();
        let candidate = |(id, keep): (usize, &RequestSet)| Candidate {
            id: CandidateId(id as u32),
            keep: keep.clone(),
            round: 0,
            origin: Origin::Earlier,
        };
        Self {
            left: keeps.iter().enumerate().map(candidate).collect(),
            pointless: vec![],
            in_flight: BTreeSet::new(),
            best: RequestSet::full(NAMES.len()),
            keeps,
            calls: Arc::default(),
        }
    }

    /// When `passed` passes, nobody wants to know about `others` any more.
    pub(super) fn pointless(mut self, passed: u32, others: &[u32]) -> Self {
        self.pointless.push((passed, others.to_vec()));
        self
    }
}

impl Search for Scripted {
    fn heard(&mut self, _: &str) {}

    fn ask(&mut self) -> Ask {
        match self.left.pop_front() {
            Some(candidate) => {
                self.in_flight.insert(candidate.id);
                Ask::Evaluate(candidate)
            }
            None if self.in_flight.is_empty() => Ask::Done,
            None => Ask::Wait,
        }
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        assert!(self.in_flight.remove(&id), "{id} is not in flight");
        self.calls.lock().unwrap().push(Call::Told(id.0, verdict));
        let keep = &self.keeps[id.0 as usize];
        let is_better = verdict.is_pass() && keep.len() < self.best.len();
        if is_better {
            self.best = keep.clone();
        }
        let pointless = self
            .pointless
            .iter()
            .filter(|(passed, _)| verdict.is_pass() && *passed == id.0);
        let pointless = pointless.flat_map(|(_, others)| others.iter().map(|id| CandidateId(*id)));
        Update {
            pointless: pointless.filter(|id| self.in_flight.contains(id)).collect(),
        }
    }

    fn withdraw(&mut self, id: CandidateId) {
        assert!(self.in_flight.remove(&id), "{id} is not in flight");
        self.calls.lock().unwrap().push(Call::Withdrawn(id.0));
    }

    fn best(&self) -> &RequestSet {
        &self.best
    }

    fn phase(&self) -> Phase {
        Phase::Reducing
    }

    fn outlook(&self) -> Outlook {
        Outlook {
            at_least: 0,
            at_most: 0,
            likely: None,
        }
    }

    fn certificate(&self) -> Certificate {
        Certificate::default()
    }

    fn start_judged(&mut self, _: Verdict) {}

    fn learn_depends(&mut self, _: &Depends) {}
}
