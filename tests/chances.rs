//! The chances that come with the shipped oracles are those of the recorded results in `examples`.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use kbisect::oracle::SHIPPED;
use kbisect::report::Report;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The recorded results of this oracle, each with its folder.
fn results(oracle: &str) -> BTreeMap<PathBuf, Report> {
    let mut found = BTreeMap::new();
    for folder in ["examples/ec2", "examples/distro"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path().join("result.json");
            let Ok(bytes) = fs::read(&path) else { continue };
            let report = Report::parse(&bytes, &path).unwrap();
            // What is needed for modules is not needed without them.
            let is_builtin = report.settings["modules"] != "keep";
            if is_builtin && report.settings["oracles"] == serde_json::json!([oracle]) {
                let folder = path.parent().unwrap().strip_prefix(root()).unwrap();
                found.insert(folder.to_owned(), report);
            }
        }
    }
    found
}

/// The symbols that the EC2 set asks for.
fn asked() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("examples/ec2/start.config")).unwrap();
    let symbols = text
        .lines()
        .filter_map(|line| line.strip_prefix("CONFIG_")?.split_once('='));
    symbols.map(|(symbol, _)| symbol.to_owned()).collect()
}

/// The chances that follow from the results.
fn chances(oracle: &str) -> String {
    let results = results(oracle);
    let origins: Vec<String> = results
        .keys()
        .map(|folder| folder.display().to_string())
        .collect();
    let mut text = format!(
        "# How likely {oracle} needs a symbol. Needed in a recorded result: 0.9. In the EC2 set, and never needed: 0.03.\n\
         # From {}.\n",
        origins.join(", ")
    );
    let kept = results.values().flat_map(|report| &report.kept);
    let kept: BTreeSet<String> = kept.map(|k| k.request.symbol.to_string()).collect();
    for symbol in &kept {
        writeln!(text, "{symbol} 0.9").unwrap();
    }
    for symbol in asked().difference(&kept) {
        writeln!(text, "{symbol} 0.03").unwrap();
    }
    text
}

#[test]
fn the_shipped_chances_are_those_of_the_recorded_results() {
    for shipped in SHIPPED {
        let path = root().join("oracles/chances").join(shipped.name);
        if results(shipped.name).is_empty() {
            // By hand, if there are any.
            let first = shipped.chances.lines().next().unwrap_or_default();
            assert!(first.contains("is no recorded result"), "{first}");
            continue;
        }
        let expected = chances(shipped.name);
        if std::env::var_os("SNAPSHOTS").is_some_and(|how| how == "overwrite") {
            fs::write(&path, &expected).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            expected,
            "{}",
            shipped.name
        );
    }
}

#[test]
fn the_shipped_symptoms_are_those_of_the_recorded_results() {
    let text = fs::read_to_string(root().join("oracles/symptoms")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let listed: BTreeMap<&str, BTreeSet<String>> = lines
        .map(|line| {
            let (text, symbols) = line.split_once(" | ").unwrap();
            let symbols = symbols.split(' ').map(str::to_owned);
            (text, symbols.collect())
        })
        .collect();
    let mut recorded: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for shipped in SHIPPED {
        for kept in results(shipped.name)
            .values()
            .flat_map(|report| &report.kept)
        {
            let evidence = serde_json::to_value(kept).unwrap()["evidence"].to_string();
            for text in listed.keys().filter(|text| evidence.contains(**text)) {
                let symbols = recorded.entry(text).or_default();
                symbols.insert(kept.request.symbol.to_string());
            }
        }
    }
    assert_eq!(listed, recorded);
}
