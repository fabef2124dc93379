//! What a build is expected to take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A prediction, made before the build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Objects that make will make anew.
    pub objects: u32,
    /// CPU time of all of it, user and system.
    pub cpu: Duration,
}
