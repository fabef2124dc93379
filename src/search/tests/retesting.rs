//! Verdicts that are doubted: oracles that err, and oracles that do not.

use super::*;

pub(super) fn doubting(n: usize, fixed: &RequestSet) -> Retesting {
    Retesting::new(
        Algorithm::GroupTesting,
        &RequestSet::full(n),
        fixed,
        Options::default(),
        Confidence::default(),
    )
}

/// An oracle that gives the wrong answer at this rate, in percent.
pub(super) fn erring<'o>(
    oracle: impl Fn(&RequestSet) -> Verdict + 'o,
    percent: usize,
    mut rng: Rng,
) -> impl FnMut(&RequestSet) -> Verdict + 'o {
    move |set| match (rng.below(100) < percent, oracle(set).is_pass()) {
        (true, true) | (false, false) => FAIL,
        (true, false) | (false, true) => Verdict::Pass,
    }
}

#[test]
fn an_oracle_that_errs_is_found_out_and_the_answer_is_right_all_the_same() {
    for (percent, at_least, most) in [(0, 10, 105), (2, 10, 170), (10, 10, 450), (20, 8, 800)] {
        for workers in [1, 4] {
            let (mut right, mut trials) = (0, 0);
            for seed in 0..10 {
                let mut rng = Rng(seed);
                let needed = scattered(100, 10, &mut rng);
                let mut search = doubting(100, &RequestSet::empty(100));
                let plain = |set: &RequestSet| needs(&needed)(set);
                let schedule = Schedule::in_order(workers);
                let oracle = erring(plain, percent, rng);
                trials += run(&mut search, &schedule, oracle, nothing_to_see).trials;
                right += u32::from(search.best() == &needed && search.certificate().is_whole());
            }
            assert!(right >= at_least, "{right} of 10 at {percent} %");
            assert!(trials <= 10 * most, "{} trials at {percent} %", trials / 10);
        }
    }
}

#[test]
fn an_oracle_that_never_errs_costs_hardly_more_than_if_it_were_not_doubted() {
    let (mut plain, mut doubted, mut repeated, mut proofs) = (0, 0, 0, 0);
    for seed in 0..4 {
        let needed = scattered(520, 30, &mut Rng(seed));
        let none = RequestSet::empty(520);
        let schedule = Schedule::in_order(1);
        let did = run(
            &mut *fresh(Algorithm::GroupTesting, 520, &none),
            &schedule,
            needs(&needed),
            nothing_to_see,
        );
        plain += did.trials;
        let mut search = doubting(520, &none);
        let did = run(&mut search, &schedule, needs(&needed), nothing_to_see);
        let again = |call: &&Call| matches!(call, Call::Proposed(c) if c.round > 0);
        let again = did.calls.iter().filter(again).count() as u32;
        doubted += did.trials - again;
        repeated += again;
        proofs += needed.len() as u32;
        assert_eq!(search.best(), &needed);
        assert_eq!(search.reliability().differed, 0);
    }
    // What is built, and what an oracle is asked for once more about what was built before.
    assert!(doubted * 100 < plain * 103, "{doubted} instead of {plain}");
    assert!(repeated < proofs + 4 * 35, "{repeated} for {proofs} proofs");
}

#[test]
fn a_pass_by_mistake_is_found_out_and_taken_back() {
    let needed = scattered(60, 6, &mut Rng(7));
    let mut poisoned = 0;
    for (workers, wrong) in [1, 3].into_iter().flat_map(|w| (1..7).map(move |n| (w, n))) {
        let mut failures = 0;
        let judge = |set: &RequestSet| {
            if needed.is_subset(set) {
                return Verdict::Pass;
            }
            failures += 1;
            if failures == wrong {
                Verdict::Pass
            } else {
                FAIL
            }
        };
        let mut search = doubting(60, &RequestSet::empty(60));
        let mut was_poisoned = false;
        let schedule = Schedule::in_order(workers);
        run(&mut search, &schedule, judge, |s, _| {
            was_poisoned |= !needed.is_subset(s.best());
        });
        poisoned += u32::from(was_poisoned);
        assert_eq!(search.best(), &needed, "failure {wrong} passed");
        assert!(search.certificate().is_whole());
    }
    // The others passed beside a better one, or were asked again at once.
    assert!(poisoned >= 6, "only {poisoned} times");
}

#[test]
fn a_failure_by_mistake_does_not_make_the_answer_larger() {
    let needed = scattered(60, 6, &mut Rng(7));
    for wrong in 1..8 {
        let mut passes = 0;
        let judge = |set: &RequestSet| {
            if !needed.is_subset(set) {
                return FAIL;
            }
            // The first two are the start's.
            passes += 1;
            if passes == 2 + wrong {
                FAIL
            } else {
                Verdict::Pass
            }
        };
        let mut search = doubting(60, &RequestSet::empty(60));
        run(&mut search, &Schedule::in_order(1), judge, nothing_to_see);
        assert_eq!(
            search.best(),
            &needed,
            "pass {wrong} was taken for a failure"
        );
    }
}

#[test]
fn an_oracle_that_tosses_a_coin_is_given_up() {
    let (mut hopeless, mut trials) = (0, 0);
    for seed in 0..20 {
        let mut rng = Rng(seed);
        let toss = |_: &RequestSet| {
            if rng.below(2) == 0 {
                FAIL
            } else {
                Verdict::Pass
            }
        };
        let mut search = doubting(60, &RequestSet::empty(60));
        let did = run(&mut search, &Schedule::in_order(2), toss, nothing_to_see);
        hopeless += u32::from(search.reliability().is_hopeless());
        assert!(did.trials < 150, "only after {} trials", did.trials);
        trials += did.trials;
    }
    // Some coins fall on one side until the search is over.
    assert!(hopeless >= 19, "only {hopeless} of 20");
    assert!(trials < 20 * 60, "only after {} trials", trials / 20);
}

#[test]
fn a_kernel_that_does_not_build_is_built_once_more_at_most() {
    let needed = scattered(60, 6, &mut Rng(7));
    let judge = |set: &RequestSet| match needs(&needed)(set) {
        Verdict::Fail(_) => Verdict::Fail(Stage::Build),
        other => other,
    };
    let mut search = doubting(60, &RequestSet::empty(60));
    let did = run(&mut search, &Schedule::in_order(1), judge, nothing_to_see);
    let again = did.calls.iter().filter_map(|m| match m {
        Call::Proposed(c) if c.round > 0 => Some(&c.keep),
        _ => None,
    });
    let mut built_again = HashMap::new();
    for keep in again.filter(|keep| !judge(keep).is_pass()) {
        *built_again.entry(keep).or_insert(0) += 1;
    }
    // Each proof, and nothing else.
    assert_eq!(built_again.len(), 6);
    assert!(built_again.values().all(|times| *times == 1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn doubt_changes_nothing_in_the_answer_to_an_oracle_that_never_errs(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        one_in in prop::option::of(2_usize..9),
    ) {
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let mut search = doubting(n, &fixed);
        let did = run(&mut search, &schedule, |s| oracle.judge(s), nothing_to_see);
        check_minimal(&search, &fixed, &oracle);
        prop_assert!(search.certificate().is_whole());
        check_certificate(&search, &fixed, &did.calls);
        prop_assert_eq!(search.reliability().differed, 0);
        // What is asked twice says so.
        let mut asked = HashMap::new();
        for call in &did.calls {
            if let Call::Proposed(c) = call {
                let before = asked.insert(c.keep.clone(), c.id).is_some();
                prop_assert!(before || c.round == 0 || c.keep == RequestSet::full(n));
            }
        }
    }

    #[test]
    fn a_replayed_record_of_doubts_gives_the_same_state(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        one_in in prop::option::of(2_usize..6),
        percent in 0_usize..40,
        seed in any::<u64>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let state = |s: &dyn Search| {
            (s.best().clone(), s.phase(), s.certificate(), s.outlook(), s.reliability())
        };
        let mut states = HashMap::new();
        let mut search = doubting(n, &fixed);
        let judge = erring(|s| oracle.judge(s), percent, Rng(seed));
        let did = run(&mut search, &schedule, judge, |s, run| {
            states.insert(run.calls.len(), state(s));
        });
        if did.calls.is_empty() {
            return Ok(());
        }
        let len = 1 + cut.index(did.calls.len());
        let mut again = doubting(n, &fixed);
        check_replay(&mut again, &did.calls, len, &states, state);
    }
}
