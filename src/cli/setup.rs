//! `kbisect setup`: prepares the machine.

use super::print::{print, print_event};
use super::shown::Shown;
use crate::Result;
use crate::run;
use crate::supervise::CancelToken;

/// Arguments of `kbisect setup`.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub(super) fn run(_args: &Args, shown: &Shown) -> Result<u8> {
    let cancel = CancelToken::new();
    run::stop_at_the_first_signal(&cancel)?;
    let mut ui = shown.ui();
    let ready = run::prepare_machine(&cancel, &mut |event| ui.event(event))?;
    ui.finish();
    if shown.is_json() {
        print_event("ready", &ready)?;
    } else {
        print(&ready.to_string())?;
    }
    Ok(0)
}
