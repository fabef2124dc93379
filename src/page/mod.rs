//! Renders the long report of a run for people and for other programs.
//!
//! Each renderer is a pure function of [`Details`](crate::report::Details).

mod anchors;
mod broken;
mod csv;
mod dot;
mod filters;
mod fit;
mod html;
mod markdown;
pub mod pictures;
mod words;

pub use broken::broken;
pub use csv::csv;
pub use dot::dot;
pub use html::{Served, html};
pub use markdown::markdown;
