//! Kconfig: reads and writes configs, resolves fragments, takes a start apart into requests.
//!
//! Resolving is left to the tree's own `conf` ([`ConfResolver`]); a native evaluator can stand
//! behind the same trait, [`Resolver`].

mod conf;
mod project;
mod prompts;
mod read;
mod requests;
mod resolve;
mod source;

pub use conf::ConfResolver;
pub use project::{Method, PROFILES, Project};
pub use prompts::{Prompt, parse_prompts};
pub use read::{Parsed, Problem, ProblemKind, parse_config, read};
pub use requests::{Fixed, Start, analyse, known_symbols};
pub use resolve::Resolver;
pub use source::{source_id, tree_id};

/// The EC2 set: the start when none is given.
pub const EC2_START: &str = include_str!("../../examples/ec2/start.config");
