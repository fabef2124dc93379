//! `kbisect completions`: completions for a shell.

use super::print::print;
use crate::Result;

/// Arguments of `kbisect completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args, mut cli: clap::Command) -> Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "kbisect", &mut text);
    print(&String::from_utf8_lossy(&text))?;
    Ok(0)
}
