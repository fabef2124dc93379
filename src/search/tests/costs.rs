//! Costs: expensive trials come last, are few, and run one at a time on shared cores.

use super::*;
use crate::search::sim::{Work, run_timed};

/// One in ten is of the core.
fn is_core(id: RequestId) -> bool {
    id.0 % 10 == 3
}

fn told(n: u32, cores: Cores) -> Options {
    let cost = |id| if is_core(RequestId(id)) { 300.0 } else { 10.0 };
    Options {
        cost: (0..n).map(cost).collect(),
        cores,
        ..Options::default()
    }
}

/// The work of a trial that begins from the best: compiling, on all free cores.
fn work(best: &RequestSet, keep: &RequestSet) -> Work {
    let is_dear = best.minus(keep).iter().any(is_core);
    Work {
        spread: if is_dear { 600.0 } else { 0.0 },
        alone: 10.0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn costs_and_shared_cores_change_the_way_but_not_what_can_be_said_of_the_answer(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        costs in prop::collection::vec(prop_oneof![
            Just(0.0), Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), 1e-9_f64..1e9,
        ], 0..45),
        chances in prop::collection::vec(0.0_f64..1.0, 40),
        has_prior in any::<bool>(),
        schedule in schedule(),
        one_in in prop::option::of(2_usize..9),
        is_doubted in any::<bool>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let fresh = || -> Box<dyn Search> {
            let prior = if has_prior {
                Prior::new(chances.iter().copied().take(n))
            } else {
                Prior::default()
            };
            let options = Options {
                cost: costs.clone(),
                cores: Cores::Shared,
                prior,
                ..Options::default()
            };
            let full = RequestSet::full(n);
            if is_doubted {
                let confidence = Confidence::default();
                Box::new(Retesting::new(Algorithm::GroupTesting, &full, &fixed, options, confidence))
            } else {
                Algorithm::GroupTesting.search(full, &fixed, options)
            }
        };
        check_run(fresh, &fixed, &oracle, &schedule, cut);
    }
}

/// How many others are in flight at most when a dear one begins, and how many cheap ones begin beside
/// it, while requests are removed in bulk.
fn beside_a_dear_one(cores: Cores) -> (usize, usize) {
    let (mut before, mut after) = (0, 0);
    for seed in 0..20 {
        let needed = scattered(100, 12, &mut Rng(seed));
        let (full, none) = (RequestSet::full(100), RequestSet::empty(100));
        let mut search = Algorithm::GroupTesting.search(full.clone(), &none, told(100, cores));
        let mut flying: Vec<Candidate> = Vec::new();
        // The oracle accepts the union of accepted removals.
        let mut base = full;
        let look = |search: &dyn Search, run: &Run| {
            let is_dear = |c: &Candidate| base.minus(&c.keep).iter().any(is_core);
            match run.calls.last() {
                Some(Call::Proposed(candidate)) => {
                    if search.phase() == Phase::Reducing && is_dear(candidate) {
                        before = before.max(flying.len());
                    } else if search.phase() == Phase::Reducing && flying.iter().any(is_dear) {
                        after += 1;
                    }
                    flying.push(candidate.clone());
                }
                Some(Call::Told(id, verdict)) => {
                    let at = flying.iter().position(|c| c.id == *id).unwrap();
                    let candidate = flying.remove(at);
                    if verdict.is_pass() {
                        base = base.intersection(&candidate.keep);
                    }
                }
                Some(Call::Withdrawn(id)) => flying.retain(|c| c.id != *id),
                _ => {}
            }
        };
        let schedule = Schedule {
            pointless: Pointless::Finished,
            ..Schedule::in_order(4)
        };
        run(&mut *search, &schedule, needs(&needed), look);
        assert_eq!(search.best(), &needed);
    }
    (before, after)
}

#[test]
fn on_shared_cores_a_dear_trial_begins_when_nothing_else_is_made() {
    let (before, after) = beside_a_dear_one(Cores::Own);
    assert!(before > 0 && after > 0);
    assert_eq!(beside_a_dear_one(Cores::Shared).0, 0);
}

#[test]
fn to_know_what_is_dear_saves_time_and_more_if_it_is_tried_one_at_a_time() {
    let time = |options: &dyn Fn() -> Options| {
        let times = (0..10).map(|seed| {
            let needed = scattered(60, 8, &mut Rng(seed));
            let (full, none) = (RequestSet::full(60), RequestSet::empty(60));
            let mut search = Algorithm::GroupTesting.search(full, &none, options());
            let depends = Depends::none();
            let timed = run_timed(&mut *search, (2, 2.0), 0, &depends, needs(&needed), work);
            assert_eq!(search.best(), &needed);
            timed.time
        });
        times.sum::<f64>()
    };
    let (shared, own) = (
        time(&|| told(60, Cores::Shared)),
        time(&|| told(60, Cores::Own)),
    );
    let untold = time(&Options::default);
    assert!(
        shared < 0.9 * own && own < 0.9 * untold,
        "{shared}, {own}, {untold}"
    );
}
