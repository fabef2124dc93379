//! Searches of a start that nobody judged: they grow a set that passes.

use super::retesting::erring;
use super::*;

mod cost;
mod symptoms;

/// The search that grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    AsTheyCome,
    Doubting,
    InOrder,
    Rebuilding,
}

const WAYS: [Takes; 4] = [
    Takes::AsTheyCome,
    Takes::Doubting,
    Takes::InOrder,
    Takes::Rebuilding,
];

fn growing(
    algorithm: Algorithm,
    fixed: &RequestSet,
    options: &Options,
    takes: Takes,
) -> Box<dyn Search> {
    let (start, options) = (RequestSet::full(fixed.capacity()), options.clone());
    let sure = Confidence::default();
    let doubting = |options| Retesting::growing(algorithm, &start, fixed, options, sure);
    match takes {
        Takes::AsTheyCome => Box::new(Growing::new(algorithm, &start, fixed, options)),
        Takes::Doubting => Box::new(doubting(options)),
        Takes::InOrder => Box::new(InOrder::new(Box::new(doubting(options)))),
        Takes::Rebuilding => {
            let inner = Box::new(InOrder::new(Box::new(doubting(options))));
            let origin = crate::model::Origin::Earlier;
            Box::new(Rebuilding::new(inner, Some(sure), origin))
        }
    }
}

fn none(n: usize) -> RequestSet {
    RequestSet::empty(n)
}

fn proposed(did: &Run) -> Vec<RequestSet> {
    let sets = did.calls.iter().filter_map(|call| match call {
        Call::Proposed(candidate) => Some(candidate.keep.clone()),
        _ => None,
    });
    sets.collect()
}

fn way() -> impl Strategy<Value = Takes> {
    prop::sample::select(&WAYS[..])
}

/// Any prior and any dependencies, right or wrong.
fn hints(n: usize) -> impl Strategy<Value = Options> {
    let chances = prop::collection::vec(0.0..1.0, n);
    let prior = prop_oneof![
        Just(Prior::default()),
        chances.prop_map(Prior::new),
        Just(Prior::new(vec![0.9; n])),
    ];
    let id = 0..n as u32;
    let pairs = prop::collection::vec((id.clone(), id), 0..n);
    (prior, pairs).prop_map(move |(prior, pairs)| {
        let pairs = pairs.into_iter().map(|(a, b)| (RequestId(a), RequestId(b)));
        Options::new()
            .prior(prior)
            .depends(Depends::of_pairs(n, pairs))
    })
}

type Hinted = ((usize, RequestSet, Oracle), Options);

fn hinted(oracle: fn(u32) -> BoxedStrategy<Oracle>) -> impl Strategy<Value = Hinted> {
    case(oracle).prop_flat_map(|case| {
        let hints = hints(case.0);
        (Just(case), hints)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_answer_is_minimal_and_proved_and_a_replay_goes_the_same_way(
        ((n, fixed, oracle), options) in hinted(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        one_in in prop::option::of(2_usize..9),
        cut in any::<prop::sample::Index>(),
        algorithm in algorithm(),
    ) {
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let fresh = || growing(algorithm, &fixed, &options, Takes::AsTheyCome);
        check_run(fresh, &fixed, &oracle, &schedule, cut);
        let mut search = fresh();
        let did = run(&mut *search, &schedule, |s| oracle.judge(s), nothing_to_see);
        prop_assert!(search.has_passed() && search.certificate().is_whole());
        let wanted = fixed.intersection(&RequestSet::full(n));
        prop_assert!(proposed(&did).iter().all(|keep| wanted.is_subset(keep)));
        check_asks_once(&did.calls);
    }

    #[test]
    fn every_wrapper_finds_the_one_minimum_and_a_replay_of_it_stands_where_it_stood(
        ((n, fixed, oracle), options) in hinted(|n| ids(n, 8).prop_map(Oracle::Needs).boxed()),
        schedule in schedule(),
        one_in in prop::option::of(3_usize..9),
        cut in any::<prop::sample::Index>(),
        takes in way(),
    ) {
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let Oracle::Needs(needed) = &oracle else { unreachable!() };
        let needed = RequestSet::of(n, needed.iter().copied().map(RequestId)).union(&fixed);
        let fresh = || growing(Algorithm::GroupTesting, &fixed, &options, takes);
        let state = |s: &dyn Search| {
            (s.best().clone(), s.has_passed(), s.phase(), s.certificate(), s.outlook())
        };
        let mut states = HashMap::new();
        let mut search = fresh();
        let did = run(&mut *search, &schedule, |s| oracle.judge(s), |s, run| {
            states.insert(run.calls.len(), state(s));
        });
        prop_assert_eq!(search.best(), &needed);
        prop_assert!(search.certificate().is_whole() && !search.reliability().is_hopeless());
        check_certificate(&*search, &fixed, &did.calls);
        let len = cut.index(did.calls.len() + 1);
        let mut again = fresh();
        check_replay(&mut *again, &did.calls, len, &states, state);
    }

    #[test]
    fn an_unresolved_guess_proves_nothing_and_is_no_answer(
        ((n, fixed, oracle), options) in hinted(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        seed in any::<u64>(),
        one_in in 1_u64..6,
        takes in way(),
    ) {
        let judge = |s: &RequestSet| match hash(s, seed) % one_in {
            0 => Verdict::Unresolved,
            1 => FAIL,
            _ => oracle.judge(s),
        };
        let mut search = growing(Algorithm::GroupTesting, &fixed, &options, takes);
        let did = run(&mut *search, &schedule, judge, nothing_to_see);
        if search.has_passed() {
            prop_assert!(judge(search.best()).is_pass());
            check_certificate(&*search, &fixed, &did.calls);
        } else {
            let certificate = search.certificate();
            let mut entries = certificate.entries().iter();
            prop_assert!(entries.all(|(_, proof)| *proof == Proof::Missing));
            prop_assert!(!judge(&RequestSet::full(n)).is_pass());
            prop_assert!(search.rebuilt().is_none_or(|rebuilt| rebuilt == Rebuilt::Open));
        }
    }

    #[test]
    fn the_outlook_holds_before_anything_has_passed_as_well(
        ((_, fixed, oracle), options) in hinted(|n| monotone(n).boxed()),
        schedule in schedule(),
        algorithm in algorithm(),
    ) {
        let schedule = Schedule { pointless: Pointless::Cancelled, ..schedule };
        let mut outlooks = Vec::new();
        let options = options.depends(Depends::none());
        let mut search = growing(algorithm, &fixed, &options, Takes::AsTheyCome);
        let did = run(&mut *search, &schedule, |s| oracle.judge(s), |s, run| {
            outlooks.push((run.trials, s.outlook()));
        });
        check_outlooks(&outlooks, did.trials);
    }

    #[test]
    fn a_replayed_record_of_doubts_about_what_grew_gives_the_same_state(
        ((_, fixed, oracle), options) in hinted(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        one_in in prop::option::of(2_usize..6),
        percent in 0_usize..40,
        seed in any::<u64>(),
        cut in any::<prop::sample::Index>(),
        takes in way(),
    ) {
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let fresh = || growing(Algorithm::GroupTesting, &fixed, &options, takes);
        let state = |s: &dyn Search| {
            let of_best = (s.best().clone(), s.has_passed(), s.certificate());
            (of_best, s.phase(), s.outlook(), s.reliability())
        };
        let mut states = HashMap::new();
        let mut search = fresh();
        let judge = erring(|s| oracle.judge(s), percent, Rng(seed));
        let did = run(&mut *search, &schedule, judge, |s, run| {
            states.insert(run.calls.len(), state(s));
        });
        let len = cut.index(did.calls.len() + 1);
        let mut again = fresh();
        check_replay(&mut *again, &did.calls, len, &states, state);
    }

    /// Each candidate before the first pass has all that its members depend on.
    #[test]
    fn a_guess_has_what_it_depends_on_and_is_part_of_the_next(
        ((n, fixed, _), options) in hinted(|n| any_oracle(n).boxed()),
    ) {
        let mut search = growing(Algorithm::GroupTesting, &fixed, &options, Takes::AsTheyCome);
        let did = run(&mut *search, &Schedule::in_order(1), |_| FAIL, nothing_to_see);
        let guesses = proposed(&did);
        let full = RequestSet::full(n);
        prop_assert_eq!(guesses.last(), Some(&full));
        for guess in &guesses {
            prop_assert_eq!(&options.depends.needs(guess, &full), guess);
        }
        for (less, more) in guesses.iter().zip(&guesses[1..]) {
            prop_assert!(less.is_subset(more) && less != more);
        }
        prop_assert!(guesses.len() <= 7, "{} of {n}", guesses.len());
    }
}

#[test]
fn if_nothing_passes_the_start_is_the_last_that_is_tried_and_alone() {
    for takes in WAYS {
        for workers in [1, 3] {
            let options = Options::default();
            let mut search = growing(Algorithm::GroupTesting, &none(200), &options, takes);
            let schedule = Schedule::in_order(workers);
            let mut flying = 0_i32;
            let did = run(&mut *search, &schedule, |_| FAIL, nothing_to_see);
            for call in &did.calls {
                match call {
                    Call::Proposed(c) => {
                        assert!(c.keep.len() < 200 || flying == 0, "{takes:?} {workers}");
                        flying += 1;
                    }
                    Call::Told(..) | Call::Withdrawn(_) => flying -= 1,
                    Call::Heard(_) | Call::Learnt(_) | Call::StartJudged(_) => {}
                }
            }
            let lengths: Vec<usize> = proposed(&did).iter().map(RequestSet::len).collect();
            let expected: &[usize] = match takes {
                Takes::AsTheyCome => &[12, 24, 48, 96, 192, 200],
                // As a start that is judged before the search.
                _ => &[12, 24, 48, 96, 192, 200, 200],
            };
            assert_eq!(lengths, expected, "{takes:?} {workers}");
            assert!(!search.has_passed());
            assert_eq!(search.outlook().at_least, 0);
        }
    }
}

#[test]
fn on_shared_cores_one_length_is_tried_after_the_other() {
    let flying = |options: Options| {
        let mut search = Growing::new(
            Algorithm::GroupTesting,
            &RequestSet::full(200),
            &none(200),
            options,
        );
        let asks = std::iter::from_fn(|| match search.ask() {
            Ask::Evaluate(candidate) => Some(candidate),
            Ask::Wait | Ask::Done => None,
        });
        asks.count()
    };
    assert_eq!(flying(Options::new()), 2);
    assert_eq!(flying(Options::new().cores(Cores::Shared)), 1);
}

#[test]
fn a_guess_that_passes_spares_the_start() {
    let needed = scattered(400, 20, &mut Rng(1));
    let chances = (0..400).map(|id| {
        if needed.contains(RequestId(id)) {
            0.9
        } else {
            0.03
        }
    });
    let options = Options::new().prior(Prior::new(chances));
    for takes in WAYS {
        let mut search = growing(Algorithm::GroupTesting, &none(400), &options, takes);
        let schedule = Schedule::in_order(1);
        let did = run(&mut *search, &schedule, needs(&needed), nothing_to_see);
        assert_eq!(search.best(), &needed);
        assert!(
            proposed(&did).iter().all(|set| set.len() <= 40),
            "{takes:?}"
        );
    }
}

#[test]
fn what_must_stay_is_in_the_first_guess_with_what_it_depends_on() {
    let fixed = RequestSet::of(100, [RequestId(90)]);
    let depends = Depends::of_pairs(100, [(RequestId(90), RequestId(80))]);
    let options = Options::new().depends(depends);
    let mut search = growing(Algorithm::GroupTesting, &fixed, &options, Takes::Doubting);
    let Ask::Evaluate(first) = search.ask() else {
        panic!("nothing is asked")
    };
    assert!(
        [80, 90]
            .iter()
            .all(|id| first.keep.contains(RequestId(*id)))
    );
    assert!(first.keep.len() < 20);
}

#[test]
fn of_equal_chances_what_is_cheap_comes_first() {
    let cost = (0..40).map(|id| if id < 20 { 9.0 } else { 1.0 }).collect();
    let options = Options::new().cost(cost);
    let mut search = growing(
        Algorithm::GroupTesting,
        &none(40),
        &options,
        Takes::AsTheyCome,
    );
    let Ask::Evaluate(first) = search.ask() else {
        panic!("nothing is asked")
    };
    assert!(first.keep.iter().all(|id| id.0 >= 20));
}

/// A guess that passed by mistake is no base to stand on: it grows on.
#[test]
fn a_guess_that_passes_by_mistake_is_taken_back_and_a_larger_one_found() {
    for takes in [Takes::Doubting, Takes::InOrder, Takes::Rebuilding] {
        for (workers, wrong) in [1, 2, 3]
            .into_iter()
            .flat_map(|w| (1..4).map(move |n| (w, n)))
        {
            let needed = scattered(120, 8, &mut Rng(3));
            let mut calls = 0;
            let judge = |set: &RequestSet| {
                calls += 1;
                match calls == wrong || needed.is_subset(set) {
                    true => Verdict::Pass,
                    false => FAIL,
                }
            };
            let options = Options::default();
            let mut search = growing(Algorithm::GroupTesting, &none(120), &options, takes);
            run(
                &mut *search,
                &Schedule::in_order(workers),
                judge,
                nothing_to_see,
            );
            assert_eq!(search.best(), &needed, "{takes:?} {workers} {wrong}");
            assert!(search.certificate().is_whole() && !search.reliability().is_hopeless());
        }
    }
}

#[test]
fn a_start_that_is_refused_once_by_mistake_is_judged_again() {
    let needed = RequestSet::full(30);
    let mut refused = false;
    let judge = |set: &RequestSet| {
        let errs = set.len() == 30 && !std::mem::replace(&mut refused, true);
        if needed.is_subset(set) && !errs {
            Verdict::Pass
        } else {
            FAIL
        }
    };
    let mut search = growing(
        Algorithm::GroupTesting,
        &none(30),
        &Options::default(),
        Takes::Doubting,
    );
    run(&mut *search, &Schedule::in_order(2), judge, nothing_to_see);
    assert!(search.has_passed() && search.reliability().differed > 0);
    assert_eq!(search.best(), &needed);
}

/// What stands for the start was refused once, and then accepted, before the search began.
#[test]
fn an_oracle_that_contradicted_itself_before_a_set_grew_is_doubted_from_the_beginning() {
    let needed = scattered(60, 6, &mut Rng(2));
    let trials = |refused| {
        let options = Options::default().refused(refused);
        let mut search = growing(
            Algorithm::GroupTesting,
            &none(60),
            &options,
            Takes::Doubting,
        );
        assert_eq!(search.reliability().differed, refused);
        let schedule = Schedule::in_order(1);
        let did = run(&mut *search, &schedule, needs(&needed), nothing_to_see);
        assert_eq!(search.best(), &needed);
        assert!(search.certificate().is_whole() && !search.reliability().is_hopeless());
        did.trials
    };
    // One judgement is not enough of what poisons, or of a single request's removal.
    assert!(trials(1) > trials(0) + 10);
}

#[test]
fn hardly_any_answer_that_grew_under_an_oracle_that_errs_is_certified_and_wrong() {
    let (mut wrong, mut claimed, mut refused) = (0, 0, 0);
    for (percent, seed) in [0, 3, 10, 20]
        .into_iter()
        .flat_map(|p| (0..60).map(move |s| (p, s)))
    {
        let mut rng = Rng(seed * 7919 + percent);
        let needed = scattered(40, 4, &mut rng);
        let mut chances: Vec<f64> = (0..40)
            .map(|id| {
                if needed.contains(RequestId(id)) {
                    0.9
                } else {
                    0.05
                }
            })
            .collect();
        if seed % 2 == 0 {
            rng.shuffle(&mut chances);
        }
        let options = Options::new().prior(Prior::new(chances));
        let takes = WAYS[1 + seed as usize % 3];
        let mut search = growing(Algorithm::GroupTesting, &none(40), &options, takes);
        let schedule = Schedule::in_order(1 + (seed % 3) as usize);
        let plain = |set: &RequestSet| needs(&needed)(set);
        let oracle = erring(plain, percent as usize, rng);
        run(&mut *search, &schedule, oracle, nothing_to_see);
        let is_claimed = search.has_passed()
            && search.certificate().is_whole()
            && !search.reliability().is_hopeless();
        claimed += u32::from(is_claimed);
        refused += u32::from(!search.has_passed());
        wrong += u32::from(is_claimed && search.best() != &needed);
        assert!(percent > 0 || is_claimed && search.best() == &needed);
    }
    assert!(
        claimed > 190 && refused < 5,
        "{claimed} claimed, {refused} refused"
    );
    assert!(wrong * 100 <= claimed, "{wrong} of {claimed}");
}

const SEEDS: u64 = 4;
