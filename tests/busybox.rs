//! The main job from end to end on BusyBox: real Kconfig, real builds, and an oracle that runs
//! what was built. On the way the run is interrupted, killed and resumed.
#![allow(clippy::unwrap_used)]

mod turns;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Far more than anything here takes; only so that a hang ends.
const PATIENCE: Duration = Duration::from_secs(900);

/// What the oracle's pipe needs and some more: a part of BusyBox's default configuration, so
/// that a trial takes seconds.
const START: [&str; 26] = [
    "ASH",
    "ASH_ALIAS",
    "ASH_CMDCMD",
    "ASH_ECHO",
    "ASH_GETOPTS",
    "ASH_HELP",
    "ASH_MAIL",
    "ASH_PRINTF",
    "ASH_TEST",
    "BASENAME",
    "CAT",
    "CUT",
    "DATE",
    "DIRNAME",
    "ECHO",
    "FALSE",
    "FEATURE_CATN",
    "FEATURE_SORT_BIG",
    "HEAD",
    "LONG_OPTS",
    "SEQ",
    "SHOW_USAGE",
    "SORT",
    "TAIL",
    "TRUE",
    "UNIQ",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn kbisect(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kbisect"));
    command.current_dir(root()).args(args).stdin(Stdio::null());
    command
}

fn code(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

/// How many verdicts are in the journal.
fn verdicts(dir: &Path) -> usize {
    let text = fs::read_to_string(dir.join("journal.jsonl")).unwrap_or_default();
    text.lines()
        .filter(|l| l.contains("\"record\":\"told\""))
        .count()
}

/// Waits until there are so many verdicts. Polling a file is all that an outsider can do.
fn wait_for_verdicts(dir: &Path, count: usize, child: &mut Child) {
    let begun = Instant::now();
    while verdicts(dir) < count {
        assert!(begun.elapsed() < PATIENCE, "the run does not get on");
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the run ended too early: {status}");
        }
        std::thread::yield_now();
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

/// Processes whose command line names `dir`: what a run has left behind.
fn left_behind(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    let lines = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse::<u32>().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            (pid != std::process::id() && line.contains(dir)).then_some(line)
        });
    lines.collect()
}

#[test]
fn a_run_that_is_interrupted_and_killed_still_comes_to_a_certified_answer() {
    let _turn = turns::take();
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    let out_text = out.to_str().unwrap();
    let start_file = temp.path().join("start.config");
    let lines: String = START
        .iter()
        .map(|name| format!("CONFIG_{name}=y\n"))
        .collect();
    fs::write(&start_file, lines).unwrap();
    let start = start_file.to_str().unwrap();
    let run = [
        "run",
        "--setup",
        "--project",
        "busybox",
        "--oracle",
        "examples/busybox/oracle",
        "--start",
        start,
        "--output",
        out_text,
        "-j",
        "2",
    ];

    // Ctrl-C: an orderly stop, which says how to go on.
    let mut child = kbisect(&run)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_verdicts(&out, 2, &mut child);
    let (second, said) = code(&mut kbisect(&run));
    assert_eq!(
        second, 5,
        "a second run on the same directory is refused: {said}"
    );
    send(&child, Signal::SIGINT);
    let stopped = child.wait_with_output().unwrap();
    assert_eq!(stopped.status.code(), Some(130));
    let said = String::from_utf8_lossy(&stopped.stderr);
    assert!(
        said.contains(&format!("kbisect resume {out_text}")),
        "{said}"
    );
    assert_eq!(left_behind(&out), Vec::<String>::new());

    // kill -9, twice, at moments that depend on how fast the machine is.
    for more in [2, 3] {
        let known = verdicts(&out);
        let mut child = kbisect(&["resume", out_text])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_verdicts(&out, known + more, &mut child);
        send(&child, Signal::SIGKILL);
        child.wait().unwrap();
        let begun = Instant::now();
        while !left_behind(&out).is_empty() {
            assert!(
                begun.elapsed() < PATIENCE,
                "left behind: {:?}",
                left_behind(&out)
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(out.join("best.config").is_file());
    }

    let (status, said) = code(&mut kbisect(&["resume", out_text]));
    assert_eq!(status, 0, "{said}");
    let result: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("result.json")).unwrap()).unwrap();
    assert_eq!(result["status"], "minimal");
    let kept: BTreeSet<&str> = result["kept"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| k["symbol"].as_str().unwrap())
        .collect();
    for needed in ["CAT", "SORT", "UNIQ"] {
        assert!(kept.contains(needed), "{kept:?}");
    }
    assert!(kept.len() < 10, "{kept:?}");
    for entry in result["kept"].as_array().unwrap() {
        assert_eq!(entry["why"], "needed", "each has its trial: {entry}");
    }
    // Nothing was asked twice, but what is doubted: no two verdicts of trials of their own are about
    // one config.
    let journal = fs::read_to_string(out.join("journal.jsonl")).unwrap();
    let (mut judged, mut doubted) = (BTreeSet::new(), BTreeSet::new());
    for line in journal.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let judgement = &line["judgement"];
        if line["candidate"]["round"].as_u64().is_some() {
            doubted.insert(line["candidate"]["id"].to_string());
        }
        let is_doubted = doubted.contains(&line["candidate"].to_string());
        if line["record"] == "told" && !is_doubted && judgement["source"] == "tested" {
            let fingerprint = judgement["fingerprint"].as_str().unwrap().to_owned();
            assert!(judged.insert(fingerprint), "asked twice: {line}");
        }
    }

    // What a stranger makes of it, from nothing.
    let (status, said) = code(&mut kbisect(&["verify", out_text]));
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("verified:"), "{said}");
    // The object cache leaves notes; what is verified is compiled.
    let notes = |trials: &Path| {
        let trials = fs::read_dir(trials).unwrap();
        let mut notes = trials.map(|trial| trial.unwrap().path().join("build.objects"));
        notes.any(|notes| notes.exists())
    };
    assert!(notes(&out.join("trials")));
    assert!(!notes(&out.join("verify/trials")));
}
