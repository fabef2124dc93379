//! Properties that every algorithm must have.

use super::*;

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

    /// Dependents of removed requests have no effect, as in Kconfig.
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
        check_asks_once(&did.calls);
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
                Call::Heard(evidence) => pestered.heard(evidence),
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
        check_outlooks(&outlooks, did.trials);
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
