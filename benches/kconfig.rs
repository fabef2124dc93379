//! The native Kconfig engine beside the tree's own `conf`, on Debian's kernel source.
#![allow(missing_docs)] // criterion's macros make undocumented functions

mod debian;

use std::collections::HashSet;

use criterion::{Criterion, criterion_group, criterion_main};
use kbisect::kconfig::engine::Mode;
use kbisect::kconfig::{EC2_START, parse_config};
use kbisect::model::ResolvedConfig;
use kbisect::supervise::{self, CancelToken, Log, Spec};
use rayon::prelude::*;

fn kconfig(c: &mut Criterion) {
    let cancel = CancelToken::new();
    let source = debian::source(&cancel);
    let work = tempfile::tempdir().expect("room for a folder");
    let conf = debian::conf(&source, work.path(), &cancel);
    let model = conf
        .parse_natively(&cancel)
        .expect("a tree that is understood");
    // Each single removal from 500 lines: what the EC2 set resolves to.
    let resolve = |text: &str| {
        let asked = model.assignments(text);
        model.resolve(Mode::AllNo, Some(&asked)).write()
    };
    let whole = resolve(EC2_START);
    let lines: Vec<&str> = whole
        .lines()
        .filter(|l| l.starts_with("CONFIG_"))
        .take(500)
        .collect();
    let removals: Vec<String> = (0..lines.len())
        .map(|i| [&lines[..i], &lines[i + 1..]].concat().join("\n"))
        .collect();

    let mut group = c.benchmark_group("kconfig");
    group.sample_size(10);
    group.bench_function("begin: the kept call, and parse", |b| {
        b.iter(|| {
            let conf = debian::conf(&source, work.path(), &cancel);
            conf.parse_natively(&cancel)
        });
    });
    group.bench_function("parse, the shell's answers known", |b| {
        b.iter(|| conf.parse_natively(&cancel));
    });
    group.bench_function("resolve the EC2 set natively", |b| {
        b.iter(|| resolve(EC2_START));
    });
    group.bench_function("resolve the EC2 set with conf", |b| {
        b.iter(|| conf.reference(Mode::AllNo, Some(EC2_START.as_bytes()), &cancel));
    });
    group.bench_function("resolve the EC2 set with make olddefconfig", |b| {
        let tree = work.path().join("make");
        std::fs::create_dir_all(&tree).expect("room for a folder");
        b.iter(|| {
            std::fs::write(tree.join(".config"), EC2_START).expect("room for a file");
            let mut output = std::ffi::OsString::from("O=");
            output.push(&tree);
            let make = Spec::new("make")
                .arg("-C")
                .arg(&source)
                .arg(output)
                .args(["ARCH=x86_64", "olddefconfig"])
                .log(Log::File(work.path().join("make.log")));
            assert!(supervise::run(&make, &cancel).is_ok_and(|ended| ended.success()));
        });
    });
    group.bench_function("resolve 500 single removals natively, all cores", |b| {
        let fingerprint = |text: &String| {
            let text = resolve(text);
            let config = parse_config(&text);
            ResolvedConfig::new(text, config).fingerprint
        };
        b.iter(|| removals.par_iter().map(fingerprint).collect::<HashSet<_>>());
    });
    group.finish();
}

criterion_group!(benches, kconfig);
criterion_main!(benches);
