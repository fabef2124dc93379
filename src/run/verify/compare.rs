//! How a result compares with what was found anew.

use std::fmt;

use serde::Serialize;

use crate::model::{Difference, Part, Request, RunKey};
use crate::oracle::excuse_header;
use crate::report::{Reason, Report, Status};
use crate::run::files::{MINIMAL_CONFIG, MINIMAL_FRAGMENT};
use crate::run::tell::{Watcher, warn};
use crate::{Error, identity};

/// What verdicts depend on and is not the same for two results, by the names of the parts of the key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// The parts that differ.
    pub known: Vec<Part>,
    /// The parts that an older kbisect recorded in another way, so that nobody can tell.
    pub unknown: Vec<Part>,
}

/// How a result compares with what was found anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// It holds.
    Holds(Held),
    /// The verification was stopped, or proved less than a whole certificate.
    Open,
    /// These requests are not needed.
    NotNeeded(Vec<Request>),
    /// These requests have no proof.
    Unproved(Vec<Request>),
    /// `minimal.config` is not what `minimal.fragment` resolves to.
    OtherConfig,
    /// `minimal.config` is not what `minimal.fragment` resolves to here, where these parts of the key differ, on
    /// which that depends.
    ConfigUnknown(Vec<Part>),
}

impl Verified {
    /// Why the result does not hold; none if it holds, or nobody can tell yet.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        let names = |requests: &[Request]| {
            let names: Vec<String> = requests.iter().map(ToString::to_string).collect();
            names.join(", ")
        };
        match self {
            Verified::Holds(_) | Verified::Open => None,
            Verified::NotNeeded(requests) => Some(
                Error::failed(format!(
                    "the certificate does not hold: not needed: {}",
                    names(requests)
                ))
                .hint("a smaller result is in the folder of the verification"),
            ),
            Verified::Unproved(requests) => Some(Error::failed(format!(
                "the certificate does not hold: without a proof: {}",
                names(requests)
            ))),
            Verified::OtherConfig => Some(Error::failed(format!(
                "{MINIMAL_CONFIG} is not what {MINIMAL_FRAGMENT} resolves to"
            ))),
            Verified::ConfigUnknown(parts) => Some(
                Error::failed(format!(
                    "whether {MINIMAL_CONFIG} is what {MINIMAL_FRAGMENT} resolves to cannot be told: here it \
                     resolves to another config, with another {}",
                    part_names(parts)
                ))
                .hint(format!(
                    "{MINIMAL_FRAGMENT} itself holds; verify it with what the result is from to check the config too"
                )),
            ),
        }
    }
}

/// A result that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The requests of the result.
    pub requests: usize,
    /// `=` lines of its config.
    pub lines: u32,
    /// The removals that were rejected.
    pub removals: usize,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            requests,
            lines,
            removals,
        } = self;
        match requests {
            0 => write!(
                f,
                "verified: nothing is needed: the base alone, {lines} lines, is accepted"
            ),
            _ => write!(
                f,
                "verified: {requests} requests, {lines} lines, accepted; each of {removals} removals was rejected"
            ),
        }
    }
}

/// What verdicts depend on and is not the same in the keys of two runs.
pub(super) fn differences(claimed: &RunKey, found: &RunKey) -> Differences {
    let mut found = identity::earlier::noted_by(claimed, found);
    let were = claimed.oracles.iter().flatten();
    for (was, is) in were.zip(found.oracles.iter_mut().flatten()) {
        excuse_header(was, is);
    }
    let mut all = claimed.differences(&found);
    // A result of an older kbisect may not tell.
    all.retain(|difference| difference.was.is_some());
    let (known, unknown): (Vec<_>, Vec<_>) = all.into_iter().partition(Difference::is_comparable);
    let parts = |all: Vec<Difference>| all.into_iter().map(|difference| difference.part).collect();
    Differences {
        known: parts(known),
        unknown: parts(unknown),
    }
}

/// The names of parts of a key, as a list for people.
pub(super) fn part_names(parts: &[Part]) -> String {
    let names: Vec<String> = parts.iter().map(ToString::to_string).collect();
    names.join(", ")
}

pub(super) fn tell_differences(differs: &Differences, tell: &mut Watcher<'_>) {
    let Differences { known, unknown } = differs;
    if !unknown.is_empty() {
        let text = format!(
            "the result is from an older kbisect: whether it is from the same {} cannot be told",
            part_names(unknown)
        );
        warn(tell, text);
    }
    if !known.is_empty() {
        let text = format!(
            "the result is from another {} than the one here",
            part_names(known)
        );
        warn(tell, text);
    }
}

/// The parts of a key that decide what a fragment resolves to. The environment is none of them: Kconfig files
/// rarely read it, and a check that any variable of another terminal skips is none.
const RESOLUTION: [Part; 8] = [
    Part::Source,
    Part::Tree,
    Part::Project,
    Part::Arch,
    Part::Base,
    Part::Toolchain,
    Part::Helpers,
    Part::Outside,
];

/// Why the config of the result is another one than that of its fragment here.
pub(super) fn other_config(differs: &Differences) -> Verified {
    let all = differs.known.iter().chain(&differs.unknown);
    let decisive = all.filter(|part| RESOLUTION.contains(part));
    let decisive: Vec<Part> = decisive.cloned().collect();
    match decisive.is_empty() {
        true => Verified::OtherConfig,
        false => Verified::ConfigUnknown(decisive),
    }
}

/// Does what was found anew bear out what was claimed? The config of the result is not looked at.
pub(super) fn compare(claimed: &Report, found: &Report) -> Verified {
    let found_as = |request: &Request| found.kept.iter().find(|kept| kept.request == *request);
    let is_tested = |request: &Request| {
        let found = found_as(request);
        found.is_some_and(|kept| matches!(kept.reason, Reason::Needed { .. }))
    };
    // What a claim takes for granted is tested here. One without a proof may be needed all the same.
    let (mut held, mut broken) = (0, Vec::new());
    for kept in &claimed.kept {
        let request = &kept.request;
        match kept.reason {
            _ if found_as(request).is_none() => broken.push(request.clone()),
            _ if is_tested(request) => held += 1,
            Reason::Needed { .. } | Reason::Implied { .. } => broken.push(request.clone()),
            Reason::Kept | Reason::Unproved => {}
        }
    }
    if !broken.is_empty() {
        return Verified::NotNeeded(broken);
    }
    let unproved = found.kept.iter().filter(|k| k.reason == Reason::Unproved);
    let unproved: Vec<Request> = unproved.map(|kept| kept.request.clone()).collect();
    if found.status != Status::Minimal || !unproved.is_empty() {
        return Verified::Unproved(unproved);
    }
    Verified::Holds(Held {
        requests: found.after.requests,
        lines: found.after.lines,
        removals: held,
    })
}
