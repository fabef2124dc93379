//! The known dependencies between requests.

use std::sync::Arc;

use crate::model::{RequestId, RequestSet};

/// For each request, its dependents: the requests that have no effect without it. They are hints: the
/// search is faster if they are right, and its answer is right even if they are wrong. Only with
/// [`Certify::Leaves`](crate::model::Certify) does the certificate rely on them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Depends {
    /// By request, each without the request itself. Empty: nothing is known. Of some thousands of requests that is
    /// megabytes, and each search that is made has it.
    carried: Arc<Vec<RequestSet>>,
    /// The reverse: by request, those that take it with them. As long as `carried`.
    above: Arc<Vec<Vec<RequestId>>>,
}

impl Depends {
    /// No request depends on another.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// From the dependents of each request, by its id. The transitive closure is added.
    #[must_use]
    pub fn new(mut carried: Vec<RequestSet>) -> Self {
        // The closure is transitive: a dependent of a dependent is a dependent.
        for via in 0..carried.len() {
            let further = carried[via].clone();
            if further.is_empty() {
                continue;
            }
            for own in &mut carried {
                if own.contains(RequestId(via as u32)) {
                    own.insert_all(&further);
                }
            }
        }
        Self::measured(carried)
    }

    /// From measured dependents of each request. They are exact, so no closure is added: if `b` falls with `a`
    /// and `a` with `c`, `b` may still stay when `c` is removed.
    #[must_use]
    pub fn measured(mut carried: Vec<RequestSet>) -> Self {
        for (id, own) in (0..).zip(&mut carried) {
            own.remove(RequestId(id));
        }
        Self::of_carried(carried)
    }

    fn of_carried(carried: Vec<RequestSet>) -> Self {
        let mut above = vec![Vec::new(); carried.len()];
        for (id, own) in (0..).map(RequestId).zip(&carried) {
            for below in own.iter() {
                above[below.index()].push(id);
            }
        }
        let (carried, above) = (Arc::new(carried), Arc::new(above));
        Self { carried, above }
    }

    /// Reads the output of [`lists`](Self::lists), for `n` requests. An empty slice means that nothing is known.
    /// `None` if the lists do not fit `n` requests.
    #[must_use]
    pub fn of_lists(lists: &[Vec<RequestId>], n: usize) -> Option<Self> {
        let fits = |ids: &Vec<RequestId>| ids.iter().all(|id| id.index() < n);
        if !lists.is_empty() && (lists.len() != n || !lists.iter().all(fits)) {
            return None;
        }
        let set = |ids: &Vec<RequestId>| RequestSet::of(n, ids.iter().copied());
        Some(Self::of_carried(lists.iter().map(set).collect()))
    }

    /// The dependents of each request, by its id.
    #[must_use]
    pub fn lists(&self) -> Vec<Vec<RequestId>> {
        let list = |set: &RequestSet| set.iter().collect();
        self.carried.iter().map(list).collect()
    }

    /// From pairs of `n` requests: the first of a pair depends on the second. The transitive closure is added.
    #[must_use]
    pub fn of_pairs(n: usize, pairs: impl IntoIterator<Item = (RequestId, RequestId)>) -> Self {
        let mut carried = vec![RequestSet::empty(n); n];
        for (dependent, needed) in pairs {
            carried[needed.index()].insert(dependent);
        }
        Self::new(carried)
    }

    /// The dependents of `id`. `None` if nothing is known.
    #[must_use]
    pub fn carried(&self, id: RequestId) -> Option<&RequestSet> {
        self.carried.get(id.index())
    }

    /// The requests that `id` depends on, in ascending order.
    pub(super) fn above(&self, id: RequestId) -> &[RequestId] {
        self.above.get(id.index()).map_or(&[], Vec::as_slice)
    }

    /// The members of `set` and their dependents.
    #[must_use]
    pub fn closure(&self, set: &RequestSet) -> RequestSet {
        let mut all = set.clone();
        let carried = set.iter().filter_map(|id| self.carried(id));
        carried.for_each(|carried| all.insert_all(carried));
        all
    }

    /// The members of `set` and the requests that they depend on, as far as `within` has them.
    #[must_use]
    pub fn needs(&self, set: &RequestSet, within: &RequestSet) -> RequestSet {
        let mut needs = set.intersection(within);
        for id in set.iter() {
            let above = self.above(id).iter().copied();
            above
                .filter(|id| within.contains(*id))
                .for_each(|id| needs.insert(id));
        }
        needs
    }

    /// All ids below `n`, from the last to the first, but each after all that it takes with it.
    pub(super) fn leaves_first(&self, n: usize) -> Vec<RequestId> {
        let mut done = vec![false; n];
        let mut order = Vec::with_capacity(n);
        let sizes: Vec<usize> = self.carried.iter().map(RequestSet::len).collect();
        let ids = (0..n as u32).rev().map(RequestId);
        for id in ids {
            // What is carried is transitive: one step reaches everything. Of those, the ones
            // that carry least come first.
            let mut group: Vec<RequestId> = self
                .carried(id)
                .map_or(vec![], |c| c.iter().rev().collect());
            group.sort_by_key(|id| sizes.get(id.index()).copied().unwrap_or(0));
            for id in group.into_iter().chain([id]) {
                if !std::mem::replace(&mut done[id.index()], true) {
                    order.push(id);
                }
            }
        }
        order
    }

    /// Of `kept`, those whose need shows that of the others: they take nothing of it with them
    /// but what takes them with it in turn, of which the first stands for all.
    pub(super) fn is_leaf(&self, id: RequestId, kept: &RequestSet) -> bool {
        self.carried(id).is_none_or(|carried| {
            let back = |other: RequestId| self.carried(other).is_some_and(|c| c.contains(id));
            let with = carried.intersection(kept);
            with.iter().all(|other| other > id && back(other))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn chain() -> Depends {
        // 2 depends on 1, 1 on 0; 3 and 4 on each other.
        let pairs = [(2, 1), (1, 0), (3, 4), (4, 3)];
        Depends::of_pairs(5, pairs.map(|(a, b)| (RequestId(a), RequestId(b))))
    }

    fn ids(set: &RequestSet) -> Vec<u32> {
        set.iter().map(|id| id.0).collect()
    }

    #[test]
    fn what_goes_with_what_goes_goes_too() {
        let depends = chain();
        assert_eq!(ids(depends.carried(RequestId(0)).unwrap()), [1, 2]);
        let first = RequestSet::of(5, [RequestId(0)]);
        assert_eq!(ids(&depends.closure(&first)), [0, 1, 2]);
        let third = RequestSet::of(5, [RequestId(3)]);
        assert_eq!(ids(&depends.closure(&third)), [3, 4]);
    }

    #[test]
    fn of_what_was_measured_nothing_is_concluded() {
        let of = |id: u32| RequestSet::of(3, [RequestId(id)]);
        // 1 goes with 0, and 2 with 1; without 0 something else comes that keeps 2.
        let depends = Depends::measured(vec![of(1), of(2), of(2)]);
        assert_eq!(ids(depends.carried(RequestId(0)).unwrap()), [1]);
        assert_eq!(ids(depends.carried(RequestId(2)).unwrap()), [0_u32; 0]);
    }

    #[test]
    fn what_a_request_needs_is_what_it_depends_on_as_far_as_that_is_there() {
        let depends = chain();
        let last = RequestSet::of(5, [RequestId(2)]);
        assert_eq!(ids(&depends.needs(&last, &RequestSet::full(5))), [0, 1, 2]);
        let some = RequestSet::full(5).without(RequestId(1));
        assert_eq!(ids(&depends.needs(&last, &some)), [0, 2]);
        let gone = RequestSet::of(5, [RequestId(1)]);
        assert_eq!(ids(&depends.needs(&gone, &some)), [0]);
        assert_eq!(ids(&Depends::none().needs(&last, &some)), [2]);
    }

    #[test]
    fn lists_give_the_same_again_and_those_of_other_requests_are_refused() {
        let depends = chain();
        let lists = depends.lists();
        assert_eq!(Depends::of_lists(&lists, 5), Some(depends));
        assert_eq!(Depends::of_lists(&[], 5), Some(Depends::none()));
        assert_eq!(Depends::of_lists(&lists[..4], 5), None);
        assert_eq!(Depends::of_lists(&lists[..2], 2), None);
    }

    #[test]
    fn leaves_come_before_what_they_depend_on() {
        let order: Vec<u32> = chain().leaves_first(5).iter().map(|id| id.0).collect();
        assert_eq!(order, [3, 4, 2, 1, 0]);
        let plain: Vec<u32> = Depends::none()
            .leaves_first(3)
            .iter()
            .map(|id| id.0)
            .collect();
        assert_eq!(plain, [2, 1, 0]);
    }

    #[test]
    fn of_what_depends_on_each_other_one_is_a_leaf() {
        let (depends, all) = (chain(), RequestSet::full(5));
        let leaves: Vec<u32> = (0..5)
            .filter(|id| depends.is_leaf(RequestId(*id), &all))
            .collect();
        assert_eq!(leaves, [2, 3]);
        let some = RequestSet::of(5, [RequestId(0), RequestId(1)]);
        assert!(depends.is_leaf(RequestId(1), &some) && !depends.is_leaf(RequestId(0), &some));
    }
}
