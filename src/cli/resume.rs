//! `kbisect resume`: goes on with a run that was interrupted.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::checks;
use super::conclude::{finished, show_finished};
use super::go::go;
use super::prepare::{self, Want, WhenMissing};
use super::run::{check_key, open, resumed};
use super::shown::Shown;
use crate::settings::{self, Settings, TIME_HINT, parse_count, parse_duration};
use crate::supervise::{CancelToken, Signals};
use crate::{Error, Result};

/// Arguments of `kbisect resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run directory [default: the one that kbisect.toml names, or kbisect.out]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Trials at once, if other than before
    #[arg(short, long, value_name = "N", value_parser = parse_count)]
    jobs: Option<NonZeroUsize>,
    /// Compile jobs at once, if other than before
    #[arg(long, value_name = "M", value_parser = parse_count)]
    build_jobs: Option<NonZeroUsize>,
    /// Stop after this time, all sittings together [default: no limit]
    #[arg(long, value_name = "TIME")]
    budget_time: Option<String>,
    /// Stop after so many trials, all sittings together [default: no limit]
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
    if let Some(report) = finished(&opened)? {
        return show_finished(&report, &dir, ui.as_mut(), shown);
    }
    let mut settings: Settings =
        serde_json::from_value(opened.info.settings.clone()).map_err(|e| {
            Error::failed(format!("the settings in {} cannot be read", dir.display())).because(e)
        })?;
    settings.output = dir;
    settings.jobs = settings::check_jobs(args.jobs.unwrap_or(settings.jobs))?;
    settings.build_jobs =
        settings::check_build_jobs(args.build_jobs.unwrap_or(settings.build_jobs))?;
    // It may have been moved since.
    checks::buildable(&settings.output, "the run directory", "move it elsewhere")?;
    // A budget that is used up would end the new sitting at once.
    settings.budget_trials = args.budget_trials;
    settings.budget_time = budget_time;
    let cancel = CancelToken::new();
    let signals = Signals::install(&cancel)?;
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
