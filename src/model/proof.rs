//! Why a request stays.

use serde::{Deserialize, Serialize};

use super::{CandidateId, RequestId};

/// Why a request stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The best without this one request was tested as this candidate, and failed.
    Tested(CandidateId),
    /// This request of the best depends on it, and was tested. That is a proof if the oracle is monotone.
    /// With [`Certify::Strict`](super::Certify::Strict) a test of its own follows.
    Implied(RequestId),
    /// Not tested yet, or the trial gave no verdict.
    Missing,
}
