//! Ends what still runs when a run stops or comes to its end.

use super::{Busy, Run, Trial};
use crate::Result;
use crate::lab::executor::Report;
use crate::model::{Candidate, Event, Verdict, WorkerId, WorkerState};
use crate::trial::{TrialOutcome, TrialResult};

impl Run<'_, '_> {
    /// The search is over: ends what still runs, and notes that it can teach nothing, or a
    /// resume would try it again.
    pub(super) fn withdraw_all(&mut self) -> Result<()> {
        let mut left: Vec<Candidate> = self.pending.drain(..).collect();
        let starved = self.starved.drain(..);
        left.extend(starved.flat_map(|(_, trial)| trial.candidates));
        for busy in &self.workers {
            match busy {
                Busy::Idle => {}
                Busy::Resolving(candidate) => left.push(candidate.clone()),
                Busy::Judging(trial) => left.extend(trial.candidates.iter().cloned()),
            }
        }
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
            .try_for_each(|(worker, trial, result)| self.judged(worker, trial, result))
    }

    /// Ends what still runs; returns what gave a verdict before its end.
    fn stop_workers(&mut self) -> Vec<(WorkerId, Trial, TrialResult)> {
        let mut finished = Vec::new();
        for (i, busy) in self.workers.iter().enumerate() {
            if !matches!(busy, Busy::Idle) {
                self.lab.executor.cancel(WorkerId(i as u32));
            }
        }
        let reports = self.lab.executor.reports().clone();
        while self.workers.iter().any(|busy| !matches!(busy, Busy::Idle)) {
            match reports.recv() {
                Ok(Report::Ended(worker, outcome)) => {
                    let busy = std::mem::replace(&mut self.workers[worker.0 as usize], Busy::Idle);
                    if let (Busy::Judging(trial), Ok(TrialOutcome { result, .. })) = (busy, outcome)
                        && let TrialResult::Judged { verdict, .. } = &result
                        && *verdict != Verdict::Unresolved
                    {
                        finished.push((worker, *trial, result));
                    }
                    self.lab.emit(&Event::Worker {
                        worker,
                        state: WorkerState::Idle,
                    });
                }
                Ok(Report::State(..) | Report::Warning(_)) => {}
                Err(_) => break,
            }
        }
        finished
    }
}
