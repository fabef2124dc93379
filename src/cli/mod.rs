//! The command line: one file a subcommand.

mod args;
mod boot;
mod command;
mod compare;
mod completions;
mod doctor;
mod explain;
mod guest;
mod ladder;
mod launcher;
mod man;
mod oracles;
mod output;
mod plan;
mod print;
mod report;
mod resume;
mod run;
mod setup;
mod shown;
mod symptom;
mod trace;
mod verify;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::model::Event;
use crate::run::{OWN_NAME, checks};
use crate::{Error, Result, oracle, supervise};
use args::RunArgs;
use shown::Shown;

pub use command::{Cli, Command};

/// Lets a program that makes runs by the library serve them. A run calls its own program under the names
/// `kbisect-cc` (as the compiler's launcher) and `kbisect` (in oracles): then this does what is asked, and
/// returns the exit code with which to end. To be called first in `main`.
#[must_use]
pub fn serve() -> Option<ExitCode> {
    checks::note_served();
    let name = std::env::args_os().next()?;
    if std::path::Path::new(&name).file_name()? == OWN_NAME && oracle::is_within_an_oracle() {
        return Some(main());
    }
    launcher::run_if_called_so()
}

/// Parses the command line, runs it, and turns an error into an exit code.
#[must_use]
pub fn main() -> ExitCode {
    checks::note_served();
    if let Some(code) = launcher::run_if_called_so() {
        return code;
    }
    supervise::survive_file_size();
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        // An oracle that calls us wrongly has said nothing about the kernel.
        if oracle::is_within_an_oracle() && error.use_stderr() {
            let _ = error.print();
            std::process::exit(i32::from(oracle::BROKEN));
        }
        error.exit()
    });
    let shown = Shown::of(&cli.common);
    let code = run(cli, &shown).unwrap_or_else(|error| {
        shown.error(&error);
        error.kind().exit_code()
    });
    let mut ui = shown.quiet_ui();
    for text in supervise::warnings() {
        ui.event(&Event::Warning { text });
    }
    supervise::finish();
    ExitCode::from(code)
}

fn run(cli: Cli, shown: &Shown) -> Result<u8> {
    let Cli {
        common: _,
        run,
        command,
    } = cli;
    if command.is_some() && run != RunArgs::default() {
        return Err(
            Error::usage("options of a run stand before another command")
                .hint("write them after the command that they are for"),
        );
    }
    match command.unwrap_or(Command::Run(run)) {
        Command::Run(args) => run::run(&args, shown),
        Command::Resume(args) => resume::run(&args, shown),
        Command::Ladder(args) => ladder::run(&args, shown),
        Command::Plan(args) => plan::run(&args, shown),
        Command::Report(args) => report::run(&args, shown),
        Command::Compare(args) => compare::run(&args, shown),
        Command::Trace(args) => trace::run(&args, shown),
        Command::Verify(args) => verify::run(&args, shown),
        Command::Explain(args) => explain::run(&args, shown),
        Command::Symptom(args) => symptom::run(&args, shown),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
        Command::Boot(args) => boot::run(*args),
        Command::Oracles(args) => oracles::run(&args, shown),
        Command::Guest(args) => guest::run(&args, shown),
        Command::Setup(args) => setup::run(&args, shown),
        Command::Doctor(args) => doctor::run(&args, shown),
    }
}
