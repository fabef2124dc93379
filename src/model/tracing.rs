//! Whether the kernel's start is traced, to see which code runs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the prior comes from if the user gives none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tracing {
    /// From one traced boot of the start, if the oracles use `kbisect boot`.
    Auto,
    /// There is none: all requests are equally likely.
    #[default]
    Off,
    /// From a log that QEMU wrote of a boot of the start with `-d in_asm`.
    File(PathBuf),
}

impl Tracing {
    /// The source with this name: `auto`, `off` or a file.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "auto" => Self::Auto,
            "off" => Self::Off,
            file => Self::File(file.into()),
        }
    }
}
