//! The records of the journal, and their form on disk.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Candidate, CandidateId, Fingerprint, Judgement, Prior, Proof, RequestId, RequestSet, TrialId,
    WorkerId, version_of,
};

/// The version of the format that is written, and the newest that is read.
pub(super) const VERSION: u32 = 8;

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
    /// The verdict on the start. A start that was rejected at first has more than one.
    Start {
        /// The verdict, and how it was obtained.
        judgement: Judgement,
        /// If it was accepted, the files that its oracles left in its folder, for later comparisons: path
        /// and hash of the contents. Not in older journals.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        files: BTreeMap<String, String>,
        /// Who made the trial. Not in older journals.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Taken>,
    },
    /// The verdict on a kernel that was not built here and stands for the start. It is none on the requests of the
    /// start. Not in journals before version 8.
    StandIn {
        /// The verdict; its config is that of the start.
        judgement: Judgement,
        /// If it was accepted, the files that its oracles left in its folder: path and hash of the contents.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        files: BTreeMap<String, String>,
        /// Who made the trial. Not in older journals.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Taken>,
    },
    /// The expected cost of trials.
    Costs {
        /// For each request, by its number, the approximate time of a trial without it on an idle machine,
        /// in milliseconds.
        millis: Vec<u64>,
    },
    /// The prior from a traced boot of the start.
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
    /// A trial began: workers may take it.
    Began {
        /// The trial.
        trial: TrialId,
        /// The candidate; none for the start.
        candidate: Option<CandidateId>,
        /// What is built.
        fingerprint: Fingerprint,
        /// The worker that runs it. Only in journals of the time when workers were given their trials.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<WorkerId>,
    },
    /// A verdict on a candidate.
    Told {
        /// The candidate.
        candidate: CandidateId,
        /// What came of it.
        judgement: Judgement,
        /// Who made the trial. None if an earlier verdict answered; not in older journals.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Taken>,
    },
    /// A candidate was given up and gets no verdict.
    Withdrawn {
        /// Which one.
        candidate: CandidateId,
    },
    /// Another configuration is the best now: a smaller one passed, or the pass of the previous one was
    /// withdrawn.
    Best {
        /// The trial that showed it.
        trial: TrialId,
        /// Requests left.
        requests: usize,
        /// `=` lines of its resolved config.
        lines: u32,
        /// These requests. Not in journals of version 1, where the best is the smallest set that
        /// passed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<RequestSet>,
        /// The files that the oracles left in its trial: path and hash of the contents. Only of the first best of a run
        /// that did not judge its start: oracles compare others with it.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        files: BTreeMap<String, String>,
    },
    /// The dependents of each request in the best. The certificate may rely on them.
    Depends {
        /// The best.
        keep: RequestSet,
        /// For each request, by its number, the requests that fall with it.
        carried: Vec<Vec<RequestId>>,
    },
    /// The run stopped and can be resumed.
    Interrupted {
        /// Seconds since 1970, UTC.
        at: u64,
        /// The reason, in one line.
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
        /// The chance that the answer is wrong, from the repeated judgements. Not in journals before
        /// version 6, and not with `--confidence none`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        risk: Option<f64>,
    },
    /// The search starts over, because another version of kbisect recorded it. The known verdicts answer
    /// the candidates that it proposes again.
    Anew {
        /// Seconds since 1970, UTC.
        at: u64,
    },
}

/// Who made a trial, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The worker.
    pub worker: WorkerId,
    /// When it took the trial: milliseconds since the run began, on the clock of [`Line::elapsed`].
    #[serde(rename = "taken")]
    pub at: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Each request was removed alone, and none can go. Before version 6 of the journal this included
    /// [`Ending::Leaves`].
    Minimal,
    /// Each leaf was removed alone, and none can go.
    Leaves,
    /// No removal passed, but some requests have no proof: their trials gave no verdict.
    Unproved,
}

impl Record {
    /// A judgement that may answer other candidates with the same config. A rejected start gives none.
    #[must_use]
    pub fn answer(&self) -> Option<&Judgement> {
        match self {
            Self::Start { judgement, .. } => Some(judgement).filter(|j| j.verdict.is_pass()),
            Self::Told { judgement, .. } => Some(judgement),
            _ => None,
        }
    }

    /// Must it be on disk before anything acts on it?
    ///
    /// The other records need no sync of their own. The journal is one file, written in order, so the
    /// next sync covers them. If they are lost, so is everything after them.
    pub(super) fn is_vital(&self) -> bool {
        match self {
            Self::Started { .. }
            | Self::Resumed { .. }
            | Self::Start { .. }
            | Self::StandIn { .. }
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
