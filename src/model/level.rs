//! How a guest starts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a guest starts: quickly, or as on a real machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// By a small init that mounts, brings up the network and starts just what the oracle looks at.
    Fast,
    /// By its own init.
    #[default]
    Full,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fast => "fast",
            Self::Full => "full",
        })
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "fast" => Ok(Self::Fast),
            "full" => Ok(Self::Full),
            _ => Err(format!(
                "a level is fast or full, not {}",
                text.escape_debug()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_read_as_it_is_written() {
        for level in [Level::Fast, Level::Full] {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert!("slow".parse::<Level>().is_err());
    }
}
