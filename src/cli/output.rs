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

/// Shows how the run in `dir` ended; returns the exit code.
pub(super) fn show_end(ended: Result<Ended>, dir: &Path, shown: &Shown) -> Result<u8> {
    let ended = ended.inspect_err(|error| {
        if error.kind() == ErrorKind::StartFails {
            show_oracle_output(dir);
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
    resumable(dir);
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
        print(&report::text(report, &shown.dress()))?;
        let files: Vec<String> = report
            .files
            .iter()
            .map(|f| path.join(f).display().to_string())
            .collect();
        print(&format!("files: {}\n", files.join(", ")))?;
    }
    Ok(())
}

fn resumable(path: &Path) {
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "to go on: kbisect resume {}",
        path.display()
    );
}
