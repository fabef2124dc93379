//! What the dispatcher asks of those who do the work, on this machine or elsewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::Result;
use crate::model::{
    CandidateId, Config, Fingerprint, Forecast, Fragment, Origin, ResolvedConfig, Timings, TrialId,
    Verdict, WorkerId, WorkerState,
};
use crate::supervise::CancelToken;
use crate::trace::Activity;

/// Something for a worker to do.
#[derive(Debug, Clone)]
pub enum Task {
    /// Find out what Kconfig makes of a candidate.
    Resolve {
        /// Which one.
        candidate: CandidateId,
        /// Its requests.
        fragment: Fragment,
    },
    /// Build a config and ask the oracles.
    Judge {
        /// The number of the trial.
        trial: TrialId,
        /// What to build.
        config: Arc<ResolvedConfig>,
        /// The directory of the trial; exists, with the config in it.
        dir: PathBuf,
        /// The directory of the start's own trial; none while the start is judged.
        baseline: Option<PathBuf>,
        /// What it is to be built from; [`Origin::Earlier`] leaves it open.
        origin: Origin,
    },
}

/// What came of a [`Task::Judge`].
#[derive(Debug, Clone, PartialEq)]
pub enum TrialResult {
    /// A verdict.
    Judged {
        /// What it is.
        verdict: Verdict,
        /// One clean line: why it failed.
        evidence: Option<String>,
        /// BLAKE3 of the built image, in hex, and its size in bytes.
        image: Option<(String, u64)>,
        /// Where the time went.
        timings: Timings,
        /// What it was built from.
        origin: Origin,
    },
    /// The machine gave out (memory, disk, time for a build): no verdict.
    Starved(String),
    /// An oracle failed, and says that the machine gave out; nothing else shows that. At first that is believed, and
    /// where it says so again with the machine to itself there is no verdict.
    Complained {
        /// One clean line: what it says.
        evidence: String,
        /// As of [`TrialResult::Judged`].
        image: Option<(String, u64)>,
        /// Where the time went.
        timings: Timings,
        /// What it was built from.
        origin: Origin,
    },
    /// It was cancelled.
    Cancelled,
}

/// What workers report.
#[derive(Debug)]
pub enum Report {
    /// A line that the user should see.
    Warning(String),
    /// A worker does something else now.
    State(WorkerId, WorkerState),
    /// A [`Task::Resolve`] ended. An error stops the run.
    Resolved(WorkerId, CandidateId, Result<ResolvedConfig>),
    /// A [`Task::Judge`] ended. An error stops the run.
    Judged(WorkerId, TrialId, Result<TrialResult>),
}

/// Where a trace comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceFrom {
    /// A boot, which may use this folder: that of a trial, in which its config is.
    Boot(PathBuf),
    /// A file.
    File(PathBuf),
}

/// Those who do the work. The dispatcher gives a worker one task at a time.
///
/// This is the seam for other machines: an executor may well send tasks away and report what
/// comes back.
pub trait Executor {
    /// How many tasks can be under way at once.
    fn workers(&self) -> usize;

    /// Begins a task; its end is reported.
    fn submit(&mut self, worker: WorkerId, task: Task);

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
    fn recall(&mut self, _trial: &Path, _config: &ResolvedConfig, _cpu: Duration) {}

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
