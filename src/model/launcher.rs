//! The program through which make calls the compiler.

use serde::{Deserialize, Serialize};

/// The program through which make calls the compiler.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompilerLauncher {
    /// kbisect itself, with its object cache.
    #[default]
    ObjectCache,
    /// Nothing.
    Nothing,
    /// Another program, called with the compiler and its arguments: `ccache`.
    Program(String),
}

impl CompilerLauncher {
    /// The launcher with this name: a program, or `none`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "none" => Self::Nothing,
            program => Self::Program(program.to_owned()),
        }
    }
}
