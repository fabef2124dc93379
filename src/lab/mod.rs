//! Gives candidates to trees and verdicts to the search.
//!
//! One thread, the [dispatcher](Lab), owns all state: the search, the journal, what each worker
//! does. Workers (see [`Executor`]) only work, and report. So everything that happens has one
//! order, the one in which it is written to the journal.

mod baseline;
mod best;
mod dispatcher;
mod executor;
mod given;
mod local;
mod product;
mod retry;
mod run;
mod start;
mod state;
mod store;
mod tracing;
mod trial;
mod verdicts;
mod watch;
mod watched;

#[cfg(test)]
mod tests;

pub use baseline::has_files;
pub use executor::{Executor, Report, Task, TraceFrom, TrialResult};
pub use local::LocalExecutor;
pub use state::{Budget, Lab, Outcome, Product, Stopped};
pub use store::{BEST_CONFIG, BEST_FRAGMENT, fragment_of, laid_over, moves};
pub use trial::{BUILD_COMMAND, Bench, CONFIG};
pub use watch::Watch;
pub use watched::check_trees;
