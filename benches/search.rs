//! What one decision of a search costs: a whole simulated run, divided by its trials.
#![allow(missing_docs)] // criterion's macros make undocumented functions

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use kbisect::model::{RequestId, RequestSet};
use kbisect::search::sim::{self, Rng, Schedule, clustered, needs, run};
use kbisect::search::{Algorithm, Options, Search};

/// Simulated: the oracle is a comparison of sets, so nearly all the time is the search's.
fn per_decision(c: &mut Criterion) {
    let mut group = c.benchmark_group("decision");
    group.sample_size(10);
    for (algorithm, n, k) in [
        (Algorithm::GroupTesting, 520, 30),
        (Algorithm::GroupTesting, 10_000, 100),
        (Algorithm::GroupTesting, 10_000, 1000),
        (Algorithm::Ddmin, 520, 30),
        (Algorithm::Ddmin, 10_000, 100),
        (Algorithm::OneByOne, 520, 30),
    ] {
        let needed = clustered(n, k, 4, &mut Rng(1));
        let fixed = RequestSet::of(n, [RequestId(0)]);
        let fresh =
            || -> Box<dyn Search> { algorithm.search(RequestSet::full(n), &fixed, Options::new()) };
        group.bench_function(
            BenchmarkId::new(algorithm.name(), format!("{k} of {n}")),
            |b| {
                b.iter_custom(|decisions| {
                    let (mut made, begun) = (0, Instant::now());
                    while made < decisions {
                        let schedule = Schedule::in_order(4);
                        let done = run(&mut *fresh(), &schedule, needs(&needed), |_, _| {});
                        made += u64::from(done.trials);
                    }
                    // Whole runs only, so more decisions than asked for: scale back.
                    begun.elapsed().mul_f64(decisions as f64 / made as f64)
                });
            },
        );
    }
    forest(&mut group);
    group.finish();
}

/// With dependencies: three of four requests depend on one before them.
fn forest(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (n, k) = (10_000, 100);
    let mut rng = Rng(1);
    let depends = sim::forest(n, &mut rng);
    let leaves = clustered(n, k, 4, &mut rng);
    let needed = depends.needs(&leaves, &RequestSet::full(n));
    let name = format!("{} of {n}, with dependencies", needed.len());
    group.bench_function(BenchmarkId::new("split", name), |b| {
        b.iter_custom(|decisions| {
            let (mut made, mut took) = (0, Duration::ZERO);
            while made < decisions {
                let options = Options::new().depends(depends.clone());
                let none = RequestSet::empty(n);
                let mut search =
                    Algorithm::GroupTesting.search(RequestSet::full(n), &none, options);
                let schedule = Schedule {
                    depends: depends.clone(),
                    ..Schedule::in_order(4)
                };
                let begun = Instant::now();
                made += u64::from(run(&mut *search, &schedule, needs(&needed), |_, _| {}).trials);
                took += begun.elapsed();
            }
            took.mul_f64(decisions as f64 / made as f64)
        });
    });
}

criterion_group!(benches, per_decision);
criterion_main!(benches);
