//! What the dispatcher asks of those who do the work, on this machine or elsewhere.

use crossbeam_channel::Receiver;

use crate::Result;
use crate::model::{WorkerId, WorkerState};
use crate::trial::{TrialOutcome, TrialSpec};

/// What workers report.
#[derive(Debug)]
pub enum Report {
    /// A line that the user should see.
    Warning(String),
    /// A worker does something else now.
    State(WorkerId, WorkerState),
    /// A trial ended. An error stops the run.
    Ended(WorkerId, Result<TrialOutcome>),
}

/// Those who do the work. The dispatcher gives a worker one task at a time.
///
/// This is the seam for other machines: an executor may well send tasks away and report what
/// comes back.
pub trait Executor {
    /// How many tasks can be under way at once.
    fn workers(&self) -> usize;

    /// Begins a trial; its end is reported.
    fn submit(&mut self, worker: WorkerId, spec: TrialSpec);

    /// Ends what the worker does, as quickly as is orderly. It reports all the same: a judgement
    /// as [`TrialResult::Cancelled`], unless it was quicker.
    fn cancel(&mut self, worker: WorkerId);

    /// Where reports come in. It is never disconnected before all tasks have been reported.
    fn reports(&self) -> &Receiver<Report>;
}
