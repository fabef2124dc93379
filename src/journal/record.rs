//! The records of the journal, and their form on disk.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Candidate, CandidateId, Fingerprint, Judgement, Prior, Proof, RequestId, RequestSet, TrialId,
    WorkerId, version_of,
};

/// The version of the format that is written, and the newest that is read.
pub(super) const VERSION: u32 = 6;

/// Why a run stopped, when a person stopped it.
pub const INTERRUPTED: &str = "interrupted";

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "record")]
pub enum Record {
    /// The run began.
    Started {
        /// Seconds since 1970, UTC.
        at: u64,
    },
    /// An interrupted run goes on.
    Resumed {
        /// Seconds since 1970, UTC.
        at: u64,
    },
    /// The start was tried. It may have been refused at first, and asked again.
    Start {
        /// What came of it.
        judgement: Judgement,
        /// If it was accepted, what its oracles left in its folder, which they compare others with: by
        /// path, a hash of the contents. Not in older journals.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        files: BTreeMap<String, String>,
    },
    /// What trials are expected to cost.
    Costs {
        /// For each request, by its number, about how long a trial without it takes if it has the machine
        /// to itself, in milliseconds.
        millis: Vec<u64>,
    },
    /// What a traced boot of the start says of the requests.
    Traced {
        /// How likely each is needed.
        prior: Prior,
    },
    /// The search proposed a candidate.
    Proposed {
        /// Which one.
        candidate: Candidate,
    },
    /// Kconfig resolved a candidate.
    Resolved {
        /// Which one.
        candidate: CandidateId,
        /// The resolved config.
        fingerprint: Fingerprint,
    },
    /// A worker began a trial.
    Began {
        /// The trial.
        trial: TrialId,
        /// The candidate; none for the start.
        candidate: Option<CandidateId>,
        /// What is built.
        fingerprint: Fingerprint,
        /// Who does it.
        worker: WorkerId,
    },
    /// A verdict on a candidate.
    Told {
        /// The candidate.
        candidate: CandidateId,
        /// What came of it.
        judgement: Judgement,
    },
    /// A candidate was given up: no verdict will come.
    Withdrawn {
        /// Which one.
        candidate: CandidateId,
    },
    /// Another configuration is the best now: a smaller one passed, or the best before it did
    /// not hold.
    Best {
        /// The trial that showed it.
        trial: TrialId,
        /// Requests left.
        requests: usize,
        /// `=` lines of its resolved config.
        lines: u32,
        /// Which requests they are. Not in journals of version 1, where the best is the smallest
        /// that passed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<RequestSet>,
    },
    /// What depends on what in the best: the certificate may rely on it.
    Depends {
        /// The best.
        keep: RequestSet,
        /// For each request, by its number, the others that go with it.
        carried: Vec<Vec<RequestId>>,
    },
    /// The run stopped and can be resumed.
    Interrupted {
        /// Seconds since 1970, UTC.
        at: u64,
        /// What stopped it, in one line.
        why: String,
    },
    /// The search came to its end: why each request of the best stays. Not in journals before version 6.
    Certified {
        /// The requests that the search was free to remove, in ascending order, each with its proof.
        entries: Vec<(RequestId, Proof)>,
    },
    /// The run came to its end.
    Finished {
        /// Seconds since 1970, UTC.
        at: u64,
        /// How it ended.
        ending: Ending,
        /// The chance that the answer is wrong, by what was judged more than once. Not in journals before
        /// version 6, nor where each verdict was taken as it came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        risk: Option<f64>,
    },
    /// The search begins anew, as its record is another version's. Its verdicts answer where they are asked
    /// for again.
    Anew {
        /// Seconds since 1970, UTC.
        at: u64,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Each request was tried alone, and none can go. Before version 6 of the journal this was also
    /// said of what is [`Ending::Leaves`].
    Minimal,
    /// Each request was tried alone on which no other depends, and none of these can go.
    Leaves,
    /// No request can be seen to go, but some have no proof: their trials gave no verdict.
    Unproved,
}

impl Record {
    /// A judgement that may answer others of the same config or image: not a refusal of the start that
    /// an acceptance followed.
    #[must_use]
    pub fn answer(&self) -> Option<&Judgement> {
        match self {
            Self::Start { judgement, .. } => Some(judgement).filter(|j| j.verdict.is_pass()),
            Self::Told { judgement, .. } => Some(judgement),
            _ => None,
        }
    }

    /// Must it be on disk before anybody acts on it?
    ///
    /// The others need no sync of their own. The journal is one file, written in order, so they
    /// are safe with the next one that does; and when they are lost, so is all that came after
    /// them.
    pub(super) fn is_vital(&self) -> bool {
        match self {
            Self::Started { .. }
            | Self::Resumed { .. }
            | Self::Start { .. }
            | Self::Told { .. }
            | Self::Best { .. }
            | Self::Interrupted { .. }
            | Self::Finished { .. }
            | Self::Anew { .. } => true,
            Self::Costs { .. }
            | Self::Traced { .. }
            | Self::Proposed { .. }
            | Self::Resolved { .. }
            | Self::Began { .. }
            | Self::Depends { .. }
            | Self::Certified { .. }
            | Self::Withdrawn { .. } => false,
        }
    }
}

/// A record with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Since the run began; the time between an interruption and the resumption not counted.
    pub elapsed: Duration,
    /// What happened.
    pub record: Record,
}

/// A [`Line`] as it is written: `{"v":2,"ms":1500,"record":"withdrawn","candidate":3}`.
#[derive(Serialize, Deserialize)]
struct Written<R> {
    v: u32,
    ms: u64,
    #[serde(flatten)]
    record: R,
}

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadLine {
    #[error("it has version {0}, and this kbisect knows versions up to {VERSION}")]
    Newer(u32),
    #[error("it is no record: {0}")]
    Broken(#[from] serde_json::Error),
}

impl Line {
    /// The text of the line, with its newline.
    pub(super) fn to_text(elapsed: Duration, record: &Record) -> serde_json::Result<String> {
        // 2^64 milliseconds are 500 million years.
        let ms = elapsed.as_millis() as u64;
        let mut text = serde_json::to_string(&Written {
            v: VERSION,
            ms,
            record,
        })?;
        text.push('\n');
        Ok(text)
    }

    pub(super) fn parse(text: &[u8]) -> Result<Self, BadLine> {
        // The version first: a newer record need not make sense otherwise.
        if let Some(v) = version_of(text).filter(|v| *v > VERSION) {
            return Err(BadLine::Newer(v));
        }
        let written: Written<Record> = serde_json::from_slice(text)?;
        Ok(Self {
            elapsed: Duration::from_millis(written.ms),
            record: written.record,
        })
    }
}
