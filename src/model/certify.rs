//! Which requests a certificate must cover.

use serde::{Deserialize, Serialize};

/// Which requests of the answer must have been removed alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certify {
    /// The leaves: requests without dependents in the answer. Their dependencies are needed with them if the
    /// oracle is monotone, that is, if each subset of a set that fails, fails. The answer is not
    /// certified.
    Leaves,
    /// Each request, together with its dependents: first the leaves, then the others.
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
