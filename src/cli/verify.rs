//! `kbisect verify`: checks a finished result from nothing.

use std::fs;
use std::path::{Path, PathBuf};

use super::go::MINIMAL_FRAGMENT;
use super::prepare::WhenMissing;
use super::shown::Shown;
use crate::journal::RunDir;
use crate::report::{RESULT, Reason, Report, Status, VERSION, gather};
use crate::settings::Settings;
use crate::{Error, Result};

/// Arguments of `kbisect verify`.
///
/// A clean tree is built with the minimal config and judged, then each removal.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the result: a run directory, or one with its result.json and
    /// minimal.fragment
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Source tree or tarball, if not the one of the run
    #[arg(long, value_name = "DIR|TARBALL")]
    source: Option<PathBuf>,
    /// Where to work [default: DIR/verify]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// First install and make what is missing
    #[arg(long)]
    setup: bool,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let claimed = read(&args.dir.join(RESULT))?;
    let mut settings: Settings = serde_json::from_value(claimed.settings.clone()).map_err(|e| {
        Error::failed(format!("the settings in {RESULT} cannot be read")).because(e)
    })?;
    settings.source = args.source.clone().or(settings.source);
    settings.start = Some(args.dir.join(MINIMAL_FRAGMENT));
    settings.output = args
        .output
        .clone()
        .unwrap_or_else(|| args.dir.join("verify"));
    // One at a time, in order: all of them pass or fail alone.
    settings.algorithm = "one-by-one".to_owned();
    (settings.budget_time, settings.budget_trials) = (None, None);
    let machine = Settings::from_wishes(
        crate::settings::Wishes {
            oracle: settings.oracles.clone(),
            ..Default::default()
        },
        crate::settings::Machine::here(),
    )?;
    (settings.jobs, settings.build_jobs) = (machine.jobs, machine.build_jobs);
    let when = if args.setup {
        WhenMissing::Install
    } else {
        WhenMissing::Fail
    };
    let code = super::run::search(&settings, when, &[], shown)?;
    if code != 0 {
        return Ok(code);
    }
    let (info, lines) = RunDir::read(&settings.output)?;
    compare(&claimed, &gather(&info, &lines)?, shown)
}

fn read(path: &Path) -> Result<Report> {
    let text = fs::read(path).map_err(|e| {
        Error::io("read the result", path, e).hint("verify a run that came to its end")
    })?;
    let report: Report = serde_json::from_slice(&text)
        .map_err(|e| Error::failed(format!("{} is no result", path.display())).because(e))?;
    if report.v > VERSION {
        return Err(Error::failed(format!(
            "{} was written by a newer kbisect",
            path.display()
        )));
    }
    Ok(report)
}

/// Does what was found anew bear out what was claimed?
fn compare(claimed: &Report, found: &Report, shown: &Shown) -> Result<u8> {
    let still = |kept: &crate::report::Kept| found.kept.iter().any(|f| f.request == kept.request);
    let needless: Vec<String> = claimed
        .kept
        .iter()
        .filter(|k| matches!(k.reason, Reason::Needed { .. }) && !still(k))
        .map(|k| k.request.to_string())
        .collect();
    if !needless.is_empty() || found.status != Status::Minimal {
        return Err(Error::failed(format!(
            "the certificate does not hold: not needed: {}",
            needless.join(", ")
        ))
        .hint("a smaller result is in the folder of the verification"));
    }
    let removals = found
        .kept
        .iter()
        .filter(|k| matches!(k.reason, Reason::Needed { .. }))
        .count();
    let (requests, lines) = (found.after.requests, found.after.lines);
    if shown.is_json() {
        super::print(&super::json(&serde_json::json!({
            "v": 1, "event": "verified",
            "requests": requests, "lines": lines, "removals": removals,
        }))?);
    } else {
        super::print(&format!(
            "verified: {requests} requests, {lines} lines, accepted; each of {removals} removals \
             was rejected\n"
        ));
    }
    Ok(0)
}
