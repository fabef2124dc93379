//! What it costs to grow, with a right and with a wrong guess.

use super::*;

/// Trials with what `thought` makes of the needed requests: grown, and from a start that passes.
fn trials(n: usize, workers: usize, thought: fn(&RequestSet, &mut Rng) -> Vec<f64>) -> [u32; 2] {
    let mut sums = [0, 0];
    for seed in 0..SEEDS {
        let mut rng = Rng(seed);
        let depends = forest(n, &mut rng);
        let leaves = scattered(n, n / 40, &mut rng);
        let needed = depends.needs(&leaves, &RequestSet::full(n));
        let options = Options::new()
            .prior(Prior::new(thought(&needed, &mut rng)))
            .depends(depends);
        let full = RequestSet::full(n);
        let whole = Algorithm::GroupTesting.search(full, &none(n), options.clone());
        let grown = growing(
            Algorithm::GroupTesting,
            &none(n),
            &options,
            Takes::AsTheyCome,
        );
        for (sum, mut search) in sums.iter_mut().zip([grown, whole]) {
            let schedule = Schedule {
                depends: options.depends.clone(),
                ..Schedule::in_order(workers)
            };
            *sum += run(&mut *search, &schedule, needs(&needed), nothing_to_see).trials;
            assert_eq!(search.best(), &needed);
        }
    }
    sums
}

#[test]
fn a_wrong_guess_costs_a_few_trials_more_than_none() {
    fn good(needed: &RequestSet, rng: &mut Rng) -> Vec<f64> {
        let ids = (0..needed.capacity() as u32).map(RequestId);
        let thought = |id| match (needed.contains(id), rng.below(20)) {
            (true, 0..2) | (false, 1..) => 0.02,
            _ => 0.8,
        };
        ids.map(thought).collect()
    }
    fn inverted(needed: &RequestSet, rng: &mut Rng) -> Vec<f64> {
        good(needed, rng)
            .iter()
            .map(|chance| 1.0 - chance)
            .collect()
    }
    fn shuffled(needed: &RequestSet, rng: &mut Rng) -> Vec<f64> {
        let mut chances = good(needed, rng);
        rng.shuffle(&mut chances);
        chances
    }
    // One trial for each length, of which there are seven at most. The rest is chance.
    for (n, workers) in [(100, 1), (100, 4), (300, 1), (300, 4)] {
        let kinds = [good as fn(&_, &mut _) -> _, shuffled, inverted];
        for (kind, thought) in kinds.into_iter().enumerate() {
            let [grown, whole] = trials(n, workers, thought);
            // With the start's own trial.
            let (grown, whole) = (grown, whole + SEEDS as u32);
            let most = whole + SEEDS as u32 * 10;
            assert!(
                grown <= most,
                "{kind}, {n}, {workers}: {grown} instead of {whole}"
            );
        }
    }
}

/// Trials on one worker after a guess of 18 of 100 requests, of which the first `needed` are needed.
fn after_a_guess(needed: usize) -> Run {
    let n = 100;
    let chance = |id| if id < 18 { 0.9 } else { 0.03 };
    let options = Options::new().prior(Prior::new((0..n).map(chance)));
    let takes = Takes::AsTheyCome;
    let mut search = growing(Algorithm::GroupTesting, &none(n), &options, takes);
    let needed = RequestSet::of(n, (0..needed as u32).map(RequestId));
    let did = run(
        &mut *search,
        &Schedule::in_order(1),
        needs(&needed),
        nothing_to_see,
    );
    assert_eq!(search.best(), &needed);
    did
}

#[test]
fn of_a_guess_that_passes_one_request_after_the_other_is_removed_until_that_is_seen_to_be_too_slow()
{
    let right = after_a_guess(18);
    assert_eq!(right.trials, 19);
    assert!(proposed(&right).iter().all(|keep| keep.len() >= 17));
    let too_large = after_a_guess(6);
    assert!(too_large.trials <= 16, "{}", too_large.trials);
}
