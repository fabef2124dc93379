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
mod run;
mod store;
mod tracing;
mod trial;
mod watched;

#[cfg(test)]
mod tests;

pub use baseline::has_files;
pub use dispatcher::{Budget, Lab, Outcome, Product, Stopped};
pub use executor::{Executor, Report, Task, TraceFrom, TrialResult};
pub use local::LocalExecutor;
pub use store::{BEST_CONFIG, BEST_FRAGMENT, fragment_of, laid_over, moves};
pub use trial::{BUILD_COMMAND, Bench, CONFIG};
pub use watched::{Watch, check_trees};
