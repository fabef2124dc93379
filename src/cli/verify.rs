//! `kbisect verify`: checks a finished result from nothing.

use super::print::print;
use crate::run::files::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::shown::Shown;
use crate::identity;
use crate::journal::{Line, Record, RunDir};
use crate::kconfig::parse_config;
use crate::model::{Certify, CompilerLauncher, Confidence, Event, Order, Request, Tracing};
use crate::report::{Kept, RESULT, Reason, Report, Status, gather};
use crate::run::{MINIMAL_CONFIG, MINIMAL_FRAGMENT, Plan, WhenEmpty, WhenMissing};
use crate::settings::{Form, Modules, Settings};
use crate::{Error, Result};

/// Arguments of `kbisect verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the result: a run directory, or a folder with result.json and minimal.fragment
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Source tree or tarball [default: the one of the run]
    #[arg(long, value_name = "DIR|TARBALL")]
    source: Option<PathBuf>,
    /// Folder to work in [default: DIR/verify]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Install and make what is missing first
    #[arg(long)]
    setup: bool,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let result = args.dir.join(RESULT);
    if !result.exists() {
        let text = format!("there is no result in {}", args.dir.display());
        return Err(Error::usage(text).hint(format!(
            "it is to have a {RESULT}: that of a run that came to its end"
        )));
    }
    let claimed = read(&result)?;
    let mut settings: Settings = serde_json::from_value(claimed.settings.clone()).map_err(|e| {
        Error::failed(format!("the settings in {RESULT} cannot be read")).because(e)
    })?;
    settings.source = args.source.clone().or(settings.source);
    settings.start = vec![args.dir.join(MINIMAL_FRAGMENT)];
    settings.start_as = Some(Form::Fragment);
    settings.modules = Some(Modules::Keep);
    settings.output = args
        .output
        .clone()
        .unwrap_or_else(|| args.dir.join("verify"));
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
    let machine = Settings::defaults(crate::settings::Machine::here());
    (settings.jobs, settings.build_jobs) = (machine.jobs, machine.build_jobs);
    let when = if args.setup {
        WhenMissing::Install
    } else {
        WhenMissing::Fail
    };
    let named: BTreeSet<String> = settings.oracles.iter().cloned().collect();
    for oracle in &mut settings.oracles {
        let found = beside(oracle.clone(), &args.dir);
        if found != *oracle {
            let text = format!("there is no {oracle}; instead of it {found} is asked");
            shown.ui().event(&Event::Warning { text });
            *oracle = found;
        }
    }
    let distinct: BTreeSet<&String> = settings.oracles.iter().collect();
    if distinct.len() < named.len() {
        return Err(Error::usage("two oracles of the result are one file here")
            .hint("put them where the result says that they are"));
    }
    refuse_a_finished_one(&settings.output)?;
    let empty = match claimed.kept.is_empty() {
        true => WhenEmpty::Judge,
        false => WhenEmpty::Refuse,
    };
    let plan = Plan {
        settings: &settings,
        when_missing: when,
        when_empty: empty,
        warnings: &[],
    };
    // Only that compares what is found with the result.
    let again = match &args.output {
        None => format!("kbisect verify {}", args.dir.display()),
        Some(output) => format!(
            "kbisect verify {} --output {}",
            args.dir.display(),
            output.display()
        ),
    };
    let code = super::run::search(&plan, &again, shown);
    let read = RunDir::read(&settings.output);
    let mut all_that_differs = Vec::new();
    if let Ok((info, _)) = &read {
        let (differs, unknown) = differences(&claimed.key, &info.key);
        if !unknown.is_empty() {
            let text = format!(
                "the result is from an older kbisect: whether it is from the same {} cannot be told",
                unknown.join(", ")
            );
            shown.ui().event(&Event::Warning { text });
        }
        if !differs.is_empty() {
            let text = format!(
                "this was checked with another {} than the result is from",
                differs.join(", ")
            );
            shown.ui().event(&Event::Warning { text });
        }
        all_that_differs = [differs, unknown].concat();
    }
    let code = code?;
    if code != 0 {
        return Ok(code);
    }
    let (info, lines) = read?;
    let found = gather(&info, &lines)?;
    let verified = compare(&claimed, &info.requests, &found)?;
    same_config(&args.dir.join(MINIMAL_CONFIG), &lines, &all_that_differs)?;
    print(&verified.say(shown)?)?;
    Ok(0)
}

/// An oracle that is named from another folder may lie beside the result.
fn beside(oracle: String, dir: &Path) -> String {
    let here = Path::new(&oracle);
    let there = here.file_name().map(|name| dir.join(name));
    let is_wanted = here.components().count() > 1 && !here.exists();
    let there = there.filter(|there| is_wanted && there.is_file());
    let there = there.and_then(|there| std::path::absolute(there).ok());
    // The name of an oracle is text.
    there
        .and_then(|there| there.to_str().map(str::to_owned))
        .unwrap_or(oracle)
}

/// From nothing means that an earlier verification does not count; only one that was interrupted
/// goes on.
fn refuse_a_finished_one(output: &Path) -> Result<()> {
    let Ok((_, lines)) = RunDir::read(output) else {
        return Ok(());
    };
    let ended = |line: &Line| matches!(line.record, Record::Finished { .. });
    if lines.last().is_some_and(ended) {
        return Err(Error::usage(format!(
            "{} has a finished verification in it",
            output.display()
        ))
        .hint("remove it, or give another --output, to verify once more"));
    }
    Ok(())
}

/// What verdicts depend on and what is not the same here as it was for the claim, by names; and what an
/// older kbisect noted in another way, so that nobody can tell.
fn differences(claimed: &Value, found: &Value) -> (Vec<String>, Vec<String>) {
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
    all.into_iter()
        .partition(|name| form(claimed, name) == form(found, name))
}

/// The result in a file.
pub(super) fn read(path: &Path) -> Result<Report> {
    let text = fs::read(path).map_err(|e| {
        Error::io("read the result", path, e).hint("verify a run that came to its end")
    })?;
    Report::parse(&text, path)
}

/// A claim that held.
#[derive(Debug, PartialEq, Eq)]
struct Verified {
    requests: usize,
    lines: u32,
    removals: usize,
}

impl Verified {
    fn say(&self, shown: &Shown) -> Result<String> {
        let Self {
            requests,
            lines,
            removals,
        } = self;
        if shown.is_json() {
            return json(&serde_json::json!({
                "v": 1, "event": "verified",
                "requests": requests, "lines": lines, "removals": removals,
            }));
        }
        if *requests == 0 {
            return Ok(format!(
                "verified: nothing is needed: the base alone, {lines} lines, is accepted\n"
            ));
        }
        Ok(format!(
            "verified: {requests} requests, {lines} lines, accepted; each of {removals} removals \
             was rejected\n"
        ))
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

/// Checks that the `.config` of the result is the one that its fragment resolves to. `differs` names the parts of
/// the key that are not the same here, or of which nobody can tell.
fn same_config(path: &Path, lines: &[Line], differs: &[String]) -> Result<()> {
    let text = fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    let claimed = parse_config(&text).fingerprint();
    let start = lines.iter().find_map(|line| match &line.record {
        Record::Start { judgement, .. } => Some(judgement.fingerprint),
        _ => None,
    });
    if start == Some(claimed) {
        return Ok(());
    }
    let path = path.display();
    let decisive: Vec<&str> = differs
        .iter()
        .map(String::as_str)
        .filter(|name| RESOLUTION.contains(name))
        .collect();
    if decisive.is_empty() {
        return Err(Error::failed(format!(
            "{path} is not what {MINIMAL_FRAGMENT} resolves to"
        )));
    }
    Err(Error::failed(format!(
        "whether {path} is what {MINIMAL_FRAGMENT} resolves to cannot be told: here it resolves to another \
         config, with another {}",
        decisive.join(", ")
    ))
    .hint(format!(
        "{MINIMAL_FRAGMENT} itself holds; verify it with what the result is from to check the config too"
    )))
}

/// Does what was found anew, from a fragment with the requests `asked`, bear out what was claimed?
fn compare(claimed: &Report, asked: &[Request], found: &Report) -> Result<Verified> {
    let set = |requests: &mut dyn Iterator<Item = &Request>| -> BTreeSet<String> {
        requests.map(ToString::to_string).collect()
    };
    let told = set(&mut claimed.kept.iter().map(|k| &k.request));
    let asked = set(&mut asked.iter());
    if told != asked {
        let differ: Vec<&String> = told.symmetric_difference(&asked).collect();
        return Err(Error::failed(format!(
            "{RESULT} and {MINIMAL_FRAGMENT} do not speak of the same requests: {}",
            differ.into_iter().cloned().collect::<Vec<_>>().join(", ")
        )));
    }
    let is_tested = |kept: &&Kept| matches!(kept.reason, Reason::Needed { .. });
    // What a claim takes for granted is tested here.
    let is_needed = |kept: &&Kept| is_tested(kept) || matches!(kept.reason, Reason::Implied { .. });
    let needed = |report: &Report, request| {
        report
            .kept
            .iter()
            .filter(is_tested)
            .any(|k| &k.request == request)
    };
    let names = |kept: Vec<&Kept>| {
        let names: Vec<String> = kept.iter().map(|k| k.request.to_string()).collect();
        names.join(", ")
    };
    let claims: Vec<&Kept> = claimed.kept.iter().filter(is_needed).collect();
    let (held, broken): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|k| needed(found, &k.request));
    if !broken.is_empty() {
        return Err(Error::failed(format!(
            "the certificate does not hold: not needed: {}",
            names(broken)
        ))
        .hint("a smaller result is in the folder of the verification"));
    }
    let open = |kept: &&Kept| kept.reason == Reason::Unproved;
    let unproved: Vec<&Kept> = found.kept.iter().filter(open).collect();
    if found.status != Status::Minimal || !unproved.is_empty() {
        return Err(Error::failed(format!(
            "the certificate does not hold: without a proof: {}",
            names(unproved)
        )));
    }
    Ok(Verified {
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

    /// As if the fragment had what is claimed.
    fn check(claimed: &Report, found: &Report) -> Result<Verified> {
        let asked: Vec<Request> = claimed.kept.iter().map(|k| k.request.clone()).collect();
        compare(claimed, &asked, found)
    }

    #[test]
    fn a_fragment_with_more_or_less_than_is_claimed_is_refused() {
        let claimed = report(Status::Minimal, &[("A", needed()), ("B", needed())]);
        let fewer = &claimed.kept[..1];
        let asked: Vec<Request> = fewer.iter().map(|k| k.request.clone()).collect();
        let error = compare(&claimed, &asked, &claimed).unwrap_err().to_string();
        assert!(error.contains("the same requests: B=y"), "{error}");
    }

    #[test]
    fn a_claim_that_is_found_again_holds() {
        let kept = [("A", needed()), ("B", Reason::Kept)];
        let claimed = report(Status::Minimal, &kept);
        let verified = check(&claimed, &claimed).unwrap();
        assert_eq!((verified.requests, verified.removals), (2, 1));
    }

    #[test]
    fn a_request_that_turns_out_needless_is_named() {
        let claimed = report(Status::Minimal, &[("A", needed()), ("B", needed())]);
        let found = report(Status::Minimal, &[("A", needed())]);
        let error = check(&claimed, &found).unwrap_err().to_string();
        assert!(error.contains("not needed: B=y"), "{error}");
    }

    #[test]
    fn a_request_without_a_verdict_is_no_proof() {
        let claimed = report(
            Status::Unproved,
            &[("A", needed()), ("B", Reason::Unproved)],
        );
        let error = check(&claimed, &claimed).unwrap_err().to_string();
        assert!(error.contains("without a proof: B=y"), "{error}");
    }

    #[test]
    fn another_source_or_toolchain_is_told() {
        let key = |hash: &str, gcc: &str| {
            serde_json::json!({ "source": { "hash": hash, "files": 3 }, "toolchain": { "gcc": gcc },
                "oracles": [{ "name": "x", "files": {} }] })
        };
        let claimed = key("12ab", "gcc 12");
        assert_eq!(differences(&claimed, &claimed), (vec![], vec![]));
        let (differs, unknown) = differences(&claimed, &key("34cd", "gcc 13"));
        assert_eq!(differs, ["source", "toolchain"]);
        assert!(unknown.is_empty());
    }

    #[test]
    fn what_an_older_version_noted_in_another_way_is_no_difference() {
        let claimed = serde_json::json!({ "source": "/a/linux 12ab", "tree": "git 12", "toolchain": "gcc 12",
            "oracles": ["12ab"], "arch": "x86_64" });
        let found = serde_json::json!({ "source": { "hash": "12", "files": 3 }, "toolchain": {},
            "oracles": [{}], "arch": "arm64" });
        let (differs, unknown) = differences(&claimed, &found);
        assert_eq!(differs, ["arch"]);
        assert_eq!(unknown, ["oracles", "source", "toolchain", "tree"]);
    }
}
