//! Kconfig: reads and writes configs, resolves fragments, turns a start into requests.
//!
//! The tree's own `conf` ([`ConfResolver`]) is the reference. In front of it stands the
//! native [`engine`], behind the same trait, [`Resolver`]: [`CheckedResolver`] is both.

mod answers;
mod checked;
mod conf;
mod conf_cache;
mod conf_call;
mod convert;
mod dependents;
pub mod engine;
mod explained;
mod idle;
mod known;
mod problem;
mod project;
mod prompts;
mod quick;
mod read;
mod reference;
mod requests;
mod resolve;
mod selected;
mod spelling;
mod target;
mod variations;

pub use checked::CheckedResolver;
pub use conf::{ConfResolver, Precedence};
pub use convert::{parse_failed, prompts, selectors, symbols};
pub use dependents::{dependents, unconditional_dependents};
/// Its earlier name.
#[doc(hidden)]
pub use engine as native;
pub use engine::Prompt;
pub use explained::{Change, Explained};
pub use known::known_symbols;
pub use problem::{Problem, ProblemKind};
pub use project::{Method, PROFILES, Project, like_project_key};
pub use prompts::parse_prompts;
pub use read::{Parsed, parse_config, read, read_as};
pub use requests::{Fixed, Overruled, Start, analyse};
pub use resolve::{Changes, Resolver, Selectors, Vary};
pub use spelling::spelling;
pub use variations::Variations;

/// The EC2 set: the start when none is given.
pub const EC2_START: &str = include_str!("../../examples/ec2/start.config");
