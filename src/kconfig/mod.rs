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

pub use conf::ConfResolver;
pub use project::{Method, PROFILES, Project, source_id};
pub use prompts::{Prompt, parse_prompts};
pub use read::{Parsed, Problem, ProblemKind, parse_config, read};
pub use requests::{Fixed, Start, analyse, known_symbols};
pub use resolve::Resolver;

/// The EC2 set: the start when none is given.
pub const EC2_START: &str = include_str!("../../examples/ec2/start.config");
