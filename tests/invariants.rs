//! What holds whatever is changed inside, tried with whole runs on toys; the other invariants of
//! ARCHITECTURE.md have tests where they are kept.
#![allow(clippy::unwrap_used)]

mod toy;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use kbisect::journal::{Line, Record, RunDir};
use kbisect::lab::fragment_of;
use kbisect::model::{CandidateId, RequestSet};
use rayon::prelude::*;
use serde_json::Value;
use toy::{CALLS, Rule, Spec, TWELVE_NEEDED, Toy, set};

/// Some symbols with dependencies, a `select` and a choice of two ways.
fn tangled() -> Spec {
    let symbols = [
        ("A", ""),
        ("B", "depends on A"),
        ("C", "select D"),
        ("D", ""),
        ("E", "depends on D"),
        ("F", ""),
        ("G", "depends on F || B"),
        ("H", ""),
    ];
    let rule = Rule::All(vec![
        Rule::on("E"),
        Rule::Any(vec![Rule::on("G"), Rule::on("H")]),
    ]);
    Spec::new(&symbols, &rule)
}

fn twelve_with(twist: &str) -> Spec {
    Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(twist))
}

fn lines(run: &Path) -> Vec<Line> {
    RunDir::read(run).unwrap().1
}

#[test]
fn what_is_built_is_byte_for_byte_what_conf_makes_of_the_requests() {
    let toy = Toy::new(&tangled());
    let ended = toy.run(&[]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    let (info, lines) = RunDir::read(&toy.path("out")).unwrap();
    let proposed = lines.iter().filter_map(|line| match &line.record {
        Record::Proposed { candidate } => Some((candidate.id, candidate.keep.clone())),
        _ => None,
    });
    let proposed: BTreeMap<CandidateId, RequestSet> = proposed.collect();
    let mut compared = 0;
    for line in &lines {
        let Record::Began {
            trial, candidate, ..
        } = &line.record
        else {
            continue;
        };
        let keep = match candidate {
            Some(id) => proposed[id].clone(),
            None => RequestSet::full(info.requests.len()),
        };
        let asked = fragment_of(&info.requests, &keep).to_string();
        let built = RunDir::trial_dir(&toy.path("out"), *trial).join("config");
        let built = fs::read_to_string(built).unwrap();
        assert_eq!(built, toy.resolved_by_conf(&asked), "{trial}: {asked}");
        compared += 1;
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn each_end_of_a_run_has_its_exit_code() {
    let plain = Spec::twelve();
    let ends: [(i32, Spec, &[&str]); 8] = [
        (0, plain.clone(), &[]),
        (
            1,
            twelve_with(&format!("{CALLS}\n[ $calls != 5 ] || exit 126")),
            &["-j", "1"],
        ),
        (2, plain.clone(), &["--algorithm", "none"]),
        (3, twelve_with("verdict=1"), &[]),
        (
            3,
            plain.clone().recipe("@echo 'x.c:1:2: error: x'; exit 1"),
            &[],
        ),
        (4, plain.clone(), &["--budget-trials", "5"]),
        (4, twelve_with("on X7 || exit 125"), &[]),
        (
            6,
            twelve_with(&format!("{CALLS}\nverdict=$((calls % 2 == 0))")),
            &["-j", "1"],
        ),
    ];
    ends.par_iter().for_each(|(code, spec, args)| {
        let ended = Toy::new(spec).run(args);
        assert_eq!(ended.code, *code, "{args:?}: {}", ended.said());
    });
    let toy = Toy::new(&plain);
    assert_eq!(toy.run(&["--budget-trials", "5"]).code, 4);
    let held = RunDir::open(&toy.path("out")).unwrap();
    let ended = toy.resume();
    assert_eq!(ended.code, 5, "{}", ended.said());
    drop(held);
    assert_eq!(toy.resume().code, 0);
}

#[test]
fn a_run_that_a_person_interrupts_ends_with_130_and_goes_on() {
    let wait = "until [ -s \"$toy/state/pid\" ]; do :; done";
    let twist = format!(
        "{CALLS}\nif [ $calls = 6 ]; then {wait}; kill -INT \"$(cat \"$toy/state/pid\")\"; exec sleep 3000; fi"
    );
    let toy = Toy::new(&twelve_with(&twist));
    let ended = toy.with_pid(&["run", "-j", "1"]);
    assert_eq!(ended.code, 130, "{}", ended.said());
    let ended = toy.resume();
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED));
}

/// The fields of each event that FORMATS.md promises, by its name.
fn promised() -> BTreeMap<String, BTreeSet<String>> {
    let text = include_str!("snapshots/events.jsonl");
    let event = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let fields = event.as_object().unwrap().keys().cloned().collect();
        (event["event"].as_str().unwrap().to_owned(), fields)
    };
    text.lines().map(event).collect()
}

#[test]
fn each_line_of_a_run_for_programs_is_an_event_of_version_1_with_what_was_promised() {
    let promised = promised();
    let mut seen = BTreeSet::new();
    for (args, code) in [(&["-j", "2"][..], 0), (&["--oracle", "none"], 2)] {
        let toy = Toy::new(&tangled());
        let ended = toy.run(&[&["--message-format", "json"], args].concat());
        assert_eq!(ended.code, code, "{}", ended.said());
        for line in ended.stdout.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["v"], 1, "{line}");
            let name = event["event"].as_str().unwrap();
            let fields: BTreeSet<String> = event.as_object().unwrap().keys().cloned().collect();
            let wanted = match name {
                "result" => set(&["v", "event", "report"]),
                "error" => set(&["v", "event", "message", "hint", "exit"]),
                name => promised[name].clone(),
            };
            assert!(fields.is_superset(&wanted), "{line}");
            seen.insert(name.to_owned());
        }
    }
    let told = [
        "note",
        "phase-begun",
        "worker",
        "trial-ended",
        "new-best",
        "progress",
        "result",
        "error",
    ];
    assert!(seen.is_superset(&set(&told)), "{seen:?}");
}

/// Copies what is in a run directory.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

#[test]
fn a_run_that_was_killed_after_a_record_of_any_kind_goes_on_to_the_answer() {
    let toy = Toy::new(&Spec::twelve());
    // So that the trees and the files of the trials are there.
    let ended = toy.run(&["-j", "2", "--confidence", "none", "--budget-trials", "10"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    let journal = toy.read("out/journal.jsonl");
    let records: Vec<&str> = journal.split_inclusive('\n').collect();
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        let record: Value = serde_json::from_str(record).unwrap();
        last.insert(record["record"].as_str().unwrap().to_owned(), at);
    }
    let kinds = ["began", "start", "best", "proposed", "resolved", "told"];
    copy(&toy.path("out"), &toy.path("kept"));
    for kind in kinds {
        let at = last[kind];
        fs::remove_dir_all(toy.path("out")).unwrap();
        copy(&toy.path("kept"), &toy.path("out"));
        toy.write("out/journal.jsonl", &records[..=at].concat());
        let ended = toy.resume();
        assert_eq!(ended.code, 0, "after {kind}: {}", ended.said());
        assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "after {kind}");
    }
}

/// A title for the terminal, a colour, a bell, and a change of the direction of writing.
const HOSTILE: &str = r"\033]0;title\007\033[31mred\007\202\342\200\256txet";

fn is_hostile(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t')) || c == '\u{202e}'
}

/// Is there any such character in the strings of it?
fn has_hostile(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(is_hostile),
        Value::Array(values) => values.iter().any(has_hostile),
        Value::Object(fields) => {
            fields.keys().any(|key| key.contains(is_hostile)) || fields.values().any(has_hostile)
        }
        _ => false,
    }
}

#[test]
fn no_text_of_an_oracle_or_a_build_gets_to_a_terminal_or_a_program_as_it_is() {
    let say = format!("printf '{HOSTILE}\\n'");
    let evidence = format!("{say}; {say} >\"$KBISECT_EVIDENCE\"; exit \"$verdict\"");
    let recipe = format!(
        "@{say}; grep -q CONFIG_X3=y $(KCONFIG_CONFIG) || {{ {say}; printf 'x.c:1:2: error: {HOSTILE}\\n'; exit 1; }}\n{}",
        toy::COPY
    );
    let refusing = format!("{say}; {say} >\"$KBISECT_EVIDENCE\"; exit 1");
    let specs = [
        (0, twelve_with(&evidence).recipe(&recipe)),
        (3, twelve_with(&refusing).recipe(&recipe)),
    ];
    for (code, spec) in specs {
        let toy = Toy::new(&spec);
        let ended = toy.run(&["--color", "never"]);
        assert_eq!(ended.code, code, "{}", ended.said());
        let mut said = ended.said() + &toy.kbisect(&["report", "out"]).said();
        said += &toy.read("out/result.json");
        assert!(said.contains("red"), "{said}");
        assert!(!said.contains(is_hostile), "{said:?}");
        let journal = toy.read("out/journal.jsonl");
        let toy = Toy::new(&spec);
        let ended = toy.run(&["--message-format", "json"]);
        for line in journal.lines().chain(ended.stdout.lines()) {
            let value: Value = serde_json::from_str(line).unwrap();
            assert!(!has_hostile(&value), "{line}");
        }
    }
}

#[test]
fn a_deterministic_run_goes_the_same_way_with_any_number_of_workers() {
    let way = |jobs: &&str| {
        let toy = Toy::new(&tangled());
        let ended = toy.run(&["--deterministic", "-j", jobs]);
        assert_eq!(ended.code, 0, "{}", ended.said());
        let best = |line: Line| match line.record {
            Record::Best { keep, .. } => keep,
            _ => None,
        };
        let way: Vec<RequestSet> = lines(&toy.path("out"))
            .into_iter()
            .filter_map(best)
            .collect();
        (way, toy.answer())
    };
    let ways: Vec<_> = ["1", "4"].par_iter().map(way).collect();
    assert!(ways[0].0.len() > 2, "{ways:?}");
    assert_eq!(ways[0], ways[1]);
}
