//! Verdicts that are doubted: oracles that err, and oracles that do not.

use super::*;

fn doubting(n: usize, fixed: &RequestSet) -> Retesting {
    Retesting::new(
        Algorithm::GroupTesting,
        &RequestSet::full(n),
        fixed,
        Options::default(),
        Confidence::default(),
    )
}

/// An oracle that gives the wrong answer at this rate, in percent.
fn erring<'o>(
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

/// Without the last needed request it boots now and then.
#[test]
fn what_passes_now_and_then_is_not_called_minimal() {
    let needed = scattered(40, 5, &mut Rng(3));
    let last = needed.iter().last().unwrap();
    let luck = needed.without(last);
    let mut seen = 0;
    for percent in [40, 50, 60, 70] {
        for seed in 0..100 {
            let mut rng = Rng(seed);
            let mut seen_of: HashMap<RequestSet, (u32, u32)> = HashMap::new();
            let judge = |set: &RequestSet| {
                let by_luck = luck.is_subset(set) && rng.below(100) < percent;
                let of = seen_of.entry(set.clone()).or_default();
                if needed.is_subset(set) || by_luck {
                    of.0 += 1;
                    Verdict::Pass
                } else {
                    of.1 += 1;
                    FAIL
                }
            };
            let mut search = doubting(40, &RequestSet::empty(40));
            run(&mut search, &Schedule::in_order(2), judge, nothing_to_see);
            let is_lucky = !needed.is_subset(search.best());
            let is_claimed = search.certificate().is_whole() && !search.reliability().is_hopeless();
            let (passes, fails) = seen_of[search.best()];
            if is_lucky && is_claimed {
                // It can be believed if it was seen to pass often enough.
                assert!(
                    passes >= fails + 2,
                    "{percent} %, {seed}: {passes} to {fails}"
                );
            }
            let differed = search.reliability().differed;
            seen += u32::from(is_lucky || differed > 0);
        }
    }
    assert!(seen > 200, "only {seen} of 400 met it");
}

#[test]
fn an_oracle_that_cannot_tell_any_more_is_not_asked_for_ever() {
    for when in 1..12 {
        let needed = scattered(20, 3, &mut Rng(5));
        let mut asked = 0;
        let judge = |set: &RequestSet| {
            asked += 1;
            match (asked.cmp(&when), needed.is_subset(set)) {
                (std::cmp::Ordering::Less, true) => Verdict::Pass,
                (std::cmp::Ordering::Less, false) => FAIL,
                // The opposite, once; then it is mute.
                (std::cmp::Ordering::Equal, true) => FAIL,
                (std::cmp::Ordering::Equal, false) => Verdict::Pass,
                (std::cmp::Ordering::Greater, _) => Verdict::Unresolved,
            }
        };
        let mut search = doubting(20, &RequestSet::empty(20));
        let did = run(&mut search, &Schedule::in_order(1), judge, nothing_to_see);
        assert!(did.trials < 200, "{when}: {} trials", did.trials);
    }
}

#[test]
fn a_build_that_fails_once_does_not_outweigh_passes() {
    let needed = scattered(60, 6, &mut Rng(7));
    let mut asked = 0;
    let judge = |set: &RequestSet| {
        asked += 1;
        if asked == 1 && set.len() == 60 {
            // The start's second judgement: a compiler that crashed.
            return Verdict::Fail(Stage::Build);
        }
        needs(&needed)(set)
    };
    let mut search = doubting(60, &RequestSet::empty(60));
    run(&mut search, &Schedule::in_order(1), judge, nothing_to_see);
    assert!(asked > 1 && !search.reliability().is_hopeless());
    assert_eq!(search.best(), &needed);
}

/// The search begins anew after a verdict was taken back, and forgets what gave none.
#[test]
fn what_was_tried_without_a_verdict_is_not_proved_by_what_depends_on_it() {
    let n = 16;
    let (mut implied, mut missing) = (0, 0);
    for seed in 0..150 {
        let mut rng = Rng(seed);
        let pairs =
            (1..n as u32).map(|id| (RequestId(id), RequestId(rng.below(id as usize) as u32)));
        let depends = Depends::of_pairs(n, pairs);
        let needed = scattered(n, 3, &mut rng);
        let needed = depends.needs(&needed, &RequestSet::full(n));
        let mut tried: HashMap<RequestSet, Vec<Verdict>> = HashMap::new();
        let judge = |set: &RequestSet| {
            let verdict = match (rng.below(20), needed.is_subset(set)) {
                (0..10, _) => Verdict::Unresolved,
                (10, false) | (11.., true) => Verdict::Pass,
                _ => FAIL,
            };
            tried.entry(set.clone()).or_default().push(verdict);
            verdict
        };
        let options = Options {
            depends: depends.clone(),
            certify: Certify::Leaves,
            ..Options::default()
        };
        let (full, none) = (RequestSet::full(n), RequestSet::empty(n));
        let confidence = Confidence::default();
        let mut search = Retesting::new(Algorithm::GroupTesting, &full, &none, options, confidence);
        let schedule = Schedule {
            depends,
            ..Schedule::in_order(2)
        };
        run(&mut search, &schedule, judge, nothing_to_see);
        for (id, proof) in search.certificate().entries() {
            let verdicts = tried.get(&search.best().without(*id));
            match proof {
                Proof::Implied(by) => {
                    assert_eq!(verdicts, None, "{seed}: {id:?} by {by:?}");
                    implied += 1;
                }
                Proof::Tested(_) => assert!(verdicts.is_some_and(|v| v.contains(&FAIL))),
                Proof::Missing => missing += 1,
            }
        }
    }
    assert!(implied > 40, "{implied} implied, {missing} missing");
}

/// What the search inside has forgotten is asked for until it is sure, instead of left unproved.
#[test]
fn an_answer_is_proved_though_the_search_began_anew() {
    let n = 40;
    let mut doubted = 0;
    for seed in 0..150 {
        let mut rng = Rng(seed);
        let pairs =
            (1..n as u32).map(|id| (RequestId(id), RequestId(rng.below(id as usize) as u32)));
        let depends = Depends::of_pairs(n, pairs);
        let needed = depends.needs(&scattered(n, 4, &mut rng), &RequestSet::full(n));
        let plain = |set: &RequestSet| needs(&needed)(set);
        // It learns what depends on what for the certificate only.
        let schedule = Schedule {
            depends,
            ..Schedule::in_order(2)
        };
        let mut search = doubting(n, &RequestSet::empty(n));
        run(
            &mut search,
            &schedule,
            erring(plain, 3, rng),
            nothing_to_see,
        );
        doubted += search.reliability().differed;
        let certificate = search.certificate();
        let is_missing = |(_, proof): &&(RequestId, Proof)| *proof == Proof::Missing;
        let missing = certificate.entries().iter().find(is_missing);
        assert!(
            missing.is_none() || search.reliability().is_hopeless(),
            "{seed}: {missing:?}"
        );
    }
    assert!(doubted > 50, "only {doubted}");
}

/// The start was refused once before the search began.
#[test]
fn an_oracle_that_refused_the_start_is_doubted_from_the_beginning() {
    let needed = scattered(60, 6, &mut Rng(2));
    let trials = |refused| {
        let options = Options {
            refused,
            ..Options::default()
        };
        let (full, none) = (RequestSet::full(60), RequestSet::empty(60));
        let confidence = Confidence::default();
        let mut search = Retesting::new(Algorithm::GroupTesting, &full, &none, options, confidence);
        assert_eq!(search.reliability().differed, refused);
        let schedule = Schedule::in_order(1);
        let did = run(&mut search, &schedule, needs(&needed), nothing_to_see);
        assert_eq!(search.best(), &needed);
        assert!(search.certificate().is_whole());
        did.trials
    };
    // One judgement is not enough of what poisons, or of a single request's removal.
    assert!(trials(1) > trials(0) + 10);
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
        replay(did.calls[..len].iter().cloned(), &mut again).unwrap();
        if let Some(then) = states.get(&len) {
            prop_assert_eq!(&state(&again), then);
        }
        if let Some(Call::Proposed(candidate)) = did.calls.get(len) {
            prop_assert_eq!(again.ask(), Ask::Evaluate(candidate.clone()));
        } else if len == did.calls.len() {
            prop_assert_eq!(again.ask(), Ask::Done);
        }
    }
}

/// How an oracle errs.
#[derive(Debug, Clone, Copy)]
enum Errs {
    BothWays,
    OnlyRefuses,
    OnlyAccepts,
    /// Only in its first judgements, as on a machine that is loaded at first.
    AtFirst,
}

#[test]
fn hardly_any_answer_to_an_oracle_that_errs_unseen_is_certified_and_wrong() {
    let (mut wrong, mut claimed) = (0, 0);
    for errs in [
        Errs::BothWays,
        Errs::OnlyRefuses,
        Errs::OnlyAccepts,
        Errs::AtFirst,
    ] {
        for (percent, seed) in [5, 10, 20]
            .into_iter()
            .flat_map(|p| (0..25).map(move |s| (p, s)))
        {
            let mut rng = Rng(seed * 7919 + percent);
            let needed = scattered(12, 3, &mut rng);
            let mut calls = 0;
            let judge = |set: &RequestSet| {
                calls += 1;
                let is_good = needed.is_subset(set);
                let may_err = match errs {
                    Errs::BothWays => true,
                    Errs::OnlyRefuses => is_good,
                    Errs::OnlyAccepts => !is_good,
                    Errs::AtFirst => calls < 20,
                };
                let flips = may_err && rng.below(100) < percent as usize;
                if flips == is_good {
                    FAIL
                } else {
                    Verdict::Pass
                }
            };
            let mut search = doubting(12, &RequestSet::empty(12));
            let schedule = Schedule::in_order(1 + (seed % 3) as usize);
            run(&mut search, &schedule, judge, nothing_to_see);
            let is_claimed = search.certificate().is_whole() && !search.reliability().is_hopeless();
            claimed += u32::from(is_claimed);
            wrong += u32::from(is_claimed && search.best() != &needed);
        }
    }
    // With the default confidence; without what is judged at the end it is one in twenty.
    assert!(
        claimed > 270 && wrong * 100 <= claimed,
        "{wrong} of {claimed}"
    );
}

#[test]
fn an_oracle_that_never_errs_ends_as_sure_as_it_was_asked_to_be() {
    let needed = scattered(40, 6, &mut Rng(3));
    let mut search = doubting(40, &RequestSet::empty(40));
    let schedule = Schedule::in_order(2);
    run(&mut search, &schedule, needs(&needed), nothing_to_see);
    let risk = search.reliability().risk.unwrap();
    assert!(risk < 0.01 && !search.reliability().is_hopeless(), "{risk}");
}

#[test]
fn an_oracle_that_stops_to_work_for_good_certifies_nothing() {
    // One that says yes before it has ever said no cannot be told from one for which nothing is needed.
    let no = [(12, 4), (12, 9), (12, 20), (40, 5), (40, 30)].map(|of| (of, FAIL));
    let yes = [(12, 12), (12, 20), (40, 12), (40, 30)].map(|of| (of, Verdict::Pass));
    for ((n, when), says) in no.into_iter().chain(yes) {
        let needed = scattered(n, 3, &mut Rng(5));
        let mut calls = 0;
        let judge = |set: &RequestSet| {
            calls += 1;
            if calls >= when {
                says
            } else {
                needs(&needed)(set)
            }
        };
        let mut search = doubting(n, &RequestSet::empty(n));
        run(&mut search, &Schedule::in_order(1), judge, nothing_to_see);
        let is_certified = search.certificate().is_whole() && !search.reliability().is_hopeless();
        assert!(
            !is_certified,
            "{n}, {says:?} from {when}: {:?}",
            search.best()
        );
    }
}

#[test]
fn a_build_that_fails_for_a_while_makes_nothing_needed() {
    for (from, to) in [(4, 6), (8, 10), (10, 11)] {
        let needed = scattered(12, 3, &mut Rng(5));
        let mut calls = 0;
        let judge = |set: &RequestSet| {
            calls += 1;
            match (from..=to).contains(&calls) {
                true => Verdict::Fail(Stage::Build),
                false => needs(&needed)(set),
            }
        };
        let mut search = doubting(12, &RequestSet::empty(12));
        run(&mut search, &Schedule::in_order(1), judge, nothing_to_see);
        assert_eq!(search.best(), &needed, "{from} to {to}");
    }
}
