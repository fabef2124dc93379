//! How certain a verdict must be.

use serde::{Deserialize, Serialize};

/// How certain a verdict must be before the search builds on it: a chance above one half, below 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(f64);

impl Confidence {
    /// `None` unless `chance` is above one half and below 1.
    #[must_use]
    pub fn new(chance: f64) -> Option<Self> {
        (chance > 0.5 && chance < 1.0).then_some(Self(chance))
    }

    /// The chance of an error.
    #[must_use]
    pub fn error(self) -> f64 {
        1.0 - self.0
    }
}

impl Default for Confidence {
    /// One verdict in a hundred may be wrong.
    fn default() -> Self {
        Self(0.99)
    }
}

impl From<Confidence> for f64 {
    fn from(confidence: Confidence) -> Self {
        confidence.0
    }
}

impl TryFrom<f64> for Confidence {
    type Error = &'static str;

    fn try_from(chance: f64) -> Result<Self, Self::Error> {
        Self::new(chance).ok_or("a confidence is above 0.5 and below 1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_chance_above_one_half() {
        assert!(Confidence::new(0.5).is_none() && Confidence::new(1.0).is_none());
        assert!(Confidence::new(f64::NAN).is_none() && Confidence::new(0.95).is_some());
        assert!(serde_json::from_str::<Confidence>("0.3").is_err());
    }
}
