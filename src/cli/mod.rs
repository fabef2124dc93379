//! The command line.

pub mod boot;

use std::process::ExitCode;

use clap::Parser;

use crate::Result;

/// Finds the smallest kernel configuration that an oracle still accepts.
#[derive(Debug, Parser)]
pub enum Cli {
    /// Boots a kernel.
    Boot(boot::BootArgs),
}

/// Runs what was asked for.
///
/// # Errors
/// Those of the subcommand.
pub fn run() -> Result<ExitCode> {
    match Cli::parse() {
        Cli::Boot(args) => boot::run(args),
    }
}
