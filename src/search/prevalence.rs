//! The prevalence of needed requests: a Markov chain over the menu order.
//!
//! In menu order needed options come in clusters. So a request is needed with one chance if its
//! predecessor is not needed, and with another if it is. Both chances are estimated from the
//! requests that are decided, again at each step. If the needed requests are scattered, both are
//! about the same.
//!
//! The [prior](crate::model::Prior) divides the requests into classes. Each class has an estimate of
//! its own, which begins with the prior and is gradually replaced by the verdicts.

use crate::model::{Prior, RequestId, RequestSet};

/// The state of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It can go.
    Gone,
    /// It cannot.
    Needed,
    Nothing,
}

/// The verdicts on a class of requests with about the same initial estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Counts {
    /// Needed requests among those decided, including the pseudo-counts of the initial estimate.
    needed: f64,
    of: f64,
    /// Of neighbours of both kinds: how many there are, how many of the second are needed.
    pairs: [[f64; 2]; 2],
}

/// The weight of the initial estimate, in decided requests (pseudo-counts).
const OF: f64 = 5.0;

/// The weight of the overall share, in pairs of neighbours (pseudo-counts).
const PAIRS: f64 = 2.0;

impl Counts {
    fn new(share: f64) -> Self {
        Self {
            needed: OF * share,
            of: OF,
            pairs: [[0.0; 2]; 2],
        }
    }

    fn add(&mut self, before: Known, now: Known) {
        if now == Known::Nothing {
            return;
        }
        let needed = f64::from(now == Known::Needed);
        self.of += 1.0;
        self.needed += needed;
        if before != Known::Nothing {
            let kind = &mut self.pairs[usize::from(before == Known::Needed)];
            kind[0] += 1.0;
            kind[1] += needed;
        }
    }

    /// The probability that a request is needed, from the state of its predecessor.
    fn chance(&self, before: Known) -> f64 {
        let share = self.needed / self.of;
        let [of, needed] = self.pairs[usize::from(before == Known::Needed)];
        ((needed + PAIRS * share) / (of + PAIRS)).clamp(0.001, 0.999)
    }
}

/// The probability that each request is needed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prevalence {
    counts: Vec<Counts>,
    /// By id.
    classes: Vec<usize>,
    /// The state of the predecessor of each request, by id.
    before: Vec<Known>,
}

impl Prevalence {
    /// From the state of each request, in the order of removal. `is_alone`: all its dependents are gone.
    pub(super) fn estimate(
        order: &[RequestId],
        known: impl Fn(RequestId) -> Known,
        is_alone: impl Fn(RequestId) -> bool,
        classes: &Classes,
    ) -> Self {
        let class = |id: RequestId| match is_alone(id) {
            true => classes.alone[id.index()],
            false => classes.together[id.index()],
        };
        let mut chances = Self {
            counts: classes.shares.iter().copied().map(Counts::new).collect(),
            classes: (0..order.len() as u32).map(RequestId).map(class).collect(),
            before: vec![Known::Nothing; order.len()],
        };
        let mut last: Option<RequestId> = None;
        for id in order.iter().copied() {
            let class = chances.classes[id.index()];
            // Neighbours of another class have little to do with each other.
            let near = last.filter(|last| chances.classes[last.index()] == class);
            let before = near.map_or(Known::Nothing, &known);
            chances.counts[class].add(before, known(id));
            chances.before[id.index()] = before;
            last = Some(id);
        }
        chances
    }

    /// The probability that this request is needed.
    pub(super) fn of(&self, id: RequestId) -> f64 {
        self.counts[self.classes[id.index()]].chance(self.before[id.index()])
    }

    /// For each request of `group`, the probability that neither it nor one before it in the group is needed.
    pub(super) fn none_needed(&self, group: &[RequestId]) -> Vec<f64> {
        let mut none = 1.0;
        group
            .iter()
            .map(|id| {
                none *= 1.0 - self.of(*id);
                none
            })
            .collect()
    }

    /// [`Self::none_needed`] for a group of which nothing is known, if the initial estimate of a class may be wrong:
    /// each request that is not needed makes the next one less likely to be. So an unlikely class is removed at
    /// once. (Without a prior the groups get too large for several workers: measured.)
    pub(super) fn none_needed_of_fresh(&self, group: &[RequestId]) -> Vec<f64> {
        let (mut none, mut counts) = (1.0, self.counts.clone());
        group
            .iter()
            .map(|id| {
                let counts = &mut counts[self.classes[id.index()]];
                let before = self.before[id.index()];
                none *= 1.0 - counts.chance(before);
                counts.add(
                    if before == Known::Nothing {
                        Known::Gone
                    } else {
                        before
                    },
                    Known::Gone,
                );
                none
            })
            .collect()
    }
}

/// Classes of requests with about the same initial estimate, with and without dependents.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Classes {
    /// The mean initial estimate of each class.
    shares: Vec<f64>,
    /// The class of each request together with its dependents, by id.
    together: Vec<usize>,
    /// The class of each request once its dependents are gone, by id.
    alone: Vec<usize>,
}

/// Where a class of chances ends and the next begins.
const EDGES: &[f64] = &[0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9];

/// The initial estimate of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Thought {
    /// The probability that it or one of its dependents is needed.
    pub(super) together: f64,
    /// The probability that it is needed itself.
    pub(super) alone: f64,
    /// It has dependents.
    pub(super) carries: bool,
}

impl Classes {
    /// Classes by the initial estimate, the least likely first, and within these by whether a request has dependents.
    /// `thoughts` is in the order of the ids.
    pub(super) fn new(thoughts: &[Thought]) -> Self {
        let edge = |chance: f64| EDGES.iter().filter(|edge| chance > **edge).count();
        let class = |chance: f64, of: &Thought| 2 * edge(chance) + usize::from(of.carries);
        let together = || {
            thoughts
                .iter()
                .map(|of| (of.together, class(of.together, of)))
        };
        let alone = || thoughts.iter().map(|of| (of.alone, class(of.alone, of)));
        let share = |class: usize| {
            let members = together().chain(alone()).filter(|(_, of)| *of == class);
            let (n, sum) = members.fold((0.0, 0.0), |(n, sum), (c, _)| (n + 1.0, sum + c));
            if n > 0.0 { sum / n } else { Prior::SHARE }
        };
        Self {
            shares: (0..2 * (EDGES.len() + 1)).map(share).collect(),
            together: together().map(|(_, of)| of).collect(),
            alone: alone().map(|(_, of)| of).collect(),
        }
    }

    /// The rank of its class in the order: the least likely classes come first.
    pub(super) fn likely(&self, id: RequestId) -> usize {
        self.together[id.index()] / 2
    }
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

    fn thought(chance: f64) -> Thought {
        Thought {
            together: chance,
            alone: chance,
            carries: false,
        }
    }

    fn one(n: usize) -> Classes {
        Classes::new(&vec![thought(Prior::SHARE); n])
    }

    fn chances(known: &[Known], classes: &Classes) -> Prevalence {
        let order: Vec<RequestId> = (0..known.len() as u32).map(RequestId).collect();
        Prevalence::estimate(&order, |id| known[id.index()], |_| false, classes)
    }

    #[test]
    fn clusters_are_told_from_what_is_scattered() {
        use Known::{Gone, Needed};
        let clustered = [[Gone; 20], [Needed; 20], [Gone; 20]].concat();
        let all = chances(&clustered, &one(60));
        assert!(all.of(RequestId(30)) > 0.85 && all.of(RequestId(5)) < 0.1);
        let scattered = [Gone, Gone, Gone, Needed].repeat(20);
        let all = chances(&scattered, &one(80));
        assert!(all.of(RequestId(4)) < 0.1 && (0.2..0.4).contains(&all.of(RequestId(5))));
    }

    #[test]
    fn what_was_thought_at_first_gives_way_to_what_is_known() {
        let thought = [[thought(0.02); 40], [thought(0.95); 40]].concat();
        let classes = Classes::new(&thought);
        let mut known = [Known::Nothing; 80];
        let all = chances(&known, &classes);
        assert!(all.of(RequestId(3)) < 0.03 && all.of(RequestId(50)) > 0.9);
        assert!(classes.likely(RequestId(3)) < classes.likely(RequestId(50)));
        // And it is the other way round.
        known[..30].fill(Known::Needed);
        known[40..70].fill(Known::Gone);
        let all = chances(&known, &classes);
        assert!(all.of(RequestId(35)) > 0.7 && all.of(RequestId(75)) < 0.3);
    }

    #[test]
    fn what_is_left_alone_is_as_likely_as_it_is_itself() {
        let core = Thought {
            together: 0.8,
            alone: 0.02,
            carries: true,
        };
        let classes = Classes::new(&[core, thought(0.8), thought(0.02)]);
        let order = [2, 1, 0].map(RequestId);
        let of = |is_alone: bool| {
            let chances = Prevalence::estimate(&order, |_| Known::Nothing, |_| is_alone, &classes);
            [0, 1, 2].map(|id| chances.of(RequestId(id)))
        };
        assert_eq!(of(false), [0.8, 0.8, 0.02]);
        assert_eq!(of(true), [0.02, 0.8, 0.02]);
        assert_eq!(classes.likely(RequestId(0)), classes.likely(RequestId(1)));
    }
}
