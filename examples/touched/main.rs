//! Which objects each request of a run touches, and how long these take to compile, for
//! `benches/objects`: `cargo run --release --example touched -- RUN SOURCE`.
//!
//! RUN is the folder of a run that was stopped after its start (`--budget-trials 1`) and had an
//! empty object cache; SOURCE is its kernel source.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use kbisect::build::Kbuild;
use kbisect::cc::read_notes;
use kbisect::kconfig::{ConfResolver, Project, Resolver, known_symbols};
use kbisect::model::{Config, Fragment, Request};
use kbisect::supervise::CancelToken;

fn main() {
    let mut args = std::env::args().skip(1).map(PathBuf::from);
    let (Some(run), Some(source)) = (args.next(), args.next()) else {
        println!("usage: touched RUN SOURCE");
        return;
    };
    let info = fs::read_to_string(run.join("run.json")).unwrap();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    let requests: Vec<Request> = serde_json::from_value(info["requests"].clone()).unwrap();
    let trees = fs::read_dir(run.join("trees")).unwrap();
    let mut trees = trees.map(|entry| entry.unwrap().path());
    let tree = trees.find(|tree| tree.join("vmlinux").exists()).unwrap();

    let times: BTreeMap<String, u128> = read_notes(&run.join("trials/0001/build.objects"))
        .into_iter()
        .map(|note| (note.object, note.worth.as_millis()))
        .collect();
    let objects: Vec<&String> = times.keys().collect();
    let mentions: Vec<BTreeSet<String>> = objects.iter().map(|o| mentioned(&tree, o)).collect();

    let cancel = CancelToken::new();
    let folder = tempfile::tempdir().unwrap();
    let project = Project::linux("x86_64").unwrap();
    let conf = ConfResolver::build(&source, &project, folder.path(), &cancel).unwrap();
    let known = known_symbols(&source).unwrap();
    let base = project.base_fragment(&|symbol| known.contains(symbol));
    let conf = conf.over(base.unwrap(), &known);
    let resolve = |requests: Vec<Request>| -> Config {
        let resolved = conf.resolve(&Fragment::new(requests), &cancel);
        resolved.unwrap().config
    };
    let kbuild = Kbuild::new(&source, "x86_64");
    let start = resolve(requests.clone());
    let all = kbuild.objects(&start);
    let (mut touched, mut gone) = (Vec::new(), Vec::new());
    for without in &requests {
        let rest = requests.iter().filter(|request| *request != without);
        let config = resolve(rest.cloned().collect());
        let changed: BTreeSet<String> = start
            .diff(&config)
            .into_iter()
            .map(|(symbol, ..)| symbol.to_string())
            .collect();
        let listed = kbuild.objects(&config);
        let vanishes = |object: &str| all.contains(object) && !listed.contains(object);
        gone.push(hex(objects.iter().map(|object| vanishes(object))));
        let compiled = objects
            .iter()
            .zip(&mentions)
            .map(|(object, mentions)| !vanishes(object) && !mentions.is_disjoint(&changed));
        touched.push(hex(compiled));
    }
    let names: Vec<String> = requests.iter().map(ToString::to_string).collect();
    let shown = serde_json::json!({
        "v": 1,
        "command": "cargo run --release --example touched",
        "names": names,
        "ms": times.values().collect::<Vec<_>>(),
        "touched": touched,
        "gone": gone,
    });
    println!("{shown}");
}

/// The symbols that fixdep noted beside an object.
fn mentioned(tree: &Path, object: &str) -> BTreeSet<String> {
    let path = Path::new(object);
    let name = path.file_name().unwrap().to_str().unwrap();
    let notes = tree.join(path).with_file_name(format!(".{name}.cmd"));
    let text = fs::read_to_string(notes).unwrap_or_default();
    text.split("$(wildcard include/config/")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(symbol, _)| symbol.to_owned())
        .collect()
}

/// As a number in hexadecimal, the first of them its lowest bit.
fn hex(bits: impl Iterator<Item = bool>) -> String {
    let bits: Vec<bool> = bits.collect();
    let digit = |four: &[bool]| {
        let value = (0..).zip(four).map(|(at, bit)| u32::from(*bit) << at).sum();
        char::from_digit(value, 16).unwrap()
    };
    bits.chunks(4).rev().map(digit).collect()
}
