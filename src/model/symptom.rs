//! Symptoms: what a failing trial says that tells which requests it lacks.

use serde::{Deserialize, Serialize};

use super::RequestSet;

/// One of them. It is a guess, which only orders the search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symptom {
    /// The evidence of the trial has this in it.
    pub text: String,
    /// Requests that it may lack.
    pub requests: RequestSet,
}
