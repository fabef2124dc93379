//! `ktest`: one request after the other, what most others depend on first.
//!
//! The order of `make_min_config` in ktest.pl (S. Rostedt, tools/testing/ktest in Linux): a request
//! is removed together with its dependents. If that passes, all of them are gone. If not, the request
//! stays, and its dependents are tried alone. It takes a trial for each request that stays and for
//! each that no other takes along: good only if most requests are removed in large families.

use std::cmp::Reverse;

use crate::model::{RequestId, RequestSet};

use super::depends::Depends;
use super::history::History;
use super::sequential::Plan;

/// The order of ktest.pl: parents first.
#[derive(Debug)]
pub(super) struct ParentsFirst {
    depends: Depends,
    /// All requests, those with the most dependents first; among equals in menu order, because a dependency mostly
    /// comes before its dependents.
    order: Vec<RequestId>,
    /// The requests whose removal failed.
    stays: RequestSet,
}

impl ParentsFirst {
    /// The requests that may be removed and were not tried.
    fn open(&self, history: &History) -> RequestSet {
        history.free().minus(&self.stays)
    }

    fn request(&self, history: &History) -> Option<RequestId> {
        let open = self.open(history);
        self.order.iter().copied().find(|id| open.contains(*id))
    }
}

impl Plan for ParentsFirst {
    fn new(history: &History, depends: Depends) -> Self {
        let mut order: Vec<RequestId> = history.free().iter().collect();
        order.sort_by_key(|id| Reverse(depends.carried(*id).map_or(0, RequestSet::len)));
        Self {
            stays: RequestSet::empty(history.best().capacity()),
            depends,
            order,
        }
    }

    fn wanted(&self, history: &History) -> Option<RequestSet> {
        let best = history.best();
        let request = RequestSet::of(best.capacity(), [self.request(history)?]);
        // Where two depend on each other, the one that stays does not go with the other.
        let gone = self.depends.closure(&request).minus(&self.stays);
        Some(best.minus(&gone.minus(history.floor())))
    }

    fn passed(&mut self, _: &History) {}

    fn failed(&mut self, history: &History) {
        if let Some(id) = self.request(history) {
            self.stays.insert(id);
        }
    }

    fn at_most(&self, history: &History) -> usize {
        self.open(history).len()
    }
}
