//! What a certificate is made of.

use serde::{Deserialize, Serialize};

/// Which requests a certificate is made of trials of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certify {
    /// Those that nothing else of the best depends on. What they depend on is needed with them:
    /// without it, they would fall too, by what Kconfig says of the best. That relies on the
    /// oracle being monotone: what fails does not pass when more is taken away from it.
    #[default]
    Leaves,
    /// Each by itself.
    Strict,
}

/// The names that [`Certify::named`] knows, the default first.
pub const CERTIFY: &[&str] = &["leaves", "strict"];

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
