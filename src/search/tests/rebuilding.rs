//! Labs in which the image of a candidate depends on what was built before.

use super::super::sim::{go_on_in_lab, run_in_lab};
use super::*;
use crate::model::Origin;

/// The wrapper around the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    AsTheyCome,
    Doubting,
    InOrder,
}

const WAYS: [Takes; 3] = [Takes::AsTheyCome, Takes::Doubting, Takes::InOrder];

/// The search that is wrapped.
fn inside(algorithm: Algorithm, n: usize, takes: Takes) -> Box<dyn Search> {
    let (full, none) = (RequestSet::full(n), RequestSet::empty(n));
    let (options, confidence) = (Options::default(), Confidence::default());
    let doubting = Retesting::new(algorithm, &full, &none, options, confidence);
    match takes {
        Takes::AsTheyCome => fresh(algorithm, n, &none),
        Takes::Doubting => Box::new(doubting),
        Takes::InOrder => Box::new(InOrder::new(Box::new(doubting))),
    }
}

fn rebuilding(algorithm: Algorithm, n: usize, takes: Takes, start: Origin) -> Rebuilding {
    let confidence = (takes != Takes::AsTheyCome).then(Confidence::default);
    Rebuilding::new(inside(algorithm, n, takes), confidence, start)
}

/// A lab in which what these requests make, once it was built, stays in the trees; the start was built in all.
fn leaky<'l>(
    needed: &'l RequestSet,
    leaks: &'l RequestSet,
) -> impl FnMut(&Candidate) -> Verdict + 'l {
    |candidate| {
        let image = match candidate.origin {
            Origin::Earlier => candidate.keep.union(leaks),
            Origin::Empty => candidate.keep.clone(),
        };
        needs(needed)(&image)
    }
}

fn from_empty(did: &Run) -> usize {
    let is_from_empty = |call: &&Call| matches!(call, Call::Proposed(candidate) if candidate.origin == Origin::Empty);
    did.calls.iter().filter(is_from_empty).count()
}

#[test]
fn an_answer_that_stands_on_leftovers_is_found_out_by_every_algorithm() {
    for algorithm in Algorithm::ALL {
        for (takes, workers) in WAYS.into_iter().zip([1, 3, 2]) {
            for seed in 0..4 {
                let mut rng = Rng(seed);
                let needed = scattered(24, 4, &mut rng);
                let leaks = scattered(24, 6, &mut rng);
                let mut search = rebuilding(algorithm, 24, takes, Origin::Empty);
                let schedule = Schedule::in_order(workers);
                run_in_lab(
                    &mut search,
                    &schedule,
                    leaky(&needed, &leaks),
                    nothing_to_see,
                );
                let is_right = search.best() == &needed;
                let holds = search.rebuilt() == Some(Rebuilt::Holds);
                assert_eq!(
                    is_right,
                    holds,
                    "{algorithm} {takes:?} {:?}",
                    search.rebuilt()
                );
                assert_eq!(
                    is_right,
                    !needed.has_any_of(&leaks),
                    "{algorithm} {takes:?}"
                );
            }
        }
    }
}

#[test]
fn a_lab_without_leftovers_builds_the_answer_once_more_and_no_more() {
    for algorithm in Algorithm::ALL {
        for takes in WAYS {
            let needed = scattered(24, 4, &mut Rng(5));
            let mut search = rebuilding(algorithm, 24, takes, Origin::Empty);
            let schedule = Schedule::in_order(2);
            let did = run(&mut search, &schedule, needs(&needed), nothing_to_see);
            assert_eq!(search.rebuilt(), Some(Rebuilt::Holds));
            assert_eq!(from_empty(&did), 1, "{algorithm} {takes:?}");
            let last = did.calls.iter().rev().find_map(|call| match call {
                Call::Proposed(candidate) => Some(candidate),
                _ => None,
            });
            let last = last.unwrap();
            assert_eq!((&last.keep, last.origin), (&needed, Origin::Empty));
            assert!(search.certificate().is_whole());
        }
    }
}

#[test]
fn a_start_that_stays_was_built_from_an_empty_tree_or_is_in_the_end() {
    for (start, times) in [(Origin::Empty, 0), (Origin::Earlier, 1)] {
        for takes in WAYS {
            let needed = RequestSet::full(5);
            let mut search = rebuilding(Algorithm::GroupTesting, 5, takes, start);
            let schedule = Schedule::in_order(2);
            let did = run(&mut search, &schedule, needs(&needed), nothing_to_see);
            assert_eq!(search.rebuilt(), Some(Rebuilt::Holds));
            assert_eq!(from_empty(&did), times, "{takes:?}");
        }
    }
}

/// A lab in which some requests cannot be taken away: what they left does not link without them. All of it
/// builds from an empty tree.
fn unlinkable<'l>(
    needed: &'l RequestSet,
    left: &'l RequestSet,
) -> impl FnMut(&Candidate) -> Verdict + 'l {
    |candidate| match candidate.origin == Origin::Earlier && !left.is_subset(&candidate.keep) {
        true => Verdict::Fail(Stage::Build),
        false => needs(needed)(&candidate.keep),
    }
}

#[test]
fn a_build_that_fails_because_of_leftovers_proves_nothing() {
    for seed in 0..10 {
        let mut rng = Rng(seed);
        let (needed, left) = (scattered(20, 3, &mut rng), scattered(20, 2, &mut rng));
        for takes in WAYS {
            let mut search = rebuilding(Algorithm::GroupTesting, 20, takes, Origin::Empty);
            let schedule = Schedule::in_order(1 + seed as usize % 3);
            run_in_lab(
                &mut search,
                &schedule,
                unlinkable(&needed, &left),
                nothing_to_see,
            );
            let rebuilt = search.rebuilt().unwrap();
            if takes == Takes::AsTheyCome {
                assert_eq!(rebuilt == Rebuilt::Holds, search.best() == &needed);
            } else {
                let is_hopeless = search.reliability().is_hopeless();
                assert!(is_hopeless || search.best() == &needed, "{takes:?}");
            }
        }
    }
}

#[test]
fn a_request_without_which_nothing_builds_is_proved_from_an_empty_tree() {
    let (needed, builds) = (scattered(20, 3, &mut Rng(1)), scattered(20, 2, &mut Rng(2)));
    for takes in WAYS {
        let mut search = rebuilding(Algorithm::GroupTesting, 20, takes, Origin::Empty);
        let lab = |candidate: &Candidate| match builds.is_subset(&candidate.keep) {
            true => needs(&needed)(&candidate.keep),
            false => Verdict::Fail(Stage::Build),
        };
        let did = run_in_lab(&mut search, &Schedule::in_order(2), lab, nothing_to_see);
        assert_eq!(search.best(), &needed.union(&builds));
        assert_eq!(search.rebuilt(), Some(Rebuilt::Holds));
        assert!(search.certificate().is_whole());
        assert_eq!(from_empty(&did), builds.len() + 1, "{takes:?}");
    }
}

#[test]
fn what_gets_no_verdict_from_an_empty_tree_is_neither_an_answer_nor_a_proof() {
    let needed = scattered(20, 3, &mut Rng(1));
    let gone = needed.iter().next().unwrap();
    for takes in WAYS {
        let mut search = rebuilding(Algorithm::GroupTesting, 20, takes, Origin::Empty);
        let lab = |candidate: &Candidate| match candidate.origin {
            Origin::Earlier => needs(&needed)(&candidate.keep),
            Origin::Empty => Verdict::Unresolved,
        };
        run_in_lab(&mut search, &Schedule::in_order(2), lab, nothing_to_see);
        assert_eq!(search.rebuilt(), Some(Rebuilt::Unresolved), "{takes:?}");
        let mut search = rebuilding(Algorithm::GroupTesting, 20, takes, Origin::Empty);
        let lab = |candidate: &Candidate| match (candidate.origin, candidate.keep.contains(gone)) {
            (Origin::Empty, false) => Verdict::Unresolved,
            (Origin::Earlier, false) => Verdict::Fail(Stage::Build),
            (_, true) => needs(&needed)(&candidate.keep),
        };
        run_in_lab(&mut search, &Schedule::in_order(2), lab, nothing_to_see);
        assert_eq!(
            search.certificate().coverage(),
            Coverage::Partial,
            "{takes:?}"
        );
    }
}

#[test]
fn an_oracle_that_refuses_the_rebuilt_answer_once_by_mistake_is_asked_again() {
    for (takes, wrong) in WAYS.into_iter().zip([1, 1, 1]) {
        let needed = scattered(20, 3, &mut Rng(1));
        let mut search = rebuilding(Algorithm::GroupTesting, 20, takes, Origin::Empty);
        let mut left = wrong;
        let lab = |candidate: &Candidate| {
            if candidate.origin == Origin::Empty && left > 0 {
                left -= 1;
                return FAIL;
            }
            needs(&needed)(&candidate.keep)
        };
        let did = run_in_lab(&mut search, &Schedule::in_order(1), lab, nothing_to_see);
        assert_eq!(search.rebuilt(), Some(Rebuilt::Holds));
        // One against, so two more for it.
        assert_eq!(from_empty(&did), 4, "{takes:?}");
    }
}

#[test]
fn a_mistaken_no_about_what_failed_to_build_because_of_leftovers_is_no_proof() {
    for seed in 0..10 {
        let mut rng = Rng(seed);
        let needed = scattered(20, 3, &mut rng);
        let spare = (0..20).map(RequestId).filter(|id| !needed.contains(*id));
        let left = RequestSet::of(20, spare.skip(rng.below(17)).take(1));
        for takes in [Takes::Doubting, Takes::InOrder] {
            let mut search = rebuilding(Algorithm::GroupTesting, 20, takes, Origin::Empty);
            let mut errs = true;
            let mut truth = unlinkable(&needed, &left);
            let lab = |candidate: &Candidate| match candidate.origin == Origin::Empty
                && std::mem::take(&mut errs)
            {
                true => FAIL,
                false => truth(candidate),
            };
            run_in_lab(&mut search, &Schedule::in_order(1), lab, nothing_to_see);
            assert_eq!(search.best(), &needed, "{seed} {takes:?}");
            assert_eq!(search.rebuilt(), Some(Rebuilt::Holds));
        }
    }
}

#[test]
fn builds_of_a_run_that_an_earlier_version_began_do_not_count_as_built_from_an_empty_tree() {
    for seed in 0..6 {
        let mut rng = Rng(seed);
        let (needed, left) = (scattered(20, 3, &mut rng), scattered(20, 2, &mut rng));
        let schedule = Schedule::in_order(2);
        let lab = || unlinkable(&needed, &left);
        // Whatever it asked for was built from what was there.
        let mut earlier = inside(Algorithm::GroupTesting, 20, Takes::Doubting);
        let did = run_in_lab(&mut *earlier, &schedule, lab(), nothing_to_see);
        for len in (0..=did.calls.len()).rev().step_by(9) {
            let mut search =
                rebuilding(Algorithm::GroupTesting, 20, Takes::Doubting, Origin::Empty);
            let calls = did.calls[..len].iter().cloned();
            let in_flight = replay(calls, &mut search).unwrap().in_flight;
            go_on_in_lab(&mut search, in_flight, &schedule, lab(), nothing_to_see);
            let holds = search.rebuilt() == Some(Rebuilt::Holds);
            let is_hopeless = search.reliability().is_hopeless();
            assert!(
                is_hopeless || !holds || search.best() == &needed,
                "{seed} {len}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_in_a_leaky_lab_goes_on_where_it_was_stopped_and_certifies_nothing_wrong(
        needed in ids(24, 6),
        leaks in ids(24, 3),
        links in ids(24, 2),
        schedule in schedule(),
        one_in in prop::option::of(3_usize..9),
        takes in prop::sample::select(&WAYS[..]),
        algorithm in algorithm(),
        cut in any::<prop::sample::Index>(),
    ) {
        let set = |ids: &[u32]| RequestSet::of(24, ids.iter().copied().map(RequestId));
        let (needed, leaks, links) = (set(&needed), set(&leaks), set(&links));
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let lab = |candidate: &Candidate| {
            match unlinkable(&needed, &links)(candidate) {
                Verdict::Fail(Stage::Build) => Verdict::Fail(Stage::Build),
                _ => leaky(&needed, &leaks)(candidate),
            }
        };
        let mut search = rebuilding(algorithm, 24, takes, Origin::Empty);
        let did = run_in_lab(&mut search, &schedule, lab, nothing_to_see);
        let holds = search.rebuilt() == Some(Rebuilt::Holds);
        if holds && search.certificate().is_whole() && !search.reliability().is_hopeless() {
            prop_assert!(needs(&needed)(search.best()).is_pass());
            prop_assert_eq!(search.best(), &needed);
        }
        let len = cut.index(did.calls.len() + 1);
        let mut again = rebuilding(algorithm, 24, takes, Origin::Empty);
        replay(did.calls[..len].iter().cloned(), &mut again).unwrap();
        if let Some(Call::Proposed(candidate)) = did.calls.get(len) {
            prop_assert_eq!(again.ask(), Ask::Evaluate(candidate.clone()));
        }
        // A run that was begun before anything was built from an empty tree.
        let did = run_in_lab(&mut *inside(algorithm, 24, takes), &schedule, lab, nothing_to_see);
        let len = cut.index(did.calls.len() + 1);
        let mut again = rebuilding(algorithm, 24, takes, Origin::Empty);
        let replayed = replay(did.calls[..len].iter().cloned(), &mut again).unwrap();
        let is_start = again.best().len() == 24;
        prop_assert!(is_start || again.rebuilt() == Some(Rebuilt::Open), "{:?}", again.rebuilt());
        go_on_in_lab(&mut again, replayed.in_flight, &schedule, lab, nothing_to_see);
        let holds = again.rebuilt() == Some(Rebuilt::Holds);
        if holds && again.certificate().is_whole() && !again.reliability().is_hopeless() {
            prop_assert_eq!(again.best(), &needed);
        }
    }
}
