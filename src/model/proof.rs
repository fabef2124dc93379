//! Why a request stays.

use serde::{Deserialize, Serialize};

use super::{CandidateId, RequestId};

/// Why a request stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The best without just this request was tried as this candidate, and failed.
    Tested(CandidateId),
    /// This request of the best depends on it, and was tested. That is a proof if the oracle is monotone, and
    /// what remains of [`Certify::Leaves`](super::Certify::Leaves); with [`Certify::Strict`](super::Certify::Strict) a test of its own follows.
    Implied(RequestId),
    /// Not tried (yet), or the trial gave no verdict.
    Missing,
}
