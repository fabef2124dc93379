//! The run directory: its lock, the journal of the run, and the state that follows from it.
//!
//! What a run knows is on disk before it is believed: [`Journal::append`] comes back only when
//! the record is safe. So a run that was killed, whenever that was, goes on from its journal.
//!
//! [`RunState`] is the only fold of the records. [`Journal`] applies each to it; sessions, the report and the
//! verdict cache are views of it. It names the records that are calls of the search; the owner of a search turns
//! them into what the search replays.

mod atomic;
mod cache;
mod dir;
mod fits;
mod lock;
mod log;
mod record;
mod state;

#[cfg(test)]
mod tests;

pub use atomic::write_atomically;
pub use cache::VerdictCache;
pub use dir::{Opened, RunDir, RunInfo};
pub use lock::{Lock, Owner};
pub use log::{Journal, Loaded};
pub use record::{Ending, INTERRUPTED, Line, Record, Taken};
pub use state::{Dependents, Judged, RunState};
