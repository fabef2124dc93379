//! The differences between the keys of two runs, by part.

use std::collections::BTreeSet;
use std::fmt;
use std::mem::{Discriminant, discriminant};

use serde_json::Value;

use super::key::{
    EnvironmentKey, Hashes, NotedVariables, OracleFiles, OracleKey, ProjectKey, RunKey, SourceKey,
    ToolchainKey,
};
use super::text::sanitize_line;

/// Longest value or name that is shown, in characters.
const LONGEST: usize = 200;

/// A part of a [`RunKey`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The architecture.
    Arch,
    /// The base.
    Base,
    /// Environment variables.
    Environment,
    /// The busybox guest.
    Guest,
    /// Other guests.
    Guests,
    /// Programs that a build calls beside its toolchain.
    Helpers,
    /// The oracles.
    Oracles,
    /// Included files outside of the source.
    Outside,
    /// The project profile.
    Project,
    /// QEMU.
    Qemu,
    /// The source tree.
    Source,
    /// The kernel that stands for the start.
    StartKernel,
    /// The wall time of one judgement.
    Timeout,
    /// The toolchain.
    Toolchain,
    /// The state of the source's files, in older runs.
    Tree,
    /// One that this version does not know, by its name.
    Other(String),
}

/// The parts that this version knows, in the order of their names.
const PARTS: [Part; 15] = [
    Part::Arch,
    Part::Base,
    Part::Environment,
    Part::Guest,
    Part::Guests,
    Part::Helpers,
    Part::Oracles,
    Part::Outside,
    Part::Project,
    Part::Qemu,
    Part::Source,
    Part::StartKernel,
    Part::Timeout,
    Part::Toolchain,
    Part::Tree,
];

impl Part {
    /// Its name, in files and for people.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Arch => "arch",
            Self::Base => "base",
            Self::Environment => "environment",
            Self::Guest => "guest",
            Self::Guests => "guests",
            Self::Helpers => "helpers",
            Self::Oracles => "oracles",
            Self::Outside => "outside",
            Self::Project => "project",
            Self::Qemu => "qemu",
            Self::Source => "source",
            Self::StartKernel => "start_kernel",
            Self::Timeout => "timeout",
            Self::Toolchain => "toolchain",
            Self::Tree => "tree",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&sanitize_line(self.name(), LONGEST))
    }
}

/// What a key says of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
    /// Hashes by name.
    Hashes(Hashes),
    /// The environment.
    Environment(EnvironmentKey),
    /// The oracles.
    Oracles(Vec<OracleKey>),
    /// The project profile.
    Project(ProjectKey),
    /// The source tree.
    Source(SourceKey),
    /// The toolchain.
    Toolchain(ToolchainKey),
    /// Something else, as it was written; null if it was looked for and not found.
    Other(Value),
}

/// In which way a part is noted.
#[derive(PartialEq)]
struct Form {
    kind: Discriminant<Noted>,
    source: Option<Discriminant<SourceKey>>,
    toolchain: Option<Discriminant<ToolchainKey>>,
    environment: Option<Discriminant<EnvironmentKey>>,
    oracle: Option<Discriminant<OracleKey>>,
    json: Option<Discriminant<Value>>,
}

impl Noted {
    fn form(&self) -> Form {
        let mut form = Form {
            kind: discriminant(self),
            source: None,
            toolchain: None,
            environment: None,
            oracle: None,
            json: None,
        };
        match self {
            Self::Source(source) => form.source = Some(discriminant(source)),
            Self::Toolchain(toolchain) => form.toolchain = Some(discriminant(toolchain)),
            Self::Environment(noted) => form.environment = Some(discriminant(noted)),
            // All of a key are noted in one way.
            Self::Oracles(oracles) => form.oracle = oracles.first().map(discriminant),
            Self::Other(json) => form.json = Some(discriminant(json)),
            Self::Text(_) | Self::Number(_) | Self::Hashes(_) | Self::Project(_) => {}
        }
        form
    }

    /// The one line that it is, if it is one.
    fn line(&self) -> Option<String> {
        let text = match self {
            Self::Text(text)
            | Self::Source(SourceKey::Path(text))
            | Self::Toolchain(ToolchainKey::Versions(text))
            | Self::Other(Value::String(text)) => text.trim().to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Other(Value::Number(number)) => number.to_string(),
            _ => return None,
        };
        (!text.contains('\n')).then(|| sanitize_line(&text, LONGEST))
    }
}

/// A part that is not the same in two keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part.
    pub part: Part,
    /// What one key says of it; nothing if the key does not note the part.
    pub was: Option<Noted>,
    /// What the other says of it.
    pub is: Option<Noted>,
    /// What is not the same in it, a line each; empty if there is nothing that tells people something.
    pub details: Vec<String>,
}

impl Difference {
    /// Can the two be compared? Otherwise they are noted in different forms, and whether the part is the same
    /// cannot be told.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.was.as_ref().map(Noted::form) == self.is.as_ref().map(Noted::form)
    }
}

impl RunKey {
    /// What the key says of a part.
    #[must_use]
    pub fn noted(&self, part: &Part) -> Option<Noted> {
        let text = |text: &Option<String>| text.clone().map(Noted::Text);
        let hashes = |hashes: &Option<Hashes>| hashes.clone().map(Noted::Hashes);
        match part {
            Part::Arch => text(&self.arch),
            Part::Base => text(&self.base),
            Part::Environment => self.environment.clone().map(Noted::Environment),
            Part::Guest => text(&self.guest),
            Part::Guests => hashes(&self.guests),
            Part::Helpers => hashes(&self.helpers),
            Part::Oracles => self.oracles.clone().map(Noted::Oracles),
            Part::Outside => hashes(&self.outside),
            Part::Project => self.project.clone().map(Noted::Project),
            Part::Qemu => match &self.qemu {
                None => None,
                Some(None) => Some(Noted::Other(Value::Null)),
                Some(version) => text(version),
            },
            Part::Source => self.source.clone().map(Noted::Source),
            Part::StartKernel => hashes(&self.start_kernel),
            Part::Timeout => self.timeout.map(Noted::Number),
            Part::Toolchain => self.toolchain.clone().map(Noted::Toolchain),
            Part::Tree => text(&self.tree),
            Part::Other(name) => self.other.get(name).cloned().map(Noted::Other),
        }
    }

    /// Drops a part.
    pub fn forget(&mut self, part: &Part) {
        match part {
            Part::Arch => self.arch = None,
            Part::Base => self.base = None,
            Part::Environment => self.environment = None,
            Part::Guest => self.guest = None,
            Part::Guests => self.guests = None,
            Part::Helpers => self.helpers = None,
            Part::Oracles => self.oracles = None,
            Part::Outside => self.outside = None,
            Part::Project => self.project = None,
            Part::Qemu => self.qemu = None,
            Part::Source => self.source = None,
            Part::StartKernel => self.start_kernel = None,
            Part::Timeout => self.timeout = None,
            Part::Toolchain => self.toolchain = None,
            Part::Tree => self.tree = None,
            Part::Other(name) => {
                self.other.remove(name);
            }
        }
    }

    /// Drops the parts that `other` does not note.
    pub fn retain_parts_of(&mut self, other: &Self) {
        for part in self.parts() {
            if other.noted(&part).is_none() {
                self.forget(&part);
            }
        }
    }

    /// The parts that it notes, in the order of their names.
    fn parts(&self) -> Vec<Part> {
        let others = self.other.keys().cloned().map(Part::Other);
        let known = PARTS.into_iter().chain(others);
        known.filter(|part| self.noted(part).is_some()).collect()
    }

    /// The parts that are not the same in this key and in `is`, by their names.
    #[must_use]
    pub fn differences(&self, is: &Self) -> Vec<Difference> {
        let mut parts = [self.parts(), is.parts()].concat();
        parts.sort_by(|a, b| a.name().cmp(b.name()));
        parts.dedup();
        let difference = |part: Part| {
            let (was, is) = (self.noted(&part), is.noted(&part));
            (was != is).then(|| Difference {
                details: details(&part, was.as_ref(), is.as_ref()),
                part,
                was,
                is,
            })
        };
        parts.into_iter().filter_map(difference).collect()
    }
}

fn details(part: &Part, was: Option<&Noted>, is: Option<&Noted>) -> Vec<String> {
    if *part == Part::Environment {
        let none = Hashes::new();
        let variables = |noted: Option<&Noted>| match noted {
            Some(Noted::Environment(EnvironmentKey::Keyed(noted))) => noted.variables.clone(),
            _ => none.clone(),
        };
        return of_each(&variables(was), &variables(is), variable);
    }
    match (was, is) {
        (Some(Noted::Oracles(was)), Some(Noted::Oracles(is))) => oracles(was, is),
        (Some(Noted::Hashes(was)), Some(Noted::Hashes(is))) => {
            let each = match part {
                Part::Outside => file,
                _ => program,
            };
            of_each(was, is, each)
        }
        (
            Some(Noted::Toolchain(ToolchainKey::Programs(was))),
            Some(Noted::Toolchain(ToolchainKey::Programs(is))),
        ) => of_each(was, is, program),
        _ => {
            let line = |noted: Option<&Noted>| noted.map(Noted::line);
            change(&part.to_string(), line(was), line(is))
                .into_iter()
                .collect()
        }
    }
}

/// Says how one entry differs, by its name.
type Say = fn(&str, Option<&String>, Option<&String>) -> Option<String>;

/// Says how each entry of two maps differs.
fn of_each(was: &Hashes, is: &Hashes, say: Say) -> Vec<String> {
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let say = |name: &String| match (was.get(name), is.get(name)) {
        (was, is) if was == is => None,
        (was, is) => say(&sanitize_line(name, LONGEST), was, is),
    };
    names.into_iter().filter_map(say).collect()
}

/// `gcc: it was 12.2.0, and is 13.1.0`.
fn program(name: &str, was: Option<&String>, is: Option<&String>) -> Option<String> {
    let line = |text: Option<&String>| text.map(|text| Noted::Text(text.clone()).line());
    change(name, line(was), line(is))
}

/// `timeout: it was 300, and is 90`, of what is one line; an inner `None` is not.
fn change(name: &str, was: Option<Option<String>>, is: Option<Option<String>>) -> Option<String> {
    Some(match (was, is) {
        (Some(was), Some(is)) => format!("{name}: it was {}, and is {}", was?, is?),
        (Some(was), None) => format!("{name}: it was {}, and is not used", was?),
        (None, Some(is)) => format!("{name}: it was not used, and is {}", is?),
        (None, None) => return None,
    })
}

/// `CFLAGS: it was -O2, and is not set`.
fn variable(name: &str, was: Option<&String>, is: Option<&String>) -> Option<String> {
    let said = |value: Option<&String>| {
        let shown = |text: &String| {
            (!NotedVariables::is_hidden(text)).then(|| sanitize_line(text, LONGEST))
        };
        value.map(shown)
    };
    Some(match (said(was), said(is)) {
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
fn file(name: &str, was: Option<&String>, is: Option<&String>) -> Option<String> {
    let what = match (was, is) {
        (Some(_), None) => "is gone, or not used any more",
        (None, Some(_)) => "was added",
        _ => "was changed",
    };
    Some(format!("{name} {what}"))
}

/// `oracle ssh-ok: lib.sh was changed`.
fn oracles(was: &[OracleKey], is: &[OracleKey]) -> Vec<String> {
    let files = |oracle: &OracleKey| match oracle {
        OracleKey::Files(files) => Some(files.clone()),
        OracleKey::Hash(_) | OracleKey::Unknown(_) => None,
    };
    let (was, is): (Vec<_>, Vec<_>) = (
        was.iter().map(files).collect(),
        is.iter().map(files).collect(),
    );
    let name = |oracle: &Option<OracleFiles>| {
        let name = oracle.as_ref().map(|oracle| &oracle.name);
        name.map(|name| sanitize_line(name, LONGEST))
    };
    if was.iter().map(name).ne(is.iter().map(name)) {
        let list = |oracles: &[Option<OracleFiles>]| {
            let names: Vec<String> = oracles.iter().filter_map(name).collect();
            names.join(" and ")
        };
        return vec![format!(
            "oracles: it was {}, and is {}",
            list(&was),
            list(&is)
        )];
    }
    let all = |oracle: &OracleFiles| -> Hashes {
        let uses = oracle.uses.iter().flatten();
        let all = oracle.files.iter().chain(uses);
        all.map(|(name, hash)| (name.clone(), hash.clone()))
            .collect()
    };
    let mut lines = Vec::new();
    for (was, is) in was.iter().flatten().zip(is.iter().flatten()) {
        let name = sanitize_line(&is.name, LONGEST);
        let said = of_each(&all(was), &all(is), file).into_iter();
        lines.extend(said.map(|text| format!("oracle {name}: {text}")));
    }
    lines
}

#[cfg(test)]
mod tests;
