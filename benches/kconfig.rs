//! The native Kconfig engine beside the tree's own `conf`, on Debian's kernel source.
#![allow(missing_docs)] // criterion's macros make undocumented functions

mod debian;

use std::collections::HashSet;
use std::path::PathBuf;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use kbisect::kconfig::engine::{Graph, Mode, Model, Varying};
use kbisect::kconfig::{
    CheckedResolver, EC2_START, Project, analyse, dependents, parse_config, read_as, symbols,
};
use kbisect::model::ResolvedConfig;
use kbisect::setup::Setup;
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
    group.bench_function("who depends on whom", |b| {
        b.iter(|| Graph::of(&model));
    });
    let graph = Graph::of(&model);
    let varying = all_on(&model, &graph, &lines);
    group.bench_function(
        "500 single removals natively, only what changes, one core",
        |b| {
            b.iter_batched_ref(
                || varying.clone(),
                |varying| {
                    for place in 0..lines.len() {
                        varying.flip(&[place]).expect("a tree without circles");
                        varying.undo();
                    }
                },
                BatchSize::LargeInput,
            );
        },
    );
    group.finish();
}

/// A whole distribution's config, from its file to what goes with what.
fn start(c: &mut Criterion) {
    let cancel = CancelToken::new();
    let source = debian::source(&cancel);
    let work = tempfile::tempdir().expect("room for a folder");
    let mut group = c.benchmark_group("kconfig");
    group.sample_size(10);
    for (name, path) in configs(&cancel) {
        let bytes = std::fs::read(path).expect("a config");
        let conf = debian::conf(&source, work.path(), &cancel);
        let model = conf.parse_natively(&cancel);
        let model = model.expect("a tree that is understood");
        let known = symbols(&model);
        let project = Project::linux("x86_64").expect("a known architecture");
        let base = project.base_fragment(&|symbol| known.contains(symbol));
        let conf = conf.over(base.expect("the profile's own base"), &known);
        let parsed = read_as(&bytes, conf.dialect(), Some(&model));
        let resolver = CheckedResolver::new(conf, Some(model), work.path());
        let take_apart = || {
            let start = analyse(&parsed, &[], &known, resolver.conf(), &resolver, &cancel);
            let start = start.expect("it resolves");
            dependents(&start.requests, &start.selectors, &resolver, &cancel).expect("it resolves")
        };
        group.bench_function(format!("take the {name} config apart"), |b| {
            b.iter(take_apart);
        });
    }
    group.finish();
}

/// These lines, all of them on.
fn all_on<'m>(model: &'m Model, graph: &'m Graph, lines: &[&str]) -> Varying<'m> {
    let asked = model.assignments(lines.join("\n"));
    let on = asked.into_iter().map(|assignment| (assignment, true));
    Varying::new(model, graph, Mode::AllNo, on).expect("a tree without circles")
}

/// Debian's cloud config, and those that `KBISECT_CONFIGS` names, separated by colons.
fn configs(cancel: &CancelToken) -> Vec<(String, PathBuf)> {
    let mut note = |_: &str| {};
    let setup = Setup::new(&mut note, cancel).and_then(|mut setup| setup.cloud_kernel());
    let cloud = setup.expect("apt-get works here").config;
    let more = std::env::var_os("KBISECT_CONFIGS").unwrap_or_default();
    let more: Vec<PathBuf> = std::env::split_paths(&more).collect();
    let named = more.into_iter().map(|path| {
        let name = path.file_name().unwrap_or_default();
        (name.to_string_lossy().into_owned(), path)
    });
    std::iter::once(("cloud".to_owned(), cloud))
        .chain(named)
        .collect()
}

criterion_group!(benches, kconfig, start);
criterion_main!(benches);
