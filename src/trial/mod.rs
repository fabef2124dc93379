//! One trial on one machine: resolve a fragment, or build a config and ask the oracles.
//!
//! A [`TrialSpec`] says all that a trial is about: what to do, and what it needs, by content. A [`TrialOutcome`] says all
//! that came of it. Both can be sent to another machine: neither has a path in it. A [`TrialRunner`] makes trials on
//! this machine. It knows no journal and no search.

mod baseline;
mod files;
mod given;
mod once;
mod outcome;
mod runner;
mod spec;
mod stand_in;
mod stand_in_once;
mod stand_in_trace;
mod subject;
mod tracing;
mod watch;
mod watched;

pub use baseline::{files_in, has_files};
pub use files::{BUILD_COMMAND, CONFIG};
pub use outcome::{TrialOutcome, TrialResult, advice};
pub use runner::{News, Runner, TrialRunner};
pub use spec::{
    Baseline, Company, Needs, OracleNeed, Place, Role, TrialKey, TrialSpec, Wish, Work,
};
pub use stand_in::StandIn;
pub use tracing::TraceFrom;
pub use watch::Watch;
pub use watched::check_trees;
