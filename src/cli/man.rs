//! `kbisect man`: the manual pages.

use super::print::print;
use crate::{Error, Result};

/// Arguments of `kbisect man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Command of the page: `run` for kbisect-run(1) [default: kbisect(1) itself]
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

pub(super) fn run(args: &Args, mut cli: clap::Command) -> Result<u8> {
    // Gives the commands their full names and the options that all have.
    cli.build();
    let of = match &args.command {
        None => &cli,
        Some(name) => cli.find_subcommand(name).ok_or_else(|| {
            Error::usage(format!("there is no command `{}`", name.escape_debug()))
                .hint("`kbisect --help` lists them")
        })?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(of.clone())
        .source(concat!("kbisect ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)
        .map_err(|e| Error::failed("cannot make the manual page").because(e))?;
    print(&String::from_utf8_lossy(&page))?;
    Ok(0)
}
