//! The long report of a run: everything that explains the answer, as the page and its JSON show it.

mod asked;
mod free;
mod gather;
mod map;
mod sets;
mod steps;
#[cfg(test)]
mod tests;
mod timeline;

pub use gather::{from_journal, from_result};

use serde::{Deserialize, Serialize};

use super::{Reason, Report};
use crate::model::{Request, Stage, Symbol, TrialId};

/// The version of [`Details`] that is written.
pub const DETAILS_VERSION: u32 = 1;

/// Everything that is known of a run. All texts are safe to show: they have no control characters, and are not longer
/// than a page can bear. Markup in them is that of the guest: a renderer escapes it.
///
/// Parts of it come from the run's folder, from the folders of its trials and from the source tree. A part whose file
/// is missing or damaged is empty, and [`gaps`](Self::gaps) names the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// The version of the format.
    pub v: u32,
    /// The version of the kbisect that made the report.
    pub kbisect: String,
    /// How far the run came.
    pub standing: Standing,
    /// What was asked.
    pub asked: Asked,
    /// The result, as in `result.json`. None as long as nothing has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Report>,
    /// What there is to say of the whole, in sentences: status, certainty, cost. The first one is the status.
    pub said: Vec<String>,
    /// The builds before and after, if both are known.
    pub builds: Builds,
    /// The commands that make the kernel of the answer, in the source tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<String>,
    /// The requests of the answer, in menu order.
    pub options: Vec<OptionDetails>,
    /// The lines of the answer's resolved config, in the order of the file. Each is explained.
    pub lines: Vec<ConfigLine>,
    /// The requests of the start that are not in the answer, in menu order.
    pub removed: Vec<Removed>,
    /// How the best became smaller, one step for each best.
    pub steps: Vec<Step>,
    /// Lines of the start that are no requests: they follow from others, or nothing can switch them.
    pub free: Vec<Free>,
    /// The trials, by number.
    pub trials: Vec<TrialDetails>,
    /// Which trial had which requests.
    pub map: TrialMap,
    /// Who depends on whom among the requests of the answer.
    pub edges: Vec<Edge>,
    /// What could not be read, or is left out, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
}

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Minimal and certified.
    Minimal,
    /// Minimal if the oracle is monotone.
    Leaves,
    /// The search is over, but some requests have no proof.
    Unproved,
    /// Stopped early.
    Stopped,
    /// Under way.
    Running,
    /// Nothing has passed yet, not even the start.
    NothingPassed,
}

/// What was asked of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The command line.
    pub command: String,
    /// When the run began: seconds since 1970, UTC. 0 if nobody knows.
    pub at: u64,
    /// The oracles, in the order in which they are asked.
    pub oracles: Vec<AskedOracle>,
    /// The project and its version, as the config says: `Linux/x86 6.1.176`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The start's file or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Other facts that verdicts depend on, for people: `compiler`, `guest`, `QEMU`, `source`, `base`, `algorithm`, ...
    pub facts: Vec<Fact>,
}

/// An oracle of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedOracle {
    /// Its name, with its argument.
    pub name: String,
    /// What it tests, in one sentence, if it is still there and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// A named fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// The fact.
    pub text: String,
}

/// The builds of the start and of the answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Builds {
    /// Of the start, if it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Build>,
    /// Of the answer from an empty tree, if it was built so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Build>,
}

/// A build from an empty tree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Build {
    /// The trial.
    pub trial: TrialId,
    /// Objects, compiled or from the object cache.
    pub objects: u32,
    /// Those of them that came from the object cache: they took next to no time.
    pub cached: u32,
    /// CPU time of the build, in seconds, user and system. Those of two builds can be compared only if neither took
    /// objects from the cache.
    pub cpu_seconds: f64,
}

/// What Kconfig says of a symbol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its prompt, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The menus that it is in, from the outermost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub menu: Vec<String>,
    /// Its file, from the top of the source tree.
    pub file: String,
    /// Its line in that file.
    pub line: u32,
}

/// A request of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionDetails {
    /// The request.
    #[serde(flatten)]
    pub request: Request,
    /// Why it stays.
    #[serde(flatten)]
    pub reason: Reason,
    /// Why it stays, in a sentence.
    pub said: String,
    /// What Kconfig says of it. None if the source is not there, or its Kconfig is not understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// Its help text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// How the trial without it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Bytes of image by which the trial without it, and without what depends on it, is smaller than the answer; so the
    /// numbers of options that depend on one another overlap. Negative: it is larger. None if the trial has no image, or
    /// the request is for a module, which is no part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_bytes: Option<i64>,
    /// What the traced boot of the start showed of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traced: Option<Traced>,
    /// The lines of the answer's config that are not in the config without it, its own left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<Symbol>,
}

/// How a trial failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The trial.
    pub trial: TrialId,
    /// Where it failed.
    pub stage: Stage,
    /// The line that shows how it failed, as the oracle or the build says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What that means, in words, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// Where the console log departs from that of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departs: Option<Departure>,
    /// The log that shows the failure: the console, or the build's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Excerpt>,
}

/// Where a log departs from a good one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// The number of the line in the failing log, from 1. None: the log ends there, or is too long to count its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The failing log's line. None: the log ends there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The good log's line at that place. None: the good log has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// The log's path in the run directory.
    pub file: String,
    /// The number of the first line here, from 1. None if the log is too long to count its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// The lines.
    pub lines: Vec<String>,
}

/// What a traced boot showed of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// Objects that are compiled anew without it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recompiled: Option<u32>,
    /// Functions that it brings.
    pub functions: u32,
    /// Those of them that ran.
    pub ran: u32,
}

/// A line of the answer's resolved config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigLine {
    /// The symbol and its value.
    #[serde(flatten)]
    pub request: Request,
    /// Why it is there.
    #[serde(flatten)]
    pub why: LineWhy,
    /// Its prompt, if it has one and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The menus that it is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub menu: Vec<String>,
}

/// Why a line is in a resolved config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum LineWhy {
    /// The answer requests it.
    Asked,
    /// The base requests it.
    Base,
    /// It is there without any request, with the same value, and has no prompt here: the architecture or the tree forces
    /// it.
    Forced,
    /// Other symbols select it.
    Selected {
        /// Which, with the conditions of the selects.
        by: Vec<String>,
    },
    /// Other symbols imply it.
    Implied {
        /// Which, with the conditions.
        by: Vec<String>,
    },
    /// Its default.
    Default {
        /// As the Kconfig file has it.
        default: String,
    },
    /// It is the member that its choice takes.
    Chosen,
    /// Nobody could tell.
    Unknown,
}

/// A request of the start that is not in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// The request.
    #[serde(flatten)]
    pub request: Request,
    /// The best that lacks it first; none of a run that began with a guess that lacked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialId>,
    /// Its prompt, if it has one and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The menus that it is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub menu: Vec<String>,
}

/// A best of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The trial.
    pub trial: TrialId,
    /// Milliseconds since the run began, without the time between sessions.
    pub ms: u64,
    /// How many trials had ended.
    pub trials: u32,
    /// Requests in it.
    pub requests: usize,
    /// `=` lines of its resolved config.
    pub lines: u32,
    /// Bytes of its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u64>,
    /// How many requests the best before it has that this one lacks.
    pub removed: usize,
}

/// A line of the start that is no request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Free {
    /// The symbol and its value.
    #[serde(flatten)]
    pub request: Request,
    /// Whether it is free or fixed.
    pub kind: FreeKind,
    /// Why, in words.
    pub said: String,
}

/// Why a line of the start is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreeKind {
    /// The start resolves to the same without it.
    Follows,
    /// No request can switch it.
    Fixed,
    /// It did not take effect.
    NoEffect,
}

/// What a trial is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialOf {
    /// The whole start.
    Start,
    /// A kernel that stands for the start.
    StandIn,
    /// A subset of the start's requests.
    Candidate,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialEnd {
    /// It passed.
    Pass,
    /// It did not build.
    FailBuild,
    /// An oracle rejected it.
    FailOracle,
    /// It broke, and says nothing.
    Unresolved,
    /// It was given up, or is under way.
    Open,
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialDetails {
    /// Its number.
    pub trial: TrialId,
    /// What it is of.
    pub of: TrialOf,
    /// How many requests it keeps. None if the journal does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<usize>,
    /// How often the same set was judged before.
    pub round: u32,
    /// How it ended.
    pub end: TrialEnd,
    /// The line that shows how it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The worker that ran it, from 0; else a place beside others at work at the same time, if `worker_is_known` is
    /// false.
    pub worker: u32,
    /// Whether the journal says which worker it was.
    pub worker_is_known: bool,
    /// When a worker took it, or in older journals when it was given to the workers: milliseconds since the run began.
    pub began_ms: u64,
    /// When its build began. Before that its config was resolved and its tree prepared.
    pub build_ms: u64,
    /// When its build ended and the oracles began.
    pub oracle_ms: u64,
    /// When it ended.
    pub ended_ms: u64,
    /// CPU time of its build, in seconds.
    pub cpu_seconds: f64,
    /// Objects that the build made.
    pub objects: u32,
    /// Those of them that came from the object cache.
    pub cached: u32,
    /// `=` lines of its resolved config. 0 if it has no verdict.
    pub lines: u32,
    /// Bytes of its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u64>,
    /// How many later candidates its verdict answered.
    pub reused: u32,
}

/// Which trial had which requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialMap {
    /// The rows: requests, in menu order. Those of the answer alone if the start has many.
    pub rows: Vec<Symbol>,
    /// The columns: trials by number. The last ones alone if there are many.
    pub columns: Vec<MapColumn>,
}

/// A trial in the map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapColumn {
    /// The trial.
    pub trial: TrialId,
    /// How it ended.
    pub end: TrialEnd,
    /// For each row `1` if the trial had the request, else `0`.
    pub had: String,
}

/// A dependency between two requests of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The request that falls if the other is removed.
    pub from: Symbol,
    /// The request on which it depends.
    pub to: Symbol,
}
