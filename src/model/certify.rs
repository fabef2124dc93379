//! What a certificate is made of.

use serde::{Deserialize, Serialize};

/// Which requests a certificate is made of trials of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certify {
    /// Each by itself.
    #[default]
    Strict,
    /// Those that nothing else of the best depends on. What they depend on is taken to be needed
    /// with them: that is so if the oracle is monotone (a larger set that contains a good one is
    /// good), and what depended on what in the start still does in the best.
    Leaves,
}

/// The names that [`Certify::named`] knows, the default first.
pub const CERTIFY: &[&str] = &["strict", "leaves"];

impl Certify {
    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "leaves" => Some(Self::Leaves),
            "strict" => Some(Self::Strict),
            _ => None,
        }
    }
}
