//! In which order the searches that have one candidate at a time take requests away.

use super::*;

const SEQUENTIAL: [Algorithm; 3] = [Algorithm::Ktest, Algorithm::Halving, Algorithm::Gbr];

/// The removals of the candidates, one after the other, until the certificate. Of `n` requests just `needed` are
/// needed. In `pairs` the first depends on the second.
fn taken_away(
    algorithm: Algorithm,
    n: usize,
    pairs: &[(u32, u32)],
    needed: &[u32],
) -> Vec<Vec<u32>> {
    let pairs = pairs.iter().map(|(a, b)| (RequestId(*a), RequestId(*b)));
    let options = Options {
        depends: Depends::of_pairs(n, pairs),
        ..Options::default()
    };
    let full = RequestSet::full(n);
    let mut search = algorithm.search(full, &RequestSet::empty(n), options);
    let needed = RequestSet::of(n, needed.iter().copied().map(RequestId));
    let mut taken = Vec::new();
    let schedule = Schedule::in_order(3);
    run(&mut *search, &schedule, needs(&needed), |search, run| {
        if let Some(Call::Proposed(candidate)) = run.calls.last()
            && search.phase() == Phase::Reducing
        {
            let gone = search.best().minus(&candidate.keep);
            taken.push(gone.iter().map(|id| id.0).collect());
        }
    });
    assert_eq!(search.best(), &needed);
    assert!(search.certificate().is_whole());
    taken
}

#[test]
fn one_candidate_is_in_flight_and_comes_again_if_it_is_withdrawn() {
    for algorithm in SEQUENTIAL {
        let mut search = fresh(algorithm, 9, &RequestSet::empty(9));
        let Ask::Evaluate(first) = search.ask() else {
            panic!("nothing to try")
        };
        assert_eq!(search.ask(), Ask::Wait);
        search.withdraw(first.id);
        let Ask::Evaluate(again) = search.ask() else {
            panic!("nothing to try")
        };
        assert_eq!(again.keep, first.keep);
        assert_ne!(again.id, first.id);
    }
}

#[test]
fn ktest_takes_a_parent_away_with_all_that_depends_on_it_before_it_tries_these_alone() {
    // 1 and 2 depend on 0; 5 on 4, which depends on 3.
    let pairs = [(1, 0), (2, 0), (4, 3), (5, 4)];
    let taken = taken_away(Algorithm::Ktest, 6, &pairs, &[3, 4]);
    let expected: [&[u32]; 4] = [&[0, 1, 2], &[3, 4, 5], &[4, 5], &[5]];
    assert_eq!(taken, expected);
}

#[test]
fn ktest_tries_each_request_once_in_order_if_none_depends_on_another() {
    let taken = taken_away(Algorithm::Ktest, 4, &[], &[1, 3]);
    assert_eq!(taken, [[0], [1], [2], [3]]);
}

#[test]
fn ktest_keeps_what_it_tried_when_it_takes_away_what_depends_on_that_and_the_reverse() {
    let taken = taken_away(Algorithm::Ktest, 2, &[(0, 1), (1, 0)], &[0]);
    assert_eq!(taken, [vec![0, 1], vec![1]]);
}

#[test]
fn halving_does_not_try_the_second_half_where_the_first_could_go() {
    let taken = taken_away(Algorithm::Halving, 8, &[], &[6]);
    let all: &[u32] = &[0, 1, 2, 3, 4, 5, 6, 7];
    assert_eq!(taken, [all, &[0, 1, 2, 3], &[4, 5], &[6], &[7]]);
}

#[test]
fn halving_goes_from_larger_parts_to_smaller_ones() {
    let taken = taken_away(Algorithm::Halving, 8, &[], &[0, 7]);
    let sizes: Vec<usize> = taken.iter().map(Vec::len).collect();
    assert_eq!(sizes, [8, 4, 4, 2, 2, 2, 1, 1, 1]);
}

#[test]
fn halving_cuts_the_leaves_and_what_none_of_them_depends_on_goes_for_nothing() {
    // Two chains, and 6 for itself: the leaves are 2, 5 and 6.
    let pairs = [(1, 0), (2, 1), (4, 3), (5, 4)];
    let taken = taken_away(Algorithm::Halving, 7, &pairs, &[0, 1, 2]);
    let all: &[u32] = &[0, 1, 2, 3, 4, 5, 6];
    assert_eq!(
        taken,
        [all, &[0, 1, 2, 3, 4, 5], &[6], &[0, 1, 2], &[3, 4, 5]]
    );
}

#[test]
fn gbr_finds_one_needed_of_64_by_a_binary_search_and_tries_it_alone() {
    let taken = taken_away(Algorithm::Gbr, 64, &[], &[37]);
    let sizes: Vec<usize> = taken.iter().map(Vec::len).collect();
    assert_eq!(sizes, [64, 32, 16, 8, 4, 2, 1, 37]);
}

#[test]
fn gbr_puts_a_request_into_the_progression_with_what_it_depends_on() {
    // 0 depends on 3, which depends on 5.
    let taken = taken_away(Algorithm::Gbr, 6, &[(0, 3), (3, 5)], &[3, 5]);
    let expected: [&[u32]; 3] = [&[0, 1, 2, 3, 4, 5], &[2, 4], &[1]];
    assert_eq!(taken, expected);
}

#[test]
fn gbr_goes_on_with_what_it_learned_and_what_comes_before_it() {
    let taken = taken_away(Algorithm::Gbr, 4, &[], &[0, 2]);
    let expected: [&[u32]; 5] = [&[0, 1, 2, 3], &[2, 3], &[3], &[0, 1], &[1]];
    assert_eq!(taken, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_others_select_stays_in_their_stead_and_goes_at_once_where_they_are_needed(
        (n, fixed, _) in case(|n| monotone(n).boxed()),
        needed in ids(40, 8),
        pairs in prop::collection::vec((0_u32..40, 0_u32..40), 0..8),
        schedule in schedule(),
        doubt in prop::sample::select(vec![None, Some(Confidence::default())]),
    ) {
        let is_one = |id: &u32| (*id as usize) < n;
        let needed = needed.into_iter().filter(is_one).map(RequestId);
        let needed = RequestSet::of(n, needed);
        // A later one is selected by an earlier one: it is on as long as that is there.
        let pairs = pairs.into_iter().filter(|(by, id)| by < id && is_one(id));
        let pairs: Vec<_> = pairs.map(|(by, id)| (RequestId(by), RequestId(id))).collect();
        let depends = Depends::of_pairs(n, pairs);
        let all = (0..n as u32).map(RequestId);
        let selectors: Vec<RequestSet> = all
            .map(|id| depends.carried(id).cloned().unwrap_or(RequestSet::empty(n)))
            .collect();
        let is_on = |set: &RequestSet, id: RequestId| {
            set.contains(id) || selectors[id.index()].has_any_of(set)
        };
        let oracle = |set: &RequestSet| {
            if needed.iter().all(|id| is_on(set, id)) { Verdict::Pass } else { FAIL }
        };
        let options = Options {
            depends,
            selectors: selectors.clone(),
            ..Options::default()
        };
        let full = RequestSet::full(n);
        let mut search: Box<dyn Search> = match doubt {
            None => Algorithm::GroupTesting.search(full, &fixed, options),
            Some(sure) => Box::new(Retesting::new(Algorithm::GroupTesting, &full, &fixed, options, sure)),
        };
        let mut alone = HashSet::new();
        let mut passed_alone = 0;
        run(&mut *search, &schedule, oracle, |search, run| {
            match run.calls.last() {
                Some(Call::Proposed(candidate))
                    if search.phase() == Phase::Certifying && candidate.round == 0 =>
                {
                    alone.insert(candidate.id);
                }
                Some(Call::Told(id, Verdict::Pass)) => {
                    passed_alone += u32::from(alone.contains(id));
                }
                _ => {}
            }
        });
        let free = search.best().minus(&fixed);
        prop_assert!(free.is_subset(&needed), "{free:?} of {needed:?}");
        let idle = free.iter().find(|id| selectors[id.index()].has_any_of(search.best()));
        prop_assert_eq!(idle, None);
        prop_assert!(search.certificate().is_whole());
        prop_assert_eq!(passed_alone, 0, "in the certificate, one by one");
    }

    #[test]
    fn the_outlook_holds_on_monotone_oracles_whatever_dependencies_promise(
        (n, fixed, oracle) in case(|n| monotone(n).boxed()),
        pairs in prop::collection::vec((0_u32..40, 0_u32..40), 0..40),
        schedule in schedule(),
        algorithm in prop::sample::select(&SEQUENTIAL[..]),
    ) {
        let schedule = Schedule { pointless: Pointless::Cancelled, ..schedule };
        let pairs = pairs
            .into_iter()
            .map(|(a, b)| (RequestId(a % n as u32), RequestId(b % n as u32)));
        let options = Options { depends: Depends::of_pairs(n, pairs), ..Options::default() };
        let mut outlooks = Vec::new();
        let mut search = algorithm.search(RequestSet::full(n), &fixed, options);
        let did = run(&mut *search, &schedule, |s| oracle.judge(s), |s, run| {
            outlooks.push((run.trials, s.outlook()));
        });
        check_outlooks(&outlooks, did.trials);
    }

    /// An earlier search over the same requests may have learnt that these fail.
    #[test]
    fn what_is_known_to_fail_is_not_asked(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        seeds in prop::collection::vec(any::<u64>(), 0..30),
        schedule in schedule(),
        algorithm in algorithm(),
    ) {
        // A first run says what is asked, so some of it is known in the second.
        let judge = |s: &RequestSet| oracle.judge(s);
        let did = run(&mut *fresh(algorithm, n, &fixed), &Schedule::in_order(1), judge, nothing_to_see);
        let asked = did.calls.iter().filter_map(|m| match m {
            Call::Proposed(c) => Some(c.keep.clone()),
            _ => None,
        });
        let known = |keep: &RequestSet| seeds.iter().any(|s| hash(keep, *s).is_multiple_of(16));
        let failed = asked.filter(|keep| !oracle.passes(keep) && known(keep));
        let failed: Vec<RequestSet> = failed.collect();
        let options = Options { failed: failed.clone(), ..Options::default() };
        let mut search = algorithm.search(RequestSet::full(n), &fixed, options);
        let did = run(&mut *search, &schedule, judge, nothing_to_see);
        check_minimal(&*search, &fixed, &oracle);
        prop_assert!(search.certificate().is_whole());
        for call in did.calls {
            if let Call::Proposed(candidate) = call {
                prop_assert!(!failed.contains(&candidate.keep));
            }
        }
    }
}

/// `B` depends on `A`, and `A` may only go together with it: C and D and (B or not A).
#[test]
fn a_request_that_goes_only_with_its_dependents_is_not_kept() {
    let [a, b, c, d] = [0, 1, 2, 3].map(RequestId);
    let depends = Depends::of_pairs(6, [(b, a)]);
    let judge = |set: &RequestSet| {
        let is_on = |id| set.contains(id);
        let is_good = is_on(c) && is_on(d) && (!is_on(a) || is_on(b));
        if is_good { Verdict::Pass } else { FAIL }
    };
    let answer = |certify| {
        let options = Options {
            depends: depends.clone(),
            certify,
            ..Options::default()
        };
        let (full, none) = (RequestSet::full(6), RequestSet::empty(6));
        let mut search = Algorithm::GroupTesting.search(full, &none, options);
        let schedule = Schedule {
            depends: depends.clone(),
            ..Schedule::in_order(1)
        };
        // Dependents of removed requests fall with them.
        let real =
            |set: &RequestSet| judge(&set.minus(&depends.closure(&RequestSet::full(6).minus(set))));
        run(&mut *search, &schedule, real, nothing_to_see);
        (search.best().clone(), search.certificate().coverage())
    };
    let (best, coverage) = answer(Certify::Strict);
    assert_eq!(best, RequestSet::of(6, [c, d]));
    assert_eq!(coverage, Coverage::Every);
    // The leaves alone do not tell, and say so if they were relied on.
    let (best, coverage) = answer(Certify::Leaves);
    assert!(best == RequestSet::of(6, [c, d]) || coverage == Coverage::Leaves);
}
