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

/// What a build begins from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// What earlier builds left in a build tree: only what differs is made anew.
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
    /// How often just this set was proposed and judged before: 0, unless its verdict is doubted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
    /// What it must be built from. [`Origin::Earlier`] leaves it open.
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

/// What a trial said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The oracle accepts the candidate.
    Pass,
    /// It does not.
    Fail(Stage),
    /// The trial itself broke: nothing is known about the candidate.
    Unresolved,
}

impl Verdict {
    /// Is it a pass?
    #[must_use]
    pub fn is_pass(self) -> bool {
        self == Self::Pass
    }

    /// Is it a fail, of whatever stage?
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

/// How a verdict was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A trial of its own.
    Tested,
    /// Another trial of the same resolved config had it already.
    SameConfig,
    /// The build gave an image, byte for byte, that another trial had judged.
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
    /// Objects that the build made anew.
    pub objects: u32,
    /// Of these, those that came from the object cache and were not compiled.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached: u32,
    /// What was expected of the build, if anything was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
}

/// A finished trial: what was tried, what came of it and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The trial that the verdict comes from.
    pub trial: TrialId,
    /// The resolved config that was judged.
    pub fingerprint: Fingerprint,
    /// What was said of it.
    pub verdict: Verdict,
    /// How the verdict was come by.
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
    /// What it was built from. Journals of older versions do not tell.
    #[serde(default, skip_serializing_if = "Origin::is_earlier")]
    pub origin: Origin,
}
