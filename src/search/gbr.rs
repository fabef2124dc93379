//! `gbr`: Generalized Binary Reduction, a binary search for one needed request after the other.
//!
//! From J-Reduce (C. G. Kalhauge, J. Palsberg, "Logical Bytecode Reduction", PLDI 2021). The best
//! is taken apart into a *progression* D0, D1, ...: D0 is what is known to be needed, each further
//! part is one more request, and each has what its requests depend on, unless a part before has
//! it. So the first parts, however many, have all that their members depend on. If D0 passes, that
//! is the answer. If not, a binary search finds the least r with which D0 to Dr pass: they are the
//! best now, something of Dr is needed, and Dr goes into D0.
//!
//! (The paper has any constraints, here all are "a depends on b"; and of Dr it takes the least that
//! the constraints allow, where here the sweep finds what of Dr can go.)
//!
//! About log2 n trials for each needed request: good where few are needed.

use crate::model::{RequestId, RequestSet};

use super::depends::Depends;
use super::history::History;
use super::sequential::Plan;

/// Generalized Binary Reduction.
#[derive(Debug)]
pub(super) struct Progression {
    depends: Depends,
    /// The union of all parts that contain a needed request.
    learned: RequestSet,
    /// D0, D1, ...: disjoint, and together the best.
    parts: Vec<Vec<RequestId>>,
    /// The largest number of parts that failed; 0 before D0 was tried.
    too_few: usize,
}

impl Progression {
    /// The number of parts to try next. `None` if there is only D0.
    fn len(&self) -> Option<usize> {
        match (self.parts.len(), self.too_few) {
            (0 | 1, _) => None,
            (_, 0) => Some(1),
            (enough, too_few) => Some(usize::midpoint(too_few, enough)),
        }
    }

    /// Takes the best apart.
    fn begin(&mut self, history: &History) {
        let best = history.best();
        let known = self.learned.union(history.floor());
        let mut have = self.depends.needs(&known, best);
        self.too_few = 0;
        self.parts = vec![have.iter().collect()];
        for id in best.iter() {
            if !have.contains(id) {
                let one = RequestSet::of(best.capacity(), [id]);
                let part = self.depends.needs(&one, best);
                let part: Vec<RequestId> = part.iter().filter(|id| !have.contains(*id)).collect();
                part.iter().for_each(|id| have.insert(*id));
                self.parts.push(part);
            }
        }
    }

    /// Learns from the last part if all parts are enough and one less is not.
    fn learn(&mut self, history: &History) {
        if self.too_few > 0
            && self.too_few + 1 == self.parts.len()
            && let Some(last) = self.parts.last()
        {
            // None of it was in D0, so there is an end to this.
            let last = RequestSet::of(self.learned.capacity(), last.iter().copied());
            self.learned = self.learned.union(&last);
            self.begin(history);
        }
    }
}

impl Plan for Progression {
    fn new(history: &History, depends: Depends) -> Self {
        let mut search = Self {
            depends,
            learned: RequestSet::empty(history.best().capacity()),
            parts: Vec::new(),
            too_few: 0,
        };
        search.begin(history);
        search
    }

    fn wanted(&self, history: &History) -> Option<RequestSet> {
        let parts = &self.parts[..self.len()?];
        let keep = parts.iter().flatten().copied();
        Some(RequestSet::of(history.best().capacity(), keep))
    }

    fn passed(&mut self, history: &History) {
        if let Some(len) = self.len() {
            self.parts.truncate(len);
        }
        self.learn(history);
    }

    fn failed(&mut self, history: &History) {
        self.too_few = self.len().unwrap_or(0);
        self.learn(history);
    }

    fn at_most(&self, _: &History) -> usize {
        // Each part but D0 is at most once the one that something is learned of: with a trial of
        // D0 and a binary search.
        let parts = self.parts.len() - 1;
        let halvings = parts.checked_ilog2().map_or(0, |log| log as usize + 1);
        parts * (1 + halvings)
    }
}
