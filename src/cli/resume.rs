//! `kbisect resume`: resumes an interrupted run.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::output::Ending;
use super::shown::Shown;
use crate::run::{self, Changes, Control};
use crate::settings::{TIME_HINT, parse_count, parse_duration};
use crate::{Error, Result};

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
    let dir = run::directory(args.dir.as_deref(), "resume")?;
    let budget_time = match &args.budget_time {
        None => None,
        Some(text) => Some(parse_duration(text).ok_or_else(|| {
            Error::usage(format!("`{}` is no time", text.escape_debug())).hint(TIME_HINT)
        })?),
    };
    let changes = Changes {
        jobs: args.jobs,
        build_jobs: args.build_jobs,
        budget_time,
        budget_trials: args.budget_trials,
    };
    let mut ui = shown.ui();
    let control = Control::by_signals()?;
    let ended = run::resume(&dir, &changes, &control, &mut |event| ui.event(event));
    ui.finish();
    let again = format!("kbisect resume {}", dir.display());
    let ending = Ending::new(&dir, &again, *shown);
    ending.show(&ended.map_err(|error| ending.failed(error))?)
}
