//! The command line: one file a subcommand.

pub mod boot;
pub mod doctor;
pub mod oracles;
pub mod setup;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::Result;

/// Finds the smallest kernel configuration that an oracle still accepts.
#[derive(Debug, Parser)]
#[command(name = "kbisect", version)]
pub struct Cli {
    /// How messages and results are written
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t
    )]
    message_format: MessageFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Boot(Box<boot::BootArgs>),
    Doctor(doctor::DoctorArgs),
    Oracles(oracles::OraclesArgs),
    Setup(setup::SetupArgs),
}

/// How messages and results are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// For people.
    #[default]
    Human,
    /// JSON, for programs.
    Json,
}

/// Runs what was asked for.
///
/// # Errors
/// Those of the subcommand.
pub fn run() -> Result<ExitCode> {
    let cli = Cli::parse();
    match cli.command {
        Command::Boot(args) => boot::run(*args),
        Command::Doctor(args) => doctor::run(&args, cli.message_format),
        Command::Oracles(args) => oracles::run(&args, cli.message_format),
        Command::Setup(args) => setup::run(&args),
    }
}
