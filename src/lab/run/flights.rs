//! What is in the hands of the workers.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::Taken;
use crate::lab::retry::Tries;
use crate::model::{Candidate, Fingerprint, ResolvedConfig, TrialId, WorkerId};
use crate::trial::TrialKey;

/// A trial that was offered, and has not been reported as ended.
pub(super) struct Flight {
    key: TrialKey,
    /// Who took it, if anybody did yet.
    taken: Option<Taken>,
    doing: Doing,
}

impl Flight {
    fn worker(&self) -> Option<WorkerId> {
        self.taken.map(|taken| taken.worker)
    }
}

/// What is done in a flight.
pub(super) enum Doing {
    Resolving(Candidate),
    Judging(Box<Trial>),
}

pub(super) struct Trial {
    pub(super) id: TrialId,
    pub(super) config: ResolvedConfig,
    /// All of them resolve to this config.
    pub(super) candidates: Vec<Candidate>,
    pub(super) cancelled: bool,
    pub(super) tries: Tries,
}

/// All flights, in the order in which they were offered, and what is known of the workers from them.
#[derive(Default)]
pub(super) struct Flights {
    all: Vec<Flight>,
    /// What each worker judged last: it is still in its tree.
    held: BTreeMap<WorkerId, Fingerprint>,
    /// Those that were last seen at work.
    at_work: BTreeSet<WorkerId>,
}

impl Flights {
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn keys(&self) -> Vec<TrialKey> {
        self.all.iter().map(|flight| flight.key).collect()
    }

    pub(super) fn offered(&mut self, key: TrialKey, doing: Doing) {
        self.all.push(Flight {
            key,
            taken: None,
            doing,
        });
    }

    /// A worker took one. One that has ended since is not noted.
    pub(super) fn started(&mut self, key: TrialKey, taken: Taken) {
        let worker = taken.worker;
        let Some(flight) = self.all.iter_mut().find(|flight| flight.key == key) else {
            return;
        };
        flight.taken = Some(taken);
        self.at_work.insert(worker);
        if let Doing::Judging(trial) = &flight.doing {
            self.held.insert(worker, trial.config.fingerprint);
        }
    }

    /// The trial of a candidate that is under way with this key.
    pub(super) fn trial(&self, key: TrialKey) -> Option<&Trial> {
        let flight = self.all.iter().find(|flight| flight.key == key)?;
        match &flight.doing {
            Doing::Judging(trial) => Some(trial),
            Doing::Resolving(_) => None,
        }
    }

    /// One ended: what it was, who made it, and when that worker took it, if it was in flight.
    pub(super) fn ended(
        &mut self,
        key: TrialKey,
        worker: Option<WorkerId>,
    ) -> Option<(Doing, Option<WorkerId>, Option<Taken>)> {
        let at = self.all.iter().position(|flight| flight.key == key)?;
        let flight = self.all.remove(at);
        let worker = worker.or(flight.worker());
        let taken = flight.taken.filter(|taken| Some(taken.worker) == worker);
        Some((flight.doing, worker, taken))
    }

    /// Workers that have nothing to do any more, and were last seen at work. Whoever may take what waits is not yet
    /// among them.
    pub(super) fn take_idle(&mut self) -> Vec<WorkerId> {
        if self.all.iter().any(|flight| flight.taken.is_none()) {
            return Vec::new();
        }
        let idle: Vec<WorkerId> = (self.at_work.iter().copied())
            .filter(|worker| self.is_idle(*worker))
            .collect();
        idle.iter().for_each(|worker| {
            self.at_work.remove(worker);
        });
        idle
    }

    fn is_idle(&self, worker: WorkerId) -> bool {
        self.all
            .iter()
            .all(|flight| flight.worker() != Some(worker))
    }

    /// The idle worker that has this config in its tree.
    pub(super) fn who_holds(&self, config: Fingerprint) -> Option<WorkerId> {
        let holds =
            |(worker, held): &(&WorkerId, &Fingerprint)| **held == config && self.is_idle(**worker);
        self.held.iter().find(holds).map(|(worker, _)| *worker)
    }

    /// The trials that are being made.
    pub(super) fn trials(&mut self) -> impl Iterator<Item = (TrialKey, &mut Trial)> {
        self.all
            .iter_mut()
            .filter_map(|flight| match &mut flight.doing {
                Doing::Judging(trial) => Some((flight.key, &mut **trial)),
                Doing::Resolving(_) => None,
            })
    }

    /// All candidates that are in flight.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.all.iter().flat_map(|flight| match &flight.doing {
            Doing::Resolving(candidate) => std::slice::from_ref(candidate),
            Doing::Judging(trial) => &trial.candidates,
        })
    }
}
