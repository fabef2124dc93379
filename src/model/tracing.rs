//! Whether the kernel's start is traced, to see which code runs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where what is thought of the requests comes from, if nobody says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tracing {
    /// From one boot of the start that is traced, where the oracles boot it by `kbisect boot`.
    Auto,
    /// From nowhere: all requests are alike.
    #[default]
    Off,
    /// From a log that QEMU wrote of the start by `-d in_asm`.
    File(PathBuf),
}

impl Tracing {
    /// From `auto`, `off` or the name of a file.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "auto" => Self::Auto,
            "off" => Self::Off,
            file => Self::File(file.into()),
        }
    }
}
