//! How keys of runs compare.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn differences(was: &Value, is: &Value) -> Vec<Difference> {
    let key = |json| RunKey::from_json(json).unwrap();
    key(was).differences(&key(is))
}

fn details_of(was: &Value, is: &Value) -> Vec<String> {
    let all = differences(was, is);
    all.into_iter().flat_map(|d| d.details).collect()
}

#[test]
fn what_differs_is_named() {
    let was = json!({ "toolchain": { "gcc": "12ab gcc 12", "ld": "34cd ld 2.40", "nm": "5 nm" },
        "timeout": 300, "base": "A\nB\n",
        "oracles": [{ "name": "ssh-ok", "files": { "ssh-ok": "1", "lib.sh": "2" } }] });
    let is = json!({ "toolchain": { "gcc": "56ef gcc 13", "ld": "34cd ld 2.40", "as": "6 as" },
        "timeout": 90, "base": "A\n",
        "oracles": [{ "name": "ssh-ok", "files": { "ssh-ok": "1", "lib.sh": "3" } }] });
    assert_eq!(
        details_of(&was, &is),
        [
            "oracle ssh-ok: lib.sh was changed",
            "timeout: it was 300, and is 90",
            "as: it was not used, and is 6 as",
            "gcc: it was 12ab gcc 12, and is 56ef gcc 13",
            "nm: it was 5 nm, and is not used",
        ]
    );
    let names: Vec<String> = differences(&was, &is)
        .into_iter()
        .map(|d| d.part.to_string())
        .collect();
    assert_eq!(names, ["base", "oracles", "timeout", "toolchain"]);
    assert_eq!(differences(&was, &was), []);
}

#[test]
fn a_variable_is_named_with_its_values_and_a_secret_without() {
    let was = json!({ "environment": { "salt": "1", "variables": {
        "A": "1", "B": "2", "KEY": "blake3:12", "GONE": "blake3:34" } },
        "outside": { "/x/common.mk": "1" } });
    let is = json!({ "environment": { "salt": "1", "variables": {
        "A": "\u{1b}[2J", "C": "3", "KEY": "blake3:56" } },
        "outside": { "/x/common.mk": "2", "/x/more.mk": "1" } });
    let details = details_of(&was, &is);
    let expected = [
        "B: it was `2`, and is not set",
        "C: it was not set, and is `3`",
        "GONE: it was set, and is not",
        "KEY: it had another value",
        "/x/common.mk was changed",
        "/x/more.mk was added",
    ];
    assert_eq!(details[1..], expected);
    assert!(!details[0].contains('\u{1b}'), "{details:?}");
}

#[test]
fn other_oracles_are_named() {
    let key = |name: &str| json!({ "oracles": [{ "name": name, "files": { name: "1" } }] });
    assert_eq!(
        details_of(&key("a"), &key("b")),
        ["oracles: it was a, and is b"]
    );
}

#[test]
fn what_is_noted_in_two_forms_cannot_be_compared() {
    let was = json!({ "source": "/a 1", "tree": "git 1", "oracles": ["12"], "toolchain": "gcc 12", "arch": "arm",
        "qemu": null });
    let is = json!({ "source": { "hash": "1", "files": 2 }, "oracles": [{ "name": "x", "files": {} }],
        "toolchain": { "gcc": "1 gcc 12" }, "arch": "arm64", "qemu": "1 qemu" });
    let all = differences(&was, &is).into_iter();
    let (differ, unknown): (Vec<_>, Vec<_>) = all.partition(Difference::is_comparable);
    let parts = |all: Vec<Difference>| -> Vec<Part> { all.into_iter().map(|d| d.part).collect() };
    assert_eq!(parts(differ), [Part::Arch]);
    assert_eq!(
        parts(unknown),
        [
            Part::Oracles,
            Part::Qemu,
            Part::Source,
            Part::Toolchain,
            Part::Tree
        ]
    );
}

#[test]
fn a_part_that_this_version_does_not_know_is_compared() {
    let was = json!({ "later": "1", "arch": "arm", "zone": 3 });
    let is = json!({ "later": "2", "arch": "arm", "zone": 3 });
    let all = differences(&was, &is);
    assert_eq!(all[0].part, Part::Other("later".into()));
    assert_eq!(all[0].details, ["later: it was 1, and is 2"]);
    assert_eq!(all.len(), 1);
    let key = |json: &Value| RunKey::from_json(json).unwrap();
    let mut few = key(&was);
    few.retain_parts_of(&key(&json!({ "zone": 4 })));
    assert_eq!(few, key(&json!({ "zone": 3 })));
}

#[test]
fn each_part_can_be_noted_and_forgotten_by_its_name() {
    let json = json!({ "arch": "1", "base": "", "environment": 1, "guest": "", "guests": {}, "helpers": {}, "oracles": [],
        "outside": {}, "project": {}, "qemu": null, "source": "", "start_kernel": {}, "timeout": 1,
        "toolchain": "", "tree": "" });
    let mut key = RunKey::from_json(&json).unwrap();
    assert_eq!(key.parts(), PARTS);
    for part in PARTS {
        key.forget(&part);
        assert!(key.to_json().get(part.name()).is_none(), "{part}");
    }
    assert_eq!(key, RunKey::default());
}
