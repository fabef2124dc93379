//! Recorded runs say today what they said when they were recorded, and go on from where they stood.
//!
//! `SNAPSHOTS=overwrite cargo test --test recorded` writes anew what they say. How they were made is
//! in README.md beside them.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kbisect::journal::RunState;
use kbisect::lab::calls;
use kbisect::model::RunKey;
use kbisect::report::{self, Report, Status, gather};
use kbisect::search;
use rayon::prelude::*;
use snapbox::{Assert, Data};

mod end;
mod make;
mod state;
#[path = "../toy/mod.rs"]
mod toy;

use state::Recording;

/// Where the recordings are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")
}

fn recordings() -> Vec<Recording> {
    let entries = fs::read_dir(folder()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|p| p.join("run.json").is_file()).collect();
    paths.sort();
    assert!(paths.len() > 30, "the recordings are not where they were");
    paths.iter().map(|path| Recording::read(path)).collect()
}

/// Compares with a file of the recording.
fn assert_says(recording: &Recording, file: &str, said: &str) {
    let path = recording.path().join(file);
    let assert = Assert::new().action_env("SNAPSHOTS").normalize_paths(false);
    assert.eq(said, Data::read_from(&path, None).raw());
}

/// kbisect, in `dir`.
fn kbisect(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kbisect"));
    command.current_dir(dir).args(args).output().unwrap()
}

/// What a command printed, and how it ended if that is no success.
fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut said = text(&output.stdout) + &text(&output.stderr);
    if !output.status.success() {
        said += &format!("exit code {:?}\n", output.status.code());
    }
    said
}

#[test]
fn each_recording_is_reported_as_it_was() {
    recordings().par_iter().for_each(|recording| {
        let output = kbisect(&folder(), &["report", &recording.name]);
        assert_says(recording, "report.txt", &said(&output));
        let output = kbisect(
            &folder(),
            &["report", "--message-format", "json", &recording.name],
        );
        let report: Result<serde_json::Value, _> = serde_json::from_slice(&output.stdout);
        let text = match report {
            Ok(report) => serde_json::to_string_pretty(&report).unwrap() + "\n",
            Err(_) => said(&output),
        };
        assert_says(recording, "report.json", &text);
    });
}

#[test]
fn each_recording_goes_on_from_where_it_stood() {
    recordings().par_iter().for_each(|recording| {
        assert_says(recording, "state.txt", &recording.state());
    });
}

#[test]
fn a_result_that_was_kept_is_reported_without_its_run() {
    recordings().par_iter().for_each(|recording| {
        let file = recording.path().join(report::RESULT);
        let Ok(text) = fs::read(&file) else { return };
        let kept = tempfile::tempdir().unwrap();
        fs::write(kept.path().join(report::RESULT), &text).unwrap();
        let said = said(&kbisect(kept.path(), &["report", "."]));
        if Report::parse(&text, &file).unwrap().v == report::VERSION {
            let whole = fs::read_to_string(recording.path().join("report.txt")).unwrap();
            assert_eq!(said, whole, "{}", recording.name);
        } else {
            assert_says(recording, "result.txt", &said);
        }
    });
}

#[test]
fn the_key_and_the_settings_of_each_recording_are_read_without_a_loss() {
    for recording in recordings() {
        let written = |file: &str| -> Option<serde_json::Value> {
            let text = fs::read(recording.path().join(file)).ok()?;
            serde_json::from_slice(&text).unwrap()
        };
        let run = written("run.json").unwrap();
        assert_eq!(
            recording.info.key.to_json(),
            run["key"],
            "{}",
            recording.name
        );
        assert_eq!(recording.info.settings.as_json(), &run["settings"]);
        if let Some(result) = written(report::RESULT) {
            let key = RunKey::from_json(&result["key"]).unwrap();
            assert_eq!(key.to_json(), result["key"], "{}", recording.name);
        }
    }
}

#[test]
fn the_report_of_a_run_at_its_end_is_its_result() {
    let mut compared = 0;
    for recording in recordings() {
        let Ok(result) = fs::read_to_string(recording.path().join(report::RESULT)) else {
            continue;
        };
        let report = gather(&recording.info, &recording.lines).unwrap();
        // An older one had other fields.
        if result.contains(&format!("{{\n  \"v\": {},", report::VERSION)) {
            let text = serde_json::to_string_pretty(&report).unwrap() + "\n";
            assert_eq!(text, result, "{}", recording.name);
            compared += 1;
        }
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn a_run_at_its_end_is_only_shown_when_it_is_resumed() {
    let is_over = |recording: &Recording| {
        let is_whole = recording.path().join("minimal.config").exists();
        let report = gather(&recording.info, &recording.lines);
        is_whole
            && recording.is_of_this_version()
            && report.is_ok_and(|r| matches!(r.status, Status::Minimal | Status::Leaves))
    };
    let over: Vec<Recording> = recordings().into_iter().filter(is_over).collect();
    assert!(over.len() > 10, "{}", over.len());
    over.par_iter().for_each(|recording| {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(recording.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        let output = kbisect(copy.path(), &["resume", "."]);
        let report = gather(&recording.info, &recording.lines).unwrap();
        let code = if report.status == Status::Minimal {
            0
        } else {
            4
        };
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        let whole = fs::read_to_string(recording.path().join("report.txt")).unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.starts_with(&whole), "{}: {shown}", recording.name);
        let journal = |dir: &Path| fs::read(dir.join("journal.jsonl")).unwrap();
        assert_eq!(journal(copy.path()), journal(&recording.path()));
    });
}

#[test]
fn a_search_that_gets_the_same_calls_asks_for_the_same_candidates() {
    let mut seen = std::collections::BTreeSet::new();
    for recording in recordings() {
        if recording.is_of_this_version() {
            let mut search = recording.search(&recording.lines);
            let replayed = search::replay(calls(&recording.lines), search.as_mut());
            replayed.unwrap_or_else(|e| panic!("{}: {e}", recording.name));
            seen.insert(recording.info.algorithm);
        }
    }
    let all = search::Algorithm::ALL.iter().map(ToString::to_string);
    assert_eq!(seen, all.collect());
}

#[test]
fn the_certificate_on_record_is_that_of_the_replayed_search() {
    let mut compared = 0;
    for recording in recordings() {
        let Some(recorded) = RunState::of(&recording.lines).certified else {
            continue;
        };
        let mut search = recording.search(&recording.lines);
        search::replay(calls(&recording.lines), search.as_mut()).unwrap();
        let replayed = search.certificate().entries().iter().copied().collect();
        assert_eq!(recorded, replayed, "{}", recording.name);
        compared += 1;
    }
    assert!(compared >= 3, "{compared}");
}

#[test]
fn a_run_that_is_killed_at_any_record_goes_on_to_an_answer() {
    go_on_after_each_record("split");
}

#[test]
fn a_run_that_builds_its_answer_from_an_empty_tree_goes_on_to_it_after_any_record() {
    go_on_after_each_record("certified");
}

#[test]
fn a_run_that_grows_goes_on_to_an_answer_after_any_record() {
    go_on_after_each_record("grown");
}

fn go_on_after_each_record(name: &str) {
    let recording = Recording::read(&folder().join(name));
    let cuts = 0..=recording.lines.len();
    assert!(cuts.end() > &100, "{cuts:?}");
    cuts.into_par_iter().for_each(|end| {
        let lines = &recording.lines[..end];
        let mut search = recording.search(lines);
        let replayed = search::replay(calls(lines), search.as_mut());
        let replayed = replayed.unwrap_or_else(|e| panic!("after {end} records: {e}"));
        end::drive(&recording, search.as_mut(), replayed.in_flight);
        end::assert_certified(&recording, search.as_ref());
    });
}
