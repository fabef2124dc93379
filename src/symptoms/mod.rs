//! An index from lines of failing boots to the options whose absence gave such a line.
//!
//! An [`Entry`] is one trial that failed when one option had been removed, with the few lines that tell of it
//! ([`lines`]). An [`Index`] has the entries of some runs. [`Search`] answers which options are behind a text.

mod entry;
mod index;
mod search;
mod words;

pub use entry::{Entry, lines};
pub use index::{Index, VERSION};
pub use search::{Answer, Found, Given, Search, Suspect};
