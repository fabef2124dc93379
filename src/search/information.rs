//! The information of a trial: how large a group tells most for its cost.
//!
//! A verdict is worth its entropy, and at most one bit. The group with the most bits for its cost is tried
//! (generalized binary splitting: F. K. Hwang, 1972). If all groups cost the same, it is the one that passes with
//! a probability of one half.

/// The uncertainty about some requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unknown {
    /// The entropy in bits: the number of trials, at one bit each.
    pub(super) bits: f64,
    /// The expected number of needed requests.
    pub(super) needed: f64,
}

impl Unknown {
    /// Of requests that are needed with these probabilities.
    pub(super) fn of(chances: &[f64]) -> Self {
        Self {
            bits: chances.iter().map(|chance| entropy(*chance)).sum(),
            needed: chances.iter().sum(),
        }
    }

    /// Of requests of which at least one is needed.
    pub(super) fn of_suspect(chances: &[f64]) -> Self {
        let all = Self::of(chances);
        let none: f64 = chances.iter().map(|chance| 1.0 - chance).product();
        let some = (1.0 - none).max(0.001);
        // The entropy of all of them, given that one is needed.
        Self {
            bits: ((all.bits - entropy(none)) / some).max(0.0),
            needed: all.needed / some,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            bits: self.bits + other.bits,
            needed: self.needed + other.needed,
        }
    }
}

/// The binary entropy, in bits.
fn entropy(chance: f64) -> f64 {
    let part = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
    part(chance) + part(1.0 - chance)
}

/// The size of the group, at least one, whose trial gives the most information for its cost. `none_needed` and
/// `costs` are indexed by size less one: the probability that none of the group is needed, and the cost of its
/// trial. If all cost the same, the best group passes with a probability of about one half.
pub(super) fn most_telling(none_needed: &[f64], costs: &[f64]) -> usize {
    let told: Vec<f64> = none_needed
        .iter()
        .zip(costs)
        .map(|(none, cost)| entropy(*none) / cost)
        .collect();
    let mut best = 0;
    for at in 1..told.len() {
        if told[at] >= told[best] {
            best = at;
        }
    }
    best + 1
}

/// The probability that no request of a part is needed, given that one of the whole group is.
pub(super) fn none_given_one(none_of_part: f64, none_of_all: f64) -> f64 {
    if none_of_all < 1.0 {
        ((none_of_part - none_of_all) / (1.0 - none_of_all)).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// [`none_given_one`] for each prefix of a group; the last prefix is the whole group.
pub(super) fn none_within(none_needed: &[f64]) -> Vec<f64> {
    let all = none_needed.last().copied().unwrap_or(0.0);
    let parts = none_needed.iter();
    parts.map(|part| none_given_one(*part, all)).collect()
}

/// [`most_telling`] for a group that contains a needed request, by [`none_within`]: at least one, but not all.
pub(super) fn most_telling_within(none_needed: &[f64], costs: &[f64]) -> usize {
    most_telling(none_needed, costs)
        .min(none_needed.len().saturating_sub(1))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_as_likely_as_not_to_pass() {
        let none =
            |chance: f64, n: i32| (1..=n).map(|i| (1.0 - chance).powi(i)).collect::<Vec<_>>();
        let (same, of) = ([10.0; 100], most_telling);
        assert_eq!(of(&none(0.1, 100), &same), 7);
        assert_eq!(of(&none(0.1, 3), &same), 3);
        assert_eq!(of(&none(0.9, 100), &same), 1);
        // A dear one is left out as long as the others tell something, and joined by others of its kind.
        let dear = [[1.0; 3].as_slice(), &[20.0; 97]].concat();
        assert_eq!(of(&none(0.1, 100), &dear), 3);
        assert_eq!(of(&[0.9999, 0.9998, 0.9997, 0.9, 0.8, 0.5], &dear), 6);
        let within = |none: &[f64]| most_telling_within(&none_within(none), &same);
        assert_eq!(within(&none(0.1, 2)), 1);
        assert_eq!(within(&none(0.01, 16)), 8);
        assert_eq!(most_telling_within(&[0.6, 0.55], &same), 1);
        assert_eq!(most_telling_within(&[0.9, 0.8, 0.5, 0.1, 0.0], &same), 3);
    }
}
