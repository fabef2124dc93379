//! How likely each request is needed: a Markov chain over the menu order.
//!
//! In menu order needed options come in clusters. So a request is needed with one chance if its
//! predecessor is not needed, and with another if it is. Both chances are estimated from the
//! requests that are decided, again at each step. If the needed requests are scattered, both are
//! about the same.
//!
//! The [prior](crate::model::Prior) divides the requests into classes. Each class has an estimate of
//! its own, which begins with the prior and is gradually replaced by the verdicts.

use crate::model::{Prior, RequestId, RequestSet};

/// What is known of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It can go.
    Gone,
    /// It cannot.
    Needed,
    Nothing,
}

/// What a class of requests, of which as much was thought at first, has told so far.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Counts {
    /// Of those that are known, with what was assumed at first.
    needed: f64,
    of: f64,
    /// Of neighbours of both kinds: how many there are, how many of the second are needed.
    pairs: [[f64; 2]; 2],
}

/// What is assumed counts as much as so many requests that are known.
const OF: f64 = 5.0;

/// How many pairs of neighbours it takes until they count as much as the share of all.
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

    /// That one is needed, after one of which this is known.
    fn chance(&self, before: Known) -> f64 {
        let share = self.needed / self.of;
        let [of, needed] = self.pairs[usize::from(before == Known::Needed)];
        ((needed + PAIRS * share) / (of + PAIRS)).clamp(0.001, 0.999)
    }
}

/// Of each request, in an order, how likely it is needed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prevalence {
    counts: Vec<Counts>,
    /// By id.
    classes: Vec<usize>,
    /// What is known of the one before each, by id.
    before: Vec<Known>,
}

impl Prevalence {
    /// From what is known of each request, in the order in which they are looked at. `is_alone`: all
    /// that went with it is gone.
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

    /// That this one is needed.
    pub(super) fn of(&self, id: RequestId) -> f64 {
        self.counts[self.classes[id.index()]].chance(self.before[id.index()])
    }

    /// For each request of `group`, that neither it nor one before it in the group is needed.
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

    /// The same of a group of which nothing is known, taking into account that what was thought of
    /// a class may be wrong: each that is not needed makes it less likely that the next one is.
    /// So what is thought not to be needed goes at once. (Without a prior this gives groups that
    /// are too large for several workers: measured.)
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

/// Requests of which about as much is thought at first, and which depend on others or do not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Classes {
    /// Of each class, how likely one of it is needed.
    shares: Vec<f64>,
    /// By id, together with what goes with it.
    together: Vec<usize>,
    /// By id, when all that went with it is gone.
    alone: Vec<usize>,
}

/// Where a class of chances ends and the next begins.
const EDGES: &[f64] = &[0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9];

/// What is thought of a request at first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Thought {
    /// That it is needed or something that goes with it.
    pub(super) together: f64,
    /// That it is needed itself.
    pub(super) alone: f64,
    /// Others go with it.
    pub(super) carries: bool,
}

impl Classes {
    /// By how likely each is needed, in the order of the ids, the least likely first; and within
    /// that, whether others depend on it.
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

    /// How likely it is thought that one like this is needed: a number for the order.
    pub(super) fn likely(&self, id: RequestId) -> usize {
        self.together[id.index()] / 2
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

/// How many of a group to try, at least one, so that the trial tells most for what it takes:
/// `none_needed` of so many, and what a trial of them takes. If all take as long, it is as likely as
/// not that none of them is needed.
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

/// That none of a part is needed, where one of the whole is: from both without that.
pub(super) fn none_given_one(none_of_part: f64, none_of_all: f64) -> f64 {
    if none_of_all < 1.0 {
        ((none_of_part - none_of_all) / (1.0 - none_of_all)).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// The same for each part of a group from its first on, of which the last is all of it.
pub(super) fn none_within(none_needed: &[f64]) -> Vec<f64> {
    let all = none_needed.last().copied().unwrap_or(0.0);
    let parts = none_needed.iter();
    parts.map(|part| none_given_one(*part, all)).collect()
}

/// The same as [`most_telling`] of a group that has a needed one, by [`none_within`]: at least one, not all.
pub(super) fn most_telling_within(none_needed: &[f64], costs: &[f64]) -> usize {
    most_telling(none_needed, costs)
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
