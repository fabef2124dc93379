//! Ends what still runs when a run stops or comes to its end.

use super::Run;
use super::flights::{Doing, Trial};
use crate::Result;
use crate::journal::Taken;
use crate::lab::queue::Report;
use crate::model::{Candidate, Event, WorkerId, WorkerState};
use crate::trial::{TrialOutcome, TrialResult};

/// A trial that gave a verdict before it was stopped.
struct Finished {
    worker: Option<WorkerId>,
    taken: Option<Taken>,
    trial: Trial,
    result: TrialResult,
}

impl Run<'_, '_> {
    /// The search is over: ends what still runs, and notes that it can teach nothing, or a
    /// resume would try it again.
    pub(super) fn withdraw_all(&mut self) -> Result<()> {
        let mut left: Vec<Candidate> = self.pending.drain(..).collect();
        let starved = self.starved.drain(..);
        left.extend(starved.flat_map(|(_, trial)| trial.candidates));
        left.extend(self.flights.candidates().cloned());
        self.stop_workers();
        left.iter()
            .try_for_each(|candidate| self.withdraw(candidate))
    }

    /// Ends what still runs. What was in flight is tried again after a resume.
    ///
    /// Verdicts that come in all the same are not thrown away.
    pub(in super::super) fn stop_all(&mut self) -> Result<()> {
        self.stop_workers()
            .into_iter()
            .try_for_each(|ended| self.judged(ended.worker, ended.taken, ended.trial, ended.result))
    }

    /// Ends what still runs; returns what gave a verdict before its end.
    fn stop_workers(&mut self) -> Vec<Finished> {
        let mut finished = Vec::new();
        for key in self.flights.keys() {
            self.lab.workers.retract(key);
        }
        let reports = self.lab.workers.reports().clone();
        while self.flights.count() > 0 {
            match reports.recv() {
                Ok(Report::Ended(key, worker, outcome)) => {
                    let Some((doing, worker, taken)) = self.flights.ended(key, worker) else {
                        continue;
                    };
                    if let (Doing::Judging(trial), Ok(TrialOutcome { result, .. })) =
                        (doing, outcome)
                        && result.has_verdict()
                    {
                        finished.push(Finished {
                            worker,
                            taken,
                            trial: *trial,
                            result,
                        });
                    }
                    if let Some(worker) = worker {
                        let state = WorkerState::Idle;
                        self.lab.emit(&Event::Worker { worker, state });
                    }
                }
                Ok(Report::Started(worker, key)) => {
                    self.flights.started(key, self.lab.taken(worker));
                }
                Ok(Report::State(..) | Report::Warning(_)) => {}
                Err(_) => break,
            }
        }
        finished
    }
}
