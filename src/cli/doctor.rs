//! `kbisect doctor`: reports what is missing, and the command that installs it.

use super::print::print;
use crate::run::files::json;
use std::path::PathBuf;
use std::process::ExitCode;

use super::args::MessageFormat;
use super::wanted::{own, wanted};
use crate::Result;
use crate::setup::{Finding, Setup, State, findings, install_command};
use crate::supervise::CancelToken;

/// Arguments of `kbisect doctor`.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Run directory, to check its free space
    #[arg(long, value_name = "DIR", default_value = "kbisect.out")]
    output: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// A check itself cannot be done.
pub(super) fn run(args: &DoctorArgs, format: MessageFormat) -> Result<ExitCode> {
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    let found = findings(
        &mut Setup::new(&mut note, &cancel)?,
        &wanted(own()?.as_ref()),
        &args.output,
    )?;
    let text = match format {
        MessageFormat::Json => {
            json(&serde_json::json!({ "v": 1, "event": "doctor", "findings": found }))?
        }
        MessageFormat::Human => human(&found),
    };
    print(&text)?;
    let lacking = found.iter().any(|finding| finding.state == State::Missing);
    Ok(ExitCode::from(u8::from(lacking)))
}

fn human(found: &[Finding]) -> String {
    let mut text = String::new();
    let width = found
        .iter()
        .map(|finding| finding.name.len())
        .max()
        .unwrap_or(0);
    for finding in found {
        let mark = match finding.state {
            State::Ok => "ok     ",
            State::Note => "note   ",
            State::Missing => "MISSING",
        };
        text += &format!("{mark}  {:width$}  {}\n", finding.name, finding.detail);
        if let Some(mend) = &finding.mend {
            text += &format!("         {:width$}  {mend}\n", "");
        }
    }
    let mut packages: Vec<&str> = Vec::new();
    for finding in found
        .iter()
        .filter(|finding| finding.state == State::Missing)
    {
        packages.extend(&finding.packages);
    }
    if !packages.is_empty() {
        text += &format!(
            "\n`kbisect setup` does it all, or:\n{}\n",
            install_command(&packages)
        );
    }
    text
}
