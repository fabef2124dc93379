//! Candidates, trials and verdicts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Fingerprint, Forecast, RequestSet};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// The number of a candidate, in the order in which the search proposed them, from 0.
    CandidateId
);
id!(
    /// The number of a trial, and of its directory, from 1. The first is of the start.
    TrialId
);
id!(
    /// The number of a worker, from 0. An oracle sees it as `KBISECT_SLOT`.
    WorkerId
);

impl TrialId {
    /// The name of its folder, within that of all trials.
    #[must_use]
    pub fn folder(self) -> String {
        format!("{:04}", self.0)
    }
}

/// The tree that a build begins from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A build tree of earlier builds: make rebuilds only what differs.
    #[default]
    Earlier,
    /// An empty build tree.
    Empty,
}

impl Origin {
    // The form that serde wants.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_earlier(&self) -> bool {
        *self == Self::Earlier
    }
}

/// A subset of the start's requests, proposed by the search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its number.
    pub id: CandidateId,
    /// The requests that stay.
    pub keep: RequestSet,
    /// How often this set was judged before: 0, unless its verdict is repeated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
    /// The tree that it must be built from. [`Origin::Earlier`]: any.
    #[serde(default, skip_serializing_if = "Origin::is_earlier")]
    pub origin: Origin,
}

// The form that serde wants.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Where a trial failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The kernel did not build.
    Build,
    /// The kernel was built; the oracle did not accept it.
    Oracle,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Build => "build",
            Self::Oracle => "oracle",
        })
    }
}

/// The verdict of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The oracle accepts the candidate.
    Pass,
    /// The build failed, or the oracle rejects it.
    Fail(Stage),
    /// The trial itself broke. It says nothing about the candidate.
    Unresolved,
}

impl Verdict {
    /// Is it a pass?
    #[must_use]
    pub fn is_pass(self) -> bool {
        self == Self::Pass
    }

    /// Is it a fail, in any stage?
    #[must_use]
    pub fn is_fail(self) -> bool {
        matches!(self, Self::Fail(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("pass"),
            Self::Fail(stage) => write!(f, "fail ({stage})"),
            Self::Unresolved => f.write_str("unresolved"),
        }
    }
}

/// Where a verdict comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A trial of its own.
    Tested,
    /// An earlier trial of the same resolved config.
    SameConfig,
    /// An earlier trial of the same image, byte for byte. Only in journals before version 6.
    SameImage,
}

/// Where the time of a trial went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Wall time of the build.
    pub build_wall: Duration,
    /// CPU time of the build, user and system, all its processes.
    pub build_cpu: Duration,
    /// Wall time of the oracles.
    pub oracle_wall: Duration,
    /// Objects that the build made.
    pub objects: u32,
    /// Those of them that came from the object cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached: u32,
    /// The estimate made before the build, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
}

/// A finished trial: the config, the verdict and the reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The trial that the verdict comes from.
    pub trial: TrialId,
    /// The resolved config that was judged.
    pub fingerprint: Fingerprint,
    /// The verdict.
    pub verdict: Verdict,
    /// Where the verdict comes from.
    pub source: Source,
    /// One line, without control characters: why it failed.
    pub evidence: Option<String>,
    /// BLAKE3 of the built image, in hex.
    pub image: Option<String>,
    /// Size of the built image in bytes.
    pub image_size: Option<u64>,
    /// `=` lines in the resolved config.
    pub lines: u32,
    /// Where the time went.
    pub timings: Timings,
    /// The tree that it was built from. Not in journals of older versions.
    #[serde(default, skip_serializing_if = "Origin::is_earlier")]
    pub origin: Origin,
}

impl Judgement {
    /// What the oracle or the build said, if it failed.
    #[must_use]
    pub fn why_failed(&self) -> Option<&str> {
        self.evidence.as_deref().filter(|_| self.verdict.is_fail())
    }
}
