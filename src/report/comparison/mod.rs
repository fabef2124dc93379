//! Compares the answers of several runs: which requests one needs and another does without.

mod csv;
mod making;
mod markdown;
mod names;
mod svg;
mod text;
mod types;

#[cfg(test)]
mod tests;

pub use csv::csv;
pub use making::compare;
pub use markdown::markdown;
pub use svg::svg;
pub use text::text;
pub use types::{
    COMPARISON_VERSION, Cell, Column, ComparedRun, Comparison, Dimension, OnlyBy, Row, State,
    Summary,
};
