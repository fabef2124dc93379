//! A search whose start is not known to pass: it grows a set from the likeliest requests until that passes, and
//! hands that over to an algorithm.
//!
//! The requests are put in the order of their chances, each after the requests that it depends on. Every candidate is
//! a prefix of that order, so it has all that its members depend on. The first one has the requests that are likelier
//! than not. While candidates fail, the length doubles, up to all requests: the start, which is tried when nothing
//! smaller is left. (A progression with its binary search turned round: C. G. Kalhauge, J. Palsberg, "Logical Bytecode
//! Reduction", PLDI 2021. There the whole is known to pass.)
//!
//! The smallest prefix that passes is the start of the algorithm, which is told of the prefixes that failed: the
//! difference between the largest of these and its start contains a needed request. That is not bisected here: in
//! simulations it takes about as many trials as the algorithm does (`benches/notes/growing.md`).
//!
//! A trial that fails may say what it lacks ([`Options::symptoms`]). Then the next candidate is what was tried last with
//! these requests, and all longer ones get them, too. That is at most one candidate more for each symptom that is known.
//!
//! An order that is wrong costs at most as many trials as there are lengths: log2 of the number of requests divided by
//! the length of the first candidate, and at most seven of a few dozens of requests or more. A wrong prior also misleads
//! the algorithm, until it is outweighed.

use std::collections::BTreeMap;

use super::sprt::Reliability;
use super::{
    Algorithm, Ask, Certificate, Cores, Depends, Options, Outlook, Proof, Search, Trust, Update,
};
use crate::model::{Candidate, CandidateId, Origin, Phase, RequestId, RequestSet, Verdict};

/// Each candidate has at least one request in this many more than the one before. If no request is likelier than not,
/// the first candidate has that many.
const SHARE: usize = 16;
/// The least number of requests that a candidate has more than the one before.
const FEW: usize = 8;

/// The number of lengths that are tried at once, if each is built on cores of its own. More would build kernels that are
/// far too large. On shared cores a longer one would hold up the one that may make it pointless.
const AT_ONCE: usize = 2;

/// What is known of a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InFlight,
    Passed,
    Failed,
    Unresolved,
}

/// A candidate in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flight {
    /// The prefix of this number.
    Prefix(usize),
    /// The algorithm's, under this id.
    Inside(CandidateId),
}

/// Grows a set that passes, and then searches it by an algorithm.
pub struct Growing {
    algorithm: Algorithm,
    fixed: RequestSet,
    options: Options,
    /// The candidates, each a subset of the next. The last is the start.
    prefixes: Vec<RequestSet>,
    /// By prefix; none if it was not asked for, or was withdrawn.
    states: Vec<Option<State>>,
    /// The search of the prefix that passed.
    inner: Option<Box<dyn Search>>,
    flights: BTreeMap<CandidateId, Flight>,
    /// Sets that failed, with their ids.
    failed: Vec<(CandidateId, RequestSet)>,
    /// The own id of each id of `inner`.
    names: Vec<CandidateId>,
    next_id: u32,
    /// An upper bound of the trials that the algorithm takes with the start.
    at_most: u32,
}

impl std::fmt::Debug for Growing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Growing")
            .field("states", &self.states)
            .field("flights", &self.flights)
            .finish_non_exhaustive()
    }
}

impl Growing {
    /// A search by `algorithm` over the requests of `start`, of which it is not known whether it passes. Those of
    /// `fixed` are in every candidate.
    ///
    /// # Panics
    /// When `start` and `fixed` belong to two different searches.
    #[must_use]
    pub fn new(
        algorithm: Algorithm,
        start: &RequestSet,
        fixed: &RequestSet,
        mut options: Options,
    ) -> Self {
        let known = std::mem::take(&mut options.failed);
        let prefixes = prefixes(start, fixed, &options);
        let state = |prefix| known.contains(prefix).then_some(State::Failed);
        let whole = algorithm.search(start.clone(), fixed, options.clone());
        let failed: Vec<_> = (0..).map(CandidateId).zip(known.iter().cloned()).collect();
        Self {
            algorithm,
            fixed: fixed.clone(),
            options,
            states: prefixes.iter().map(state).collect(),
            prefixes,
            inner: None,
            flights: BTreeMap::new(),
            next_id: failed.len() as u32,
            failed,
            names: Vec::new(),
            at_most: whole.outlook().at_most,
        }
    }

    /// The smallest prefix that passed.
    fn passed(&self) -> Option<usize> {
        let is_passed = |state: &Option<State>| *state == Some(State::Passed);
        self.states.iter().position(is_passed)
    }

    /// Is one of the first prefixes, of this number, in flight?
    fn is_flying_below(&self, prefix: usize) -> bool {
        self.states[..prefix].contains(&Some(State::InFlight))
    }

    /// The next prefix to try.
    fn next(&self) -> Option<usize> {
        if self.passed().is_some() {
            return None;
        }
        let flying = self
            .states
            .iter()
            .filter(|s| **s == Some(State::InFlight))
            .count();
        let next = self.states.iter().position(Option::is_none)?;
        let is_last = next + 1 == self.states.len();
        let at_once = match self.options.cores {
            Cores::Own => AT_ONCE,
            Cores::Shared => 1,
        };
        (flying < at_once && !(is_last && flying > 0)).then_some(next)
    }

    /// Brings forward requests that are likely to be lacking: the next candidate has them. Nothing changes if all that
    /// comes has them already.
    fn bring_forward(&mut self, lacking: &RequestSet) {
        let Some(tried) = self.states.iter().rposition(Option::is_some) else {
            return;
        };
        // The start is the last, and has all.
        let Some(start) = self
            .prefixes
            .last()
            .filter(|_| tried + 1 < self.states.len())
        else {
            return;
        };
        let needs = self
            .options
            .depends
            .needs(&lacking.intersection(start), start);
        let next = self.prefixes[tried].union(&needs);
        if next == self.prefixes[tried] {
            return;
        }
        let longer = self.prefixes[tried + 1..]
            .iter()
            .map(|prefix| prefix.union(&needs));
        let mut open: Vec<RequestSet> = std::iter::once(next).chain(longer).collect();
        open.dedup();
        self.prefixes.truncate(tried + 1);
        self.prefixes.append(&mut open);
        self.states.truncate(tried + 1);
        self.states.resize(self.prefixes.len(), None);
    }

    fn propose(&mut self, keep: RequestSet, round: u32, origin: Origin, flight: Flight) -> Ask {
        let id = CandidateId(self.next_id);
        self.next_id += 1;
        self.flights.insert(id, flight);
        Ask::Evaluate(Candidate {
            id,
            keep,
            round,
            origin,
        })
    }

    fn land(&mut self, id: CandidateId) -> Flight {
        let Some(flight) = self.flights.remove(&id) else {
            panic!("candidate {id} is not in flight")
        };
        flight
    }

    /// How far the prior is trusted once this prefix has passed.
    fn trust(&self, passed: usize) -> Trust {
        let prior = &self.options.prior;
        match passed == 0 && self.prefixes[passed].iter().any(|id| prior.is_likely(id)) {
            true => Trust::Tested,
            false => self.options.trust,
        }
    }

    /// Hands over to the algorithm once no smaller prefix is in flight.
    fn hand_over(&mut self) {
        let Some(passed) = self.passed() else { return };
        if self.inner.is_some() || self.is_flying_below(passed) {
            return;
        }
        let failed = self.failed.iter().map(|(_, keep)| keep.clone());
        let options = Options {
            failed: failed.collect(),
            trust: self.trust(passed),
            // Those of the whole start say little of what a trial of a part of it takes.
            cost: Vec::new(),
            ..self.options.clone()
        };
        self.names = self.failed.iter().map(|(id, _)| *id).collect();
        let start = self.prefixes[passed].clone();
        self.inner = Some(self.algorithm.search(start, &self.fixed, options));
    }

    /// Candidates in flight that have become useless: those of the algorithm that it lists, and prefixes larger than
    /// one that passed.
    fn pointless(&self, inside: &[CandidateId]) -> Vec<CandidateId> {
        let passed = self.passed();
        let is_pointless = |flight: &Flight| match flight {
            Flight::Prefix(prefix) => passed.is_some_and(|passed| *prefix > passed),
            Flight::Inside(id) => inside.contains(id),
        };
        let flights = self.flights.iter();
        let pointless = flights.filter(|(_, flight)| is_pointless(flight));
        pointless.map(|(id, _)| *id).collect()
    }

    /// The number of prefixes without a verdict.
    fn open(&self) -> u32 {
        let is_open = |state: &&Option<State>| matches!(state, None | Some(State::InFlight));
        self.states.iter().filter(is_open).count() as u32
    }
}

/// The candidates: prefixes of the order of chances, closed under dependencies, each about twice as long as the one
/// before.
fn prefixes(start: &RequestSet, fixed: &RequestSet, options: &Options) -> Vec<RequestSet> {
    let chance = |id: &RequestId| options.prior.of(*id).unwrap_or(0.0);
    let cost = |id: &RequestId| options.cost.get(id.index()).copied().unwrap_or(0.0);
    let mut order: Vec<RequestId> = start.iter().collect();
    // It is stable: among equals the order of the menu holds.
    order.sort_by(|a, b| {
        let likelier = chance(b).total_cmp(&chance(a));
        likelier.then(cost(a).total_cmp(&cost(b)))
    });
    let mut have = options.depends.needs(&fixed.intersection(start), start);
    let is_likely = |id: &&RequestId| options.prior.is_likely(**id);
    let likely = order.iter().take_while(is_likely).count();
    let few = (start.len() / SHARE).max(FEW);
    let first = have.len() + few;
    let mut prefixes: Vec<RequestSet> = Vec::new();
    for (at, id) in order.iter().enumerate() {
        let longest = prefixes.last().map(RequestSet::len);
        let is_full = match longest {
            None if likely > 0 => at == likely,
            None => have.len() >= first,
            Some(longest) => have.len() >= longest + longest.max(few),
        };
        if is_full && prefixes.last() != Some(&have) {
            prefixes.push(have.clone());
        }
        if !have.contains(*id) {
            let one = RequestSet::of(start.capacity(), [*id]);
            have = have.union(&options.depends.needs(&one, start));
        }
    }
    prefixes.retain(|prefix| prefix != start);
    prefixes.push(start.clone());
    prefixes
}

impl Search for Growing {
    fn ask(&mut self) -> Ask {
        if let Some(inner) = &mut self.inner {
            return match inner.ask() {
                Ask::Evaluate(candidate) => {
                    // The ids of the algorithm follow each other.
                    self.names.push(CandidateId(self.next_id));
                    let flight = Flight::Inside(candidate.id);
                    self.propose(candidate.keep, candidate.round, candidate.origin, flight)
                }
                other => other,
            };
        }
        match self.next() {
            Some(prefix) => {
                self.states[prefix] = Some(State::InFlight);
                let keep = self.prefixes[prefix].clone();
                self.propose(keep, 0, Origin::Earlier, Flight::Prefix(prefix))
            }
            // What is in flight decides nothing if each prefix has its verdict.
            None if self.open() == 0 && self.passed().is_none() => Ask::Done,
            None => Ask::Wait,
        }
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        let mut inside = Update::default();
        match self.land(id) {
            Flight::Inside(id) => {
                if let Some(inner) = &mut self.inner {
                    inside = inner.tell(id, verdict);
                }
            }
            // The algorithm did not ask for it, and does not learn it any more.
            Flight::Prefix(_) if self.inner.is_some() => {}
            Flight::Prefix(prefix) => {
                self.states[prefix] = Some(match verdict {
                    Verdict::Pass => State::Passed,
                    Verdict::Fail(_) => State::Failed,
                    Verdict::Unresolved => State::Unresolved,
                });
                if verdict.is_fail() {
                    self.failed.push((id, self.prefixes[prefix].clone()));
                }
                self.hand_over();
            }
        }
        Update {
            pointless: self.pointless(&inside.pointless),
        }
    }

    fn heard(&mut self, evidence: &str) {
        if self.inner.is_some() {
            return;
        }
        let symptoms = self.options.symptoms.iter();
        let those = symptoms.filter(|symptom| evidence.contains(&symptom.text));
        let lacking = those.map(|symptom| symptom.requests.clone());
        if let Some(lacking) = lacking.reduce(|all, more| all.union(&more)) {
            self.bring_forward(&lacking);
        }
    }

    fn withdraw(&mut self, id: CandidateId) {
        match self.land(id) {
            Flight::Inside(id) => {
                if let Some(inner) = &mut self.inner {
                    inner.withdraw(id);
                }
            }
            Flight::Prefix(prefix) => {
                self.states[prefix] = None;
                self.hand_over();
            }
        }
    }

    /// The start, as long as nothing has passed.
    fn best(&self) -> &RequestSet {
        match &self.inner {
            Some(inner) => inner.best(),
            None => {
                // There is at least the start.
                let last = self.prefixes.len() - 1;
                &self.prefixes[self.passed().unwrap_or(last)]
            }
        }
    }

    fn has_passed(&self) -> bool {
        self.passed().is_some()
    }

    fn phase(&self) -> Phase {
        self.inner
            .as_ref()
            .map_or(Phase::Reducing, |inner| inner.phase())
    }

    fn outlook(&self) -> Outlook {
        let failed = self.failed.len() as u32;
        if let Some(inner) = &self.inner {
            let inner = inner.outlook();
            // A prefix that failed may prove a request of the answer.
            let at_least = inner.at_least.saturating_sub(failed);
            return Outlook { at_least, ..inner };
        }
        let open = self.open();
        Outlook {
            at_least: u32::from(open > 0),
            at_most: match open == 0 && !self.has_passed() {
                true => 0,
                false => open + self.at_most + failed,
            },
            likely: None,
        }
    }

    fn certificate(&self) -> Certificate {
        let Some(inner) = &self.inner else {
            let free = self.best().minus(&self.fixed);
            let entries = free.iter().map(|id| (id, Proof::Missing)).collect();
            return Certificate { entries };
        };
        let proof = |proof: Proof| match proof {
            Proof::Tested(id) => Proof::Tested(self.names[id.0 as usize]),
            other => other,
        };
        let entries = inner.certificate();
        let entries = entries.entries().iter().map(|(id, p)| (*id, proof(*p)));
        Certificate {
            entries: entries.collect(),
        }
    }

    fn wants_depends(&self) -> bool {
        self.inner
            .as_ref()
            .is_some_and(|inner| inner.wants_depends())
    }

    fn learn_depends(&mut self, depends: &Depends) {
        if let Some(inner) = &mut self.inner {
            inner.learn_depends(depends);
        }
    }

    // The start is a candidate like others.
    fn start_judged(&mut self, _: Verdict) {}

    fn reliability(&self) -> Reliability {
        Reliability::default()
    }
}
