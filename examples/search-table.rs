//! What each algorithm needs, on simulated oracles: `cargo run --release --example search-table`.
#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::f64::consts::LN_2;
use std::time::Instant;

use kbisect::model::RequestSet;
use kbisect::search::sim::{Rng, Schedule, clustered, needs, run, scattered};
use kbisect::search::{ALGORITHMS, Move, Options, Search, by_name};

/// Of how many runs the figures are means.
const RUNS: u64 = 20;

/// log2 of the number of sets of `k` of `n`: what no search can do without on average.
fn bound(n: usize, k: usize) -> f64 {
    let ways = (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln());
    ways.sum::<f64>() / LN_2
}

fn main() {
    let only: Vec<String> = std::env::args().skip(1).collect();
    println!(
        "    n    k  layout     workers  algorithm    search  certificate    time  bound  ratio  us a decision"
    );
    for (n, k) in [
        (60, 11),
        (520, 5),
        (520, 30),
        (520, 60),
        (520, 120),
        (3000, 60),
        (10_000, 100),
    ] {
        for (layout, run_length) in [("scattered", 1), ("clustered", 5)] {
            for workers in [1, 4, 8] {
                for name in ALGORITHMS
                    .iter()
                    .filter(|name| n < 100 || **name != "one-by-one")
                    .filter(|name| only.is_empty() || only.iter().any(|o| o == *name))
                {
                    row(n, k, (layout, run_length), workers, name);
                }
            }
        }
    }
}

/// How long a run takes if each trial takes 1: one begins when it is proposed.
fn makespan(moves: &[Move]) -> f64 {
    let (mut now, mut begun) = (0.0, HashMap::new());
    for step in moves {
        match step {
            Move::Proposed(candidate) => {
                begun.insert(candidate.id, now);
            }
            Move::Told(id, _) => {
                let end = begun.get(id).map_or(now, |begun| begun + 1.0);
                now = f64::max(now, end);
            }
            Move::Withdrawn(_) => {}
        }
    }
    now
}

fn row(n: usize, k: usize, (layout, run_length): (&str, usize), workers: usize, name: &str) {
    let (mut search_trials, mut certificate, mut rounds) = (0_u32, 0_u32, 0.0);
    let begun = Instant::now();
    for seed in 0..RUNS {
        let mut rng = Rng(seed);
        let needed = match run_length {
            1 => scattered(n, k, &mut rng),
            length => clustered(n, k, length, &mut rng),
        };
        let full = RequestSet::full(n);
        let mut search: Box<dyn Search> =
            by_name(name, full, &RequestSet::empty(n), Options::default()).expect("a known name");
        let did = run(
            &mut *search,
            &Schedule::in_order(workers),
            needs(&needed),
            |_, _| {},
        );
        assert_eq!(search.best(), &needed);
        search_trials += did.reducing;
        certificate += did.trials - did.reducing;
        rounds += makespan(&did.moves);
    }
    let mean = |sum: u32| f64::from(sum) / RUNS as f64;
    let bound = bound(n, k);
    println!(
        "{n:5} {k:4}  {layout:10} {workers:6}  {name:11} {:7.1} {:12.1} {:7.1} {bound:6.0} {:6.2} {:8.0}",
        mean(search_trials),
        mean(certificate),
        rounds / RUNS as f64,
        mean(search_trials) / bound,
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(search_trials + certificate),
    );
}
