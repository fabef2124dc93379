//! Symbols that are written like one that there is not.

use std::collections::HashSet;

use crate::model::Symbol;

/// What may be wrong with a symbol that the source does not have: a hint for people.
#[must_use]
pub fn spelling(symbol: &Symbol, known: &HashSet<Symbol>) -> String {
    match nearest(symbol.as_str(), known).as_slice() {
        [] => "is it spelt right, and is it one of this architecture (--arch)?".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    }
}

/// How many letters may differ.
const NEAR: usize = 2;

/// The symbols that are written most alike, three at most.
fn nearest<'k>(symbol: &str, known: &'k HashSet<Symbol>) -> Vec<&'k str> {
    let wanted = symbol.to_ascii_uppercase();
    let distance = |known: &'k Symbol| {
        let upper = known.as_str().to_ascii_uppercase();
        (strsim::damerau_levenshtein(&wanted, &upper), known.as_str())
    };
    // Of a short name others of two different letters are no neighbours.
    let most = NEAR.min(symbol.len() / 3);
    let mut near: Vec<_> = known
        .iter()
        .map(distance)
        .filter(|(d, _)| *d <= most)
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_that_is_not_there_is_answered_by_those_that_are_written_like_it() {
        let known = ["EPOLL", "EXT4_FS", "EXT2_FS", "NET", "SMP"];
        let known = known.map(|name| Symbol::new(name).unwrap()).into();
        assert_eq!(nearest("EPOL", &known), ["EPOLL"]);
        assert_eq!(nearest("epoll", &known), ["EPOLL"]);
        assert_eq!(nearest("EXT3_FS", &known), ["EXT2_FS", "EXT4_FS"]);
        assert_eq!(nearest("XYZ", &known), [""; 0]);
    }
}
