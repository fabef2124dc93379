//! The settings of a run, from flags and `kbisect.toml`, completed by defaults and checked.
//!
//! [`SETTINGS`] is the one list of them. Flags, keys of the settings file, defaults, and the check on
//! resume come from its rows. To add a setting, add a field to [`Settings`] and a row.

mod complete;
mod duration;
mod file;
mod kind;
mod limits;
mod machine;
mod partial;
mod setting;
mod table;
mod values;

pub use duration::{TIME_HINT, parse_duration};
pub use file::{FILE, output, read};
pub use kind::{Kind, parse_count};
pub use limits::{check_budget, check_build_jobs, check_jobs};
pub use machine::Machine;
pub use partial::PartialSettings;
pub use setting::{Effect, Section, Setting};
pub use table::{SETTINGS, like};
pub use values::{ARCH, Base, Form, JudgeStart, LEARNED, Modules, NONE, OUTPUT, Settings};

#[cfg(test)]
mod tests;
