//! Suggestions for a misspelt name.

/// How many letters may differ.
const NEAR: usize = 2;

/// So many names are suggested at most.
const MOST: usize = 3;

/// The names of `known` that are spelt most like `wanted`, ignoring case: the nearest first, three at most.
#[must_use]
pub fn near<'k>(wanted: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let wanted = wanted.to_ascii_lowercase();
    // A short name has no neighbours that differ in two letters.
    let most = NEAR.min(wanted.len() / 3);
    let letters = Letters::of(&wanted);
    let distance = |known: &'k str| {
        let lower = known.to_ascii_lowercase();
        (strsim::damerau_levenshtein(&wanted, &lower), known)
    };
    // A source has some 20,000 symbols, and a config of another version some hundreds that are not among them.
    let may_be = |known: &&str| {
        // One edit may change several bytes of another alphabet.
        !(known.is_ascii() && wanted.is_ascii())
            || known.len().abs_diff(wanted.len()) <= most
                && letters.differ(&Letters::of(known)) <= most
    };
    let known = known.into_iter().filter(may_be).map(distance);
    let mut near: Vec<_> = known.filter(|(distance, _)| *distance <= most).collect();
    near.sort_unstable();
    near.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// How often each byte is in a name, ignoring case.
struct Letters([u8; 256]);

impl Letters {
    fn of(name: &str) -> Self {
        let mut counts = [0_u8; 256];
        for byte in name.bytes() {
            let count = &mut counts[usize::from(byte.to_ascii_lowercase())];
            *count = count.saturating_add(1);
        }
        Self(counts)
    }

    /// No fewer edits make one name of the other: each adds or removes one byte at most, and a transposition none.
    fn differ(&self, other: &Self) -> usize {
        let (mut more, mut less) = (0, 0);
        for (a, b) in self.0.iter().zip(&other.0) {
            more += usize::from(a.saturating_sub(*b));
            less += usize::from(b.saturating_sub(*a));
        }
        more.max(less)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_name_that_is_near_is_passed_over(wanted in "[abAé_]{0,9}", known in prop::collection::vec("[abAé_]{0,9}", 0..20)) {
            let most = NEAR.min(wanted.len() / 3);
            let distance = |known: &&String| {
                strsim::damerau_levenshtein(&wanted.to_ascii_lowercase(), &known.to_ascii_lowercase())
            };
            let mut all: Vec<_> = known.iter().map(|k| (distance(&k), k.as_str())).collect();
            all.retain(|(distance, _)| *distance <= most);
            all.sort_unstable();
            let expected: Vec<&str> = all.into_iter().take(MOST).map(|(_, name)| name).collect();
            prop_assert_eq!(near(&wanted, known.iter().map(String::as_str)), expected);
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_answered_by_those_that_are_written_like_it() {
        let known = ["EPOLL", "EXT4_FS", "EXT2_FS", "NET", "SMP"];
        assert_eq!(near("EPOL", known), ["EPOLL"]);
        assert_eq!(near("epoll", known), ["EPOLL"]);
        assert_eq!(near("EXT3_FS", known), ["EXT2_FS", "EXT4_FS"]);
        assert_eq!(near("XYZ", known), [""; 0]);
    }
}
