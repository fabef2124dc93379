//! What the dispatcher asks of those who do the work, on this machine or elsewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::Result;
use crate::model::{Config, Fingerprint, Forecast, ResolvedConfig, TrialId, WorkerId, WorkerState};
use crate::supervise::CancelToken;
use crate::trace::Activity;
use crate::trial::{TraceFrom, TrialOutcome, TrialSpec};

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

    /// What the worker built last, `fingerprint`, is what later tasks are nearest to.
    fn promote(&mut self, worker: WorkerId, fingerprint: Fingerprint);

    /// About how many bytes of disk all build trees together will take; known as soon as
    /// something is built, if at all.
    fn expected_disk(&self) -> Option<u64> {
        None
    }

    /// Learns what builds take from the one in `trial`, of `config`, which an earlier session made and which took
    /// `cpu`. Nothing is learnt if its tree or its notes are gone.
    fn recall(&mut self, _trial: TrialId, _config: &ResolvedConfig, _cpu: Duration) {}

    /// What it would take to build a config, begun from what was built and promoted last; nothing
    /// if nobody can tell.
    fn forecast(&self, config: &Config) -> Option<Forecast> {
        let _ = config;
        None
    }

    /// What runs of a config, which was built and promoted last, when the oracles boot it once more:
    /// from the log of QEMU that is given, or from one of this boot, for which there is a folder.
    /// Nothing if the oracles do not boot it by `kbisect boot`.
    ///
    /// # Errors
    /// It cannot be told, for another reason.
    fn trace(
        &mut self,
        config: &ResolvedConfig,
        from: &TraceFrom,
        cancel: &CancelToken,
    ) -> Result<Option<Activity>> {
        let _ = (config, from, cancel);
        Ok(None)
    }

    /// The objects that are in the image of each config; none if nobody can tell.
    fn objects(&self, configs: &[Config]) -> Vec<BTreeSet<String>> {
        vec![BTreeSet::new(); configs.len()]
    }

    /// Where reports come in. It is never disconnected before all tasks have been reported.
    fn reports(&self) -> &Receiver<Report>;
}
