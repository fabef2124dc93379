//! Tests of the search on simulated oracles and schedules.
#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::ddmin::Ddmin;
use super::sim::{
    FAIL, Pointless, Rng, Run, Schedule, clustered, forest, hash, needs, run, scattered,
};
use super::*;
use crate::model::{Certify, Confidence, Prior, Stage};

mod algorithms;
mod cases;
mod certainty;
mod costs;
mod growing;
mod in_order;
mod prior;
mod properties;
mod rebuilding;
mod retesting;

/// A simulated oracle: a function of the set. All accept the full set.
#[derive(Debug, Clone)]
enum Oracle {
    /// Passes what contains all of them: monotone, with one minimum.
    Needs(Vec<u32>),
    /// Of each list at least one is needed: monotone, with many minima.
    OneOfEach(Vec<Vec<u32>>),
    /// Needs the first; and whoever has `.1` must have `.2` too (`depends on !X`).
    Spoilt(Vec<u32>, u32, u32),
    /// One of `.1` sets passes, whichever the hash says.
    Arbitrary(u64, u64),
}

impl Oracle {
    fn passes(&self, set: &RequestSet) -> bool {
        let has = |id: &u32| set.contains(RequestId(*id));
        match self {
            Self::Needs(ids) => ids.iter().all(has),
            Self::OneOfEach(lists) => lists.iter().all(|ids| ids.iter().any(has)),
            Self::Spoilt(ids, x, y) => ids.iter().all(has) && (!has(x) || has(y)),
            Self::Arbitrary(seed, one_in) => {
                set.len() == set.capacity() || hash(set, *seed).is_multiple_of(*one_in)
            }
        }
    }

    fn judge(&self, set: &RequestSet) -> Verdict {
        if self.passes(set) {
            Verdict::Pass
        } else {
            FAIL
        }
    }
}

fn ids(n: u32, at_most: usize) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..n, 0..=at_most)
}

fn monotone(n: u32) -> impl Strategy<Value = Oracle> {
    prop_oneof![
        ids(n, 12).prop_map(Oracle::Needs),
        prop::collection::vec(prop::collection::vec(0..n, 1..4), 0..8).prop_map(Oracle::OneOfEach),
    ]
}

fn any_oracle(n: u32) -> impl Strategy<Value = Oracle> {
    prop_oneof![
        monotone(n),
        (ids(n, 6), 0..n, 0..n).prop_map(|(ids, x, y)| Oracle::Spoilt(ids, x, y)),
        (any::<u64>(), 1_u64..8).prop_map(|(seed, one_in)| Oracle::Arbitrary(seed, one_in)),
    ]
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let pointless = prop_oneof![Just(Pointless::Cancelled), Just(Pointless::Finished)];
    (1_usize..6, prop::option::of(any::<u64>()), pointless).prop_map(
        |(workers, seed, pointless)| Schedule {
            workers,
            seed,
            withdraw_one_in: None,
            pointless,
            depends: Depends::none(),
        },
    )
}

/// The number of requests, what is fixed, and an oracle over them.
fn case(
    oracle: fn(u32) -> BoxedStrategy<Oracle>,
) -> impl Strategy<Value = (usize, RequestSet, Oracle)> {
    (1_u32..40).prop_flat_map(move |n| {
        let fixed = ids(n, 3)
            .prop_map(move |ids| RequestSet::of(n as usize, ids.into_iter().map(RequestId)));
        (Just(n as usize), fixed, oracle(n))
    })
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(&Algorithm::ALL[..])
}

fn uses_depends() -> Vec<Algorithm> {
    let all = Algorithm::ALL.into_iter();
    all.filter(|algorithm| algorithm.uses_depends()).collect()
}

fn fresh(algorithm: Algorithm, n: usize, fixed: &RequestSet) -> Box<dyn Search> {
    algorithm.search(RequestSet::full(n), fixed, Options::default())
}

fn nothing_to_see(_: &dyn Search, _: &Run) {}

/// Each candidate with its set and verdict, from the calls.
fn told(calls: &[Call]) -> HashMap<CandidateId, (RequestSet, Option<Verdict>)> {
    let mut all = HashMap::new();
    for call in calls {
        match call {
            Call::Proposed(c) => {
                all.insert(c.id, (c.keep.clone(), None));
            }
            Call::Told(id, verdict) => all.get_mut(id).unwrap().1 = Some(*verdict),
            Call::Withdrawn(_) | Call::Heard(_) | Call::Learnt(_) | Call::StartJudged(_) => {}
        }
    }
    all
}

/// Every entry stands for a real failure of the best without just that request; what is missing
/// had no verdict; and no request of the best is left out.
fn check_certificate(search: &dyn Search, fixed: &RequestSet, calls: &[Call]) {
    let all = told(calls);
    let certificate = search.certificate();
    let listed: Vec<RequestId> = certificate.entries().iter().map(|e| e.0).collect();
    assert_eq!(
        listed,
        search.best().minus(fixed).iter().collect::<Vec<_>>()
    );
    for (request, proof) in certificate.entries() {
        let without = search.best().without(*request);
        match proof {
            Proof::Tested(id) => {
                assert_eq!(all[id], (without, Some(FAIL)), "the proof of {request:?}");
            }
            Proof::Implied(_) => panic!("nothing depends on anything"),
            Proof::Missing => {
                let failed = all.values().any(|c| *c == (without.clone(), Some(FAIL)));
                assert!(!failed, "the proof of {request:?} was overlooked");
            }
        }
    }
}

fn check_minimal(search: &dyn Search, fixed: &RequestSet, oracle: &Oracle) {
    assert!(oracle.passes(search.best()));
    assert!(fixed.is_subset(search.best()));
    for id in search.best().minus(fixed).iter() {
        assert!(!oracle.passes(&search.best().without(id)), "{id:?} can go");
    }
}

/// A replay of the first `len` calls stands where the search stood then, and goes on in the same way.
fn check_replay<T: PartialEq + std::fmt::Debug>(
    again: &mut dyn Search,
    calls: &[Call],
    len: usize,
    states: &HashMap<usize, T>,
    state: impl Fn(&dyn Search) -> T,
) {
    replay(calls[..len].iter().cloned(), again).unwrap();
    if let Some(then) = states.get(&len) {
        assert_eq!(&state(again), then);
    }
    if let Some(Call::Proposed(candidate)) = calls.get(len) {
        assert_eq!(again.ask(), Ask::Evaluate(candidate.clone()));
    } else if len == calls.len() {
        assert_eq!(again.ask(), Ask::Done);
    }
}

/// No set is asked for twice unless the first candidate was withdrawn.
fn check_asks_once(calls: &[Call]) {
    let mut last: HashMap<&RequestSet, CandidateId> = HashMap::new();
    let mut withdrawn = HashSet::new();
    for call in calls {
        match call {
            Call::Proposed(c) => {
                if let Some(before) = last.insert(&c.keep, c.id) {
                    assert!(withdrawn.contains(&before), "{:?} asks again", c.id);
                }
            }
            Call::Withdrawn(id) => {
                withdrawn.insert(*id);
            }
            Call::Told(..) | Call::Heard(_) | Call::Learnt(_) | Call::StartJudged(_) => {}
        }
    }
}

/// What was expected at each time, with the trials until then, is what came of `trials` in all.
fn check_outlooks(outlooks: &[(u32, Outlook)], trials: u32) {
    for (before, outlook) in outlooks {
        let to_come = trials - before;
        assert!(
            outlook.at_least <= to_come && to_come <= outlook.at_most,
            "{to_come} to come after {before}, but {outlook:?}",
        );
    }
}

/// Checks a run: its answer is minimal and proved, and a replay of its calls up to `cut` gives the same next
/// candidate.
fn check_run(
    fresh: impl Fn() -> Box<dyn Search>,
    fixed: &RequestSet,
    oracle: &Oracle,
    schedule: &Schedule,
    cut: prop::sample::Index,
) {
    let mut search = fresh();
    let did = run(&mut *search, schedule, |s| oracle.judge(s), nothing_to_see);
    check_minimal(&*search, fixed, oracle);
    assert!(search.certificate().is_whole());
    check_certificate(&*search, fixed, &did.calls);
    if !did.calls.is_empty() {
        let len = 1 + cut.index(did.calls.len());
        let mut again = fresh();
        replay(did.calls[..len].iter().cloned(), &mut *again).unwrap();
        if let Some(Call::Proposed(candidate)) = did.calls.get(len) {
            assert_eq!(again.ask(), Ask::Evaluate(candidate.clone()));
        }
    }
}
