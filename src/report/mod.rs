//! The result of a run: what is left, and why each request stays.

mod facts;
mod gather;
mod text;

pub use gather::gather;
pub use text::{Dress, text};

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
    /// No single request can go: each was tried alone. (Before version 4 also what is
    /// [`Status::Leaves`].)
    Minimal,
    /// Minimal if the oracle is monotone: each request was tried alone, but for those that others need
    /// ([`Reason::Implied`]).
    Leaves,
    /// The search is over, but some requests have no proof.
    Unproved,
    /// It stopped before its end.
    Stopped,
    /// It is under way.
    Running,
}

/// One configuration, as far as a reader cares.
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
    /// Wall time of its oracles, in seconds: for a kernel, the boot. Of several boots of
    /// the image, the shortest.
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
        /// The line that shows how.
        evidence: Option<String>,
        /// `=` lines that fell with it.
        lines: u32,
    },
    /// What depends on it is needed; it was not tried alone (`--certify leaves`).
    Implied {
        /// The request that depends on it; the trial without that one failed.
        by: Symbol,
    },
    /// `--keep`: it was never tried.
    Kept,
    /// There is no verdict (yet).
    Unproved,
}

/// A kept request and its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The request.
    #[serde(flatten)]
    pub request: Request,
    /// Why it stays.
    #[serde(flatten)]
    pub reason: Reason,
}

/// What the run took.
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
    /// Wall time, all sittings together.
    pub wall: Duration,
    /// How many sittings there were.
    pub sittings: u32,
    /// Of the trials, those that judged what had been judged, to see whether the oracle errs.
    #[serde(default)]
    pub repeated: u32,
    /// Judgements that differed from most others on the same requests.
    #[serde(default)]
    pub differed: u32,
    /// By how much the CPU time of a build was foretold wrongly, as a share of it: the median of
    /// all that were foretold.
    #[serde(default)]
    pub forecast_error: Option<f64>,
}

/// How sure an answer is, and what that rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certainty {
    /// The chance that the answer is wrong, at most, from 0 to 1.
    pub risk: f64,
    /// How often the answer itself was judged.
    pub judged: u32,
    /// How often each proof of the certificate was, at least; none if there is no proof by an oracle.
    pub proofs: Option<u32>,
}

/// What the build of an answer from an empty tree gave, which the oracle accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// The trial.
    pub trial: TrialId,
    /// Whether that is what the build before it had given.
    pub product: SameProduct,
}

/// Whether two builds of one configuration gave the same product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameProduct {
    /// Byte for byte; or there was no other build.
    Same,
    /// They differ: it is not reproducible.
    Other,
}

/// The result of a run; `result.json` is this.
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
    /// Why it stopped before its end, in words, if it was stopped by more than a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The start.
    pub before: Size,
    /// The smallest that passed.
    pub after: Size,
    /// Each request of it, in menu order, with the reason why it stays.
    pub kept: Vec<Kept>,
    /// How sure that is; none if verdicts were taken as they came, or it is not at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certainty: Option<Certainty>,
    /// That it was built from an empty tree; none if it was not, or it is not at its end. Not in results of older
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<Rebuilt>,
    /// What the run took.
    pub cost: Cost,
    /// Where the files are, relative to the run directory.
    pub files: Vec<PathBuf>,
}

impl Report {
    /// What is in `file`, of which this is the text.
    ///
    /// # Errors
    /// It is no result, or one of a newer kbisect.
    pub fn parse(text: &[u8], file: &Path) -> Result<Self> {
        understand(text, VERSION, file)?;
        serde_json::from_slice(text)
            .map_err(|e| Error::failed(format!("{} is no result", file.display())).because(e))
    }
}
