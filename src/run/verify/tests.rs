//! What a verification refuses, and how it compares.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::claim::*;
use super::compare::*;
use crate::model::{Part, Request, RunKey, Stage, Symbol, TrialId, Value as Setting};
use crate::report::{Cost, KeptRequest as Kept, RESULT, Reason, Report, Size, Status, VERSION};
use crate::run::files::MINIMAL_FRAGMENT;
use crate::run::stored;

fn needed() -> Reason {
    Reason::Needed {
        trial: TrialId(2),
        stage: Stage::Oracle,
        evidence: None,
        lines: 1,
    }
}

#[test]
fn an_oracle_beside_the_result_is_found_from_anywhere() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("oracle"), "").unwrap();
    let found = beside("no/such/folder/oracle".into(), place.path());
    assert_eq!(Path::new(&found), place.path().join("oracle"));
    // What goes by its name is no file.
    assert_eq!(beside("oracle".into(), place.path()), "oracle");
    assert_eq!(
        beside("no/such/other".into(), place.path()),
        "no/such/other"
    );
}

fn report(status: Status, kept: &[(&str, Reason)]) -> Report {
    let kept: Vec<Kept> = kept
        .iter()
        .map(|(name, reason)| Kept {
            request: Request {
                symbol: Symbol::new(name).unwrap(),
                value: Setting::YES,
            },
            reason: reason.clone(),
        })
        .collect();
    let size = Size {
        trial: TrialId(1),
        requests: kept.len(),
        lines: 9,
        image: None,
        oracle_seconds: 1.0,
    };
    Report {
        stopped: None,
        v: VERSION,
        kbisect: "0.1.0".into(),
        key: Value::Null,
        settings: Value::Null,
        status,
        start: crate::report::StartOfRun::Built,
        stand_in: None,
        before: size.clone(),
        after: size,
        kept,
        certainty: None,
        rebuilt: None,
        cost: Cost::default(),
        files: vec![],
    }
}

fn names(requests: &[Request]) -> String {
    let names: Vec<String> = requests.iter().map(ToString::to_string).collect();
    names.join(", ")
}

#[test]
fn a_fragment_with_more_or_less_than_is_claimed_is_refused() {
    let claimed = report(Status::Minimal, &[("A", needed()), ("B", needed())]);
    for (fragment, other) in [
        ("CONFIG_A=y\n", "B=y"),
        ("CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n", "C=y"),
        ("CONFIG_A=m\nCONFIG_B=y\n", "A=m, A=y"),
    ] {
        let error = same_requests(&claimed, fragment.as_bytes()).unwrap_err();
        let error = error.to_string();
        let wanted = format!("the same requests: {other}");
        assert!(error.ends_with(&wanted), "{error}");
    }
    let here = requests_of(&report(Status::Minimal, &[("A", needed())]));
    let error = requests_of_here(&claimed, &here).unwrap_err().to_string();
    assert!(
        error.ends_with("the requests of result.json: B=y"),
        "{error}"
    );
}

#[test]
fn the_base_in_a_fragment_is_no_request() {
    let mut claimed = report(Status::Minimal, &[("A", needed())]);
    claimed.key = serde_json::json!({ "base": "CONFIG_EXPERT=y\n# CONFIG_A is not set\n" });
    let asks = |text: &str| same_requests(&claimed, text.as_bytes()).is_ok();
    assert!(asks("CONFIG_EXPERT=y\nCONFIG_A=y\n"));
    // The first versions wrote the requests only.
    assert!(asks("CONFIG_A=y\n"));
    assert!(!asks("CONFIG_EXPERT=m\nCONFIG_A=y\n"));
    assert!(!asks("CONFIG_EXPERT=y\n# CONFIG_A is not set\n"));
    assert!(!asks("CONFIG_EXPERT=y\n"));
}

#[test]
fn each_result_that_is_kept_here_asks_for_what_its_fragment_asks_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in ["tests/recorded", "examples/ec2", "examples"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let dir = entry.unwrap().path();
            let fragment = fs::read(dir.join(MINIMAL_FRAGMENT));
            let (Ok(fragment), true) = (fragment, dir.join(RESULT).exists()) else {
                continue;
            };
            let claimed = stored::read(&dir.join(RESULT)).unwrap();
            same_requests(&claimed, &fragment).unwrap();
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_claim_that_is_found_again_holds() {
    let kept = [("A", needed()), ("B", Reason::Kept)];
    let claimed = report(Status::Minimal, &kept);
    let holds = Verified::Holds(Held {
        requests: 2,
        lines: 9,
        removals: 1,
    });
    assert_eq!(compare(&claimed, &claimed), holds);
}

#[test]
fn a_request_that_turns_out_needless_is_named() {
    let claimed = report(Status::Minimal, &[("A", needed()), ("B", needed())]);
    let found = report(Status::Minimal, &[("A", needed())]);
    match compare(&claimed, &found) {
        Verified::NotNeeded(requests) => assert_eq!(names(&requests), "B=y"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_without_a_verdict_is_no_proof() {
    let kept = [("A", needed()), ("B", Reason::Unproved)];
    let claimed = report(Status::Unproved, &kept);
    for status in [Status::Unproved, Status::Minimal] {
        match compare(&claimed, &report(status, &kept)) {
            Verified::Unproved(requests) => assert_eq!(names(&requests), "B=y"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn another_source_or_toolchain_is_told() {
    let key = |hash: &str, gcc: &str| {
        let json = serde_json::json!({ "source": { "hash": hash, "files": 3 }, "toolchain": { "gcc": gcc },
            "oracles": [{ "name": "x", "files": {} }] });
        RunKey::from_json(&json).unwrap()
    };
    let claimed = key("12ab", "gcc 12");
    assert_eq!(differences(&claimed, &claimed), Differences::default());
    let differs = differences(&claimed, &key("34cd", "gcc 13"));
    assert_eq!(part_names(&differs.known), "source, toolchain");
    assert!(differs.unknown.is_empty());
}

#[test]
fn what_an_older_version_noted_in_another_way_is_no_difference() {
    let key = |json: &Value| RunKey::from_json(json).unwrap();
    let claimed = key(
        &serde_json::json!({ "source": "/a/linux 12ab", "tree": "git 12", "toolchain": "gcc 12",
        "oracles": ["12ab"], "arch": "x86_64" }),
    );
    let found = key(
        &serde_json::json!({ "source": { "hash": "12", "files": 3 }, "toolchain": {},
        "oracles": [{}], "arch": "arm64" }),
    );
    let differs = differences(&claimed, &found);
    assert_eq!(differs.known, [Part::Arch]);
    assert_eq!(
        part_names(&differs.unknown),
        "oracles, source, toolchain, tree"
    );
}
