//! A ladder: the settings of one run, minimised for each of its oracles in turn.
//!
//! Each step is an ordinary run in a folder of its own. What a step needs is likely to be needed by the next ones, which
//! begin with that guess. Verdicts are never carried over: each step proves its own answer.

mod file;
mod steps;
mod text;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use file::{Found, Ladder, Step, StepState};
pub use steps::ladder_in;
pub use text::ladder_text;

use super::tell::warn;
use super::{Context, Control, End, Ended, Plan, checks, search_within};
use crate::lab::Stopped;
use crate::model::{Event, Request, sanitize_line};
use crate::{Error, ErrorKind, Result};
use steps::{claim, of_step, steps};

/// What happens on a ladder.
#[derive(Debug)]
pub enum LadderEvent<'a> {
    /// A step begins, or is gone on with.
    StepBegun {
        /// Its number, from 1.
        number: usize,
        /// The number of all steps.
        of: usize,
        /// The step, as it was.
        step: &'a Step,
    },
    /// Something happened in the run of the step.
    Run(&'a Event),
    /// The run of a step ended: with a result, stopped, or with an error for which the ladder passes the step over.
    StepEnded {
        /// Its number, from 1.
        number: usize,
        /// The number of all steps.
        of: usize,
        /// The step, as it is now.
        step: &'a Step,
        /// The error.
        error: Option<&'a Error>,
    },
}

/// Whoever watches a ladder: called with each event, in order.
pub type LadderWatcher<'a> = dyn FnMut(&LadderEvent<'_>) + 'a;

/// How far a ladder came.
#[derive(Debug, Clone, PartialEq)]
pub struct Climbed {
    /// Its steps.
    pub ladder: Ladder,
    /// Its folder.
    pub dir: PathBuf,
    /// The exit code of the process: the worst of all steps.
    pub exit_code: u8,
}

impl Climbed {
    /// Can something be added by the same command?
    #[must_use]
    pub fn is_open(&self) -> bool {
        let open = [StepState::Waiting, StepState::Stopped];
        self.ladder
            .steps
            .iter()
            .any(|step| open.contains(&step.state))
    }
}

/// Exit codes of steps after which the ladder goes on, the worse ones later. An interruption ends it.
const WORSE: [u8; 5] = [0, 4, 3, 6, 130];

fn worse(one: u8, other: u8) -> u8 {
    let rank = |code: u8| WORSE.iter().position(|c| *c == code);
    match rank(other) > rank(one) {
        true => other,
        false => one,
    }
}

/// Climbs the ladder that the settings of `plan` describe, a step for each of their oracles, or goes on with it if it
/// is in the output folder already. `tell` is called with each event.
///
/// A step whose start does not pass, whose oracle is too unreliable, or which is stopped by its budget is passed over.
///
/// # Errors
/// Bad settings, something else in the output folder, another process in it, a step that went on with other settings,
/// an interruption of a step before its search began, or something else that failed. The same command goes on.
pub fn ladder(plan: &Plan<'_>, control: &Control, tell: &mut LadderWatcher<'_>) -> Result<Climbed> {
    checks::served()?;
    let mut settings = plan.settings.clone();
    checks::make_absolute(&mut settings)?;
    checks::guess(&settings)?;
    let (_lock, mut ladder) = claim(&settings, steps(&settings)?)?;
    let dir = settings.output.clone();
    for text in plan.warnings {
        warn(&mut |event| tell(&LadderEvent::Run(event)), text.as_str());
    }
    let (mut former, mut exit_code) = (Vec::new(), 0);
    let of = ladder.steps.len();
    for index in 0..of {
        let step = &ladder.steps[index];
        let number = index + 1;
        tell(&LadderEvent::StepBegun { number, of, step });
        let settings = of_step(&settings, &step.oracle, dir.join(&step.dir))
            .map_err(|error| going_on(error, &dir))?;
        let plan = Plan {
            settings: &settings,
            warnings: &[],
            ..*plan
        };
        let ended = search_step(&plan, &former, control, tell);
        let (code, is_interrupted, error) = match ended {
            Ok(ended) => {
                let step = &mut ladder.steps[index];
                note_result(step, &ended, &mut former);
                (ended.exit_code(), is_interrupted(&ended), None)
            }
            Err(error) => {
                let Some(state) = StepState::passed_over(error.kind()) else {
                    return Err(going_on(error, &dir));
                };
                let step = &mut ladder.steps[index];
                step.state = state;
                step.found = None;
                step.error = Some(sanitize_line(&error.to_string(), 400));
                (error.kind().exit_code(), false, Some(error))
            }
        };
        exit_code = worse(exit_code, code);
        ladder.write(&dir)?;
        tell(&LadderEvent::StepEnded {
            number,
            of,
            step: &ladder.steps[index],
            error: error.as_ref(),
        });
        if is_interrupted {
            break;
        }
    }
    Ok(Climbed {
        ladder,
        dir,
        exit_code,
    })
}

fn search_step(
    plan: &Plan<'_>,
    former: &[Request],
    control: &Control,
    tell: &mut LadderWatcher<'_>,
) -> Result<Ended> {
    let context = Context {
        another: Some(
            "put it back as it was, or give another --output: a step goes on only with what it began with".to_owned(),
        ),
        former,
        ..Context::ALONE
    };
    search_within(plan, &context, control, &mut |event| {
        tell(&LadderEvent::Run(event));
    })
}

/// Notes what a step came to, and which requests the steps need up to there.
fn note_result(step: &mut Step, ended: &Ended, former: &mut Vec<Request>) {
    let report = &ended.report;
    step.state = match ended.end {
        End::Stopped(_) => StepState::Stopped,
        End::Over | End::OverBefore => StepState::of(report.status),
    };
    let found = Found::of(report, former);
    if step.state.has_answer() {
        former.extend(found.adds.iter().cloned());
    }
    step.found = Some(found);
    step.error = None;
}

fn is_interrupted(ended: &Ended) -> bool {
    ended.end == End::Stopped(Stopped::Interrupted)
}

/// An error that ends the ladder: says how to go on with all of it, not with a step of it.
fn going_on(error: Error, dir: &Path) -> Error {
    let command = format!("kbisect ladder --output {}", dir.display());
    let go_on = format!("to go on: {command}");
    let hint = match error.hint_text() {
        _ if error.kind() == ErrorKind::Interrupted => go_on,
        Some(hint) if hint.starts_with("to go on: ") => go_on,
        Some(hint) => hint.replace("`kbisect resume`", &format!("`{command}`")),
        None => return error,
    };
    error.hint(hint)
}
