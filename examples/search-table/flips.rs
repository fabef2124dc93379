//! How often an answer is certified and wrong, by how the oracle errs.

use crate::case;
use kbisect::model::{Confidence, RequestSet, Verdict};
use kbisect::search::sim::{FAIL, Rng, Schedule, run};
use kbisect::search::{Algorithm, Options, Retesting, Search};

/// Runs of each kind.
const RUNS: u64 = 400;

/// How an oracle errs.
#[derive(Debug, Clone, Copy)]
enum Errs {
    BothWays,
    OnlyRefuses,
    OnlyAccepts,
    /// Only in its first 20 judgements.
    AtFirst,
}

/// 3 needed of 12, and 1 to 20 of 49; one, two and three workers in turns.
pub fn flips() {
    println!("    n  errs          rate  certified  wrong  given up   trials");
    for n in [12, 49] {
        for errs in [
            Errs::BothWays,
            Errs::OnlyRefuses,
            Errs::OnlyAccepts,
            Errs::AtFirst,
        ] {
            for percent in [1, 2, 5, 10, 15, 20, 30] {
                row(n, errs, percent);
            }
        }
    }
}

fn row(n: usize, errs: Errs, percent: u64) {
    let (mut wrong, mut certified, mut gave_up, mut trials) = (0, 0, 0, 0);
    for seed in 0..RUNS {
        let mut rng = Rng(seed * 7919 + percent);
        let k = if n == 12 { 3 } else { 1 + rng.below(20) };
        let needed = case::scattered(n, k, &mut rng);
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
            let flips = may_err && (rng.below(100) as u64) < percent;
            if flips == is_good {
                FAIL
            } else {
                Verdict::Pass
            }
        };
        let (full, none) = (RequestSet::full(n), RequestSet::empty(n));
        let (options, confidence) = (Options::default(), Confidence::default());
        let mut search = Retesting::new(Algorithm::GroupTesting, &full, &none, options, confidence);
        let schedule = Schedule::in_order(1 + (seed % 3) as usize);
        trials += run(&mut search, &schedule, judge, |_, _| ()).trials;
        let is_hopeless = search.reliability().is_hopeless();
        let is_certified = search.certificate().is_whole() && !is_hopeless;
        certified += u32::from(is_certified);
        gave_up += u32::from(is_hopeless);
        wrong += u32::from(is_certified && search.best() != &needed);
    }
    let errs = format!("{errs:?}");
    println!(
        "  {n:3}  {errs:12} {percent:3} %  {certified:9} {wrong:6} {gave_up:9} {:8.1}",
        f64::from(trials) / RUNS as f64
    );
}
