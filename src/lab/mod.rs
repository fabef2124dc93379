//! Gives candidates to trees and verdicts to the search.
//!
//! One thread, the [dispatcher](Lab), owns all state: the search, the journal, what each worker
//! does. Workers (see [`Executor`]) only work, and report. So everything that happens has one
//! order, the one in which it is written to the journal.

mod attempts;
mod best;
mod dispatcher;
mod executor;
mod local;
mod product;
mod retry;
mod run;
mod site;
mod start;
mod state;
mod store;
mod verdicts;

#[cfg(test)]
mod tests;

pub use attempts::Attempts;
pub use executor::{Executor, Report};
pub use local::LocalExecutor;
pub use site::{LocalSite, Site};
pub use state::{Budget, Lab, Outcome, Product, Stopped};
pub use store::{BEST_CONFIG, BEST_FRAGMENT, fragment_of, laid_over, moves};
