//! Suggestions for misspelt symbols.

use std::collections::HashSet;

use crate::model::{Symbol, near};

/// What may be wrong with a symbol that the source does not have: a hint for people.
#[must_use]
pub fn spelling(symbol: &Symbol, known: &HashSet<Symbol>) -> String {
    match near(symbol.as_str(), known.iter().map(Symbol::as_str)).as_slice() {
        [] => "is it spelt right, and is it one of this architecture (--arch)?".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    }
}
