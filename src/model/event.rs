//! What happens during a run, as people and programs are told of it.

use std::time::Duration;

use serde::Serialize;

use super::{CandidateId, Judgement, TrialId, WorkerId};

/// The part of a run that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Source, tools and guests are made ready.
    Preparing,
    /// The start is built and judged.
    Start,
    /// Requests are taken away.
    Reducing,
    /// Every kept request is taken away alone.
    Certifying,
}

/// What a worker does now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "doing")]
pub enum WorkerState {
    /// Nothing: there is nothing useful to try.
    Idle,
    /// Kconfig resolves a candidate.
    Resolving,
    /// The tree is set back to its base.
    Preparing {
        /// The trial that it is prepared for.
        trial: TrialId,
    },
    /// The kernel is built.
    Building {
        /// The trial.
        trial: TrialId,
        /// Objects compiled so far.
        objects: u32,
    },
    /// An oracle runs.
    Judging {
        /// The trial.
        trial: TrialId,
        /// The oracle's name.
        oracle: String,
    },
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The part of the run.
    pub phase: Phase,
    /// Requests in the smallest candidate that passed.
    pub requests: usize,
    /// `=` lines in its resolved config.
    pub lines: u32,
    /// Trials that passed.
    pub passed: u32,
    /// Trials that failed.
    pub failed: u32,
    /// Trials that gave no verdict.
    pub unresolved: u32,
    /// Candidates that an earlier verdict answered.
    pub reused: u32,
    /// At least so many trials are still to come.
    pub at_least: u32,
    /// At most so many, if nothing surprising happens.
    pub at_most: u32,
    /// So many are expected, if the search can tell.
    pub likely: Option<u32>,
}

/// A fact that a person or a report sees.
///
/// The JSON form is a stable interface: `{"v":1,"event":"...",...}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// A line for people: what is being done or was found.
    Note {
        /// The line, safe to show.
        text: String,
    },
    /// Something is not as it should be; the run goes on.
    Warning {
        /// The line, safe to show.
        text: String,
    },
    /// Another part of the run begins.
    PhaseBegun {
        /// Which one.
        phase: Phase,
    },
    /// A worker does something else now.
    Worker {
        /// Which worker.
        worker: WorkerId,
        /// What it does.
        state: WorkerState,
    },
    /// A trial ended.
    TrialEnded {
        /// The worker that ran it; none when an earlier verdict answered.
        worker: Option<WorkerId>,
        /// The candidate; none for the start.
        candidate: Option<CandidateId>,
        /// Requests kept in it.
        requests: usize,
        /// How often just this was asked before.
        round: u32,
        /// What came of it.
        judgement: Judgement,
    },
    /// A trial became pointless and was stopped.
    TrialCancelled {
        /// Which one.
        trial: TrialId,
    },
    /// Another configuration is the best: a smaller one passed, or the best before it turned out
    /// not to pass.
    NewBest {
        /// The trial that showed it.
        trial: TrialId,
        /// Requests left.
        requests: usize,
        /// `=` lines of its resolved config.
        lines: u32,
    },
    /// How far the run has come.
    Progress {
        /// The counts.
        progress: Progress,
        /// Since the run began, earlier sittings included.
        elapsed: Duration,
    },
}
