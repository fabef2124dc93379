//! The differences between the keys of two runs, by name.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::environment;
use crate::model::sanitize_line;

/// Longest value or name that is shown, in characters.
const LONGEST: usize = 200;

/// The part of a key with the programs that a build calls beside its toolchain.
pub const HELPERS: &str = "helpers";

/// The part with the variables of the environment.
pub const ENVIRONMENT: &str = "environment";

/// The part with the files outside of the source that its Makefiles and Kconfig files include.
pub const OUTSIDE: &str = "outside";

/// Of an oracle: the files that it uses and that earlier versions did not look at.
pub const USES: &str = "uses";

/// A part of a key that is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The name of the part.
    pub name: String,
    /// What is not the same in it, a line each; empty if there is nothing that tells people something.
    pub details: Vec<String>,
}

/// What is not the same in two keys.
#[must_use]
pub fn differences(was: &Value, is: &Value) -> Vec<Difference> {
    let differs = |name: &&String| was.get(name.as_str()) != is.get(name.as_str());
    let of = |name: &String| Difference {
        details: details(name, was.get(name), is.get(name)),
        name: name.clone(),
    };
    names(was, is).into_iter().filter(differs).map(of).collect()
}

fn names<'a>(one: &'a Value, other: &'a Value) -> BTreeSet<&'a String> {
    let maps = [one, other].into_iter().filter_map(Value::as_object);
    maps.flat_map(Map::keys).collect()
}

fn details(name: &str, was: Option<&Value>, is: Option<&Value>) -> Vec<String> {
    let part = |value: Option<&Value>| value.and_then(|v| v.get(environment::VARIABLES)).cloned();
    if name == ENVIRONMENT {
        let none = Value::Object(Map::new());
        let (was, is) = (part(was), part(is));
        let (was, is) = (was.as_ref().unwrap_or(&none), is.as_ref().unwrap_or(&none));
        let names = names(was, is).into_iter();
        return names
            .filter_map(|name| variable(name, was.get(name), is.get(name)))
            .collect();
    }
    match (was, is) {
        (Some(Value::Array(was)), Some(Value::Array(is))) if name == "oracles" => oracles(was, is),
        (Some(was @ Value::Object(_)), Some(is @ Value::Object(_))) => {
            let each = match name {
                "toolchain" | HELPERS => line,
                OUTSIDE => file,
                _ => return Vec::new(),
            };
            let names = names(was, is).into_iter();
            names
                .filter_map(|name| each(name, was.get(name), is.get(name)))
                .collect()
        }
        _ => line(name, was, is).into_iter().collect(),
    }
}

/// `gcc: it was 12.2.0, and is 13.1.0`, of what is one line.
fn line(name: &str, was: Option<&Value>, is: Option<&Value>) -> Option<String> {
    let text = |value: &Value| {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.contains('\n')).then_some(text)
    };
    if was == is {
        return None;
    }
    Some(match (was, is) {
        (Some(was), Some(is)) => format!("{name}: it was {}, and is {}", text(was)?, text(is)?),
        (Some(was), None) => format!("{name}: it was {}, and is not used", text(was)?),
        (None, Some(is)) => format!("{name}: it was not used, and is {}", text(is)?),
        (None, None) => return None,
    })
}

/// `CFLAGS: it was -O2, and is not set`.
fn variable(name: &str, was: Option<&Value>, is: Option<&Value>) -> Option<String> {
    let said = |value: Option<&Value>| {
        value.and_then(Value::as_str).map(|text| {
            if environment::is_hidden(text) {
                None
            } else {
                Some(sanitize_line(text, LONGEST))
            }
        })
    };
    let name = sanitize_line(name, LONGEST);
    Some(match (said(was), said(is)) {
        _ if was == is => return None,
        (Some(Some(was)), Some(Some(is))) => format!("{name}: it was `{was}`, and is `{is}`"),
        (Some(_), Some(_)) => format!("{name}: it had another value"),
        (Some(Some(was)), None) => format!("{name}: it was `{was}`, and is not set"),
        (Some(None), None) => format!("{name}: it was set, and is not"),
        (None, Some(Some(is))) => format!("{name}: it was not set, and is `{is}`"),
        (None, Some(None)) => format!("{name}: it was not set, and is"),
        (None, None) => return None,
    })
}

/// `/etc/site/common.mk was changed`.
fn file(name: &str, was: Option<&Value>, is: Option<&Value>) -> Option<String> {
    let what = match (was, is) {
        _ if was == is => return None,
        (Some(_), None) => "is gone, or not used any more",
        (None, Some(_)) => "was added",
        _ => "was changed",
    };
    Some(format!("{} {what}", sanitize_line(name, LONGEST)))
}

/// `oracle ssh-ok: lib.sh was changed`.
fn oracles(was: &[Value], is: &[Value]) -> Vec<String> {
    let name = |oracle: &Value| {
        oracle
            .get("name")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let files = |oracle: &Value| {
        let of = |part| oracle.get(part).and_then(Value::as_object);
        let all = [of("files"), of(USES)].into_iter().flatten().flatten();
        let all = all.map(|(name, hash)| (name.clone(), hash.clone()));
        Value::Object(all.collect())
    };
    if was.iter().map(name).ne(is.iter().map(name)) {
        let list = |oracles: &[Value]| {
            let names: Vec<String> = oracles.iter().filter_map(name).collect();
            names.join(" and ")
        };
        return vec![format!(
            "oracles: it was {}, and is {}",
            list(was),
            list(is)
        )];
    }
    let mut lines = Vec::new();
    for (was, is) in was.iter().zip(is) {
        let (before, after) = (files(was), files(is));
        for path in names(&before, &after) {
            if let Some(what) = file(path, before.get(path), after.get(path)) {
                let oracle = name(is).unwrap_or_default();
                lines.push(format!("oracle {oracle}: {what}"));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        let names: Vec<String> = differences(&was, &is).into_iter().map(|d| d.name).collect();
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
}
