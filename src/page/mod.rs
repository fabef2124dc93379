//! Renders the long report of a run for people and for other programs.

pub mod pictures;
