//! Build trees: copied, built by make, and swapped.
//!
//! One `O=` tree per worker over one read-only source, and one more, the *base*: the tree of
//! the smallest configuration that passed. A trial begins by making the worker's tree equal to
//! the base, modification times included, so that make compiles only what the candidate
//! changes and the way back after a failure costs a copy. When a trial gives a new best, its
//! tree becomes the base: the two swap roles, nothing is copied.

mod attempt;
mod census;
mod clean;
mod contents;
mod evidence;
mod failure;
mod forecast;
mod kbuild;
mod make;
mod make_functions;
mod make_scope;
mod makefile;
mod modules;
mod plan;
mod pool;
mod remembered;
mod source;
mod stamp;
mod sync;
mod tree;
mod trouble;
mod walk;

pub use contents::Contents;
pub use forecast::Forecasts;
pub use kbuild::{Kbuild, arch_folder};
pub use make::{Built, Cost, build};
pub use plan::{Launcher, MakePlan, Product};
pub use pool::TreePool;
pub use source::{has_source, source_gone};
pub use sync::{Synced, sync};
pub use tree::{Tree, Written};
pub use trouble::is_clock_skew;
