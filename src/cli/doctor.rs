//! `kbisect doctor`: reports what is missing, and the command that installs it.

use std::path::PathBuf;

use super::print::{print, print_event};
use super::shown::Shown;
use crate::Result;
use crate::run;
use crate::setup::{Finding, State, findings_text};
use crate::supervise::CancelToken;

/// Arguments of `kbisect doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run directory, to check its free space
    #[arg(long, value_name = "DIR", default_value = "kbisect.out")]
    output: PathBuf,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    let found = run::check_machine(&args.output, &CancelToken::new())?;
    if shown.is_json() {
        print_event("doctor", &serde_json::json!({ "findings": found }))?;
    } else {
        print(&findings_text(&found))?;
    }
    let is_missing = |finding: &Finding| finding.state == State::Missing;
    Ok(u8::from(found.iter().any(is_missing)))
}
