//! `ktest`: one request after the other, what most others depend on first.
//!
//! The order of `make_min_config` in ktest.pl (S. Rostedt, tools/testing/ktest in Linux): a request
//! is taken away together with all that depends on it. If that passes, all of it is gone; if not,
//! the request stays, and those that depend on it are tried by themselves. A trial for each request
//! that stays and for each that no other takes along: good only where most go in large families.

use std::cmp::Reverse;

use crate::model::{RequestId, RequestSet};

use super::depends::Depends;
use super::history::History;
use super::sequential::Plan;

/// The order of ktest.pl: parents first.
#[derive(Debug)]
pub(super) struct ParentsFirst {
    depends: Depends,
    /// All requests, those that take most others with them first; of equals the first, as what
    /// others depend on mostly stands before them in the menus.
    order: Vec<RequestId>,
    /// What was tried in vain.
    stays: RequestSet,
}

impl ParentsFirst {
    /// What may yet go, and was not tried.
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
