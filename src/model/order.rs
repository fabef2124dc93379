//! In which order a search learns verdicts.

use serde::{Deserialize, Serialize};

/// In which order a search learns verdicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Each as soon as it is there. What is tried next depends on what ended first.
    #[default]
    AsItComes,
    /// In the order in which they were asked: every run goes the same way.
    Deterministic,
}
