//! Offers trials to workers, and gives their verdicts to the search.
//!
//! One thread, the [dispatcher](Lab), owns all state: the search, the journal, the trials under way.
//! [`Workers`] take trials from a queue, and report. So everything that happens has one order, the one
//! in which it is written to the journal.

mod attempts;
mod best;
mod dispatcher;
mod local;
mod product;
mod queue;
mod retry;
mod run;
mod site;
mod stand_in;
mod start;
mod state;
mod store;
mod verdicts;

#[cfg(test)]
mod tests;

pub use attempts::Attempts;
pub use local::LocalWorkers;
pub use queue::{Report, Workers};
pub use site::{LocalSite, Site};
pub use state::{Budget, Cause, Lab, Outcome, Product, Stopped};
pub use store::{BEST_CONFIG, BEST_FRAGMENT, calls, fragment_of, laid_over};
