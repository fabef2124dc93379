//! A search for oracles that err: it repeats the verdicts that matter until they are certain, and
//! takes back those that turn out wrong.
//!
//! It wraps an [`Algorithm`], which receives a verdict only when that is certain enough. The limit
//! follows from the observed error rate of the oracle ([`Reliability`]). While the oracle never
//! contradicted itself, one judgement is enough, but a few are repeated to see whether it errs: the
//! start, the best when no removal passes any more, and a failure that contradicts a later pass.
//! The answer is judged more often before it is certified: until it is certain under a posterior
//! that allows for unseen errors ([`super::posterior`]). (C-Reduce does not repeat. Shrink Ray,
//! D. MacIver 2026, and syzkaller's bisection repeat and go back as this does.)
//!
//! If a pass turns out wrong, everything built on it is void: the search starts over on the newest
//! base that holds, with all known failures.

mod certainty;
mod flights;
mod repeats;
mod restart;

use std::collections::{BTreeMap, HashMap};

use super::evidence::Evidence;
use super::posterior::Tally;
use super::sprt::Reliability;
use super::{
    Algorithm, Ask, Certificate, Depends, Growing, Options, Outlook, Proof, Search, Update,
};
use crate::model::{
    Candidate, CandidateId, Confidence, Origin, Phase, RequestId, RequestSet, Verdict,
};

/// The number of judgements of the start, including the first one.
const START: u32 = 3;

/// After this many consecutive failures the best is judged again, and once more after twice as many.
const PATIENCE: u32 = 7;

/// The accepted error probability where a wrong verdict costs only trials, not the answer.
const LOOSE: f64 = 0.1;

/// The parameters of the inner search, which is made anew after each wrong verdict.
#[derive(Debug, Clone)]
struct Make {
    algorithm: Algorithm,
    fixed: RequestSet,
    options: Options,
}

impl Make {
    /// A new search from a start that passes, with the sets that are known to fail.
    fn search(&self, start: RequestSet, failed: Vec<RequestSet>) -> Box<dyn Search> {
        let options = Options {
            failed,
            ..self.options.clone()
        };
        self.algorithm.search(start, &self.fixed, options)
    }

    /// A new search from a start that has not passed yet, with the sets that are known to fail.
    fn growing(&self, start: &RequestSet, failed: Vec<RequestSet>) -> Box<dyn Search> {
        let options = Options {
            failed,
            ..self.options.clone()
        };
        Box::new(Growing::new(self.algorithm, start, &self.fixed, options))
    }
}

/// An index in [`Retesting::evidence`].
type At = usize;

/// A search for an oracle that errs: repeats the verdicts that matter until they are certain.
pub struct Retesting {
    make: Make,
    inner: Box<dyn Search>,
    confidence: Confidence,
    /// The first one is of the start, which need not have been judged if the search grows.
    evidence: Vec<Evidence>,
    /// Only ever looked up in, never iterated.
    by_set: HashMap<RequestSet, At>,
    /// By inner id.
    proposed: Vec<At>,
    flights: BTreeMap<CandidateId, At>,
    next_id: u32,
    /// The successive bests, the first one first: the start, or the set that a search has grown. None before that.
    bases: Vec<At>,
    /// Pointless candidates, by inner id.
    pointless: Vec<CandidateId>,
    /// Failures since the best last passed.
    failures: u32,
    patience: u32,
    /// The number of failures that were doubted because a later pass contradicts them.
    doubts: u32,
    reliability: Reliability,
    /// Judgements of what stands for the start, which is no set, if they contradict each other.
    stood: Option<Tally>,
    /// The approximate number of judgements that the answer still needs.
    owed: u32,
    /// Judgements so far.
    clock: u32,
}

impl std::fmt::Debug for Retesting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retesting")
            .field("evidence", &self.evidence)
            .field("bases", &self.bases)
            .finish_non_exhaustive()
    }
}

impl Retesting {
    /// A search by `algorithm` for an oracle that may err. It searches the requests of `start`, which is
    /// known to pass, and never removes those of `fixed`.
    ///
    /// # Panics
    /// When `start` and `fixed` belong to two different searches.
    #[must_use]
    pub fn new(
        algorithm: Algorithm,
        start: &RequestSet,
        fixed: &RequestSet,
        options: Options,
        confidence: Confidence,
    ) -> Self {
        let refused = options.refused;
        let make = Make {
            algorithm,
            fixed: fixed.clone(),
            options,
        };
        let inner = make.search(start.clone(), Vec::new());
        let mut retesting = Self::over(make, inner, start, confidence);
        retesting.bases.push(0);
        let start = &mut retesting.evidence[0];
        (start.passes, start.told) = (1, Some(Verdict::Pass));
        start.fails = refused;
        // Without anything to remove nothing is worth a doubt.
        if retesting.inner.outlook().at_most > 0 {
            retesting.evidence[0].wanted = START + 2 * refused;
        }
        retesting.count();
        retesting
    }

    /// The same for a start of which it is not known whether it passes: it first [grows](Growing) a set that does.
    ///
    /// # Panics
    /// When `start` and `fixed` belong to two different searches.
    #[must_use]
    pub fn growing(
        algorithm: Algorithm,
        start: &RequestSet,
        fixed: &RequestSet,
        options: Options,
        confidence: Confidence,
    ) -> Self {
        let stood = Tally {
            passes: 1,
            fails: options.refused,
        };
        let make = Make {
            algorithm,
            fixed: fixed.clone(),
            options,
        };
        let inner = make.growing(start, Vec::new());
        let mut retesting = Self::over(make, inner, start, confidence);
        retesting.stood = (stood.fails > 0).then_some(stood);
        retesting.count();
        retesting
    }

    /// Over a new search, with nothing judged.
    fn over(
        make: Make,
        inner: Box<dyn Search>,
        start: &RequestSet,
        confidence: Confidence,
    ) -> Self {
        let mut retesting = Self {
            inner,
            make,
            confidence,
            evidence: Vec::new(),
            by_set: HashMap::new(),
            proposed: Vec::new(),
            flights: BTreeMap::new(),
            next_id: 0,
            bases: Vec::new(),
            pointless: Vec::new(),
            failures: 0,
            patience: PATIENCE,
            doubts: 0,
            reliability: Reliability::default(),
            stood: None,
            owed: 0,
            clock: 0,
        };
        retesting.index_of(start);
        retesting
    }

    fn index_of(&mut self, keep: &RequestSet) -> At {
        if let Some(at) = self.by_set.get(keep) {
            return *at;
        }
        let at = self.evidence.len();
        self.by_set.insert(keep.clone(), at);
        self.evidence.push(Evidence::new(keep.clone()));
        at
    }

    /// The newest of the bases: the best. The start, if nothing has passed.
    fn base(&self) -> At {
        self.bases.last().copied().unwrap_or(0)
    }

    fn propose(&mut self, at: At) -> Ask {
        let id = CandidateId(self.next_id);
        self.next_id += 1;
        self.flights.insert(id, at);
        let evidence = &mut self.evidence[at];
        let round = evidence.proposed();
        evidence.flying += 1;
        Ask::Evaluate(Candidate {
            id,
            keep: evidence.keep.clone(),
            round,
            origin: Origin::Earlier,
        })
    }

    /// Tells the inner search the verdict that it waits for.
    fn pass_on(&mut self, at: At, id: CandidateId, verdict: Verdict) {
        let evidence = &mut self.evidence[at];
        (evidence.awaited, evidence.told) = (None, Some(verdict));
        let had_passed = self.inner.has_passed();
        let before = self.inner.best().clone();
        self.pointless = self.inner.tell(id, verdict).pointless;
        if *self.inner.best() != before || self.inner.has_passed() != had_passed {
            if self.bases.is_empty() && self.inner.outlook().at_most > 0 {
                // All else rests on it, as on a start.
                let first = &mut self.evidence[at];
                first.wanted = first.wanted.max(START + 2 * first.fails);
            }
            self.bases.push(at);
            (self.failures, self.patience) = (0, PATIENCE);
            self.doubt_what_failed_above(at);
        } else if verdict.is_fail()
            && self.inner.phase() == Phase::Reducing
            && self.inner.has_passed()
        {
            self.ask_twice_for_a_proof_to_be(at);
            self.failures += 1;
            if self.failures >= self.patience {
                (self.failures, self.patience) = (0, 2 * self.patience);
                let best = self.base();
                let best = &mut self.evidence[best];
                best.wanted = best.wanted.max(best.asked() + 1);
            }
        }
        self.forget_pointless();
    }

    /// Withdraws candidates that the inner search does not need any more and that are not in flight.
    fn forget_pointless(&mut self) {
        for id in self.pointless.clone() {
            let at = self.proposed[id.0 as usize];
            let evidence = &mut self.evidence[at];
            if evidence.flying == 0 && evidence.awaited == Some(id) {
                evidence.awaited = None;
                self.inner.withdraw(id);
            }
        }
        let evidence = &self.evidence;
        let proposed = &self.proposed;
        self.pointless
            .retain(|id| evidence[proposed[id.0 as usize]].awaited == Some(*id));
    }

    /// Acts on the present verdict on a set.
    fn consider(&mut self, at: At) {
        let Some(now) = self.settled(at) else { return };
        match (self.evidence[at].awaited, self.evidence[at].told) {
            (Some(id), _) => self.pass_on(at, id, now),
            (None, Some(told)) if told.is_pass() && !now.is_pass() => self.take_back(at, now),
            (None, Some(told)) if told.is_fail() && now.is_pass() => self.take_back(at, now),
            // The present inner search did not ask for it, and it is smaller than the best.
            (None, None) if now.is_pass() && self.is_below_the_best(at) => self.take_back(at, now),
            _ => {}
        }
    }

    /// Passes on verdicts that have become certain: the limit changes with the best and with the reliability.
    fn consider_what_is_awaited(&mut self) {
        let is_ripe = |retesting: &Self, at: At| {
            let evidence = &retesting.evidence[at];
            let is_judged = evidence.judged() + evidence.unresolved > 0;
            evidence.awaited.is_some() && is_judged && retesting.settled(at).is_some()
        };
        // Each is told once, so this comes to its end.
        while let Some(at) = (0..self.evidence.len()).find(|at| is_ripe(self, *at)) {
            self.consider(at);
        }
    }
}

impl Search for Retesting {
    fn ask(&mut self) -> Ask {
        if self.reliability.is_hopeless() {
            return Ask::Done;
        }
        if let Some(at) = self.doubtful() {
            return self.propose(at);
        }
        // A set that was judged before the inner search was made anew has its answer already.
        let mut changed = None;
        loop {
            // The inner search is told the dependents between two steps.
            if changed.is_some() && self.inner.wants_depends() {
                return self.propose(self.base());
            }
            let step = self.inner.ask();
            match step {
                Ask::Evaluate(candidate) => {
                    let at = self.index_of(&candidate.keep);
                    self.proposed.push(at);
                    let evidence = &mut self.evidence[at];
                    evidence.awaited = Some(candidate.id);
                    if evidence.proposed() == 0 {
                        return self.propose(at);
                    }
                    self.consider(at);
                    changed = Some(at);
                }
                // Waiting must change nothing, or a replay would go another way. So there is one
                // more judgement of what the answer stands on, or of what was asked for.
                _ if changed.is_some() => {
                    let at = self.bases.last().copied().or(changed);
                    return self.propose(at.unwrap_or(0));
                }
                Ask::Done => {
                    let Some(at) = self.judge_once_more() else {
                        let is_unsure = self.is_unsure();
                        let is_open = self.flights.values().any(|at| self.matters(*at));
                        // A trial in flight may make it certain.
                        if is_open || is_unsure && !self.flights.is_empty() {
                            return Ask::Wait;
                        }
                        self.reliability.is_unsure = is_unsure;
                        return Ask::Done;
                    };
                    return self.propose(at);
                }
                Ask::Wait => return Ask::Wait,
            }
        }
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        let at = self.land(id);
        self.judged(at, Some(id), verdict);
        Update {
            pointless: self.useless(),
        }
    }

    fn heard(&mut self, evidence: &str) {
        self.inner.heard(evidence);
    }

    fn start_judged(&mut self, verdict: Verdict) {
        self.judged(0, None, verdict);
    }

    fn withdraw(&mut self, id: CandidateId) {
        let at = self.land(id);
        let evidence = &mut self.evidence[at];
        if evidence.flying == 0
            && evidence.judged() == 0
            && let Some(inside) = evidence.awaited.take()
        {
            self.inner.withdraw(inside);
        }
        self.forget_pointless();
        self.consider_what_is_awaited();
        self.doubt_the_best_in_the_end();
        self.weigh_answer();
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
        let wanted = |d: &Evidence| d.wanted.saturating_sub(d.asked() - d.flying);
        let lacks = (0..self.evidence.len())
            .filter(|at| self.evidence[*at].awaited.is_some() && self.evidence[*at].judged() > 0)
            .map(|at| self.lacks(at));
        let more: u32 = self.evidence.iter().map(wanted).sum::<u32>() + lacks.sum::<u32>();
        let more = more + self.owed;
        Outlook {
            at_least: inner.at_least,
            at_most: inner.at_most + more,
            likely: inner.likely.map(|likely| likely + more),
        }
    }

    fn certificate(&self) -> Certificate {
        let inner = self.inner.certificate();
        let tested = |at: At| {
            let failed = self.settled(at).is_some_and(Verdict::is_fail);
            let id = self.evidence[at].failed_as.filter(|_| failed);
            id.map_or(Proof::Missing, Proof::Tested)
        };
        let proof = |(id, proof): &(RequestId, Proof)| {
            let tried = self.tried(*id, *proof);
            tried.map_or(*proof, tested)
        };
        Certificate {
            entries: inner.entries().iter().map(|e| (e.0, proof(e))).collect(),
        }
    }

    fn wants_depends(&self) -> bool {
        self.inner.wants_depends()
    }

    fn learn_depends(&mut self, depends: &Depends) {
        self.inner.learn_depends(depends);
    }

    fn reliability(&self) -> Reliability {
        self.reliability
    }
}

impl Retesting {
    /// Takes a judgement of a set and acts on it.
    fn judged(&mut self, at: At, id: Option<CandidateId>, verdict: Verdict) {
        self.clock += 1;
        let verdict = self.evidence[at].judge(id, verdict);
        let evidence = &mut self.evidence[at];
        evidence.last = self.clock;
        if verdict.is_fail() {
            evidence.last_fail = self.clock;
        }
        if verdict.is_pass() && evidence.passes == 1 {
            evidence.first_pass = self.clock;
        }
        self.count();
        self.consider(at);
        self.consider_what_is_awaited();
        self.reconsider_the_bases();
        self.doubt_the_best_in_the_end();
        self.weigh_answer();
        self.forget_pointless();
    }

    fn land(&mut self, id: CandidateId) -> At {
        let at = self.flights.remove(&id);
        let Some(at) = at else {
            panic!("candidate {id} is not in flight")
        };
        self.evidence[at].flying -= 1;
        at
    }
}
