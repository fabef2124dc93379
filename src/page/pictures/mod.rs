//! The pictures of the long report: pure geometry from [`Details`], as SVG without script.

mod graph;
mod images;
mod layers;
mod picture;
mod progress;
mod scale;
mod svg;
mod trial_map;
mod workers;

#[cfg(test)]
mod tests;

pub use picture::{Picture, Table};

use crate::report::Details;

/// The style sheet of the pictures, for light and dark pages and for paper. A page that has it needs nothing else.
pub const STYLE: &str = include_str!("../pictures.css");

/// The pictures of a run, in the order in which they are shown. One that would be empty is left out.
#[must_use]
pub fn all(details: &Details) -> Vec<Picture> {
    let pictures = [
        progress::over_time(details),
        progress::over_trials(details),
        trial_map::picture(details),
        workers::picture(details),
        graph::picture(details),
        images::picture(details),
    ];
    pictures.into_iter().flatten().collect()
}
