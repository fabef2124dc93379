//! A run from start to finish: it is begun or gone on with, searched, and its result written.
//!
//! This is the front door of the library. A program that makes runs calls [`cli::serve`](crate::cli::serve)
//! first of all. A run needs complete [`Settings`], a
//! [`Control`] to stop it by, and somebody to tell what happens:
//!
//! ```no_run
//! use kbisect::run::{self, Control, Plan};
//! use kbisect::settings::{Machine, PartialSettings, Settings};
//!
//! # fn run() -> kbisect::Result<()> {
//! let asked = PartialSettings::new()
//!     .with("oracle", "shell-ok")
//!     .with("output", "/tmp/shell-ok");
//! let settings = Settings::complete(&asked, Machine::here())?;
//! let ended = run::search(&Plan::new(&settings), &Control::by_signals()?, &mut |event| {
//!     eprintln!("{event:?}");
//! })?;
//! for kept in &ended.report.kept {
//!     println!("{}", kept.request);
//! }
//! # Ok(())
//! # }
//! ```

mod base;
mod begin;
pub(crate) mod checks;
mod compiler;
mod control;
mod costs;
mod doubts;
mod estimates;
pub(crate) mod files;
mod finish;
mod form;
mod given;
pub(crate) mod guess;
mod learned;
mod lists;
pub(crate) mod opened;
mod prepare;
mod prior;
pub(crate) mod project;
mod resume;
mod searches;
mod session;
pub(crate) mod start;
mod state;
pub(crate) mod tell;
pub(crate) mod tools;
mod unmet;

use std::path::PathBuf;

pub use control::Control;
pub use resume::{Changes, resume};
pub use start::WhenEmpty;
#[doc(hidden)]
pub use state::RunState;
pub use tell::Watcher;
pub use tools::WhenMissing;

pub(crate) use control::interruptible;
pub(crate) use finish::{MINIMAL_CONFIG, MINIMAL_FRAGMENT};
pub(crate) use prepare::tools;

use crate::journal::RunDir;
use crate::lab::Stopped;
use crate::model::{Event, Phase};
use crate::report::Report;
use crate::settings::Settings;
use crate::{Error, ErrorKind, Result};
use begin::{again, begin};
use finish::{finish, finished, remove_trees};
use opened::{Opened, open, resumed};
use session::drive;
use tell::warn;
use tools::Want;

/// The name of this program in oracles.
pub(crate) const OWN_NAME: &str = "kbisect";

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// What to do about missing packages.
    pub when_missing: WhenMissing,
    /// What to do about a start from which nothing can be removed.
    pub when_empty: WhenEmpty,
    /// What was wrong with how it was asked for: told as the run begins.
    pub warnings: &'a [String],
}

impl<'a> Plan<'a> {
    /// A run that installs nothing, and refuses a start from which nothing can be removed.
    #[must_use]
    pub fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            when_missing: WhenMissing::Fail,
            when_empty: WhenEmpty::Refuse,
            warnings: &[],
        }
    }
}

/// How a run ended, or stands.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The result.
    pub report: Report,
    /// How it came to an end.
    pub end: End,
    /// The run directory.
    pub dir: PathBuf,
}

/// How a run came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The search is over.
    Over,
    /// It was over before: nothing was done.
    OverBefore,
    /// It was stopped, and can be resumed.
    Stopped(Stopped),
}

/// Begins the run that the settings describe, or goes on with it if it is in the run directory already. `tell`
/// is called with each event.
///
/// # Errors
/// The kind tells: bad settings or another run in the directory ([`ErrorKind::Usage`]), a start that its oracle
/// refuses, an oracle or builds that cannot be relied on, an interruption before the search began, a directory that
/// is in use, or something else that failed. A run that had begun can be resumed.
pub fn search(plan: &Plan<'_>, control: &Control, tell: &mut Watcher<'_>) -> Result<Ended> {
    let Plan {
        when_missing,
        when_empty,
        warnings,
        ..
    } = *plan;
    checks::served()?;
    let mut settings = plan.settings.clone();
    checks::make_absolute(&mut settings)?;
    let settings = &settings;
    tell(&Event::PhaseBegun {
        phase: Phase::Preparing,
    });
    for text in warnings {
        warn(tell, text);
    }
    start::check_start(settings, when_empty)?;
    // A mistake in it is told before minutes of work.
    checks::guess(settings)?;
    if !RunDir::has_run(&settings.output) {
        checks::output(&settings.output)?;
    }
    let (tools, mut opened, session) = interruptible(control, |cancel| {
        // First: when another run holds it, nothing else matters.
        let held = if RunDir::has_run(&settings.output) {
            Some(open(&settings.output, tell)?)
        } else {
            None
        };
        let tools = tools(settings, when_missing, Want::Judge, cancel, tell)?;
        let (opened, session) = match held {
            Some(opened) => {
                again(&opened, settings, &tools, when_empty, cancel, tell)?;
                (opened, Session::Later)
            }
            None => (
                begin(settings, &tools, when_empty, cancel, tell)?,
                Session::First,
            ),
        };
        Ok((tools, opened, session))
    })
    .map_err(|error| interrupted(error, settings))?;
    if session == Session::Later {
        if let Some(report) = finished(&opened)? {
            return Ok(over_before(&opened, report));
        }
        resumed(&mut opened, tell)?;
    }
    let outcome = drive(&mut opened, settings, tools, control, tell)?;
    ended(&opened, &outcome, settings)
}

/// Was the run there before?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    First,
    Later,
}

fn ended(opened: &Opened, outcome: &crate::lab::Outcome, settings: &Settings) -> Result<Ended> {
    Ok(Ended {
        report: finish(opened, outcome, settings)?,
        end: outcome.stopped.map_or(End::Over, End::Stopped),
        dir: opened.dir.path().to_owned(),
    })
}

fn over_before(opened: &Opened, report: Report) -> Ended {
    // Should it have been killed just before it did that.
    remove_trees(opened.dir.path());
    Ended {
        report,
        end: End::OverBefore,
        dir: opened.dir.path().to_owned(),
    }
}

/// An interruption before the search: says whether there is a run to go on with.
fn interrupted(error: Error, settings: &Settings) -> Error {
    if error.kind() != ErrorKind::Interrupted {
        return error;
    }
    let output = &settings.output;
    if RunDir::has_run(output) {
        return error.hint(format!("to go on: kbisect resume {}", output.display()));
    }
    Error::new(
        ErrorKind::Interrupted,
        "interrupted while preparing: no run was begun",
    )
    .hint("there is nothing to resume; give the same command again")
}
