//! Shows the result of a run; tells the exit code.

use std::path::Path;

use super::print::print;
use super::refused::show_oracle_output;
use super::shown::Shown;
use crate::lab::Stopped;
use crate::report::{self, Report, Status};
use crate::run::files::json;
use crate::run::{End, Ended};
use crate::{ErrorKind, Result};

/// Before the command that goes on with a run.
const GO_ON: &str = "to go on: ";

/// Shows how the run in `dir` ended; returns the exit code. `again` is the command that goes on with it.
pub(super) fn show_end(ended: Result<Ended>, dir: &Path, again: &str, shown: &Shown) -> Result<u8> {
    let ended = ended.map_err(|error| {
        if error.kind() == ErrorKind::StartFails {
            show_oracle_output(dir);
        }
        let resume = error
            .hint_text()
            .is_some_and(|hint| hint.starts_with(GO_ON));
        match resume {
            true => error.hint(format!("{GO_ON}{again}")),
            false => error,
        }
    })?;
    let Ended { report, end, dir } = &ended;
    if *end == End::OverBefore {
        let text = format!("the run in {} has come to its end before", dir.display());
        let mut ui = shown.ui();
        ui.event(&crate::model::Event::Note { text });
        ui.finish();
    }
    let told = show(report, dir, shown);
    let End::Stopped(stopped) = end else {
        told?;
        return Ok(exit_code(report.status));
    };
    // It can be resumed all the same.
    if let Err(error) = told {
        shown.error(&error);
    }
    resumable(again);
    Ok(match stopped {
        Stopped::Interrupted => ErrorKind::Interrupted.exit_code(),
        Stopped::Time | Stopped::Trials => 4,
    })
}

/// Only what is certified ends with 0.
fn exit_code(status: Status) -> u8 {
    match status {
        Status::Minimal => 0,
        Status::Leaves | Status::Unproved | Status::Stopped | Status::Running => 4,
    }
}

fn show(report: &Report, path: &Path, shown: &Shown) -> Result<()> {
    if shown.is_json() {
        print(&json(
            &serde_json::json!({ "v": 1, "event": "result", "report": report }),
        )?)?;
    } else {
        print(&report::text(report, &shown.theme()))?;
        let files: Vec<String> = report
            .files
            .iter()
            .map(|f| path.join(f).display().to_string())
            .collect();
        print(&format!("files: {}\n", files.join(", ")))?;
    }
    Ok(())
}

fn resumable(again: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{GO_ON}{again}");
}
