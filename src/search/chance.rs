//! How likely a request is needed, from what is known of the others: a Markov chain.
//!
//! In the order of the menus needed options come in clusters. So each request is taken to be
//! needed with one chance if the one before it is not, and with another if it is. Both are
//! estimated from the requests of which it is known, again at each step; where the needed ones
//! are scattered, both come out alike.

use crate::model::{RequestId, RequestSet};

/// What is known of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It can go.
    Gone,
    /// It cannot.
    Needed,
    Nothing,
}

/// The chances, estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chance {
    /// Of being needed after one that is not.
    after_gone: f64,
    /// After one that is.
    after_needed: f64,
}

/// What is assumed before anything is known: so many were needed, of so many.
const NEEDED: f64 = 0.5;
const OF: f64 = 5.0;

/// How many pairs of neighbours it takes until they count as much as the share of all.
const PAIRS: f64 = 2.0;

impl Chance {
    /// From what is known of each request, in the order in which they are looked at.
    pub(super) fn estimate(known: &[Known]) -> Self {
        let (mut needed, mut of) = (NEEDED, OF);
        // Of neighbours of both kinds: how many there are, how many of the second are needed.
        let mut pairs = [[0.0_f64; 2]; 2];
        let mut before = Known::Nothing;
        for now in known.iter().copied() {
            if now != Known::Nothing {
                of += 1.0;
                needed += f64::from(now == Known::Needed);
                if before != Known::Nothing {
                    let kind = &mut pairs[usize::from(before == Known::Needed)];
                    kind[0] += 1.0;
                    kind[1] += f64::from(now == Known::Needed);
                }
            }
            before = now;
        }
        let share = needed / of;
        let chance = |[of, needed]: [f64; 2]| (needed + PAIRS * share) / (of + PAIRS);
        Self {
            after_gone: chance(pairs[0]),
            after_needed: chance(pairs[1]),
        }
    }

    /// That one is needed, after one of which this is known.
    pub(super) fn of(&self, before: Known) -> f64 {
        let chance = match before {
            Known::Needed => self.after_needed,
            Known::Gone | Known::Nothing => self.after_gone,
        };
        chance.clamp(0.001, 0.999)
    }

    /// For each request of `group`, that neither it nor one before it in the group is needed.
    /// `before` says what is known of the one before each.
    pub(super) fn none_needed(
        &self,
        group: &[RequestId],
        before: impl Fn(RequestId) -> Known,
    ) -> Vec<f64> {
        let mut none = 1.0;
        group
            .iter()
            .map(|id| {
                none *= 1.0 - self.of(before(*id));
                none
            })
            .collect()
    }
}

/// What is not known of some requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unknown {
    /// The entropy: so many trials that tell a bit each it takes to know.
    pub(super) bits: f64,
    /// How many are expected to be needed.
    pub(super) needed: f64,
}

impl Unknown {
    /// Of requests that are needed with these chances.
    pub(super) fn of(chances: &[f64]) -> Self {
        Self {
            bits: chances.iter().map(|chance| entropy(*chance)).sum(),
            needed: chances.iter().sum(),
        }
    }

    /// The same if at least one of them is needed.
    pub(super) fn of_suspect(chances: &[f64]) -> Self {
        let all = Self::of(chances);
        let none: f64 = chances.iter().map(|chance| 1.0 - chance).product();
        let some = (1.0 - none).max(0.001);
        // What it would take to know of all of them, without what is known by now.
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

/// Of a yes or no, in bits.
fn entropy(chance: f64) -> f64 {
    let part = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
    part(chance) + part(1.0 - chance)
}

/// How many of a group to try, so that it is as likely as not that none of them is needed:
/// `none_needed` of it, at least one.
pub(super) fn even(none_needed: &[f64]) -> usize {
    let off = |chance: f64| (chance - 0.5).abs();
    let better = none_needed
        .windows(2)
        .take_while(|w| off(w[1]) <= off(w[0]));
    1 + better.count()
}

/// How many of a group that has a needed one to try, so that it is as likely as not that it is
/// among them: at least one, not all.
pub(super) fn even_within(none_needed: &[f64]) -> usize {
    let all = none_needed.last().copied().unwrap_or(0.0);
    let within: Vec<f64> = none_needed
        .iter()
        .map(|none| (none - all) / (1.0 - all))
        .collect();
    even(&within)
        .min(none_needed.len().saturating_sub(1))
        .max(1)
}

/// The members of `set`, in this order.
pub(super) fn in_order(order: &[RequestId], set: &RequestSet) -> Vec<RequestId> {
    order
        .iter()
        .copied()
        .filter(|id| set.contains(*id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_told_from_what_is_scattered() {
        use Known::{Gone, Needed};
        let clustered = [[Gone; 20], [Needed; 20], [Gone; 20]].concat();
        let chance = Chance::estimate(&clustered);
        assert!(chance.after_needed > 0.85 && chance.after_gone < 0.1);
        let scattered = [Gone, Gone, Gone, Needed].repeat(20);
        let chance = Chance::estimate(&scattered);
        assert!(chance.after_needed < 0.1 && (0.2..0.4).contains(&chance.after_gone));
    }

    #[test]
    fn a_group_is_as_likely_as_not_to_pass() {
        let none =
            |chance: f64, n: i32| (1..=n).map(|i| (1.0 - chance).powi(i)).collect::<Vec<_>>();
        assert_eq!(even(&none(0.1, 100)), 7);
        assert_eq!(even(&none(0.1, 3)), 3);
        assert_eq!(even(&none(0.9, 100)), 1);
        assert_eq!(even_within(&none(0.1, 2)), 1);
        assert_eq!(even_within(&none(0.01, 16)), 8);
    }
}
