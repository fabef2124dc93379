//! Single cases: the first candidates of `ddmin`, what ends a search, records that do not fit.

use super::*;

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

/// Mean trials of 20 seeded runs with 1, 2 and 4 workers, rounded up by at most one percent: the runs are the same
/// each time, so only a worse search needs more.
#[test]
fn ddmin_needs_no_more_trials_than_it_did() {
    for (n, k, run_of, limits) in [
        (60, 11, 1, [57.0, 67.0, 75.0]),
        (60, 11, 5, [44.5, 51.5, 55.5]),
        (520, 30, 1, [232.0, 285.0, 300.0]),
        (520, 30, 5, [136.0, 157.0, 168.0]),
    ] {
        for (workers, limit) in [1, 2, 4].into_iter().zip(limits) {
            let mut trials = 0;
            for seed in 0..20 {
                let mut rng = Rng(seed);
                let needed = match run_of {
                    1 => scattered(n, k, &mut rng),
                    _ => clustered(n, k, run_of, &mut rng),
                };
                let mut search = fresh(Algorithm::Ddmin, n, &RequestSet::empty(n));
                let schedule = Schedule::in_order(workers);
                trials += run(&mut *search, &schedule, needs(&needed), nothing_to_see).trials;
                assert_eq!(search.best(), &needed);
            }
            let mean = f64::from(trials) / 20.0;
            assert!(
                mean <= limit,
                "{mean} trials: {k} of {n}, {workers} workers"
            );
        }
    }
}
