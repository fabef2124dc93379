//! `kbisect compare` on the results of the examples, and on what cannot be compared.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use snapbox::{assert_data_eq, file, str};

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

fn compare(args: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kbisect"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let done = command.arg("compare").args(args).output().unwrap();
    Ended {
        code: done.status.code(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

const EC2: [&str; 4] = [
    "examples/ec2/shell-ok",
    "examples/ec2/dmesg-clean",
    "examples/ec2/net-ok",
    "examples/ec2/ssh-ok",
];

#[test]
fn the_oracles_of_the_examples_are_compared_in_each_form() {
    for (format, snapshot) in [
        ("text", file!["snapshots/compare.txt"]),
        ("json", file!["snapshots/compare.json"]),
        ("markdown", file!["snapshots/compare.md"]),
        ("csv", file!["snapshots/compare.csv"]),
        ("svg", file!["snapshots/compare.svg"]),
    ] {
        let ended = compare(&[&EC2[..], &["--format", format]].concat());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        // As text: the layout is what is asserted.
        assert_data_eq!(ended.out, snapshot.raw());
    }
}

#[test]
fn a_ladder_stands_for_its_steps() {
    let ended = compare(&["examples/ladder"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert_data_eq!(ended.out, file!["snapshots/compare-ladder.txt"]);
}

#[test]
fn for_programs_there_is_one_line_of_json() {
    let ended = compare(&[EC2[0], EC2[3], "--message-format", "json"]);
    assert_eq!(ended.out.lines().count(), 1);
    let said: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(said["v"], 1);
    assert_eq!(said["summary"]["all"], 6);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let refused = |args: &[&str]| {
        let ended = compare(args);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
        ended.err
    };
    assert_data_eq!(
        refused(&[EC2[0]]),
        str![[r#"
error: a comparison takes at least two runs
hint: give two or more folders: `kbisect compare DIR DIR`

"#]]
    );
    assert_data_eq!(
        refused(&[EC2[0], "examples/../examples/ec2/shell-ok"]),
        str![[r#"
error: examples/../examples/ec2/shell-ok is given twice
hint: give each run once; a ladder has its steps in it

"#]]
    );
    assert_data_eq!(
        refused(&[EC2[0], "examples/ec2"]),
        str![[r#"
error: there is no run in examples/ec2
hint: give its folder, which --output named when the run began: `kbisect compare DIR`; `kbisect run` begins a run

"#]]
    );
    assert_data_eq!(
        refused(&[EC2[0], "examples/busybox"]),
        str![[r#"
error: the runs are of different projects: linux in examples/ec2/shell-ok, busybox in examples/busybox
hint: their symbols do not mean the same; compare runs of one project and architecture

"#]]
    );
}

#[test]
fn a_run_in_which_nothing_passed_is_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let recorded = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let run = recorded
        .filter(|path| path.join("run.json").is_file())
        .min()
        .unwrap();
    let place = tempfile::tempdir().unwrap();
    fs::copy(run.join("run.json"), place.path().join("run.json")).unwrap();
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let first = journal.lines().next().unwrap();
    fs::write(place.path().join("journal.jsonl"), format!("{first}\n")).unwrap();
    let ended = compare(&[EC2[0], place.path().to_str().unwrap()]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    assert!(
        ended
            .err
            .contains("cannot be compared: the start has not passed yet"),
        "{}",
        ended.err
    );
}
