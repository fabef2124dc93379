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
    let distance = |known: &'k str| {
        let lower = known.to_ascii_lowercase();
        (strsim::damerau_levenshtein(&wanted, &lower), known)
    };
    let known = known.into_iter().map(distance);
    let mut near: Vec<_> = known.filter(|(distance, _)| *distance <= most).collect();
    near.sort_unstable();
    near.into_iter().take(MOST).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_does_not_exist_is_answered_by_those_that_are_written_like_it() {
        let known = ["EPOLL", "EXT4_FS", "EXT2_FS", "NET", "SMP"];
        assert_eq!(near("EPOL", known), ["EPOLL"]);
        assert_eq!(near("epoll", known), ["EPOLL"]);
        assert_eq!(near("EXT3_FS", known), ["EXT2_FS", "EXT4_FS"]);
        assert_eq!(near("XYZ", known), [""; 0]);
    }
}
