//! A search whose answer does not rest on leftovers: at the end the answer is built once from an empty tree, and
//! judged there.
//!
//! Builds are incremental, and a build tree goes from candidate to candidate. It may contain files that a build of
//! the candidate would not make: objects of removed options, files that an oracle installed, objects that make
//! wrongly took for up to date. So this wraps any other search, and when that is over:
//!
//! - The answer is built from an empty tree and judged there, until it is as sure as any verdict of the search
//!   must be. If it fails there, it is no answer.
//! - So is each of its proofs that is a failed build, unless the search had it built again: a set that failed to build
//!   is always built from an empty tree when it is asked for again.
//!
//! The inner search does not learn these verdicts: they are about builds, not about the oracle.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::evidence::MOST;
use super::sprt::Reliability;
use super::{Ask, Certificate, Depends, Outlook, Proof, Search, Update};
use crate::model::{
    Candidate, CandidateId, Confidence, Origin, Phase, RequestId, RequestSet, Stage, Verdict,
};

/// After this many failures without a pass the answer is refused.
const REFUSED: u32 = 2;

/// The verdict on an answer that is built from an empty tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuilt {
    /// It was not built yet.
    Open,
    /// It passes, and its proofs that are builds fail as they did. Or it is the start, which was built so.
    Holds,
    /// It does not build, or the oracle refuses it.
    Fails,
    /// The trial gave no verdict, or one and then another.
    Unresolved,
    /// Without one of its requests it did not build, and from an empty tree it does.
    ProofFails,
}

/// The judgements of a set that was built from an empty tree.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    passes: u32,
    fails: u32,
    unresolved: u32,
}

impl Tally {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Pass => self.passes += 1,
            Verdict::Fail(_) => self.fails += 1,
            Verdict::Unresolved => self.unresolved += 1,
        }
    }

    /// Is there no point in asking again?
    fn is_exhausted(self) -> bool {
        let judged = self.passes + self.fails;
        judged + self.unresolved >= MOST || self.unresolved > 1 + 3 * judged
    }
}

/// The origin of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// The inner search, under this id.
    Inside(CandidateId),
    /// This search.
    Own,
}

#[derive(Debug)]
struct Flight {
    asker: Asker,
    keep: RequestSet,
    origin: Origin,
}

/// Wraps a search, and has its answer built from an empty tree at the end.
pub struct Rebuilding {
    inner: Box<dyn Search>,
    /// None: one verdict is enough.
    confidence: Option<Confidence>,
    /// The tree that the start (all requests) was built from.
    start: Origin,
    flights: BTreeMap<CandidateId, Flight>,
    next_id: u32,
    /// The outer id of each inner id. No map of this struct is iterated, except `flights`.
    names: HashMap<CandidateId, CandidateId>,
    /// The number of judgements of each set.
    judged: HashMap<RequestSet, u32>,
    /// Sets that failed to build at least once. From then on they are built from an empty tree.
    unbuildable: HashSet<RequestSet>,
    /// The judgements of sets that were built from an empty tree.
    rebuilt: HashMap<RequestSet, Tally>,
}

impl std::fmt::Debug for Rebuilding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rebuilding")
            .field("flights", &self.flights)
            .field("rebuilt", &self.rebuilt)
            .finish_non_exhaustive()
    }
}

impl Rebuilding {
    /// Wraps `inner`, which must be new. `start` is the tree that its start was built from. Without a `confidence` one
    /// verdict is enough.
    #[must_use]
    pub fn new(inner: Box<dyn Search>, confidence: Option<Confidence>, start: Origin) -> Self {
        Self {
            inner,
            confidence,
            start,
            flights: BTreeMap::new(),
            next_id: 0,
            names: HashMap::new(),
            judged: HashMap::new(),
            unbuildable: HashSet::new(),
            rebuilt: HashMap::new(),
        }
    }

    fn tally(&self, keep: &RequestSet) -> Tally {
        self.rebuilt.get(keep).copied().unwrap_or_default()
    }

    /// The verdict on the answer, without its proofs.
    fn of_answer(&self) -> Rebuilt {
        let best = self.inner.best();
        if !self.inner.has_passed() {
            return Rebuilt::Open;
        }
        if best.len() == best.capacity() && self.start == Origin::Empty {
            return Rebuilt::Holds;
        }
        let of = self.tally(best);
        let lead = |confidence: Confidence| self.inner.reliability().lead(confidence.error());
        let lead = self.confidence.map_or(1, lead);
        // It was seen to differ here.
        let lead = match of.passes > 0 && of.fails > 0 {
            true => lead.max(REFUSED),
            false => lead,
        };
        if of.passes >= of.fails + lead {
            Rebuilt::Holds
        } else if of.fails >= of.passes + lead.max(REFUSED) {
            Rebuilt::Fails
        } else if of.is_exhausted() {
            Rebuilt::Unresolved
        } else {
            Rebuilt::Open
        }
    }

    /// The sets that prove requests of the answer to be needed because they did not build.
    fn proofs(&self) -> Vec<RequestSet> {
        let best = self.inner.best();
        let certificate = self.inner.certificate();
        let tested = certificate.entries().iter();
        let tested = tested.filter(|(_, proof)| matches!(proof, Proof::Tested(_)));
        let sets = tested.map(|(id, _)| best.without(*id));
        sets.filter(|keep| self.unbuildable.contains(keep))
            .collect()
    }

    /// A proof by a build that has still to fail from an empty tree.
    fn open_proof(&self) -> Option<RequestSet> {
        let mut proofs = self.proofs().into_iter();
        proofs.find(|keep| {
            let of = self.tally(keep);
            of.passes + of.fails == 0 && !of.is_exhausted()
        })
    }

    /// The next set to build from an empty tree once the inner search is over. Failing builds end quickly, so the
    /// proofs come first; the last verdict should be that the answer passes.
    fn owed(&self) -> Option<RequestSet> {
        if self.inner.reliability().is_hopeless() || !self.inner.has_passed() {
            return None;
        }
        let answer = || (self.of_answer() == Rebuilt::Open).then(|| self.inner.best().clone());
        self.open_proof().or_else(answer)
    }

    fn propose(&mut self, keep: RequestSet, round: u32, origin: Origin, asker: Asker) -> Ask {
        let id = CandidateId(self.next_id);
        self.next_id += 1;
        let candidate = Candidate {
            id,
            keep: keep.clone(),
            round,
            origin,
        };
        let flight = Flight {
            asker,
            keep,
            origin,
        };
        self.flights.insert(id, flight);
        Ask::Evaluate(candidate)
    }

    fn land(&mut self, id: CandidateId) -> Flight {
        let Some(flight) = self.flights.remove(&id) else {
            panic!("candidate {id} is not in flight")
        };
        flight
    }

    /// Candidates that have become useless: those of the inner search that it lists, and own ones that are not owed.
    fn pointless(&self, inside: &[CandidateId]) -> Vec<CandidateId> {
        let is_pointless = |flight: &Flight| match flight.asker {
            Asker::Inside(id) => inside.contains(&id),
            Asker::Own => {
                flight.keep != *self.inner.best() && !self.proofs().contains(&flight.keep)
            }
        };
        let flights = self.flights.iter();
        let pointless = flights.filter(|(_, flight)| is_pointless(flight));
        pointless.map(|(id, _)| *id).collect()
    }
}

impl Search for Rebuilding {
    fn ask(&mut self) -> Ask {
        match self.inner.ask() {
            Ask::Evaluate(candidate) => {
                // A failure that stands on leftovers would be the same again in the same tree.
                let origin = match self.unbuildable.contains(&candidate.keep) {
                    true => Origin::Empty,
                    false => candidate.origin,
                };
                self.names.insert(candidate.id, CandidateId(self.next_id));
                let asker = Asker::Inside(candidate.id);
                self.propose(candidate.keep, candidate.round, origin, asker)
            }
            Ask::Wait => Ask::Wait,
            Ask::Done => {
                let Some(keep) = self.owed() else {
                    return Ask::Done;
                };
                // One after the other.
                if self.flights.values().any(|f| f.asker == Asker::Own) {
                    return Ask::Wait;
                }
                // An answer that nobody asked for, as the start, was judged all the same.
                let round = self.judged.get(&keep).copied().unwrap_or(1);
                self.propose(keep, round, Origin::Empty, Asker::Own)
            }
        }
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        let flight = self.land(id);
        *self.judged.entry(flight.keep.clone()).or_default() += 1;
        if verdict == Verdict::Fail(Stage::Build) {
            self.unbuildable.insert(flight.keep.clone());
        }
        if flight.origin == Origin::Empty {
            self.rebuilt.entry(flight.keep).or_default().add(verdict);
        }
        let told = match flight.asker {
            Asker::Inside(id) => self.inner.tell(id, verdict),
            Asker::Own => Update::default(),
        };
        Update {
            pointless: self.pointless(&told.pointless),
        }
    }

    fn heard(&mut self, evidence: &str) {
        self.inner.heard(evidence);
    }

    fn withdraw(&mut self, id: CandidateId) {
        if let Asker::Inside(id) = self.land(id).asker {
            self.inner.withdraw(id);
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
        let best = self.inner.best();
        let is_there = best.len() == best.capacity() && self.start == Origin::Empty;
        // If nothing passes there is no answer to build.
        let has_answer = self.inner.has_passed() || inner.at_most > 0;
        let may_be = u32::from(has_answer && self.of_answer() == Rebuilt::Open);
        // The start may stay the answer, or another become it.
        let more = match (is_there, inner.at_most) {
            (true, 0) => 0,
            (true, _) => 1,
            (false, _) => may_be,
        };
        Outlook {
            at_least: inner.at_least + may_be,
            at_most: inner.at_most + more,
            likely: inner.likely.map(|likely| likely + more),
        }
    }

    fn certificate(&self) -> Certificate {
        let best = self.inner.best();
        let is_mute = |id: RequestId| {
            let keep = best.without(id);
            let of = self.tally(&keep);
            self.unbuildable.contains(&keep) && of.passes + of.fails == 0 && of.is_exhausted()
        };
        let proof = |id: RequestId, proof: Proof| match proof {
            // From an empty tree nobody can tell.
            Proof::Tested(_) if is_mute(id) => Proof::Missing,
            Proof::Tested(id) => self.names.get(&id).map_or(proof, |id| Proof::Tested(*id)),
            other => other,
        };
        let entries = self.inner.certificate();
        let entries = entries
            .entries()
            .iter()
            .map(|(id, p)| (*id, proof(*id, *p)));
        Certificate {
            entries: entries.collect(),
        }
    }

    fn wants_depends(&self) -> bool {
        self.inner.wants_depends()
    }

    fn learn_depends(&mut self, depends: &Depends) {
        self.inner.learn_depends(depends);
    }

    fn built_from(&mut self, id: CandidateId, origin: Origin) {
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.origin = origin;
        }
    }

    fn start_judged(&mut self, verdict: Verdict) {
        self.inner.start_judged(verdict);
    }

    fn reliability(&self) -> Reliability {
        self.inner.reliability()
    }

    fn rebuilt(&self) -> Option<Rebuilt> {
        let of_proofs = || {
            let passes = |keep: &RequestSet| {
                let of = self.tally(keep);
                of.passes > 0 && of.passes >= of.fails
            };
            self.proofs().iter().any(passes)
        };
        Some(match self.of_answer() {
            Rebuilt::Holds if self.open_proof().is_some() => Rebuilt::Open,
            Rebuilt::Holds if of_proofs() => Rebuilt::ProofFails,
            other => other,
        })
    }
}
