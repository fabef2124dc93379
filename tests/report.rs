//! The long report of recorded runs, and its schema.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use kbisect::report::Details;
use kbisect::run::{AskKconfig, DetailsReader};
use kbisect::supervise::CancelToken;
use serde_json::{Value, json};
use snapbox::{Assert, Data};

const SCHEMA: &str = include_str!("../src/report/details/details.schema.json");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn details(dir: &Path) -> Details {
    let mut reader = DetailsReader::new(dir, AskKconfig::No);
    reader.read(&CancelToken::new(), &mut |_| {}).unwrap()
}

/// The folders below `name` that have this file in them.
fn folders(name: &str, file: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(name)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.join(file).is_file()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} is not where it was");
    paths
}

fn breaches(schema: &jsonschema::Validator, value: &Value) -> Vec<String> {
    let errors = schema.iter_errors(value);
    errors
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect()
}

fn schema() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
}

#[test]
fn each_long_report_keeps_to_the_schema() {
    let schema = schema();
    let mut all = folders("tests/recorded", "run.json");
    for name in [
        "examples/ec2",
        "examples/distro",
        "examples/ladder",
        "examples/disks",
    ] {
        all.extend(folders(name, "result.json"));
    }
    for dir in all {
        let value = serde_json::to_value(details(&dir)).unwrap();
        assert_eq!(breaches(&schema, &value), [""; 0], "{}", dir.display());
    }
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let schema = schema();
    let good = serde_json::to_value(details(&root().join("examples/ec2/ssh-ok"))).unwrap();
    let spoilt = |spoil: &dyn Fn(&mut Value)| {
        let mut value = good.clone();
        spoil(&mut value);
        breaches(&schema, &value)
    };
    assert_eq!(spoilt(&|_| {}), [""; 0]);
    assert_ne!(spoilt(&|value| value["v"] = json!(2)), [""; 0]);
    assert_ne!(spoilt(&|value| value["more"] = json!(1)), [""; 0]);
    assert_ne!(
        spoilt(&|value| value["options"][0]["why"] = json!("so")),
        [""; 0]
    );
    assert_ne!(
        spoilt(&|value| value["options"][0]["trial"] = json!(null)),
        [""; 0]
    );
    assert_ne!(spoilt(&|value| value["standing"] = json!("fine")), [""; 0]);
}

#[test]
fn long_reports_say_what_they_said() {
    for name in [
        "analysed",
        "grown",
        "taken-back",
        "start-refused",
        "version-1",
    ] {
        let value = serde_json::to_value(details(&Path::new("tests/recorded").join(name)));
        let mut value = value.unwrap();
        // It has a snapshot of its own.
        value.as_object_mut().unwrap().remove("result");
        let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
        let path = root()
            .join("tests/recorded")
            .join(name)
            .join("details.json");
        let assert = Assert::new().action_env("SNAPSHOTS").normalize_paths(false);
        assert.eq(text, Data::read_from(&path, None).raw());
    }
}
