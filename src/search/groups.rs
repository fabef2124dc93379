//! The conclusions from failures: which requests of the best are needed, and which groups contain a
//! needed one. They are updated with each verdict, so that no decision has to look at all trials again.

use super::depends::Depends;
use super::history::{History, State};
use crate::model::{RequestId, RequestSet, Verdict};

/// Under the assumption that the oracle is monotone.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    /// The set that the conclusions are about.
    of: RequestSet,
    /// The requests that stay, because they are needed or give no verdict.
    pub(super) settled: RequestSet,
    /// Parts of the rest, each with a needed request in it.
    pub(super) suspects: Vec<RequestSet>,
}

impl Groups {
    pub(super) fn new(start: &RequestSet) -> Self {
        Self {
            of: start.clone(),
            settled: RequestSet::empty(start.capacity()),
            suspects: Vec::new(),
        }
    }

    /// Records that `keep` failed or gave no verdict.
    pub(super) fn failed(&mut self, keep: &RequestSet, depends: &Depends) {
        let gone = self.of.minus(keep);
        // A superset of the best that failed has shown that the oracle is not monotone.
        if !gone.is_empty() {
            self.suspects.push(gone);
            self.sort_out(depends);
        }
    }

    /// Adapts to the new best.
    pub(super) fn shrink_to(&mut self, history: &History, depends: &Depends) {
        let best = history.best();
        if best.is_subset(&self.of) {
            *self = self.within(best, depends);
            return;
        }
        // Another way down: what was left out as explained counts again.
        *self = Self::new(best);
        for (keep, state) in history.entries() {
            if matches!(state, State::Told(Verdict::Fail(_) | Verdict::Unresolved)) {
                let gone = best.minus(keep);
                if !gone.is_empty() {
                    self.suspects.push(gone);
                }
            }
        }
        self.sort_out(depends);
    }

    /// The conclusions, restricted to a subset.
    pub(super) fn within(&self, base: &RequestSet, depends: &Depends) -> Self {
        if *base == self.of {
            return self.clone();
        }
        let part = |set: &RequestSet| set.intersection(base);
        let suspects = self.suspects.iter().map(part);
        let mut groups = Self {
            of: base.clone(),
            settled: part(&self.settled),
            suspects: suspects.filter(|s| !s.is_empty()).collect(),
        };
        groups.sort_out(depends);
        groups
    }

    /// Does this removal contain a needed request?
    pub(super) fn has_needed(&self, gone: &RequestSet) -> bool {
        gone.has_any_of(&self.settled) || self.suspects.iter().any(|group| group.is_subset(gone))
    }

    /// Groups of one are settled, and so is what takes a whole group with it; what is settled
    /// explains every group that it is in; and of two groups one within the other, the larger says
    /// nothing more.
    fn sort_out(&mut self, depends: &Depends) {
        let of_one = |group: &RequestSet| {
            // Each member takes all others with it.
            let alone = |id: RequestId| {
                let one = RequestSet::of(group.capacity(), [id]);
                group.is_subset(&depends.closure(&one))
            };
            group.iter().all(alone)
        };
        for group in self.suspects.iter().filter(|group| of_one(group)) {
            self.settled = self.settled.union(group);
        }
        let mut stays: Vec<RequestId> = self.settled.iter().collect();
        for group in &self.suspects {
            // A request that takes the whole group takes its first member.
            let above = group.iter().next().map_or(&[][..], |id| depends.above(id));
            let takes_all = |id: &RequestId| {
                let carried = depends.carried(*id);
                carried.is_some_and(|carried| group.is_subset(carried))
            };
            stays.extend(above.iter().copied().filter(takes_all));
        }
        // `Depends::new` is transitive, so one step up would do. `Depends::measured` is not, but is used for
        // certificates only.
        while let Some(id) = stays.pop() {
            if self.of.contains(id) {
                self.settled.insert(id);
            }
            let above = depends.above(id).iter().copied();
            stays.extend(above.filter(|a| self.of.contains(*a) && !self.settled.contains(*a)));
        }
        self.suspects
            .retain(|group| !group.has_any_of(&self.settled));
        self.suspects.sort_by_key(RequestSet::len);
        let mut least: Vec<RequestSet> = Vec::new();
        for group in self.suspects.drain(..) {
            if !least.iter().any(|smaller| smaller.is_subset(&group)) {
                least.push(group);
            }
        }
        self.suspects = least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_a_whole_suspected_group_with_it_stays() {
        let of = |ids: &[u32]| RequestSet::of(5, ids.iter().map(|id| RequestId(*id)));
        // 3 and 4 depend on 0, and 4 on 1.
        let pairs = [(3, 0), (4, 0), (4, 1)];
        let pairs = pairs.map(|(a, b)| (RequestId(a), RequestId(b)));
        let depends = Depends::of_pairs(5, pairs);
        let mut groups = Groups::new(&RequestSet::full(5));
        groups.failed(&of(&[0, 1, 2]), &depends);
        assert_eq!(groups.settled, of(&[0]));
        assert_eq!(groups.suspects, [of(&[3, 4])]);
        // It was 4: so both of what it depends on stay.
        groups.failed(&of(&[0, 1, 2, 3]), &depends);
        assert_eq!(groups.settled, of(&[0, 1, 4]));
        assert!(groups.suspects.is_empty());
    }
}
