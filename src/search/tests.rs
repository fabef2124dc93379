//! Properties that every algorithm must have, on simulated oracles and schedules.
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
mod costs;
mod in_order;
mod prior;
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

/// What the calls say of each candidate.
fn told(calls: &[Call]) -> HashMap<CandidateId, (RequestSet, Option<Verdict>)> {
    let mut all = HashMap::new();
    for call in calls {
        match call {
            Call::Proposed(c) => {
                all.insert(c.id, (c.keep.clone(), None));
            }
            Call::Told(id, verdict) => all.get_mut(id).unwrap().1 = Some(*verdict),
            Call::Withdrawn(_) | Call::Learnt(_) | Call::StartJudged(_) => {}
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

/// What must hold of a search whatever it was told: its answer is minimal and proved, and a part of
/// the record of its run, up to `cut`, gives the state that it was made in.
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_unique_minimum_is_found_exactly(
        (n, fixed, oracle) in case(|n| ids(n, 12).prop_map(Oracle::Needs).boxed()),
        schedule in schedule(),
        algorithm in algorithm(),
    ) {
        let mut search = fresh(algorithm, n, &fixed);
        run(&mut *search, &schedule, |s| oracle.judge(s), nothing_to_see);
        let Oracle::Needs(needed) = &oracle else { unreachable!() };
        let needed = RequestSet::of(n, needed.iter().copied().map(RequestId)).union(&fixed);
        prop_assert_eq!(search.best(), &needed);
        prop_assert!(search.certificate().is_whole());
    }

    #[test]
    fn the_answer_is_minimal_and_proved_on_any_oracle(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        algorithm in algorithm(),
    ) {
        let mut search = fresh(algorithm, n, &fixed);
        let did = run(&mut *search, &schedule, |s| oracle.judge(s), nothing_to_see);
        check_minimal(&*search, &fixed, &oracle);
        prop_assert!(search.certificate().is_whole());
        check_certificate(&*search, &fixed, &did.calls);
        let proposed = did.calls.iter().filter_map(|m| match m {
            Call::Proposed(c) => Some(c.keep.clone()),
            _ => None,
        });
        let withdrawn = did.calls.iter().filter(|m| matches!(m, Call::Withdrawn(_))).count();
        let sets: Vec<RequestSet> = proposed.collect();
        let distinct: HashSet<&RequestSet> = sets.iter().collect();
        prop_assert!(sets.len() - distinct.len() <= withdrawn, "a set was asked twice");
        prop_assert!(!distinct.contains(&RequestSet::full(n)), "the start was asked");
        prop_assert!(sets.iter().all(|s| fixed.is_subset(s)), "a fixed request was removed");
    }

    /// What depends on something gone is as good as gone itself: Kconfig has it so.
    #[test]
    fn with_dependencies_the_answer_is_minimal_and_leaves_speak_for_what_they_depend_on(
        (n, pairs, oracle) in (2_u32..40).prop_flat_map(|n| {
            let pairs = prop::collection::vec((0..n, 0..n), 0..30);
            (Just(n), pairs, monotone(n))
        }),
        schedule in schedule(),
        one_in in prop::option::of(2_usize..9),
        strict in any::<bool>(),
        algorithm in prop::sample::select(uses_depends()),
    ) {
        let n = n as usize;
        let pairs = pairs.into_iter().map(|(a, b)| (RequestId(a), RequestId(b)));
        let depends = Depends::of_pairs(n, pairs);
        let effective = |set: &RequestSet| {
            let gone = depends.closure(&RequestSet::full(n).minus(set));
            set.minus(&gone)
        };
        let schedule = Schedule {
            withdraw_one_in: one_in,
            depends: depends.clone(),
            ..schedule
        };
        let options = Options {
            depends: depends.clone(),
            certify: if strict { Certify::Strict } else { Certify::Leaves },
            ..Options::default()
        };
        let mut search =
            algorithm.search(RequestSet::full(n), &RequestSet::empty(n), options);
        let judge = |s: &RequestSet| oracle.judge(&effective(s));
        let did = run(&mut *search, &schedule, judge, nothing_to_see);
        let best = search.best().clone();
        prop_assert!(judge(&best).is_pass());
        prop_assert_eq!(&effective(&best), &best, "something in it does not come true");
        for id in best.iter() {
            prop_assert!(!judge(&best.without(id)).is_pass(), "{:?} can go", id);
        }
        let coverage = search.certificate().coverage();
        prop_assert!(coverage == Coverage::Every || !strict && coverage == Coverage::Leaves);
        let all = told(&did.calls);
        for (id, proof) in search.certificate().entries() {
            match proof {
                Proof::Tested(trial) => {
                    prop_assert_eq!(&all[trial], &(best.without(*id), Some(FAIL)));
                }
                Proof::Implied(by) => {
                    prop_assert!(!strict);
                    prop_assert!(depends.carried(*id).unwrap().contains(*by));
                    let tested = search.certificate();
                    let of = tested.entries().iter().find(|(other, _)| other == by).unwrap();
                    prop_assert!(matches!(of.1, Proof::Tested(_)));
                }
                Proof::Missing => prop_assert!(false, "whole, but {:?} has no proof", id),
            }
        }
    }

    /// Hints that have nothing to do with the oracle may cost trials, and change nothing else.
    #[test]
    fn with_wrong_dependencies_the_answer_is_minimal_and_proved_all_the_same(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        pairs in prop::collection::vec((0_u32..40, 0_u32..40), 0..40),
        schedule in schedule(),
        one_in in prop::option::of(2_usize..9),
        cut in any::<prop::sample::Index>(),
        algorithm in prop::sample::select(uses_depends()),
    ) {
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let pairs = pairs
            .into_iter()
            .map(|(a, b)| (RequestId(a % n as u32), RequestId(b % n as u32)));
        let depends = Depends::of_pairs(n, pairs);
        let fresh = || {
            let options = Options { depends: depends.clone(), ..Options::default() };
            algorithm.search(RequestSet::full(n), &fixed, options)
        };
        check_run(fresh, &fixed, &oracle, &schedule, cut);
    }

    #[test]
    fn no_set_is_asked_twice_unless_it_was_withdrawn(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        one_in in prop::option::of(2_usize..9),
        algorithm in algorithm(),
    ) {
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let mut search = fresh(algorithm, n, &fixed);
        let did = run(&mut *search, &schedule, |s| oracle.judge(s), nothing_to_see);
        let mut last: HashMap<RequestSet, CandidateId> = HashMap::new();
        let mut withdrawn = HashSet::new();
        for call in did.calls {
            match call {
                Call::Proposed(c) => {
                    if let Some(before) = last.insert(c.keep, c.id) {
                        prop_assert!(withdrawn.contains(&before), "{:?} asks again", c.id);
                    }
                }
                Call::Withdrawn(id) => {
                    withdrawn.insert(id);
                }
                Call::Told(..) | Call::Learnt(_) | Call::StartJudged(_) => {}
            }
        }
    }

    #[test]
    fn candidates_withdrawn_at_random_change_nothing_in_the_answer(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        one_in in 2_usize..6,
        algorithm in algorithm(),
    ) {
        let schedule = Schedule { withdraw_one_in: Some(one_in), ..schedule };
        let mut search = fresh(algorithm, n, &fixed);
        let did = run(&mut *search, &schedule, |s| oracle.judge(s), nothing_to_see);
        check_minimal(&*search, &fixed, &oracle);
        prop_assert!(search.certificate().is_whole());
        check_certificate(&*search, &fixed, &did.calls);
    }

    #[test]
    fn an_unresolved_trial_is_never_a_proof(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        seed in any::<u64>(),
        one_in in 1_u64..6,
        algorithm in algorithm(),
    ) {
        let judge = |s: &RequestSet| match hash(s, seed) % one_in {
            0 => Verdict::Unresolved,
            1 => FAIL,
            _ => oracle.judge(s),
        };
        let mut search = fresh(algorithm, n, &fixed);
        let did = run(&mut *search, &schedule, judge, nothing_to_see);
        check_certificate(&*search, &fixed, &did.calls);
        // Whatever passed without a doubt was not overlooked: each removal has its verdict.
        for (id, proof) in search.certificate().entries() {
            let verdict = judge(&search.best().without(*id));
            prop_assert_eq!(verdict == Verdict::Unresolved, *proof == Proof::Missing);
            prop_assert!(!verdict.is_pass());
        }
    }

    #[test]
    fn a_replayed_record_gives_the_same_state_at_every_point(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        one_in in prop::option::of(2_usize..6),
        cut in any::<prop::sample::Index>(),
        algorithm in algorithm(),
    ) {
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let state = |s: &dyn Search| {
            (s.best().clone(), s.phase(), s.certificate(), s.outlook())
        };
        let mut states = HashMap::new();
        let mut search = fresh(algorithm, n, &fixed);
        let did = run(&mut *search, &schedule, |s| oracle.judge(s), |s, run| {
            states.insert(run.calls.len(), state(s));
        });
        if did.calls.is_empty() {
            return Ok(());
        }
        let len = 1 + cut.index(did.calls.len());
        let calls = &did.calls[..len];
        let mut again = fresh(algorithm, n, &fixed);
        let replayed = replay(calls.iter().cloned(), &mut *again).unwrap();
        prop_assert_eq!(replayed.calls, len);
        if let Some(then) = states.get(&len) {
            prop_assert_eq!(&state(&*again), then);
        }
        // The next proposal is the recorded one, however often the search was asked to wait.
        if let Some(Call::Proposed(candidate)) = did.calls.get(len) {
            prop_assert_eq!(again.ask(), Ask::Evaluate(candidate.clone()));
        } else if len == did.calls.len() {
            prop_assert_eq!(again.ask(), Ask::Done);
        }
    }

    #[test]
    fn waiting_changes_nothing(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        algorithm in algorithm(),
    ) {
        // A search that is asked again and again must go the way of one that is asked once.
        let mut plain = fresh(algorithm, n, &fixed);
        let did = run(&mut *plain, &schedule, |s| oracle.judge(s), nothing_to_see);
        let mut pestered = fresh(algorithm, n, &fixed);
        for (at, call) in did.calls.iter().enumerate() {
            match call {
                Call::Proposed(c) => prop_assert_eq!(pestered.ask(), Ask::Evaluate(c.clone())),
                Call::Told(id, verdict) => {
                    let told = pestered.tell(*id, *verdict);
                    // Before it is asked for the next candidate, let it say `Wait` where it does.
                    if !matches!(did.calls.get(at + 1), Some(Call::Proposed(_)))
                        && told.pointless.is_empty()
                    {
                        let before = format!("{:?}", (pestered.best(), pestered.outlook()));
                        let mut other = fresh(algorithm, n, &fixed);
                        replay(did.calls[..=at].iter().cloned(), &mut *other).unwrap();
                        if other.ask() == Ask::Wait {
                            prop_assert_eq!(pestered.ask(), Ask::Wait);
                            prop_assert_eq!(pestered.ask(), Ask::Wait);
                            let after = format!("{:?}", (pestered.best(), pestered.outlook()));
                            prop_assert_eq!(before, after);
                        }
                    }
                }
                Call::Withdrawn(id) => pestered.withdraw(*id),
                Call::Learnt(depends) => pestered.learn_depends(depends),
                Call::StartJudged(verdict) => pestered.start_judged(*verdict),
            }
        }
        prop_assert_eq!(pestered.best(), plain.best());
    }

    #[test]
    fn the_outlook_holds_on_monotone_oracles(
        (n, fixed, oracle) in case(|n| monotone(n).boxed()),
        schedule in schedule(),
        algorithm in algorithm(),
    ) {
        let schedule = Schedule { pointless: Pointless::Cancelled, ..schedule };
        let mut outlooks = Vec::new();
        let mut search = fresh(algorithm, n, &fixed);
        let did = run(&mut *search, &schedule, |s| oracle.judge(s), |s, run| {
            outlooks.push((run.trials, s.outlook()));
        });
        for (trials, outlook) in outlooks {
            let to_come = did.trials - trials;
            prop_assert!(
                outlook.at_least <= to_come && to_come <= outlook.at_most,
                "{to_come} to come after {trials}, but {outlook:?}",
            );
        }
        prop_assert_eq!(search.outlook().at_least, 0);
    }

    #[test]
    fn what_is_called_pointless_is_in_flight_and_the_best_only_shrinks(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        workers in 1_usize..6,
        algorithm in algorithm(),
        seed in any::<u64>(),
    ) {
        let mut rng = Rng(seed);
        let mut search = fresh(algorithm, n, &fixed);
        let mut flying: Vec<Candidate> = Vec::new();
        loop {
            match search.ask() {
                Ask::Evaluate(c) => flying.push(c),
                Ask::Done => break,
                Ask::Wait => prop_assert!(!flying.is_empty(), "waits for nothing"),
            }
            if flying.len() >= workers || rng.below(2) == 0 && !flying.is_empty() {
                let c = flying.swap_remove(rng.below(flying.len()));
                let before = search.best().clone();
                let told = search.tell(c.id, oracle.judge(&c.keep));
                let is_smaller = search.best().len() < before.len();
                prop_assert!(is_smaller || *search.best() == before);
                let known: HashSet<CandidateId> = flying.iter().map(|c| c.id).collect();
                prop_assert!(told.pointless.iter().all(|id| known.contains(id)));
            }
        }
    }
}

#[test]
fn a_start_with_nothing_to_remove_is_done_at_once() {
    for algorithm in Algorithm::ALL {
        for (n, fixed) in [(0, RequestSet::empty(0)), (5, RequestSet::full(5))] {
            let mut search = fresh(algorithm, n, &fixed);
            assert_eq!(search.ask(), Ask::Done);
            assert!(search.certificate().is_whole());
            assert_eq!(
                search.outlook(),
                Outlook {
                    at_least: 0,
                    at_most: 0,
                    likely: search.outlook().likely.map(|_| 0),
                }
            );
        }
    }
}

#[test]
fn ddmin_tries_the_bare_base_first_and_ends_if_it_passes() {
    let fixed = RequestSet::of(9, [RequestId(4)]);
    let mut search = fresh(Algorithm::Ddmin, 9, &fixed);
    let Ask::Evaluate(first) = search.ask() else {
        panic!("nothing to try")
    };
    assert_eq!(first.keep, fixed);
    let Ask::Evaluate(second) = search.ask() else {
        panic!("nothing to try")
    };
    let told = search.tell(first.id, Verdict::Pass);
    assert_eq!(
        told,
        Update {
            pointless: vec![second.id]
        }
    );
    assert_eq!(search.ask(), Ask::Done);
    assert_eq!(search.best(), &fixed);
}

#[test]
fn a_build_failure_is_a_proof_too() {
    let mut search = fresh(Algorithm::Ddmin, 1, &RequestSet::empty(1));
    let Ask::Evaluate(only) = search.ask() else {
        panic!("nothing to try")
    };
    search.tell(only.id, Verdict::Fail(Stage::Build));
    assert_eq!(search.ask(), Ask::Done);
    assert_eq!(
        search.certificate().entries(),
        [(RequestId(0), Proof::Tested(only.id))]
    );
}

/// `ddmin` that begins with two chunks.
fn from_halves(n: usize) -> Ddmin {
    let options = Options {
        granularity: Some(2),
        ..Options::default()
    };
    Ddmin::new(RequestSet::full(n), &RequestSet::empty(n), &options)
}

#[test]
fn a_success_cancels_the_candidates_that_contain_it() {
    // Three workers at a start of 8: the bare base, both halves; a quarter for the fourth.
    let mut search = from_halves(8);
    let mut tried = Vec::new();
    for _ in 0..4 {
        let Ask::Evaluate(candidate) = search.ask() else {
            panic!("nothing to try")
        };
        tried.push(candidate);
    }
    let kept: Vec<Vec<u32>> = tried
        .iter()
        .map(|c| c.keep.iter().map(|id| id.0).collect())
        .collect();
    let halves = [
        vec![],
        vec![0, 1, 2, 3],
        vec![4, 5, 6, 7],
        vec![0, 1, 2, 3, 4, 5],
    ];
    assert_eq!(kept, halves);
    let told = search.tell(tried[1].id, Verdict::Pass);
    assert_eq!(
        told,
        Update {
            pointless: vec![tried[3].id]
        }
    );
    assert_eq!(search.best(), &tried[1].keep);
}

#[test]
fn nothing_is_inferred_from_an_unresolved_trial() {
    for (verdict, is_asked_again) in [(Verdict::Unresolved, true), (FAIL, false)] {
        let mut search = from_halves(4);
        let mut tried = Vec::new();
        for _ in 0..4 {
            let Ask::Evaluate(candidate) = search.ask() else {
                panic!("nothing to try")
            };
            tried.push(candidate);
        }
        let (half, larger) = (&tried[1], &tried[3]);
        assert!(half.keep.is_subset(&larger.keep));
        search.withdraw(half.id);
        search.tell(larger.id, verdict);
        let again = match search.ask() {
            Ask::Evaluate(candidate) => candidate.keep == half.keep,
            _ => false,
        };
        assert_eq!(again, is_asked_again, "after {verdict}");
    }
}

#[test]
fn a_record_of_another_algorithm_is_refused() {
    let fixed = RequestSet::empty(12);
    let mut search = fresh(Algorithm::OneByOne, 12, &fixed);
    let needed = RequestSet::of(12, [RequestId(3)]);
    let did = run(
        &mut *search,
        &Schedule::in_order(1),
        needs(&needed),
        nothing_to_see,
    );
    let error = replay(did.calls.clone(), &mut *fresh(Algorithm::Ddmin, 12, &fixed)).unwrap_err();
    assert_eq!(
        error,
        ReplayError::Diverged {
            at: 1,
            recorded: CandidateId(0)
        }
    );
    let twice = [
        did.calls[0].clone(),
        did.calls[1].clone(),
        did.calls[1].clone(),
    ];
    let error = replay(twice, &mut *fresh(Algorithm::OneByOne, 12, &fixed)).unwrap_err();
    assert_eq!(
        error,
        ReplayError::NotInFlight {
            at: 3,
            id: CandidateId(0)
        }
    );
}

#[test]
fn with_dependencies_fewer_trials_are_enough() {
    // Fewer than so many percent of those without.
    let percents = [
        (Algorithm::GroupTesting, 70),
        (Algorithm::Ktest, 60),
        (Algorithm::Halving, 70),
        (Algorithm::Gbr, 45),
    ];
    assert_eq!(percents.map(|(algorithm, _)| algorithm), uses_depends()[..]);
    for (algorithm, percent) in percents {
        let (mut flat, mut with) = (0, 0);
        for seed in 0..5 {
            let mut rng = Rng(seed);
            let depends = forest(200, &mut rng);
            // Leaves that are needed, and what they depend on.
            let leaves = scattered(200, 8, &mut rng);
            let needed = depends.needs(&leaves, &RequestSet::full(200));
            let judge = |set: &RequestSet| {
                let gone = depends.closure(&RequestSet::full(200).minus(set));
                needs(&needed)(&set.minus(&gone))
            };
            for (depends, trials) in [(Depends::none(), &mut flat), (depends.clone(), &mut with)] {
                let options = Options {
                    depends,
                    ..Options::default()
                };
                let full = RequestSet::full(200);
                let mut search = algorithm.search(full, &RequestSet::empty(200), options);
                let schedule = Schedule::in_order(2);
                *trials += run(&mut *search, &schedule, judge, nothing_to_see).trials;
                assert_eq!(search.best(), &needed);
            }
        }
        assert!(
            with * 100 < flat * percent,
            "{algorithm}: {with} with dependencies, {flat} without"
        );
    }
}

/// The figures for the documentation: `cargo test --lib search::tests::ddmin_needs -- --nocapture`.
#[test]
#[allow(clippy::print_stdout)]
fn ddmin_needs_few_trials() {
    println!("   n   k  needed     workers  trials  cancelled  for the certificate");
    for (n, k, limit) in [(60, 11, 100), (520, 30, 400)] {
        for (how, cluster) in [("scattered", 1), ("clustered", 5)] {
            for workers in [1, 2, 4] {
                let (mut trials, mut cancelled, mut certifying) = (0, 0, 0);
                let seeds = 20;
                for seed in 0..seeds {
                    let mut rng = Rng(seed);
                    let needed = match cluster {
                        1 => scattered(n, k, &mut rng),
                        run => clustered(n, k, run, &mut rng),
                    };
                    let mut search = fresh(Algorithm::Ddmin, n, &RequestSet::empty(n));
                    let schedule = Schedule::in_order(workers);
                    let did = run(&mut *search, &schedule, needs(&needed), nothing_to_see);
                    assert_eq!(search.best(), &needed);
                    trials += did.trials;
                    cancelled += did.cancelled;
                    certifying += did.trials - did.reducing;
                }
                let mean = |sum: u32| f64::from(sum) / seeds as f64;
                println!(
                    "{n:4} {k:3}  {how}  {workers:8} {:7.1} {:10.1} {:10.1}",
                    mean(trials),
                    mean(cancelled),
                    mean(certifying),
                );
                assert!(mean(trials) < f64::from(limit), "{} trials", mean(trials));
            }
        }
    }
}
