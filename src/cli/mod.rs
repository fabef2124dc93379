//! The command line: one file a subcommand.

pub mod doctor;
pub mod oracles;
pub mod setup;

/// How messages and results are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum MessageFormat {
    /// For people.
    #[default]
    Human,
    /// JSON, for programs.
    Json,
}

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "kbisect", version)]
struct Cli {
    /// How messages and results are written
    #[arg(long, global = true, value_enum, default_value_t)]
    message_format: MessageFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Doctor(doctor::Args),
    Oracles(oracles::Args),
    Setup(setup::Args),
}

/// Parses the command line, runs it, and turns an error into an exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::Doctor(args) => doctor::run(args, cli.message_format),
        Command::Oracles(args) => oracles::run(args, cli.message_format),
        Command::Setup(args) => setup::run(args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            use std::io::Write;
            let mut err = std::io::stderr();
            let _ = writeln!(err, "error: {error}");
            if let Some(hint) = error.hint_text() {
                let _ = writeln!(err, "hint: {hint}");
            }
            ExitCode::from(error.kind().exit_code())
        }
    }
}
