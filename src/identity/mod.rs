//! Identifies by contents what verdicts depend on besides the configuration: source, toolchain, oracles.
//!
//! A source tree has an [index](SourceTree) of its files. It is kept in the cache folder, so that a later look
//! stats all files and reads only those whose stat differs. Single files, as those of an oracle, are
//! [`Tracked`] in the same way. A difference is always told by name.

mod changes;
mod codec;
mod compiler;
pub mod earlier;
mod environment;
mod harmless;
mod index;
mod left;
mod mentions;
mod nothing;
mod outside;
mod plain;
mod source;
mod stamp;
mod store;
mod toolchain;
mod toolset;
mod tracked;

pub use changes::Changes;
pub use compiler::{compiler, compiler_state, is_still};
pub use environment::{MAKE_OPTIONS, environment, not_passed_on};
pub use harmless::is_harmless;
pub use index::Index;
pub use left::{Building, left_by_build, written_by_builds};
pub use outside::Outside;
pub(crate) use plain::plain;
pub use source::{Generation, Seen, SourceTree, changed};
pub use toolchain::{Variables, program, programs, toolchain};
pub use toolset::Toolset;
pub use tracked::{Known, Tracked, Version, files_below};
