//! In which order a search learns verdicts.

use serde::{Deserialize, Serialize};

/// In which order a search learns verdicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Each verdict at once. The next candidate depends on which trial ended first.
    #[default]
    AsItComes,
    /// In the order of the proposals: every run takes the same path.
    Deterministic,
}
