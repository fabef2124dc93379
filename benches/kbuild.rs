//! Which objects Kbuild lists, on Debian's kernel source: for one configuration after another.
#![allow(missing_docs)] // criterion's macros make undocumented functions

mod debian;

use std::cell::Cell;

use criterion::{Criterion, criterion_group, criterion_main};
use kbisect::build::Kbuild;
use kbisect::kconfig::engine::Mode;
use kbisect::kconfig::{EC2_START, parse_config};
use kbisect::model::Config;
use kbisect::supervise::CancelToken;

fn kbuild(c: &mut Criterion) {
    let cancel = CancelToken::new();
    let source = debian::source(&cancel);
    let work = tempfile::tempdir().expect("room for a folder");
    let model = debian::conf(&source, work.path(), &cancel)
        .parse_natively(&cancel)
        .expect("a tree that is understood");
    // The EC2 set without each of its lines.
    let lines: Vec<&str> = EC2_START
        .lines()
        .filter(|line| line.starts_with("CONFIG_"))
        .collect();
    let resolve = |fragment: &str| {
        let fragment = format!("CONFIG_EXPERT=y\n{fragment}");
        let asked = model.assignments(fragment);
        parse_config(&model.resolve(Mode::AllNo, Some(&asked)).write())
    };
    let removals: Vec<Config> = (0..lines.len())
        .map(|i| resolve(&[&lines[..i], &lines[i + 1..]].concat().join("\n")))
        .collect();

    let mut group = c.benchmark_group("kbuild");
    group.sample_size(10);
    group.bench_function("the makefiles unread", |b| {
        b.iter(|| Kbuild::new(&source, "x86_64").objects(&removals[0]));
    });
    let known = Kbuild::new(&source, "x86_64");
    let next = Cell::new(0);
    group.bench_function("without one line after another", |b| {
        b.iter(|| {
            next.set((next.get() + 1) % removals.len());
            known.objects(&removals[next.get()])
        });
    });
}

criterion_group!(benches, kbuild);
criterion_main!(benches);
