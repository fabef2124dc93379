//! `halving`: the leaves in ever smaller halves, each with all that it depends on.
//!
//! As syzkaller minimizes configs (google/syzkaller, pkg/kconfig/minimize.go and
//! pkg/bisect/minimize/slice.go). The units are *leaves*: requests without dependents in the set. A
//! candidate consists of some leaves and their dependencies, so a dependency that no leaf needs is
//! removed without a trial. First all leaves are removed. Then, from larger parts to smaller ones, each
//! part with a needed leaf is tried without its first half and without its second half. The second
//! trial is left out if the first half could be removed, because the second half is needed then.
//!
//! (syzkaller cuts the first part into three.) It takes one or two trials for each part with a needed
//! leaf, at each size: good where needed leaves cluster.

use std::collections::VecDeque;

use crate::model::{RequestId, RequestSet};

use super::depends::Depends;
use super::history::History;
use super::sequential::Plan;

/// Halves of the leaves, ever smaller.
#[derive(Debug)]
pub(super) struct Halving {
    depends: Depends,
    /// The leaves that the best has.
    leaves: RequestSet,
    /// Disjoint parts of the leaves, the next one first. A needed leaf that is alone is in none.
    parts: VecDeque<Part>,
}

#[derive(Debug)]
struct Part {
    leaves: Vec<RequestId>,
    next: Without,
}

/// The next removal from a part.
#[derive(Debug, Clone, Copy)]
enum Without {
    All,
    FirstHalf,
    /// The first could not go.
    SecondHalf,
}

impl Part {
    fn halves(&self) -> (&[RequestId], &[RequestId]) {
        self.leaves.split_at(self.leaves.len().div_ceil(2))
    }

    fn tested(&self) -> &[RequestId] {
        match self.next {
            Without::All => &self.leaves,
            Without::FirstHalf => self.halves().0,
            Without::SecondHalf => self.halves().1,
        }
    }
}

impl Halving {
    /// The leaves without those that the next candidate takes away.
    fn rest(&self) -> Option<RequestSet> {
        let tested = self.parts.front()?.tested().iter().copied();
        let tested = RequestSet::of(self.leaves.capacity(), tested);
        Some(self.leaves.minus(&tested))
    }

    /// These hold a needed one: one alone is it.
    fn needed(&mut self, leaves: &[RequestId]) {
        if leaves.len() > 1 {
            self.parts.push_back(Part {
                leaves: leaves.to_vec(),
                next: Without::FirstHalf,
            });
        }
    }
}

impl Plan for Halving {
    fn new(history: &History, depends: Depends) -> Self {
        let best = history.best();
        // Dependencies of fixed requests stay in every candidate.
        let stays = depends.needs(history.floor(), best);
        let free = best.minus(&stays);
        let leaves = free.iter().filter(|id| depends.is_leaf(*id, best));
        let leaves: Vec<RequestId> = leaves.collect();
        let mut search = Self {
            depends,
            leaves: RequestSet::of(best.capacity(), leaves.iter().copied()),
            parts: VecDeque::new(),
        };
        if !leaves.is_empty() {
            let next = Without::All;
            search.parts.push_back(Part { leaves, next });
        }
        search
    }

    fn wanted(&self, history: &History) -> Option<RequestSet> {
        let keep = self.rest()?.union(history.floor());
        Some(self.depends.needs(&keep, history.best()))
    }

    fn passed(&mut self, _: &History) {
        if let Some(rest) = self.rest() {
            self.leaves = rest;
        }
        if let Some(part) = self.parts.pop_front()
            && matches!(part.next, Without::FirstHalf)
        {
            self.needed(part.halves().1);
        }
    }

    fn failed(&mut self, _: &History) {
        let Some(mut part) = self.parts.pop_front() else {
            return;
        };
        self.needed(part.tested());
        if matches!(part.next, Without::FirstHalf) {
            part.next = Without::SecondHalf;
            self.parts.push_front(part);
        }
    }

    fn at_most(&self, _: &History) -> usize {
        // A binary tree over each part.
        let trials = self.parts.iter().map(|part| 2 * part.leaves.len());
        trials.sum()
    }
}
