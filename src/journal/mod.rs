//! The run directory: its lock, the journal of the run, and the verdict cache.
//!
//! What a run knows is on disk before it is believed: [`Journal::append`] comes back only when
//! the record is safe. So a run that was killed, whenever that was, goes on from its journal.
//!
//! The words of the journal are the model's. To bring a search back to where it stood, its
//! owner turns `Proposed`, `Told` and `Withdrawn` records into the calls that the search
//! replays.

mod atomic;
mod cache;
mod dir;
mod lock;
mod log;
mod record;

#[cfg(test)]
mod tests;

pub use atomic::write_atomically;
pub use cache::VerdictCache;
pub use dir::{Opened, RunDir, RunInfo};
pub use lock::{Lock, Owner};
pub use log::{Journal, Loaded};
pub use record::{Ending, INTERRUPTED, Line, Record};
