//! `kbisect resume`: resumes an interrupted run.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::checks;
use super::conclude::{finished, show_finished};
use super::go::Opened;
use super::go::go;
use super::prepare::{self, Want, WhenMissing, warn};
use super::run::{check_key, key_differences, open, resumed};
use super::shown::Shown;
use crate::identity::Difference;
use crate::settings::{self, Settings, TIME_HINT, parse_count, parse_duration};
use crate::supervise::{CancelToken, Signals};
use crate::{Error, ErrorKind, Result};

/// Arguments of `kbisect resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run directory [default: the one in kbisect.toml, or kbisect.out]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Trials at once [default: as before]
    #[arg(short, long, value_name = "N", value_parser = parse_count)]
    jobs: Option<NonZeroUsize>,
    /// Compile jobs at once, of all trials together [default: as before]
    #[arg(long, value_name = "M", value_parser = parse_count)]
    build_jobs: Option<NonZeroUsize>,
    /// Stop after this time, all sessions together [default: no limit]
    #[arg(long, value_name = "TIME")]
    budget_time: Option<String>,
    /// Stop after this many trials, all sessions together [default: no limit]
    #[arg(long, value_name = "N")]
    budget_trials: Option<u32>,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let mut ui = shown.ui();
    let dir = settings::output(args.dir.as_deref())?;
    let mut opened = open(&dir, ui.as_mut())?;
    let budget_time = match &args.budget_time {
        None => None,
        Some(text) => Some(parse_duration(text).ok_or_else(|| {
            Error::usage(format!("`{}` is no time", text.escape_debug())).hint(TIME_HINT)
        })?),
    };
    settings::check_budget(args.budget_trials)?;
    let settings = settings_of(&opened, args, dir.clone());
    let cancel = CancelToken::new();
    let signals = Signals::install(&cancel)?;
    if let Some(report) = finished(&opened)? {
        let looked = prepare::interruptible(&signals, &cancel, |cancel| {
            let (settings, ui) = (settings?, ui.as_mut());
            let tools = prepare::tools(&settings, WhenMissing::Fail, Want::Judge, cancel, ui)?;
            key_differences(&opened.info.key, &tools, cancel)
        });
        if let Some(text) = since_then(looked)? {
            warn(ui.as_mut(), text);
        }
        return show_finished(&report, &dir, ui.as_mut(), shown);
    }
    let mut settings = settings?;
    // It may have been moved since.
    checks::buildable(&settings.output, "the run directory", "move it elsewhere")?;
    // A budget that is used up would end the new sitting at once.
    settings.budget_trials = args.budget_trials;
    settings.budget_time = budget_time;
    let tools = prepare::interruptible(&signals, &cancel, |cancel| {
        let tools = prepare::tools(
            &settings,
            WhenMissing::Fail,
            Want::Judge,
            cancel,
            ui.as_mut(),
        )?;
        check_key(
            opened.dir.path(),
            &opened.info,
            &opened.lines,
            &tools,
            cancel,
            "what was found would not hold: put it back as it was, or begin anew with another --output",
        )?;
        resumed(&mut opened, ui.as_mut())?;
        Ok(tools)
    })?;
    go(
        opened,
        &settings,
        tools,
        &signals,
        &cancel,
        ui.as_mut(),
        shown,
    )
}

/// The settings of a run that goes on in `dir`.
fn settings_of(opened: &Opened, args: &Args, dir: PathBuf) -> Result<Settings> {
    let mut settings: Settings =
        serde_json::from_value(opened.info.settings.clone()).map_err(|e| {
            Error::failed(format!("the settings in {} cannot be read", dir.display())).because(e)
        })?;
    settings.output = dir;
    settings.jobs = settings::check_jobs(args.jobs.unwrap_or(settings.jobs))?;
    settings.build_jobs =
        settings::check_build_jobs(args.build_jobs.unwrap_or(settings.build_jobs))?;
    Ok(settings)
}

/// What is to be said with an answer: how that differs which it depends on, by a look at it now. Nothing if it
/// is what it was.
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
    let names: Vec<&str> = differs.iter().map(|d| &*d.name).collect();
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
