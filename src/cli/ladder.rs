//! `kbisect ladder`: minimises for each of several oracles in turn.

use std::io::Write;
use std::path::Path;

use clap::{ArgMatches, FromArgMatches};
use serde_json::json;

use super::args::RunArgs;
use super::print::{print, print_event};
use super::shown::Shown;
use crate::model::Event;
use crate::run::{self, Climbed, Control, LadderEvent, LastStep, ladder_text};
use crate::settings::{self, Settings};
use crate::{Error, ErrorKind, Result};

/// Arguments of `kbisect ladder`: those of a run.
#[derive(Debug, Clone, Default)]
pub struct Args(RunArgs);

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        RunArgs::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl clap::Args for Args {
    fn augment_args(command: clap::Command) -> clap::Command {
        const STEP: &str =
            "Name or path of an oracle; given several times, each is a step, in this order";
        const BUDGET: &str = "Stop each step after";
        RunArgs::augment_args(command)
            .mut_arg("oracle", |arg| arg.help(STEP))
            .mut_arg("output", |arg| {
                arg.help("Folder of the ladder, with a run directory for each step [default: kbisect.out]")
            })
            .mut_arg("budget-time", |arg| {
                arg.help(format!("{BUDGET} this time, with the smallest set found so far"))
            })
            .mut_arg("budget-trials", |arg| {
                arg.help(format!("{BUDGET} this many trials, with the smallest set found so far"))
            })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let (settings, shown, warnings) = settings(args, *shown)?;
    let plan = args.0.plan(&settings, &warnings);
    let control = Control::by_signals()?;
    let mut ui = shown.ui();
    let climbed = run::ladder(&plan, &control, &mut |event| match event {
        LadderEvent::Run(event) => ui.event(event),
        _ if shown.is_json() => print_step(event, &shown),
        LadderEvent::StepBegun { number, of, step } => {
            let dir = settings.output.join(&step.dir);
            let oracle = step.oracle.escape_debug();
            let text = format!("\nstep {number} of {of}: {oracle}, in {}", dir.display());
            ui.event(&Event::Note { text });
        }
        LadderEvent::StepEnded {
            number,
            step,
            error: Some(error),
            ..
        } => {
            ui.event(&passed_over(*number, error));
            let last = LastStep::of(&settings.output.join(&step.dir));
            if let Some(last) = last.filter(|_| error.kind() == ErrorKind::StartFails) {
                let _ = write!(std::io::stderr(), "{last}");
            }
        }
        LadderEvent::StepEnded { .. } => {}
    });
    ui.finish();
    show(&climbed?, &shown)
}

/// The settings of the command. Without a flag for an oracle they are those of the ladder in the output folder, if there
/// is one: the settings file may have other oracles, for runs.
fn settings(args: &Args, shown: Shown) -> Result<(Settings, Shown, Vec<String>)> {
    let flags = &args.0.settings;
    if flags.get("oracle").is_none() {
        let dir = settings::output(flags.text("output").map(Path::new))?;
        if let Some(settings) = run::ladder_in(&dir, flags)? {
            return Ok((settings, shown, Vec::new()));
        }
    }
    shown.settings(flags.clone())
}

/// A step for programs.
fn print_step(event: &LadderEvent<'_>, shown: &Shown) {
    let (name, fields) = match event {
        LadderEvent::StepBegun { number, of, step } => {
            if shown.is_quiet() {
                return;
            }
            let (oracle, dir) = (&step.oracle, &step.dir);
            let fields = json!({ "number": number, "of": of, "oracle": oracle, "dir": dir });
            ("step-begun", fields)
        }
        LadderEvent::StepEnded {
            number, of, step, ..
        } => {
            let fields = json!({ "number": number, "of": of, "step": step });
            ("step-ended", fields)
        }
        LadderEvent::Run(_) => return,
    };
    // A reader that has gone must not end a ladder of hours.
    let _ = print_event(name, &fields);
}

/// The warning that a step came to nothing.
fn passed_over(number: usize, error: &Error) -> Event {
    let hint = error.hint_text().map(|hint| format!(" ({hint})"));
    let hint = hint.unwrap_or_default();
    Event::Warning {
        text: format!("step {number} is passed over: {error}{hint}"),
    }
}

/// Shows what a ladder came to; returns the exit code.
fn show(climbed: &Climbed, shown: &Shown) -> Result<u8> {
    let Climbed {
        ladder,
        dir,
        exit_code,
    } = climbed;
    if shown.is_json() {
        let fields = json!({ "dir": dir, "steps": ladder.steps, "exit": exit_code });
        print_event("ladder", &fields)?;
    } else {
        print(&format!("\n{}", ladder_text(ladder, &shown.theme())))?;
        let file = dir.join("ladder.json");
        print(&format!(
            "the table: {}; the answer of a step: minimal.config and minimal.fragment in its folder there\n",
            file.display()
        ))?;
    }
    if climbed.is_open() {
        let dir = dir.display();
        let _ = writeln!(std::io::stderr(), "to go on: kbisect ladder --output {dir}");
    }
    Ok(*exit_code)
}
