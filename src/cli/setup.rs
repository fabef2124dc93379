//! `kbisect setup`: prepares the machine.

use std::io::Write;
use std::process::ExitCode;
use std::thread;

use crate::Result;
use crate::setup::{Setup, all};
use crate::supervise::{CancelToken, Signals};

/// Install what is missing, unpack the kernel source, make the guest.
///
/// Needs root, or sudo without a password, only if packages have to be installed. What is
/// there already is left as it is.
#[derive(Debug, clap::Args)]
pub struct SetupArgs {}

/// Runs the command.
///
/// # Errors
/// Something cannot be installed, downloaded or made.
pub(super) fn run(_args: &SetupArgs) -> Result<ExitCode> {
    let cancel = CancelToken::new();
    stop_at_the_first_signal(&cancel)?;
    let mut note = |text: &str| {
        // Nobody may be listening; that is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{text}");
    };
    let mut setup = Setup::new(&mut note, &cancel)?;
    setup.ensure(&all())?;
    let source = setup.kernel_source()?;
    let guest = setup.guest()?;
    let mut out = std::io::stdout();
    let _ = writeln!(out, "kernel source  {}", source.display());
    let _ = writeln!(out, "guest          {}", guest.path().display());
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
