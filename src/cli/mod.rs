//! The command line: one file a subcommand.

mod args;
mod boot;
mod checks;
mod compiler;
mod completions;
mod conclude;
mod costs;
mod doctor;
mod explain;
mod go;
mod guess;
mod known;
mod launcher;
mod learned;
mod man;
mod oracles;
mod plan;
mod prepare;
mod prior;
mod refused;
mod report;
mod resume;
mod run;
mod searches;
mod setup;
mod shown;
mod start;
mod trace;
mod unmet;
mod verify;
mod wanted;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::model::understand;
use crate::{Error, Result, supervise};
use args::RunArgs;
use shown::Shown;

pub use args::{Cli, Command, MessageFormat};
// For the tests of recorded journals.
#[doc(hidden)]
pub use known::Known;

/// Parses the command line, runs it, and turns an error into an exit code.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(code) = launcher::run_if_called_so() {
        return code;
    }
    supervise::survive_file_size();
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        // An oracle that calls us wrongly has said nothing about the kernel.
        if boot::is_within_an_oracle() && error.use_stderr() {
            let _ = error.print();
            std::process::exit(i32::from(boot::BROKEN));
        }
        error.exit()
    });
    let shown = Shown::of(&cli.common);
    let code = match run(cli, &shown) {
        Ok(code) => code,
        Err(error) => {
            shown.error(&error);
            ExitCode::from(error.kind().exit_code())
        }
    };
    let mut ui = shown.quiet_ui();
    for text in supervise::warnings() {
        prepare::warn(ui.as_mut(), text);
    }
    supervise::finish();
    code
}

fn run(cli: Cli, shown: &Shown) -> Result<ExitCode> {
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
    let code = match command.unwrap_or(Command::Run(run)) {
        Command::Run(args) => run::run(&args, shown)?,
        Command::Resume(args) => resume::run(&args, shown)?,
        Command::Plan(args) => plan::run(&args, shown)?,
        Command::Report(args) => report::run(&args, shown)?,
        Command::Trace(args) => trace::run(&args, shown)?,
        Command::Verify(args) => verify::run(&args, shown)?,
        Command::Explain(args) => explain::run(&args, shown)?,
        Command::Completions(args) => completions::run(&args)?,
        Command::Man(args) => man::run(&args)?,
        Command::Boot(args) => return boot::run(*args),
        Command::Oracles(args) => return oracles::run(&args, shown.format()),
        Command::Setup(args) => return setup::run(&args, shown),
        Command::Doctor(args) => return doctor::run(&args, shown.format()),
    };
    Ok(ExitCode::from(code))
}

/// Writes a result to standard output. Who closed it has seen enough.
///
/// # Errors
/// There is no room for it.
fn print(text: &str) -> Result<()> {
    use std::io::Write;
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::failed("cannot write to standard output").because(e))
        }
        _ => Ok(()),
    }
}

/// What is in a file of ours, of which this is the text.
fn parse<T: serde::de::DeserializeOwned>(text: &str, path: &Path, newest: u32) -> Result<T> {
    understand(text.as_bytes(), newest, path)?;
    serde_json::from_str(text)
        .map_err(|e| Error::failed(format!("{} is damaged", path.display())).because(e))
}

/// `value` as one line of JSON.
fn json(value: &impl serde::Serialize) -> Result<String> {
    written(serde_json::to_string(value))
}

/// `value` as the text of a file.
fn json_file(value: &impl serde::Serialize) -> Result<String> {
    written(serde_json::to_string_pretty(value))
}

fn written(text: serde_json::Result<String>) -> Result<String> {
    text.map(|text| text + "\n")
        .map_err(|e| Error::failed("cannot write JSON").because(e))
}
