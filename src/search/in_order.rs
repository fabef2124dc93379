//! A search that does not depend on timing: it receives verdicts in the order of its proposals.
//!
//! It wraps any other search. The inner search always has the same number of candidates in flight,
//! whatever the number of workers, and receives their verdicts first in, first out; an early verdict
//! waits for those before it. So every run takes the same path, as long as the oracle gives the same
//! answers. (C-Reduce commits in order for the same reason: J. Regehr et al., "Test-case
//! reduction for C compiler bugs", PLDI 2012.)

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::sprt::Reliability;
use super::{Ask, Certificate, Depends, Outlook, Proof, Search, Update};
use crate::model::{Candidate, CandidateId, Phase, RequestSet, Verdict};

/// The number of candidates in flight. More workers than this have nothing to do. With fewer workers the search
/// knows slightly less at each step than it could.
const WINDOW: usize = 8;

/// A candidate that the inner search waits for.
#[derive(Debug)]
struct Slot {
    inside: Candidate,
    /// The id under which somebody tries it.
    outside: Option<CandidateId>,
    verdict: Option<Verdict>,
}

/// Wraps a search, and passes verdicts on in the order of the proposals.
pub struct InOrder {
    inner: Box<dyn Search>,
    queue: VecDeque<Slot>,
    /// In flight, and nobody inside waits for them any more.
    orphans: BTreeSet<CandidateId>,
    next_id: u32,
    /// The outer id of each inner id. Never iterated.
    names: HashMap<CandidateId, CandidateId>,
    is_over: bool,
}

impl std::fmt::Debug for InOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InOrder")
            .field("queue", &self.queue)
            .field("orphans", &self.orphans)
            .finish_non_exhaustive()
    }
}

impl InOrder {
    /// Wraps `inner`, which must be new.
    #[must_use]
    pub fn new(inner: Box<dyn Search>) -> Self {
        let mut search = Self {
            inner,
            queue: VecDeque::new(),
            orphans: BTreeSet::new(),
            next_id: 0,
            names: HashMap::new(),
            is_over: false,
        };
        search.fill();
        search
    }

    /// Asks the inner search for as many candidates as it may have in flight. Called only at points that are the
    /// same in every run: after each verdict that it is told.
    fn fill(&mut self) {
        // New knowledge may have given it candidates again.
        self.is_over = false;
        // It must learn the dependents at the same point of every run.
        while self.queue.len() < WINDOW && !self.inner.wants_depends() {
            match self.inner.ask() {
                Ask::Evaluate(inside) => self.queue.push_back(Slot {
                    inside,
                    outside: None,
                    verdict: None,
                }),
                Ask::Wait => return,
                Ask::Done => {
                    self.is_over = true;
                    return;
                }
            }
        }
    }

    /// Passes on the verdicts whose turn it is.
    fn commit(&mut self) {
        while !self.inner.wants_depends()
            && let Some(verdict) = self.queue.front().and_then(|slot| slot.verdict)
            && let Some(slot) = self.queue.pop_front()
        {
            let told = self.inner.tell(slot.inside.id, verdict);
            for id in told.pointless {
                let at = self.queue.iter().position(|slot| slot.inside.id == id);
                if let Some(slot) = at.and_then(|at| self.queue.remove(at)) {
                    self.orphans
                        .extend(slot.outside.filter(|_| slot.verdict.is_none()));
                    self.inner.withdraw(id);
                }
            }
            self.fill();
        }
    }
}

impl Search for InOrder {
    fn ask(&mut self) -> Ask {
        if self.is_over {
            return Ask::Done;
        }
        let Some(slot) = self.queue.iter_mut().find(|slot| slot.outside.is_none()) else {
            return Ask::Wait;
        };
        let id = CandidateId(self.next_id);
        self.next_id += 1;
        slot.outside = Some(id);
        self.names.insert(slot.inside.id, id);
        Ask::Evaluate(Candidate {
            id,
            ..slot.inside.clone()
        })
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        if !self.orphans.remove(&id) {
            let slot = self.slot(id);
            slot.verdict = Some(verdict);
            self.commit();
        }
        Update {
            pointless: self.orphans.iter().copied().collect(),
        }
    }

    fn withdraw(&mut self, id: CandidateId) {
        // It was not given up by the inner search, which still waits for it.
        if !self.orphans.remove(&id) {
            self.slot(id).outside = None;
        }
    }

    fn best(&self) -> &RequestSet {
        self.inner.best()
    }

    fn has_passed(&self) -> bool {
        self.inner.has_passed()
    }

    fn phase(&self) -> Phase {
        self.inner.phase()
    }

    fn outlook(&self) -> Outlook {
        let inner = self.inner.outlook();
        let early = self.queue.iter().filter(|slot| slot.verdict.is_some());
        let early = early.count() as u32;
        Outlook {
            at_least: inner.at_least.saturating_sub(early),
            likely: inner.likely.map(|likely| likely.saturating_sub(early)),
            ..inner
        }
    }

    fn certificate(&self) -> Certificate {
        let proof = |proof: Proof| match proof {
            Proof::Tested(id) => self.names.get(&id).map_or(proof, |id| Proof::Tested(*id)),
            other => other,
        };
        let entries = self.inner.certificate();
        let entries = entries.entries().iter().map(|(id, p)| (*id, proof(*p)));
        Certificate {
            entries: entries.collect(),
        }
    }

    fn wants_depends(&self) -> bool {
        self.inner.wants_depends()
    }

    // What trials say depends on timing.
    fn heard(&mut self, _: &str) {}

    fn start_judged(&mut self, verdict: Verdict) {
        self.inner.start_judged(verdict);
        self.fill();
        self.commit();
    }

    fn learn_depends(&mut self, depends: &Depends) {
        self.inner.learn_depends(depends);
        self.fill();
        self.commit();
    }

    fn reliability(&self) -> Reliability {
        self.inner.reliability()
    }
}

impl InOrder {
    fn slot(&mut self, id: CandidateId) -> &mut Slot {
        let mut slots = self.queue.iter_mut();
        let waiting = |slot: &&mut Slot| slot.outside == Some(id) && slot.verdict.is_none();
        let Some(slot) = slots.find(waiting) else {
            panic!("candidate {id} is not in flight")
        };
        slot
    }
}
