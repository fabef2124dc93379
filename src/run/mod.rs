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
//!
//! [`plan`](fn@plan) says what a run would do, [`verify`](fn@verify) checks its result from nothing,
//! [`explain`](fn@explain) a symbol of its start. [`ladder`](fn@ladder) makes a run for each of several oracles.

mod base;
mod begin;
pub(crate) mod checks;
mod compared;
mod compiler;
mod configure;
mod control;
mod costs;
mod details;
mod doubts;
mod estimates;
mod explain;
mod files;
mod finish;
mod form;
mod given;
mod guess;
mod guest_modules;
mod guests;
mod key;
mod ladder;
mod learned;
mod lists;
mod machine;
mod modules;
mod opened;
mod opening;
mod oracles;
mod plain;
mod plan;
mod prepare;
mod prior;
mod project;
mod reader;
mod reasons;
mod refusal;
mod resume;
mod searches;
mod session;
mod stand_in;
mod start;
mod stored;
mod symptom_index;
mod symptoms;
mod tell;
mod tools;
mod unmet;
mod verify;
mod versions;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use compared::comparison;
pub use configure::SettingsFile;
pub use control::{Control, stop_at_the_first_signal};
pub use details::{PAGE, write_page};
pub use explain::explain;
pub use ladder::{
    Climbed, Found, Ladder, LadderEvent, LadderWatcher, Step, StepState, ladder, ladder_in,
    ladder_text,
};
pub use machine::{Ready, SourceOf, check as check_machine, prepare as prepare_machine};
pub use plan::{FixedRequest, Listing, PlanReport, plan, plan_text};
pub use reader::{AskKconfig, DetailsReader};
pub use refusal::{LastStep, LogTail};
pub use resume::{Changes, resume};
#[doc(hidden)]
pub use searches::search_for_answer;
pub use start::WhenEmpty;
#[doc(hidden)]
pub use stored::{directory, report};
pub use symptom_index::{Diagnosis, add_symptoms, diagnose, entries_of_run};
pub use tell::Watcher;
pub use tools::WhenMissing;
pub use verify::{Claim, Differences, Held, Verification, Verified, verify};

pub(crate) use guess::Guess;

use control::interruptible;
use prepare::tools;

use crate::journal::{RunDir, RunState};
use crate::lab::Stopped;
use crate::model::{ContentId, Event, Phase, Request, count};
use crate::report::{Report, Status};
use crate::settings::Settings;
use crate::{Error, ErrorKind, Result};
use begin::{again, begin};
use finish::{finish, finished, remove_trees};
use opened::{Opened, open, resumed};
use session::drive;
use start::StartFiles;
use tell::{note, warn};
use tools::{Tools, Want};

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

    /// Tells the warnings, and reads the files of the start. `settings` are those of the plan, or the same with
    /// absolute paths.
    fn files(&self, settings: &Settings, tell: &mut Watcher<'_>) -> Result<StartFiles> {
        for text in self.warnings {
            warn(tell, text);
        }
        start::check_start(settings, self.when_empty)
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

impl Ended {
    /// The exit code of the process: 0 only for what is certified.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.end, self.report.status) {
            (End::Stopped(Stopped::Interrupted), _) => ErrorKind::Interrupted.exit_code(),
            (End::Over | End::OverBefore, Status::Minimal) => 0,
            _ => 4,
        }
    }
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
    search_within(plan, &Context::ALONE, control, tell)
}

/// What a search is a part of.
struct Context<'a> {
    /// Refuses a start that comes to the wrong requests, before anything is built.
    check: &'a dyn Fn(&[Request]) -> Result<()>,
    /// What to do when the run directory has another run in it, if there is something better to say than usual.
    another: Option<String>,
    /// The result that is verified, if it is a verification.
    verifies: Option<ContentId>,
    /// Requests that the earlier steps of a ladder need.
    former: &'a [Request],
}

impl Context<'_> {
    /// Of nothing.
    const ALONE: Self = Self {
        check: &|_| Ok(()),
        another: None,
        verifies: None,
        former: &[],
    };

    /// Refuses a run that is there for something else: a run is no verification, whatever it found out.
    fn same_purpose(&self, opened: &Opened) -> Result<()> {
        let path = opened.dir.path().display();
        match (&self.verifies, &opened.info.verifies) {
            (ours, theirs) if ours == theirs => Ok(()),
            (Some(_), _) => Err(self.another(Error::usage(format!(
                "{path} has something else in it than a verification of this result"
            )))),
            (None, _) => Err(
                Error::usage(format!("{path} has a verification in it, and no run"))
                    .hint("give another --output; `kbisect verify` goes on with a verification"),
            ),
        }
    }

    /// The error about another run in the run directory, with the hint of this context.
    fn another(&self, error: Error) -> Error {
        let (ErrorKind::Usage, Some(another)) = (error.kind(), &self.another) else {
            return error;
        };
        let details = error.hint_text().unwrap_or_default().lines().skip(1);
        let lines: Vec<&str> = std::iter::once(another.as_str()).chain(details).collect();
        let hint = lines.join("\n");
        error.hint(hint)
    }
}

/// [`search`], as a part of something.
fn search_within(
    plan: &Plan<'_>,
    context: &Context<'_>,
    control: &Control,
    tell: &mut Watcher<'_>,
) -> Result<Ended> {
    checks::served()?;
    let mut settings = plan.settings.clone();
    tell(&Event::PhaseBegun {
        phase: Phase::Preparing,
    });
    interruptible(control, |cancel| {
        stand_in::find(&mut settings, cancel, tell)
    })
    .map_err(|error| interrupted(error, plan.settings))?;
    checks::make_absolute(&mut settings)?;
    let settings = &settings;
    let files = plan.files(settings, tell)?;
    // A mistake in it is told before minutes of work.
    checks::guess(settings)?;
    if !RunDir::has_run(&settings.output) {
        checks::output(&settings.output)?;
    }
    let (tools, mut opened, session) = interruptible(control, |cancel| {
        // First: when another run holds it, nothing else matters.
        let held = if RunDir::has_run(&settings.output) {
            let opened = open(&settings.output, tell)?;
            context.same_purpose(&opened)?;
            Some(opened)
        } else {
            None
        };
        let tools = tools(settings, plan.when_missing, Want::Build, cancel, tell)?;
        let (opened, session) = match held {
            Some(opened) => {
                again(&opened, settings, &tools, files, cancel, tell)
                    .map_err(|error| context.another(error))?;
                (opened, Session::Later)
            }
            None => (
                begin(settings, &tools, files, context, cancel, tell)?,
                Session::First,
            ),
        };
        (context.check)(&opened.info.requests)?;
        Ok((tools, opened, session))
    })
    .map_err(|error| interrupted(error, settings))?;
    if session == Session::Later {
        if let Some(report) = finished(&opened)? {
            return Ok(over_before(&opened, report, tell));
        }
        resumed(&mut opened, tell)?;
    }
    search_to_end(&mut opened, settings, tools, control, tell)
}

/// Searches on in an opened run, and writes what came of it.
fn search_to_end(
    opened: &mut Opened,
    settings: &Settings,
    tools: Tools,
    control: &Control,
    tell: &mut Watcher<'_>,
) -> Result<Ended> {
    let resolver = Arc::clone(&tools.resolver);
    let outcome = drive(opened, settings, tools, control, tell)?;
    let ended = ended(opened, &outcome, settings, tell)?;
    finish::page(opened, &ended.report, &resolver, control, tell);
    Ok(ended)
}

/// Was the run there before?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    First,
    Later,
}

fn ended(
    opened: &Opened,
    outcome: &crate::lab::Outcome,
    settings: &Settings,
    tell: &mut Watcher<'_>,
) -> Result<Ended> {
    let state = opened.journal.state();
    if let Some(stopped) = outcome.stopped
        && state.best(opened.info.requests.len()).is_none()
    {
        return Err(nothing_passed(stopped, state, opened.dir.path()));
    }
    let report = finish(opened, outcome, settings)?;
    if let Err(error) = symptom_index::keep_run(opened.dir.path(), &report) {
        warn(
            tell,
            format!("the symptoms of this run are not kept: {error}"),
        );
    }
    Ok(Ended {
        report,
        end: outcome.stopped.map_or(End::Over, End::Stopped),
        dir: opened.dir.path().to_owned(),
    })
}

/// A run that was stopped before anything passed.
fn nothing_passed(stopped: Stopped, state: &RunState, path: &Path) -> Error {
    let kind = match stopped {
        Stopped::Interrupted => ErrorKind::Interrupted,
        Stopped::Time | Stopped::Trials => ErrorKind::Unfinished,
    };
    let why = state.stopped.as_deref().unwrap_or("stopped");
    let trials = count(state.all_judged().count(), "verdict");
    Error::new(
        kind,
        format!("{why}: nothing has passed yet, after {trials}"),
    )
    .hint(format!("to go on: kbisect resume {}", path.display()))
}

fn over_before(opened: &Opened, report: Report, tell: &mut Watcher<'_>) -> Ended {
    let path = opened.dir.path();
    let text = format!("the run in {} has already finished", path.display());
    note(tell, text);
    // Should it have been killed just before it did that.
    remove_trees(path);
    Ended {
        report,
        end: End::OverBefore,
        dir: path.to_owned(),
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
