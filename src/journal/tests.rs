//! The run directory as others use it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::ErrorKind;
use crate::model::{
    Candidate, CandidateId, Fingerprint, Judgement, Origin, Prior, Request, RequestId, RequestSet,
    RunKey, Source, Stage, Timings, TrialId, Verdict, WorkerId,
};

mod samples;

use samples::samples;

fn info() -> RunInfo {
    let request = |symbol: &str, value: &str| Request {
        symbol: symbol.parse().unwrap(),
        value: value.parse().unwrap(),
    };
    RunInfo {
        kbisect: "0.1.0".into(),
        at: 1_700_000_000,
        argv: vec!["kbisect".into(), "run".into()],
        key: RunKey::from_json(&serde_json::json!({"source": "abc", "oracles": ["boot"]})).unwrap(),
        settings: serde_json::json!({"jobs": 2}).into(),
        algorithm: "ddmin".into(),
        requests: vec![request("NET", "y"), request("LOG_BUF_SHIFT", "12")],
        keep: RequestSet::of(2, [RequestId(1)]),
        symptoms: vec![],
        start_lines: None,
        carried: vec![],
        selectors: vec![RequestSet::empty(2), RequestSet::of(2, [RequestId(0)])],
        prior: crate::model::Prior::default(),
        analysis: None,
        verifies: None,
    }
}

/// The same with as many requests as the records of the samples are about.
fn info_of_samples() -> RunInfo {
    let mut info = info();
    info.requests.resize(10, info.requests[0].clone());
    info.keep = RequestSet::of(10, [RequestId(1)]);
    info.selectors.clear();
    info
}

fn judgement(trial: u32, config: u8, verdict: Verdict) -> Judgement {
    Judgement {
        trial: TrialId(trial),
        fingerprint: Fingerprint([config; 32]),
        verdict,
        source: Source::Tested,
        evidence: Some("Kernel panic\u{2014}not \"syncing\"".into()),
        image: Some("aa".into()),
        image_size: Some(3),
        lines: 400,
        timings: Timings {
            build_wall: Duration::from_millis(1500),
            objects: 7,
            ..Timings::default()
        },
        origin: Origin::Earlier,
    }
}

fn filled(dir: &Path) -> Vec<Record> {
    let (_dir, mut journal) = RunDir::create(dir, &info_of_samples()).unwrap();
    let records: Vec<Record> = samples().into_iter().map(|(record, _)| record).collect();
    for record in &records {
        journal.append(record).unwrap();
    }
    records
}

fn records(lines: &[Line]) -> Vec<Record> {
    lines.iter().map(|line| line.record.clone()).collect()
}

#[test]
fn a_run_that_was_given_a_seed_is_read() {
    // Before 0.1 had it taken out: nothing depended on it.
    let text = serde_json::to_string(&info()).unwrap();
    let older = text.replacen('{', "{\"seed\":7,", 1);
    let read: RunInfo = serde_json::from_str(&older).unwrap();
    assert_eq!(read.algorithm, info().algorithm);
}

#[test]
fn the_form_of_every_record_on_disk_is_as_it_was() {
    for (record, text) in samples() {
        let elapsed = Duration::from_millis(1500);
        let line = |v: u32| format!("{{\"v\":{v},\"ms\":1500,{text}}}\n");
        assert_eq!(Line::to_text(elapsed, &record).unwrap(), line(8));
        // What an older kbisect wrote is read.
        for v in [1, 2, 3, 4, 5, 6, 7, 8] {
            let parsed = Line::parse(line(v).as_bytes()).unwrap();
            assert_eq!(
                parsed,
                Line {
                    elapsed,
                    record: record.clone()
                }
            );
        }
    }
}

#[test]
fn the_form_of_run_json_is_as_it_was() {
    let temp = tempfile::tempdir().unwrap();
    RunDir::create(temp.path(), &info()).unwrap();
    let text = fs::read_to_string(temp.path().join("run.json")).unwrap();
    let expected = r#"{
  "v": 8,
  "kbisect": "0.1.0",
  "at": 1700000000,
  "argv": [
    "kbisect",
    "run"
  ],
  "key": {
    "oracles": [
      "boot"
    ],
    "source": "abc"
  },
  "settings": {
    "jobs": 2
  },
  "algorithm": "ddmin",
  "requests": [
    {
      "symbol": "NET",
      "value": "y"
    },
    {
      "symbol": "LOG_BUF_SHIFT",
      "value": "12"
    }
  ],
  "fixed": "2:02",
  "selectors": [
    "2:00",
    "2:01"
  ]
}
"#;
    assert_eq!(text, expected);
}

#[test]
fn what_was_written_is_read_back_and_can_be_added_to() {
    let temp = tempfile::tempdir().unwrap();
    let mut written = filled(temp.path());
    for _ in 0..2 {
        let mut opened = RunDir::open(temp.path()).unwrap();
        assert_eq!(opened.info, info_of_samples());
        assert_eq!(records(&opened.lines), written);
        assert!(opened.warnings.is_empty());
        assert!(opened.journal.elapsed() >= opened.lines.last().unwrap().elapsed);
        written.push(Record::Resumed { at: 77 });
        opened.journal.append(&Record::Resumed { at: 77 }).unwrap();
    }
    assert_eq!(records(&RunDir::read(temp.path()).unwrap().1), written);
}

#[test]
fn a_torn_last_line_is_tolerated_wherever_it_is_torn() {
    let temp = tempfile::tempdir().unwrap();
    let written = filled(temp.path());
    let path = temp.path().join("journal.jsonl");
    let bytes = fs::read(&path).unwrap();
    for cut in 0..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let whole = bytes[..cut].iter().filter(|b| **b == b'\n').count();
        let is_torn = cut > 0 && bytes[cut - 1] != b'\n';
        assert_eq!(
            records(&RunDir::read(temp.path()).unwrap().1),
            written[..whole]
        );
        assert_eq!(fs::read(&path).unwrap(), bytes[..cut], "reading changed it");
        let mut opened = RunDir::open(temp.path()).unwrap();
        assert_eq!(records(&opened.lines), written[..whole], "cut at {cut}");
        assert_eq!(opened.warnings.len(), usize::from(is_torn), "cut at {cut}");
        // What comes next must not stick to the torn end.
        opened.journal.append(&Record::Resumed { at: 1 }).unwrap();
        drop(opened);
        let (_, lines) = RunDir::read(temp.path()).unwrap();
        assert_eq!(records(&lines)[..whole], written[..whole]);
        assert_eq!(records(&lines)[whole..], [Record::Resumed { at: 1 }]);
    }
}

#[test]
fn zeros_in_the_place_of_the_last_record_are_tolerated() {
    let temp = tempfile::tempdir().unwrap();
    let written = filled(temp.path());
    let path = temp.path().join("journal.jsonl");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend([0; 64]);
    bytes.push(b'\n');
    fs::write(&path, &bytes).unwrap();
    let opened = RunDir::open(temp.path()).unwrap();
    assert_eq!(records(&opened.lines), written);
    assert!(
        opened.warnings[0].contains("65 bytes"),
        "{:?}",
        opened.warnings
    );
}

#[test]
fn a_damaged_line_in_the_middle_is_named() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    let path = temp.path().join("journal.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let broken = text.replacen(r#""record":"resumed""#, r#""record":"resu"#, 1);
    fs::write(&path, &broken).unwrap();
    let error = RunDir::open(temp.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("line 2 of {} is damaged", path.display())
    );
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        broken,
        "nothing was cut away"
    );
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let newer = "was written by a newer kbisect";
    for (file, old, new) in [
        ("journal.jsonl", r#"{"v":8,"#, r#"{"v":9,"soul":[],"#),
        ("run.json", r#""v": 8"#, r#""v": 9"#),
    ] {
        let temp = tempfile::tempdir().unwrap();
        filled(temp.path());
        let path = temp.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        // The last one, where a line that makes no sense would be taken for torn.
        let at = text.rfind(old).unwrap();
        let text = format!("{}{new}{}", &text[..at], &text[at + old.len()..]);
        fs::write(&path, &text).unwrap();
        for error in [
            RunDir::open(temp.path()).unwrap_err(),
            RunDir::read(temp.path()).unwrap_err(),
        ] {
            assert!(error.to_string().ends_with(newer), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_kernel_that_stands_for_the_start_is_recorded_in_a_version_that_older_ones_refuse() {
    // One that knows version 7 takes the last line for torn if it makes no sense, and cuts it off.
    let newest_without = 7;
    let temp = tempfile::tempdir().unwrap();
    let (_dir, mut journal) = RunDir::create(temp.path(), &info()).unwrap();
    let stands = Record::StandIn {
        by: None,
        judgement: judgement(1, 7, Verdict::Pass),
        files: BTreeMap::new(),
    };
    journal.append(&stands).unwrap();
    let text = fs::read(temp.path().join("journal.jsonl")).unwrap();
    let last = text.split_inclusive(|byte| *byte == b'\n').next_back();
    let version = crate::model::version_of(last.unwrap());
    assert!(version.is_some_and(|version| version > newest_without));
}

#[test]
fn whether_a_run_is_under_way_can_be_seen() {
    let temp = tempfile::tempdir().unwrap();
    assert!(!RunDir::is_held(temp.path()));
    let (held, _journal) = RunDir::create(temp.path(), &info()).unwrap();
    assert!(RunDir::is_held(temp.path()));
    drop(held);
    assert!(!RunDir::is_held(temp.path()));
}

#[test]
fn a_second_run_is_refused_and_told_who_holds_the_directory() {
    let temp = tempfile::tempdir().unwrap();
    let (held, _journal) = RunDir::create(temp.path(), &info()).unwrap();
    let me = format!("process {} on ", std::process::id());
    for error in [
        RunDir::create(temp.path(), &info()).unwrap_err(),
        RunDir::open(temp.path()).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().contains(&me), "{error}");
    }
    RunDir::read(temp.path()).unwrap();
    drop(held);
    RunDir::open(temp.path()).unwrap();
}

#[test]
fn a_lock_file_without_a_lock_means_nothing() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    assert!(temp.path().join("lock").exists());
    fs::write(temp.path().join("lock"), "{\"pid\":1,").unwrap();
    RunDir::open(temp.path()).unwrap();
    let owner = fs::read_to_string(temp.path().join("lock")).unwrap();
    let owner: Owner = serde_json::from_str(&owner).unwrap();
    assert_eq!(owner.pid, std::process::id());
}

#[test]
fn only_an_unused_directory_becomes_a_run_directory() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    let error = RunDir::create(temp.path(), &info()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.hint_text().unwrap().contains("kbisect resume"));
    // Died between run.json and the journal: nothing is lost by beginning again.
    fs::remove_file(temp.path().join("journal.jsonl")).unwrap();
    assert!(RunDir::open(temp.path()).unwrap().lines.is_empty());
    fs::remove_file(temp.path().join("journal.jsonl")).unwrap();
    RunDir::create(temp.path(), &info()).unwrap();

    let full = tempfile::tempdir().unwrap();
    fs::write(full.path().join("thesis.tex"), "x").unwrap();
    let error = RunDir::create(full.path(), &info()).unwrap_err();
    assert!(error.to_string().contains("`thesis.tex`"), "{error}");
    assert!(RunDir::check(full.path()).is_err());
    assert!(RunDir::check(temp.path()).is_ok());
    let left = fs::read_dir(full.path()).unwrap().count();
    assert_eq!(left, 1, "nothing of ours is left in it");
    assert_eq!(
        RunDir::open(full.path()).unwrap_err().kind(),
        ErrorKind::Usage
    );
}

#[test]
fn a_file_is_replaced_whole_and_nothing_stays_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let temp = tempfile::tempdir().unwrap();
    let (dir, _journal) = RunDir::create(temp.path(), &info()).unwrap();
    dir.write("best.config", b"one").unwrap();
    let path = dir.write("best.config", b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    // The permissions of any other new file here.
    let plain = temp.path().join("plain");
    fs::write(&plain, "").unwrap();
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&plain));
    let error = write_atomically(&temp.path().join("no/such"), b"x").unwrap_err();
    assert!(error.to_string().contains("no/such"), "{error}");
    fs::write(temp.path().join(".kbisect-new-1234"), "x").unwrap();
    drop(dir);
    RunDir::open(temp.path()).unwrap();
    let mut names: Vec<String> = fs::read_dir(temp.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "best.config",
        "journal.jsonl",
        "lock",
        "plain",
        "run.json",
        "trials",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_trial_never_finds_the_files_of_a_killed_one() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, _journal) = RunDir::create(temp.path(), &info()).unwrap();
    let trial = dir.make_trial_dir(TrialId(12)).unwrap();
    assert_eq!(trial, temp.path().join("trials/0012"));
    fs::write(trial.join("console.log"), "old").unwrap();
    dir.make_trial_dir(TrialId(12)).unwrap();
    assert!(!trial.join("console.log").exists() && trial.exists());
}

#[test]
fn the_cache_knows_what_the_records_say_and_nothing_of_unresolved_trials() {
    let keep = RequestSet::of(3, [RequestId(1)]);
    let proposed = |id: u32, keep: &RequestSet| Record::Proposed {
        candidate: Candidate {
            id: CandidateId(id),
            keep: keep.clone(),
            round: 0,
            origin: Origin::Earlier,
        },
    };
    let mut unresolved = judgement(3, 9, Verdict::Unresolved);
    unresolved.image = Some("bb".into());
    let later = judgement(4, 8, Verdict::Fail(Stage::Oracle));
    // As older versions wrote it.
    let mut taken_over = judgement(5, 7, Verdict::Pass);
    taken_over.source = Source::SameImage;
    let empty = RequestSet::empty(3);
    let lines: Vec<Line> = [
        Record::Start {
            by: None,
            judgement: judgement(1, 1, Verdict::Pass),
            files: BTreeMap::new(),
        },
        proposed(0, &keep),
        Record::Resolved {
            candidate: CandidateId(0),
            fingerprint: Fingerprint([9; 32]),
        },
        Record::Told {
            by: None,
            candidate: CandidateId(0),
            judgement: unresolved,
        },
        proposed(1, &empty),
        Record::Told {
            by: None,
            candidate: CandidateId(1),
            judgement: later.clone(),
        },
        proposed(2, &RequestSet::of(3, [RequestId(2)])),
        Record::Told {
            by: None,
            candidate: CandidateId(2),
            judgement: taken_over.clone(),
        },
    ]
    .into_iter()
    .map(|record| Line {
        elapsed: Duration::ZERO,
        record,
    })
    .collect();
    let cache = VerdictCache::of(&lines);
    assert_eq!(cache.fingerprint(&keep), Some(Fingerprint([9; 32])));
    assert_eq!(cache.fingerprint(&empty), Some(Fingerprint([8; 32])));
    assert_eq!(cache.fingerprint(&RequestSet::full(3)), None);
    assert_eq!(
        cache.of_config(&Fingerprint([1; 32])).unwrap().trial,
        TrialId(1)
    );
    assert_eq!(cache.of_config(&Fingerprint([8; 32])), Some(&later));
    assert_eq!(cache.of_config(&Fingerprint([9; 32])), None);
    let its_config = Fingerprint([7; 32]);
    assert_eq!(cache.of_config(&its_config), None, "nobody was asked");
    assert_eq!(cache.passed(&its_config), Some(&taken_over));
}

#[test]
fn a_configuration_that_gave_two_products_is_not_reproducible() {
    let mut cache = VerdictCache::default();
    let image = |image: &str| Judgement {
        image: Some(image.into()),
        ..judgement(1, 1, Verdict::Pass)
    };
    let unbuilt = Judgement {
        image: None,
        ..judgement(1, 1, Verdict::Fail(Stage::Build))
    };
    for judgement in [
        image("aa"),
        unbuilt,
        image("aa"),
        judgement(2, 2, Verdict::Pass),
    ] {
        cache.judged(&judgement);
        assert!(!cache.is_not_reproducible());
    }
    cache.judged(&image("bb"));
    assert!(cache.is_not_reproducible());
}
