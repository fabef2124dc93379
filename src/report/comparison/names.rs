//! Names the runs of a comparison by what differs between them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::types::{ComparedRun, Dimension};
use crate::model::sanitize_line;
use crate::report::Report;

/// Longest part of a name, in characters.
const LONGEST: usize = 60;

/// What a run is, in short words that are safe to show.
pub(super) struct Traits {
    pub oracle: String,
    pub source: String,
    pub guest: String,
    pub start: String,
}

impl Traits {
    pub(super) fn of(report: &Report) -> Self {
        let (settings, key) = (&report.settings, &report.key);
        Self {
            oracle: list(&settings["oracles"]),
            source: source(report),
            guest: guest(key),
            start: match list(&settings["start"]) {
                none if none.is_empty() => "default start".to_owned(),
                start => start,
            },
        }
    }

    fn get(&self, dimension: Dimension) -> &str {
        match dimension {
            Dimension::Oracle => &self.oracle,
            Dimension::Source => &self.source,
            Dimension::Guest => &self.guest,
            Dimension::Start => &self.start,
        }
    }
}

/// By what the runs differ.
pub(super) fn differing(runs: &[ComparedRun], traits: &[Traits]) -> Vec<Dimension> {
    let keys = |read: &dyn Fn(&Value) -> Option<String>| {
        let known = runs.iter().filter_map(|run| read(&run.report.key));
        known.collect::<BTreeSet<_>>().len() > 1
    };
    let shown = |dimension| {
        let all: BTreeSet<&str> = traits.iter().map(|t| t.get(dimension)).collect();
        all.len() > 1
    };
    // Sources and guests are told apart by contents. Older results have another form, which tells nothing.
    let source = |key: &Value| key["source"]["hash"].as_str().map(str::to_owned);
    let older = |key: &Value| key["source"].as_str().map(str::to_owned);
    let guest = |key: &Value| {
        let parts = [&key["guest"], &key["guests"]];
        let is_known = parts.iter().any(|part| !part.is_null());
        is_known.then(|| format!("{} {}", parts[0], parts[1]))
    };
    [
        (Dimension::Oracle, shown(Dimension::Oracle)),
        (Dimension::Source, keys(&source) || keys(&older)),
        (Dimension::Guest, keys(&guest)),
        (Dimension::Start, shown(Dimension::Start)),
    ]
    .into_iter()
    .filter_map(|(dimension, differs)| differs.then_some(dimension))
    .collect()
}

/// A unique name for each run: what tells all of them apart, with as few words as possible.
pub(super) fn names(runs: &[ComparedRun], traits: &[Traits], differ: &[Dimension]) -> Vec<String> {
    let of = |dimension: &Dimension| -> Vec<String> {
        let parts = traits.iter().map(|t| t.get(*dimension).to_owned());
        parts.collect()
    };
    let joined = |names: Vec<String>, dimension| told_apart(names, &of(dimension));
    let path = |run: &ComparedRun| run.dir.to_string_lossy().into_owned();
    let mut choices: Vec<Vec<String>> = differ.iter().map(of).collect();
    choices.push(differ.iter().fold(vec![String::new(); runs.len()], joined));
    choices.push(runs.iter().map(|run| file_name(&path(run))).collect());
    choices.push(
        (runs.iter().map(path))
            .map(|path| sanitize_line(&path, LONGEST))
            .collect(),
    );
    let is_unique =
        |names: &Vec<String>| distinct(names) == names.len() && !names.iter().any(String::is_empty);
    let unique = choices.into_iter().find(is_unique);
    unique.unwrap_or_else(|| (1..=runs.len()).map(|n| format!("run {n}")).collect())
}

/// The names, with these parts if more of them are distinct then.
fn told_apart(names: Vec<String>, parts: &[String]) -> Vec<String> {
    let joined: Vec<String> = (names.iter().zip(parts))
        .map(|(name, part)| format!("{name} {part}").trim().to_owned())
        .collect();
    match distinct(&joined) > distinct(&names) {
        true => joined,
        false => names,
    }
}

fn distinct(names: &[String]) -> usize {
    names.iter().collect::<BTreeSet<_>>().len()
}

/// The last part of a path.
fn file_name(path: &str) -> String {
    let name = Path::new(path)
        .file_name()
        .map(|name| name.to_string_lossy());
    sanitize_line(name.as_deref().unwrap_or(path), LONGEST)
}

/// A setting that is one path or name, or a list of them.
fn list(value: &Value) -> String {
    let names: Vec<String> = match value {
        Value::String(one) => vec![file_name(one)],
        Value::Array(all) => all
            .iter()
            .filter_map(Value::as_str)
            .map(file_name)
            .collect(),
        _ => Vec::new(),
    };
    sanitize_line(&names.join("+"), LONGEST)
}

/// The name of its folder or archive; else that of its contents.
fn source(report: &Report) -> String {
    let key = &report.key["source"];
    if let Some(path) = report.settings["source"].as_str() {
        let name = file_name(path);
        let bare = name
            .split_once(".tar")
            .map_or(name.as_str(), |(bare, _)| bare);
        return bare.to_owned();
    }
    let named = key.as_str().and_then(|text| text.split_whitespace().next());
    let hash = key["hash"].as_str().map(|hash| sanitize_line(hash, 9));
    match (named, hash) {
        (Some(name), _) => sanitize_line(name, LONGEST),
        (None, Some(hash)) => format!("source {}", hash.trim_end_matches('…')),
        (None, None) => "unknown source".to_owned(),
    }
}

/// The names of the guests that are disks; else the hash of the one that is an archive.
fn guest(key: &Value) -> String {
    if let Some(guests) = key["guests"]
        .as_object()
        .filter(|guests| !guests.is_empty())
    {
        let names: Vec<&str> = guests.keys().map(String::as_str).collect();
        return sanitize_line(&names.join("+"), LONGEST);
    }
    match key["guest"].as_str() {
        Some(hash) => format!(
            "busybox {}",
            hash.chars()
                .take(8)
                .filter(char::is_ascii_hexdigit)
                .collect::<String>()
        ),
        None => "no guest".to_owned(),
    }
}
