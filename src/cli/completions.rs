//! `kbisect completions`: completions for a shell.

use clap::CommandFactory;

use super::args::Cli;
use crate::Result;

/// Arguments of `kbisect completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "kbisect", &mut text);
    super::print(&String::from_utf8_lossy(&text))?;
    Ok(0)
}
