//! The queue between the dispatcher and those who make trials, on this machine or elsewhere.

use crossbeam_channel::Receiver;

use crate::Result;
use crate::model::{WorkerId, WorkerState};
use crate::trial::{TrialKey, TrialOutcome, TrialSpec};

/// What workers report.
#[derive(Debug)]
// Each is moved once or twice.
#[allow(clippy::large_enum_variant)]
pub enum Report {
    /// A line that the user should see.
    Warning(String),
    /// A worker took a trial.
    Started(WorkerId, TrialKey),
    /// A worker does something else now.
    State(WorkerId, WorkerState),
    /// A trial ended, which this worker had; none had it if it was retracted before. An error stops the run.
    Ended(TrialKey, Option<WorkerId>, Result<TrialOutcome>),
}

/// Those who make trials. Each takes one after the other from a common queue.
///
/// This is the seam for other machines: a spec says all that a trial is about, and has no path in it.
pub trait Workers {
    /// How many trials can be under way at once. The dispatcher offers no more.
    fn capacity(&self) -> usize;

    /// Adds a trial to the queue. Its end is reported, at least once: the dispatcher ignores what it knows.
    fn offer(&mut self, spec: TrialSpec);

    /// Takes a trial back: nobody begins it any more, and who makes it ends it as quickly as is orderly. Its end is
    /// reported all the same, as [`TrialResult::Cancelled`](crate::trial::TrialResult::Cancelled) unless it was
    /// quicker.
    fn retract(&mut self, key: TrialKey);

    /// Where reports come in, those of one worker in their order. It is never disconnected before the ends of all
    /// trials have been reported.
    fn reports(&self) -> &Receiver<Report>;
}
