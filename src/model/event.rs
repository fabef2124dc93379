//! The events of a run, for people and programs.

use std::time::Duration;

use serde::Serialize;

use super::{CandidateId, Judgement, Symbol, TrialId, WorkerId};

/// A phase of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Source, tools and guests are prepared.
    Preparing,
    /// The start is built and judged.
    Start,
    /// Requests are removed.
    Reducing,
    /// Every request of the answer is removed alone.
    Certifying,
}

/// The activity of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "doing")]
pub enum WorkerState {
    /// None: there is no useful candidate.
    Idle,
    /// Kconfig resolves a candidate.
    Resolving,
    /// The build tree is made equal to the base.
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

/// Why a candidate is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// It is likely to have all that is needed: nothing has passed yet.
    Guess,
    /// A group of requests is removed that are likely not needed.
    Group,
    /// One request is removed, with its dependents.
    Single,
    /// Its verdict is repeated.
    Repeat,
    /// It is built once more, from an empty tree.
    Rebuild,
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
    /// Lower bound on the trials to come.
    pub at_least: u32,
    /// Upper bound on the trials to come, if the oracle is monotone and every trial gives a verdict.
    pub at_most: u32,
    /// Expected number of trials to come, if the search can estimate it.
    pub likely: Option<u32>,
}

/// A fact that a person or a report sees.
///
/// The JSON form is a stable interface: `{"v":1,"event":"...",...}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// A line for people.
    Note {
        /// The line, safe to show.
        text: String,
    },
    /// Something is wrong; the run continues.
    Warning {
        /// The line, safe to show.
        text: String,
    },
    /// A phase begins.
    PhaseBegun {
        /// Which one.
        phase: Phase,
    },
    /// A worker changed its activity.
    Worker {
        /// Which worker.
        worker: WorkerId,
        /// Its activity.
        state: WorkerState,
    },
    /// A worker took a trial of a candidate.
    TrialBegan {
        /// Which worker.
        worker: WorkerId,
        /// Which trial.
        trial: TrialId,
        /// Why this candidate.
        purpose: Purpose,
        /// Requests kept in it.
        requests: usize,
        /// How many requests of the best it lacks. None before anything has passed.
        #[serde(skip_serializing_if = "Option::is_none")]
        lacks: Option<usize>,
        /// The request that is removed alone.
        #[serde(skip_serializing_if = "Option::is_none")]
        symbol: Option<Symbol>,
    },
    /// A trial ended.
    TrialEnded {
        /// The worker that ran it; none when an earlier verdict answered.
        worker: Option<WorkerId>,
        /// The candidate; none for the start.
        candidate: Option<CandidateId>,
        /// Requests kept in it.
        requests: usize,
        /// How often this set was judged before.
        round: u32,
        /// The verdict, and how it was obtained.
        judgement: Judgement,
    },
    /// A trial became useless and was stopped.
    TrialCancelled {
        /// Which one.
        trial: TrialId,
    },
    /// Another configuration is the best: a smaller one passed, or the pass of the previous one was
    /// withdrawn.
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
        /// Since the run began, earlier sessions included.
        elapsed: Duration,
    },
}
