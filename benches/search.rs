//! What one decision of a search costs: a whole simulated run, divided by its trials.
#![allow(missing_docs)] // criterion's macros make undocumented functions

#[path = "depends/mod.rs"]
mod depends;

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use kbisect::model::{Confidence, Origin, RequestId, RequestSet};
use kbisect::search::sim::{self, Rng, Schedule, clustered, needs, run};
use kbisect::search::{Algorithm, Depends, Options, Rebuilding, Retesting, Search};

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
    debian(&mut group);
    group.finish();
}

/// With dependencies: three of four requests depend on one before them.
fn forest(group: &mut BenchmarkGroup<'_, WallTime>) {
    let n = 10_000;
    let mut rng = Rng(1);
    let depends = sim::forest(n, &mut rng);
    let leaves = clustered(n, 100, 4, &mut rng);
    let options = Options::new().depends(depends);
    with_dependencies(group, "split", &options, &leaves, |options| {
        let none = RequestSet::empty(n);
        Algorithm::GroupTesting.search(RequestSet::full(n), &none, options)
    });
}

/// The search of a run that does not build its start first, over the requests of Debian's configurations.
fn debian(group: &mut BenchmarkGroup<'_, WallTime>) {
    for known in depends::debian() {
        let n = known.selectors.len();
        let leaves = clustered(n, 10, 4, &mut Rng(1));
        let options = Options::new()
            .depends(known.depends)
            .selectors(known.selectors);
        let name = format!("growing, Debian's {} configuration", known.name);
        with_dependencies(group, &name, &options, &leaves, |options| {
            let (full, none) = (RequestSet::full(n), RequestSet::empty(n));
            let (split, sure) = (Algorithm::GroupTesting, Confidence::default());
            let inner = Retesting::growing(split, &full, &none, options, sure);
            Box::new(Rebuilding::new(
                Box::new(inner),
                Some(sure),
                Origin::Earlier,
            ))
        });
    }
}

/// `leaves` and what they depend on are needed.
fn with_dependencies(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    options: &Options,
    leaves: &RequestSet,
    search: impl Fn(Options) -> Box<dyn Search>,
) {
    let depends: &Depends = &options.depends;
    let n = leaves.capacity();
    let needed = depends.needs(leaves, &RequestSet::full(n));
    let of = format!("{} of {n}, with dependencies", needed.len());
    group.bench_function(BenchmarkId::new(name, of), |b| {
        b.iter_custom(|decisions| {
            let (mut made, mut took) = (0, Duration::ZERO);
            while made < decisions {
                let mut search = search(options.clone());
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
