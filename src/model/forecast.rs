//! The expected cost of a build.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A prediction, made before the build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Objects that make will rebuild.
    pub objects: u32,
    /// CPU time of the whole build, user and system.
    pub cpu: Duration,
}
