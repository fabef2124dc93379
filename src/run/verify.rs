//! Verifies a result from nothing: judges it and each removal anew, and compares.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::finish::{MINIMAL_CONFIG, MINIMAL_FRAGMENT};
use super::tell::{Watcher, note, warn};
use super::{Context, Control, End, Ended, Plan, WhenEmpty, WhenMissing, search_within, stored};
use crate::identity;
use crate::journal::{Line, Record, RunDir};
use crate::kconfig::{self, parse_config};
use crate::lab::laid_over;
use crate::model::{
    Certify, CompilerLauncher, Confidence, Fingerprint, Fragment, Order, Request, Tracing,
};
use crate::report::{Kept, RESULT, Reason, Report, Status};
use crate::settings::{Machine, Settings};
use crate::{Error, Result};

/// A result that is to be verified.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The folder with `result.json`, `minimal.fragment` and `minimal.config`.
    pub dir: &'a Path,
    /// The source tree or tarball. None: the one that the result names.
    pub source: Option<&'a Path>,
    /// The run directory of the verification.
    pub output: &'a Path,
    /// What to do about missing packages.
    pub when_missing: WhenMissing,
}

/// What came of a verification.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The result that was verified.
    pub claimed: Report,
    /// The run that judged it anew.
    pub found: Ended,
    /// What verdicts depend on and is not the same here.
    pub differs: Differences,
    /// How the two compare.
    pub verdict: Verified,
}

/// What verdicts depend on and is not the same for two results, by the names of the parts of the key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// The parts that differ.
    pub known: Vec<String>,
    /// The parts that an older kbisect recorded in another way, so that nobody can tell.
    pub unknown: Vec<String>,
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
    ConfigUnknown(Vec<String>),
}

impl Verification {
    /// Why the result does not hold; none if it holds, or nobody can tell yet.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        let names = |requests: &[Request]| {
            let names: Vec<String> = requests.iter().map(ToString::to_string).collect();
            names.join(", ")
        };
        match &self.verdict {
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
                    parts.join(", ")
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

/// Verifies a result: builds its fragment from empty trees, judges it, and removes each request alone. A
/// verification in the output that was interrupted goes on; one that is finished is compared, and nothing is built.
///
/// # Errors
/// There is no whole result, its files contradict one another, the output has a verification of another result in
/// it, or as for [`search`](super::search). A result that does not hold is no error.
pub fn verify(
    claim: &Claim<'_>,
    control: &Control,
    tell: &mut Watcher<'_>,
) -> Result<Verification> {
    let result = claim.dir.join(RESULT);
    if !result.exists() {
        return Err(not_whole(format!(
            "there is no result in {}",
            claim.dir.display()
        )));
    }
    let claimed = stored::read(&result)?;
    let fragment = read(&claim.dir.join(MINIMAL_FRAGMENT))?;
    same_requests(&claimed, &fragment)?;
    let config = read(&claim.dir.join(MINIMAL_CONFIG))?;
    let config = parse_config(&String::from_utf8_lossy(&config)).fingerprint();
    let settings = settings(&claimed, claim, tell)?;
    another_result(&claimed, claim.output)?;
    let plan = Plan {
        when_missing: claim.when_missing,
        when_empty: match claimed.kept.is_empty() {
            true => WhenEmpty::Judge,
            false => WhenEmpty::Refuse,
        },
        ..Plan::new(&settings)
    };
    let context = Context {
        check: &|requests| requests_of_here(&claimed, requests),
        another: Some(remove(claim.output)),
    };
    let found = search_within(&plan, &context, control, tell);
    let read = RunDir::read(claim.output);
    let differs = match &read {
        Ok((info, _)) => differences(&claimed.key, &info.key),
        Err(_) => Differences::default(),
    };
    // These may explain an error, too.
    tell_differences(&differs, tell);
    let found = found?;
    let verdict = match compare(&claimed, &found.report) {
        _ if is_open(&found) => Verified::Open,
        Verified::Holds(_) if start_of(&read?.1) != Some(config) => other_config(&differs),
        verdict => verdict,
    };
    if found.end == End::OverBefore {
        let output = claim.output.display();
        let text = format!(
            "the verification in {output} was finished before: it is compared with the result, and nothing is \
             built. To verify once more, remove {output} or give another --output"
        );
        note(tell, text);
    }
    Ok(Verification {
        claimed,
        found,
        differs,
        verdict,
    })
}

fn not_whole(text: String) -> Error {
    Error::usage(text).hint(format!(
        "verify a folder with {RESULT}, {MINIMAL_FRAGMENT} and {MINIMAL_CONFIG}: a run writes them when it ends"
    ))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| not_whole(format!("cannot read {}", path.display())).because(e))
}

fn remove(output: &Path) -> String {
    format!(
        "remove {}, or give another --output, to verify once more",
        output.display()
    )
}

/// The settings of the verification: those of the result, but one removal at a time, and nothing taken over.
fn settings(claimed: &Report, claim: &Claim<'_>, tell: &mut Watcher<'_>) -> Result<Settings> {
    let mut settings: Settings = serde_json::from_value(claimed.settings.clone()).map_err(|e| {
        Error::failed(format!("the settings in {RESULT} cannot be read")).because(e)
    })?;
    if let Some(source) = claim.source {
        settings.source = Some(source.to_owned());
    }
    settings.start = Some(claim.dir.join(MINIMAL_FRAGMENT));
    claim.output.clone_into(&mut settings.output);
    // One at a time, in order: all of them pass or fail alone.
    settings.algorithm = "one-by-one".to_owned();
    settings.certify = Certify::Strict;
    settings.prior = None;
    settings.trace = Tracing::Off;
    settings.confidence = Some(Confidence::default());
    settings.order = Order::AsItComes;
    // From nothing: not even an object of the run that is verified.
    settings.cc_launcher = CompilerLauncher::Nothing;
    (settings.budget_time, settings.budget_trials) = (None, None);
    let machine = Settings::defaults(Machine::here());
    (settings.jobs, settings.build_jobs) = (machine.jobs, machine.build_jobs);
    let named: BTreeSet<String> = settings.oracles.iter().cloned().collect();
    for oracle in &mut settings.oracles {
        let found = beside(oracle.clone(), claim.dir);
        if found != *oracle {
            warn(
                tell,
                format!("there is no {oracle}; {found} is used instead"),
            );
            *oracle = found;
        }
    }
    let distinct: BTreeSet<&String> = settings.oracles.iter().collect();
    if distinct.len() < named.len() {
        return Err(Error::usage("two oracles of the result are one file here")
            .hint("put them where the result says that they are"));
    }
    Ok(settings)
}

/// An oracle that is named from another folder may lie beside the result.
fn beside(oracle: String, dir: &Path) -> String {
    let here = Path::new(&oracle);
    let there = here.file_name().map(|name| dir.join(name));
    let is_wanted = here.components().count() > 1 && !here.exists();
    let there = there.filter(|there| is_wanted && there.is_file());
    let there: Option<PathBuf> = there.and_then(|there| std::path::absolute(there).ok());
    // The name of an oracle is text.
    there
        .and_then(|there| there.to_str().map(str::to_owned))
        .unwrap_or(oracle)
}

/// The requests of a result.
fn requests_of(claimed: &Report) -> Vec<Request> {
    claimed.kept.iter().map(|k| k.request.clone()).collect()
}

/// The requests that are in only one of two lists, as text.
fn only_in_one(some: &[Request], others: &[Request]) -> Vec<String> {
    let set = |requests: &[Request]| -> BTreeSet<String> {
        requests.iter().map(ToString::to_string).collect()
    };
    let (some, others) = (set(some), set(others));
    some.symmetric_difference(&others).cloned().collect()
}

/// Does the text of a fragment ask for the requests of the result, over its base?
fn same_requests(claimed: &Report, fragment: &[u8]) -> Result<()> {
    let asks = |text: &[u8]| kconfig::read(text).fragment;
    // As its text reads, which may be another form of the same value.
    let told = asks(laid_over("", &Fragment::new(requests_of(claimed))).as_bytes());
    let base = claimed.key.get("base").and_then(Value::as_str);
    let base = asks(base.unwrap_or_default().as_bytes());
    let of_base =
        |r: &Request| base.get(&r.symbol) == Some(&r.value) && told.get(&r.symbol).is_none();
    let mut asked = asks(fragment).requests().to_vec();
    asked.retain(|request| !of_base(request));
    let differ = only_in_one(told.requests(), &asked);
    if differ.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "{RESULT} and {MINIMAL_FRAGMENT} do not speak of the same requests: {}",
        differ.join(", ")
    ))
    .hint("one of them was changed: `kbisect resume` on their run writes them anew"))
}

/// Does the fragment come to the requests of the result, with the source and the base of here?
fn requests_of_here(claimed: &Report, requests: &[Request]) -> Result<()> {
    let differ = only_in_one(&requests_of(claimed), requests);
    if differ.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "with the source and the base of here, {MINIMAL_FRAGMENT} does not come to the requests of {RESULT}: {}",
        differ.join(", ")
    ))
    .hint("verify it with what the result is from, or search anew"))
}

/// Refuses a verification in `output` that is of another result.
fn another_result(claimed: &Report, output: &Path) -> Result<()> {
    let Ok((info, _)) = RunDir::read(output) else {
        return Ok(());
    };
    let differ = only_in_one(&requests_of(claimed), &info.requests);
    if differ.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{} has a verification of another result in it: they differ in {}",
        output.display(),
        differ.join(", ")
    ))
    .hint(remove(output)))
}

/// What verdicts depend on and is not the same in the keys of two runs.
fn differences(claimed: &Value, found: &Value) -> Differences {
    let found = &identity::earlier::noted_by(claimed, found);
    let mut all: Vec<String> = identity::differences(claimed, found)
        .into_iter()
        .map(|difference| difference.name)
        .collect();
    // A result of an older kbisect may not tell.
    all.retain(|name| claimed.get(name).is_some());
    let form = |key: &Value, name: &str| match key.get(name) {
        // Of an oracle it had one hash.
        Some(Value::Array(oracles)) => oracles.first().map(std::mem::discriminant),
        value => value.map(std::mem::discriminant),
    };
    let (known, unknown) = all
        .into_iter()
        .partition(|name| form(claimed, name) == form(found, name));
    Differences { known, unknown }
}

fn tell_differences(differs: &Differences, tell: &mut Watcher<'_>) {
    let Differences { known, unknown } = differs;
    if !unknown.is_empty() {
        let text = format!(
            "the result is from an older kbisect: whether it is from the same {} cannot be told",
            unknown.join(", ")
        );
        warn(tell, text);
    }
    if !known.is_empty() {
        let text = format!(
            "the result is from another {} than the one here",
            known.join(", ")
        );
        warn(tell, text);
    }
}

/// The parts of a key that decide what a fragment resolves to. The environment is none of them: Kconfig files
/// rarely read it, and a check that any variable of another terminal skips is none.
const RESOLUTION: [&str; 8] = [
    "source",
    "tree",
    "project",
    "arch",
    "base",
    "toolchain",
    identity::HELPERS,
    identity::OUTSIDE,
];

/// Why the config of the result is another one than that of its fragment here.
fn other_config(differs: &Differences) -> Verified {
    let all = differs.known.iter().chain(&differs.unknown);
    let decisive = all.filter(|name| RESOLUTION.contains(&name.as_str()));
    let decisive: Vec<String> = decisive.cloned().collect();
    match decisive.is_empty() {
        true => Verified::OtherConfig,
        false => Verified::ConfigUnknown(decisive),
    }
}

/// The config that the start of a run resolves to.
fn start_of(lines: &[Line]) -> Option<Fingerprint> {
    lines.iter().find_map(|line| match &line.record {
        Record::Start { judgement, .. } => Some(judgement.fingerprint),
        _ => None,
    })
}

/// Was the run stopped, or did it prove less than a whole certificate?
fn is_open(found: &Ended) -> bool {
    matches!(found.end, End::Stopped(_)) || found.report.status != Status::Minimal
}

/// Does what was found anew bear out what was claimed? The config of the result is not looked at.
fn compare(claimed: &Report, found: &Report) -> Verified {
    let is_tested = |kept: &&Kept| matches!(kept.reason, Reason::Needed { .. });
    // What a claim takes for granted is tested here.
    let is_needed = |kept: &&Kept| is_tested(kept) || matches!(kept.reason, Reason::Implied { .. });
    let needed = |request: &Request| {
        let mut tested = found.kept.iter().filter(is_tested);
        tested.any(|kept| kept.request == *request)
    };
    let claims = claimed.kept.iter().filter(is_needed);
    let claims = claims.map(|kept| kept.request.clone());
    let (held, broken): (Vec<Request>, Vec<Request>) = claims.partition(|r| needed(r));
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
        removals: held.len(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{Stage, Symbol, TrialId, Value as Setting};
    use crate::report::{Cost, Size, VERSION};

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
            serde_json::json!({ "source": { "hash": hash, "files": 3 }, "toolchain": { "gcc": gcc },
                "oracles": [{ "name": "x", "files": {} }] })
        };
        let claimed = key("12ab", "gcc 12");
        assert_eq!(differences(&claimed, &claimed), Differences::default());
        let differs = differences(&claimed, &key("34cd", "gcc 13"));
        assert_eq!(differs.known, ["source", "toolchain"]);
        assert!(differs.unknown.is_empty());
    }

    #[test]
    fn what_an_older_version_noted_in_another_way_is_no_difference() {
        let claimed = serde_json::json!({ "source": "/a/linux 12ab", "tree": "git 12", "toolchain": "gcc 12",
            "oracles": ["12ab"], "arch": "x86_64" });
        let found = serde_json::json!({ "source": { "hash": "12", "files": 3 }, "toolchain": {},
            "oracles": [{}], "arch": "arm64" });
        let differs = differences(&claimed, &found);
        assert_eq!(differs.known, ["arch"]);
        assert_eq!(differs.unknown, ["oracles", "source", "toolchain", "tree"]);
    }
}
