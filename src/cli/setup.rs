//! `kbisect setup`: prepares the machine.

use super::print::print;
use crate::run::files::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use super::shown::Shown;
use super::wanted::{Own, own, wanted};
use crate::Result;
use crate::model::Event;
use crate::setup::Setup;
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
    let mut note = |text: &str| {
        ui.event(&Event::Note {
            text: text.to_owned(),
        });
    };
    let mut setup = Setup::new(&mut note, &cancel)?;
    let own = own()?;
    let wanted = wanted(own.as_ref());
    setup.ensure(&wanted.needs)?;
    let source = match &own {
        None => Some(setup.kernel_source()?),
        Some(Own { project, asked }) => match asked.text("source").map(PathBuf::from) {
            Some(path) if path.is_file() => Some(setup.source_of(&path)?),
            Some(path) => {
                project.check_source(&path)?;
                Some(path)
            }
            None if project.name == "busybox" => Some(setup.busybox_source()?),
            // A run may be given one by --source.
            None => None,
        },
    };
    let guest = match wanted.guest {
        true => Some(setup.guest()?.path().to_owned()),
        false => None,
    };
    ui.finish();
    let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let (source, guest) = (text(&source), text(&guest));
    print(&if shown.is_json() {
        json(&serde_json::json!({
            "v": 1, "event": "ready", "source": source, "guest": guest,
        }))?
    } else {
        let kind = match &own {
            None => "kernel source",
            Some(_) => "source",
        };
        let line = |name: &str, path: Option<String>| {
            path.map(|path| format!("{name:13}  {path}\n"))
                .unwrap_or_default()
        };
        let lines = line(kind, source) + &line("guest", guest);
        if lines.is_empty() {
            "what a build needs is installed\n".to_owned()
        } else {
            lines
        }
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
