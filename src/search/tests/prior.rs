//! Priors: what a good one saves and what a wrong one costs.

use super::*;

/// Mean trials of the search, the certificate's included, with what `thought` makes of the
/// needed requests.
fn trials(workers: usize, thought: impl Fn(&RequestSet, &mut Rng) -> Prior) -> f64 {
    let mut trials = 0;
    for seed in 0..5 {
        let mut rng = Rng(seed);
        let needed = scattered(520, 30, &mut rng);
        let options = Options {
            prior: thought(&needed, &mut rng),
            ..Options::default()
        };
        let full = RequestSet::full(520);
        let mut search = Algorithm::GroupTesting.search(full, &RequestSet::empty(520), options);
        let schedule = Schedule::in_order(workers);
        trials += run(&mut *search, &schedule, needs(&needed), nothing_to_see).trials;
        assert_eq!(search.best(), &needed);
    }
    f64::from(trials) / 5.0
}

fn nothing(_: &RequestSet, _: &mut Rng) -> Prior {
    Prior::default()
}

/// As a trace may say it: of ten that are needed one looks idle, of twenty others one is in use.
fn good(needed: &RequestSet, rng: &mut Rng) -> Prior {
    let ids = (0..520).map(RequestId);
    Prior::new(ids.map(|id| match (needed.contains(id), rng.below(20)) {
        (true, 0..2) | (false, 1..) => 0.02,
        _ => 0.8,
    }))
}

fn inverted(needed: &RequestSet, rng: &mut Rng) -> Prior {
    let good = good(needed, rng);
    let ids = (0..520).map(RequestId);
    Prior::new(ids.map(|id| 1.0 - good.of(id).unwrap()))
}

fn shuffled(needed: &RequestSet, rng: &mut Rng) -> Prior {
    let good = good(needed, rng);
    let mut order: Vec<u32> = (0..520).collect();
    rng.shuffle(&mut order);
    Prior::new(order.into_iter().map(|id| good.of(RequestId(id)).unwrap()))
}

fn perfect(needed: &RequestSet, _: &mut Rng) -> Prior {
    let ids = (0..520).map(RequestId);
    Prior::new(ids.map(|id| if needed.contains(id) { 0.99 } else { 0.001 }))
}

#[test]
fn a_good_prior_saves_most_of_the_search_and_a_wrong_one_costs_little() {
    let all = |chance: f64| move |_: &RequestSet, _: &mut Rng| Prior::new([chance; 520]);
    for workers in [1, 4] {
        let without = trials(workers, nothing);
        // Some guesses, the first careful ones as they may be wrong, and the certificate.
        let perfect = trials(workers, perfect);
        assert!(perfect <= 40.0, "{perfect}");
        assert!(trials(workers, good) < 0.6 * without);
        for (wrong, trials) in [
            ("shuffled", trials(workers, shuffled)),
            ("inverted", trials(workers, inverted)),
            ("all needed", trials(workers, all(0.9))),
            ("none needed", trials(workers, all(0.001))),
        ] {
            assert!(trials < 1.05 * without, "{wrong}: {trials}, not {without}");
        }
    }
}
