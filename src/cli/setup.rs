//! `kbisect setup`: prepares the machine.

use std::process::ExitCode;
use std::thread;

use super::prepare;
use super::shown::Shown;
use crate::Result;
use crate::setup::{Setup, all};
use crate::supervise::{CancelToken, Signals};

/// Arguments of `kbisect setup`.
#[derive(Debug, clap::Args)]
pub struct SetupArgs {}

/// Runs the command.
///
/// # Errors
/// Something cannot be installed, downloaded or made.
pub(super) fn run(_args: &SetupArgs, shown: &Shown) -> Result<ExitCode> {
    let cancel = CancelToken::new();
    stop_at_the_first_signal(&cancel)?;
    let mut ui = shown.ui();
    let mut note = |text: &str| prepare::note(ui.as_mut(), text);
    let mut setup = Setup::new(&mut note, &cancel)?;
    setup.ensure(&all())?;
    let source = setup.kernel_source()?;
    let guest = setup.guest()?;
    ui.finish();
    let (source, guest) = (source.display(), guest.path().display());
    super::print(&if shown.is_json() {
        super::json(&serde_json::json!({
            "v": 1, "event": "ready",
            "source": source.to_string(), "guest": guest.to_string(),
        }))?
    } else {
        format!("kernel source  {source}\nguest          {guest}\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Nothing here is worth finishing: what is half done is thrown away.
fn stop_at_the_first_signal(cancel: &CancelToken) -> Result<()> {
    let (signals, cancel) = (Signals::install(cancel)?, cancel.clone());
    thread::spawn(move || {
        if signals.requests().recv().is_ok() {
            cancel.cancel();
        }
    });
    Ok(())
}
