//! Goes on with a run from its directory alone.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use super::control::{Control, interruptible};
use super::finish::finished;
use super::opened::{Opened, check_key, key_differences, open, resumed};

use super::tell::{Watcher, warn};
use super::tools::{Want, WhenMissing};
use super::{Ended, checks, over_before, search_to_end, tools};
use crate::model::Difference;
use crate::settings::{self, Settings};
use crate::{Error, ErrorKind, Result};

/// Settings of a session that are other than when the run began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Trials at once.
    pub jobs: Option<NonZeroUsize>,
    /// Compile jobs at once, of all trials together.
    pub build_jobs: Option<NonZeroUsize>,
    /// The time that the run may take, all sessions together; none: no limit.
    pub budget_time: Option<Duration>,
    /// The trials that it may take, all sessions together; none: no limit.
    pub budget_trials: Option<u32>,
}

/// Goes on with the run in `dir`. If it is over, its answer is returned, and a warning tells what has changed
/// since.
///
/// # Errors
/// There is no run, another process holds it, what its verdicts rest on has changed, or as for
/// [`search`](super::search).
pub fn resume(
    dir: &Path,
    changes: &Changes,
    control: &Control,
    tell: &mut Watcher<'_>,
) -> Result<Ended> {
    checks::served()?;
    let mut opened = open(dir, tell)?;
    settings::check_budget(changes.budget_trials)?;
    let settings = settings_of(&opened, changes, dir);
    if let Some(report) = finished(&opened)? {
        let looked = interruptible(control, |cancel| {
            let settings = settings?;
            let tools = tools(&settings, WhenMissing::Fail, Want::Build, cancel, tell)?;
            key_differences(&opened.info.key, &tools, cancel)
        });
        if let Some(text) = since_then(looked)? {
            warn(tell, text);
        }
        return Ok(over_before(&opened, report, tell));
    }
    let mut settings = settings?;
    // It may have been moved since.
    checks::buildable(&settings.output, "the run directory", "move it elsewhere")?;
    // A budget that is used up would end the new session at once.
    settings.budget_trials = changes.budget_trials;
    settings.budget_time = changes.budget_time;
    let tools = interruptible(control, |cancel| {
        let tools = tools(&settings, WhenMissing::Fail, Want::Build, cancel, tell)?;
        check_key(
            opened.dir.path(),
            &opened.info,
            opened.journal.state(),
            &tools,
            cancel,
            "what was found would not hold: put it back as it was, or start a new run with another --output",
        )?;
        resumed(&mut opened, tell)?;
        Ok(tools)
    })?;
    search_to_end(&mut opened, &settings, tools, control, tell)
}

/// The settings of a run that goes on in `dir`.
fn settings_of(opened: &Opened, changes: &Changes, dir: &Path) -> Result<Settings> {
    let mut settings: Settings = opened.info.settings.read().map_err(|e| {
        Error::failed(format!("the settings in {} cannot be read", dir.display())).because(e)
    })?;
    settings.output = dir.to_owned();
    settings.jobs = settings::check_jobs(changes.jobs.unwrap_or(settings.jobs))?;
    settings.build_jobs =
        settings::check_build_jobs(changes.build_jobs.unwrap_or(settings.build_jobs))?;
    Ok(settings)
}

/// The warning that goes with an answer, if anything that it depends on has changed since.
fn since_then(looked: Result<Vec<Difference>>) -> Result<Option<String>> {
    let differs = match looked {
        Ok(differs) if differs.is_empty() => return Ok(None),
        Ok(differs) => differs,
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Err(error) => {
            return Ok(Some(format!(
                "the answer is of the source, the oracles and the toolchain as they were: whether they still are \
                 cannot be told: {error}"
            )));
        }
    };
    let names: Vec<String> = differs.iter().map(|d| d.part.to_string()).collect();
    let details: Vec<&str> = differs
        .iter()
        .flat_map(|d| d.details.iter().map(String::as_str))
        .collect();
    let details = if details.is_empty() {
        String::new()
    } else {
        format!(" ({})", details.join("; "))
    };
    Ok(Some(format!(
        "the answer is of what there was when the run was made; since then this has changed: {}{details}. \
         `kbisect verify` checks the answer against what there is now",
        names.join(", ")
    )))
}
