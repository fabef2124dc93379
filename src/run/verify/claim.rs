//! The result that is to be verified: its files, its settings, its requests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::journal::RunDir;
use crate::kconfig;
use crate::lab::laid_over;
use crate::model::{Certify, CompilerLauncher, Confidence, Fragment, Order, Request, Tracing};
use crate::report::{RESULT, Report};
use crate::run::files::{MINIMAL_CONFIG, MINIMAL_FRAGMENT};
use crate::run::tell::{Watcher, warn};
use crate::run::tools::WhenMissing;
use crate::search::Algorithm;
use crate::settings::{Form, JudgeStart, Machine, Modules, NONE, Settings};
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

pub(super) fn not_whole(text: String) -> Error {
    Error::usage(text).hint(format!(
        "verify a folder with {RESULT}, {MINIMAL_FRAGMENT} and {MINIMAL_CONFIG}: a run writes them when it ends"
    ))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| not_whole(format!("cannot read {}", path.display())).because(e))
}

pub(super) fn remove(output: &Path) -> String {
    format!(
        "remove {}, or give another --output, to verify once more",
        output.display()
    )
}

/// The settings of the verification: those of the result, but one removal at a time, and nothing taken over.
pub(super) fn settings(
    claimed: &Report,
    claim: &Claim<'_>,
    tell: &mut Watcher<'_>,
) -> Result<Settings> {
    let mut settings: Settings = serde_json::from_value(claimed.settings.clone()).map_err(|e| {
        Error::failed(format!("the settings in {RESULT} cannot be read")).because(e)
    })?;
    if let Some(source) = claim.source {
        settings.source = Some(source.to_owned());
    }
    settings.start = vec![claim.dir.join(MINIMAL_FRAGMENT)];
    settings.start_as = Some(Form::Fragment);
    // That it passed has nothing to do with the result.
    (settings.start_kernel, settings.start_modules) = (None, None);
    settings.modules = Some(match settings.modules {
        Some(Modules::Keep) if builds_modules(claimed) => Modules::Keep,
        _ => Modules::AsWritten,
    });
    claim.output.clone_into(&mut settings.output);
    // One at a time, in order: all of them pass or fail alone.
    settings.algorithm = Algorithm::OneByOne;
    settings.certify = Certify::Strict;
    settings.prior = Some(NONE.into());
    settings.judge_start = JudgeStart::First;
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

/// Were the modules of each kernel built, in the run that is verified?
fn builds_modules(claimed: &Report) -> bool {
    let target = claimed.key.pointer("/project/modules-target");
    target.is_some_and(serde_json::Value::is_string)
}

/// An oracle that is named from another folder may lie beside the result.
pub(super) fn beside(oracle: String, dir: &Path) -> String {
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
pub(super) fn requests_of(claimed: &Report) -> Vec<Request> {
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
pub(super) fn same_requests(claimed: &Report, fragment: &[u8]) -> Result<()> {
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
pub(super) fn requests_of_here(claimed: &Report, requests: &[Request]) -> Result<()> {
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
pub(super) fn another_result(claimed: &Report, output: &Path) -> Result<()> {
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
