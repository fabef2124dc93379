//! `kbisect trace`: what a traced boot of the start said of each request.

use super::print::{print, print_event};
use std::path::PathBuf;

use super::shown::Shown;
use crate::Result;
use crate::run::{self, Guess};

/// Arguments of `kbisect trace`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run directory [default: the one in kbisect.toml, or kbisect.out]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let guess = Guess::read(&run::directory(args.dir.as_deref(), "trace")?)?;
    if shown.is_json() {
        print_event("trace", &serde_json::json!({ "requests": guess.requests }))?;
        return Ok(0);
    }
    print(&guess.text())?;
    Ok(0)
}
