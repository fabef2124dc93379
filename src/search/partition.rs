//! Several workers on one group: the parts into which the candidates in flight divide it.
//!
//! A group contains a needed request, or is in flight and may turn out to contain one. The
//! candidates in flight will tell in which of the parts it lies. So the next candidate is a half of
//! the part that most likely contains it. With many workers that is a search in as many parts as
//! there are workers.

use crate::model::{RequestId, RequestSet};

/// A part of a group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) members: RequestSet,
    pub(super) kind: Kind,
    /// The probability that it contains a needed request, if its group does.
    likely: f64,
}

/// The position of a part relative to the candidates in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No candidate in flight takes any of it away: it can be tried by itself.
    Whole,
    /// One in flight takes it away, and more.
    Taken,
}

/// The parts of all groups, the most likely first.
pub(super) fn partition(
    suspects: &[RequestSet],
    flying: &[RequestSet],
    chance: impl Fn(RequestId) -> f64,
) -> Vec<Part> {
    let some = |set: &RequestSet| 1.0 - set.iter().map(|id| 1.0 - chance(id)).product::<f64>();
    let mut all: Vec<Part> = Vec::new();
    let within = |group: &RequestSet| suspects.iter().any(|s| group.is_subset(s));
    // A group in flight that is in no suspect may pass.
    let alone = flying.iter().filter(|group| !within(group));
    let groups = suspects.iter().map(|s| (s, 1.0 / some(s).max(0.001)));
    for (group, weight) in groups.chain(alone.map(|f| (f, 1.0))) {
        let mut parts = vec![(group.clone(), Kind::Whole)];
        for other in flying.iter().filter(|f| f.has_any_of(group)) {
            let mut cut = Vec::with_capacity(parts.len() + 1);
            for (part, kind) in parts {
                let (taken, rest) = (part.intersection(other), part.minus(other));
                cut.extend(
                    [(taken, Kind::Taken), (rest, kind)]
                        .into_iter()
                        .filter(|p| !p.0.is_empty()),
                );
            }
            parts = cut;
        }
        all.extend(parts.into_iter().map(|(members, kind)| Part {
            likely: weight * some(&members),
            members,
            kind,
        }));
    }
    all.sort_by(|a, b| b.likely.total_cmp(&a.likely));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: impl IntoIterator<Item = u32>) -> RequestSet {
        RequestSet::of(20, ids.into_iter().map(RequestId))
    }

    #[test]
    fn candidates_in_flight_cut_a_group_and_the_likeliest_part_is_first() {
        let (suspect, flying) = (set(0..8), [set(0..3), set(12..14)]);
        let parts = partition(&[suspect], &flying, |_| 0.05);
        let shown: Vec<(Vec<u32>, Kind)> = parts
            .iter()
            .map(|c| (c.members.iter().map(|id| id.0).collect(), c.kind))
            .collect();
        let expected = [
            ((3..8).collect(), Kind::Whole),
            ((0..3).collect(), Kind::Taken),
            ((12..14).collect(), Kind::Taken),
        ];
        assert_eq!(shown, expected);
    }
}
