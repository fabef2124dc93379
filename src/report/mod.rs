//! The result of a run: the requests that are left, and why each of them stays.

pub mod comparison;
mod costs;
pub mod details;
mod forecasts;
mod gather;
mod reasons;
mod sizes;
mod text;
mod theme;

#[cfg(test)]
mod tests;

pub use details::{DETAILS_VERSION, Details};
pub use gather::{gather, of_state};
pub use text::text;
pub use theme::{Plain, Theme};

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Request, Stage, Symbol, TrialId, understand};
use crate::{Error, Result};

/// The name of [`Report`]'s file in the run directory.
pub const RESULT: &str = "result.json";

/// The version of [`Report`] that is written, and the newest that is read.
pub const VERSION: u32 = 4;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// No single request can go: each was removed alone. (Before version 4 this included
    /// [`Status::Leaves`].)
    Minimal,
    /// Minimal if the oracle is monotone: each request was removed alone, except those on which a needed
    /// request depends ([`Reason::Implied`]).
    Leaves,
    /// The search is over, but some requests have no proof.
    Unproved,
    /// The run stopped early.
    Stopped,
    /// The run is active.
    Running,
}

/// Whether the start was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartOfRun {
    /// It was built, and passed.
    #[default]
    Built,
    /// It was not: something smaller passed (`--judge-start needed`).
    NotBuilt,
}

impl StartOfRun {
    fn is_built(&self) -> bool {
        *self == Self::Built
    }
}

/// The kernel that stood for a start that was not built before the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandIn {
    /// The trial that judged it.
    pub trial: TrialId,
    /// Its boot image.
    pub kernel: PathBuf,
    /// Bytes of the image.
    pub image: Option<u64>,
    /// Wall time of its oracles, in seconds.
    pub oracle_seconds: f64,
}

/// The size of one configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// The trial that judged it.
    pub trial: TrialId,
    /// Requests.
    pub requests: usize,
    /// `=` lines of the resolved config.
    pub lines: u32,
    /// Bytes of the image.
    pub image: Option<u64>,
    /// Wall time of its oracles, in seconds: for a kernel, the boot. If the image was booted several
    /// times, the shortest time.
    pub oracle_seconds: f64,
}

/// Why a request stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum Reason {
    /// The trial without it failed.
    Needed {
        /// Which trial.
        trial: TrialId,
        /// Where it failed.
        stage: Stage,
        /// The line that shows how it failed.
        evidence: Option<String>,
        /// How many `=` lines fewer its config has than the answer's. Its own line is among them.
        lines: u32,
    },
    /// A needed request depends on it; it was not removed alone (`--certify leaves`).
    Implied {
        /// The request that depends on it; the trial without that one failed.
        by: Symbol,
    },
    /// `--keep`: it was never tested.
    Kept,
    /// There is no verdict, or none yet.
    Unproved,
}

/// A kept request and its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRequest {
    /// The request.
    #[serde(flatten)]
    pub request: Request,
    /// Why it stays.
    #[serde(flatten)]
    pub reason: Reason,
}

/// The cost of the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Trials that passed, the start's included.
    pub passed: u32,
    /// Trials that failed.
    pub failed: u32,
    /// Trials that gave no verdict.
    pub unresolved: u32,
    /// Verdicts that came from a trial of the same config or image.
    pub reused: u32,
    /// Objects compiled.
    pub objects: u64,
    /// Objects that came from the object cache instead.
    #[serde(default)]
    pub cached: u64,
    /// CPU time of all builds, user and system.
    pub build_cpu: Duration,
    /// Wall time of all sessions.
    pub wall: Duration,
    /// Number of sessions.
    #[serde(rename = "sittings")]
    pub sessions: u32,
    /// Trials that repeated a judgement, to see whether the oracle errs.
    #[serde(default)]
    pub repeated: u32,
    /// Judgements that differed from the majority on the same requests.
    #[serde(default)]
    pub differed: u32,
    /// The relative error of the estimated CPU time of a build: the median of all estimates.
    #[serde(default)]
    pub forecast_error: Option<f64>,
}

/// How certain an answer is, and the evidence for that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certainty {
    /// Upper bound on the chance that the answer is wrong, from 0 to 1.
    pub risk: f64,
    /// How often the oracle judged the answer itself.
    pub judged: u32,
    /// How often the oracle judged each proof of the certificate, at least. None if no proof is by an
    /// oracle.
    pub proofs: Option<u32>,
}

/// The build of an answer from an empty tree, which the oracle accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// The trial.
    pub trial: TrialId,
    /// Whether its product is that of the earlier build.
    pub product: SameProduct,
}

/// Whether two builds of one configuration gave the same product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameProduct {
    /// Byte for byte the same, or there was only one build.
    Same,
    /// They differ: the build is not reproducible.
    Other,
}

/// The result of a run, as in `result.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of the format.
    pub v: u32,
    /// The version of kbisect.
    pub kbisect: String,
    /// What verdicts depend on: source, toolchain, oracles.
    pub key: serde_json::Value,
    /// The settings of the run, with which `kbisect verify` repeats it.
    pub settings: serde_json::Value,
    /// How it ended.
    pub status: Status,
    /// Why it stopped early, in words, unless a person stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The start. If it was not built, only its requests and lines are known.
    pub before: Size,
    /// Whether the start was built.
    #[serde(default, skip_serializing_if = "StartOfRun::is_built")]
    pub start: StartOfRun,
    /// The kernel that stood for the start, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<StandIn>,
    /// The smallest that passed.
    pub after: Size,
    /// The requests that are left, in menu order, each with its reason.
    pub kept: Vec<KeptRequest>,
    /// How certain that is. None with `--confidence none`, or if the run has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certainty: Option<Certainty>,
    /// The build of the answer from an empty tree. None if there was none, or the run has not ended. Not in
    /// results of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<Rebuilt>,
    /// What the run took.
    pub cost: Cost,
    /// Where the files are, relative to the run directory.
    pub files: Vec<PathBuf>,
}

impl Report {
    /// Reads a report from `text`, the contents of `file`.
    ///
    /// # Errors
    /// It is no report, or that of a newer kbisect.
    pub fn parse(text: &[u8], file: &Path) -> Result<Self> {
        understand(text, VERSION, file)?;
        serde_json::from_slice(text)
            .map_err(|e| Error::failed(format!("{} is no result", file.display())).because(e))
    }
}
