//! What is judged in a trial.

use std::path::Path;

use super::spec::Role;
use crate::model::{Origin, ResolvedConfig, TrialId};
use crate::oracle::Forms;

/// What is judged in a trial.
pub(super) struct Subject<'a> {
    pub(super) trial: TrialId,
    pub(super) config: &'a ResolvedConfig,
    pub(super) dir: &'a Path,
    pub(super) baseline: Option<&'a Path>,
    pub(super) role: Role,
    /// By which forms of the oracles.
    pub(super) forms: Forms,
    /// What it is to be built from.
    pub(super) origin: Origin,
    /// Told of what the user should see.
    pub(super) warn: &'a dyn Fn(String),
}
