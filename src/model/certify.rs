//! What a certificate is made of.

use serde::{Deserialize, Serialize};

/// Which requests of the answer must have been tried alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certify {
    /// Those on which no other request of the answer depends. What they depend on is needed with them, if the
    /// oracle is monotone: if a set that fails does not pass when more is taken away from it. The
    /// answer is not certified.
    Leaves,
    /// Each request, with what falls with it: first the leaves, then the others.
    #[default]
    Strict,
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
