//! The native Kconfig engine beside the tree's own `conf`, on Debian's kernel source.
#![allow(missing_docs)] // criterion's macros make undocumented functions

use criterion::{Criterion, criterion_group, criterion_main};
use kbisect::kconfig::native::Mode;
use kbisect::kconfig::{ConfResolver, EC2_START, Project};
use kbisect::setup::{Setup, cache_dir};
use kbisect::supervise::CancelToken;
use rayon::prelude::*;

fn kconfig(c: &mut Criterion) {
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    let source = Setup::new(&mut note, &cancel)
        .and_then(|mut setup| setup.kernel_source())
        .expect("`kbisect setup` was run");
    let work = tempfile::tempdir().expect("room for a folder");
    let project = Project::linux("x86_64").expect("a known architecture");
    let cache = cache_dir().expect("a home").join("kconfig");
    let conf = ConfResolver::kept(&source, &project, &cache, work.path(), &cancel)
        .expect("make works here");
    let model = conf
        .parse_natively(&cancel)
        .expect("a tree that is understood");
    // Each single removal from the EC2 set.
    let lines: Vec<&str> = EC2_START
        .lines()
        .filter(|l| l.starts_with("CONFIG_"))
        .collect();
    let removals: Vec<String> = (0..lines.len())
        .map(|i| [&lines[..i], &lines[i + 1..]].concat().join("\n"))
        .collect();

    let mut group = c.benchmark_group("kconfig");
    group.sample_size(10);
    group.bench_function("parse, the shell's answers known", |b| {
        b.iter(|| conf.parse_natively(&cancel));
    });
    group.bench_function("resolve the EC2 set natively", |b| {
        b.iter(|| model.resolve(Mode::AllNo, Some(EC2_START)).write());
    });
    group.bench_function("resolve the EC2 set with conf", |b| {
        b.iter(|| conf.reference(Mode::AllNo, Some(EC2_START), &cancel));
    });
    group.bench_function("resolve 60 single removals natively, all cores", |b| {
        let resolve = |text: &String| model.resolve(Mode::AllNo, Some(text)).write().len();
        b.iter(|| removals.par_iter().map(resolve).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, kconfig);
criterion_main!(benches);
