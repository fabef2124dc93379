//! Console and build logs: read within bounds, made comparable, compared, and put into words.

mod alignment;
mod code;
mod comparable;
mod difference;
mod log;
mod meaning;
mod telling;
mod words;

pub use code::MeaningCode;
pub use comparable::comparable;
pub use difference::{Difference, difference, new_lines};
pub use log::{Log, LogLine};
pub use meaning::{Failure, Meaning, meaning};
pub use telling::{Telling, telling};
