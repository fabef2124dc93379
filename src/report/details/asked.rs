//! What was asked of a run, from its records, for people.

use serde_json::Value;

use super::{Asked, AskedOracle, Fact};
use crate::model::{RunKey, SourceKey, ToolchainKey, duration, sanitize_line};

/// Longest text of a fact, in characters.
const LONGEST: usize = 400;

/// What the settings and the key of a run say.
pub(super) fn asked(settings: &Value, key: &RunKey) -> Asked {
    let texts = |name: &str| -> Vec<String> {
        match settings.get(name) {
            Some(Value::String(text)) => vec![safe(text)],
            Some(Value::Array(all)) => {
                let texts = all.iter().filter_map(Value::as_str);
                texts.map(safe).collect()
            }
            _ => Vec::new(),
        }
    };
    let oracles = texts("oracles")
        .into_iter()
        .map(|name| AskedOracle { name, about: None });
    let start = match texts("start") {
        starts if starts.is_empty() => "the EC2 set".to_owned(),
        starts => starts.join(" + "),
    };
    Asked {
        command: String::new(),
        at: 0,
        oracles: oracles.collect(),
        project: None,
        start: Some(start),
        facts: facts(settings, key, &texts),
    }
}

fn facts(settings: &Value, key: &RunKey, texts: &dyn Fn(&str) -> Vec<String>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |name: &str, text: Option<String>| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            facts.push(Fact {
                name: name.to_owned(),
                text: safe(&text),
            });
        }
    };
    let one = |name: &str| texts(name).first().cloned();
    let source = match &key.source {
        Some(SourceKey::Contents(id)) => Some(format!("{} files, {}", id.files, id.hash)),
        Some(SourceKey::Path(path)) => Some(path.clone()),
        Some(SourceKey::Unknown(_)) | None => None,
    };
    add("source", one("source"));
    add("source, by contents", source);
    add("architecture", key.arch.clone().or_else(|| one("arch")));
    let base = key.base.as_deref().unwrap_or_default();
    let base: Vec<&str> = base.lines().collect();
    add("base", Some(base.join(" ")));
    add("kernel in place of the start", one("start_kernel"));
    add("modules", one("modules"));
    match &key.toolchain {
        Some(ToolchainKey::Programs(programs)) => {
            for (name, text) in programs.iter().filter(|(name, _)| is_compiler(name)) {
                // The hash of its contents comes first.
                let version = text.split_once(' ').map(|(_, version)| version.to_owned());
                add(name, version);
            }
        }
        Some(ToolchainKey::Versions(text)) => add("toolchain", Some(text.clone())),
        Some(ToolchainKey::Unknown(_)) | None => {}
    }
    let guests = key.guests.iter().flatten();
    let guests: Vec<String> = guests
        .map(|(name, version)| format!("{name} {}", version.get(..12).unwrap_or(version)))
        .collect();
    add("guests", Some(guests.join(", ")));
    let busybox = key.guest.as_deref();
    add(
        "guest",
        busybox.map(|version| format!("busybox {}", version.get(..12).unwrap_or(version))),
    );
    let qemu = key.qemu.as_ref().and_then(Option::as_ref);
    let qemu = qemu.and_then(|text| text.split_once(' '));
    add("QEMU", qemu.map(|(_, version)| version.to_owned()));
    add("search", one("algorithm"));
    let confidence = settings.get("confidence").and_then(Value::as_f64);
    add("confidence", confidence.map(|chance| chance.to_string()));
    add(
        "time limit of a trial",
        key.timeout
            .map(|seconds| duration(std::time::Duration::from_secs(seconds))),
    );
    let jobs = settings.get("jobs").and_then(Value::as_u64);
    add("trials at once", jobs.map(|jobs| jobs.to_string()));
    facts
}

/// Is it a program that compiles or links?
fn is_compiler(name: &str) -> bool {
    ["gcc", "clang", "cc", "ld", "ld.lld", "rustc"]
        .iter()
        .any(|program| name == *program || name.ends_with(&format!("-{program}")))
}

fn safe(text: &str) -> String {
    sanitize_line(text, LONGEST)
}
