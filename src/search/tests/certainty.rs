//! The certainty of an answer before it is certified, with oracles that err.

use super::retesting::{doubting, erring};
use super::*;

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

/// A proof that the new inner search does not know is tried until it is certain, not left out.
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

/// The kinds of errors of an oracle.
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
