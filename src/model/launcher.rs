//! What stands before the compiler.

use serde::{Deserialize, Serialize};

/// What make calls the compiler through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompilerLauncher {
    /// kbisect itself, with its object cache.
    #[default]
    ObjectCache,
    /// Nothing.
    Nothing,
    /// Another program that takes the compiler and its arguments: `ccache`.
    Program(String),
}

impl CompilerLauncher {
    /// From its name: a program's, or `none`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "none" => Self::Nothing,
            program => Self::Program(program.to_owned()),
        }
    }
}
