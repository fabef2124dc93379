//! `kbisect man`: the manual page.

use clap::CommandFactory;

use super::args::Cli;
use crate::{Error, Result};

pub(super) fn run() -> Result<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|e| Error::failed("cannot make the manual page").because(e))?;
    super::print(&String::from_utf8_lossy(&page));
    Ok(0)
}
