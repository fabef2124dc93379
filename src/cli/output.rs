//! Shows how a run ended.

use std::io::Write;
use std::path::Path;

use super::print::{print, print_event};
use super::shown::Shown;
use crate::report::{self, Report};
use crate::run::{End, Ended, LastStep};
use crate::{Error, ErrorKind, Result};

/// Before the command that goes on with a run.
const GO_ON: &str = "to go on: ";

/// Shows how a run ended.
pub(super) struct Ending<'a> {
    /// The run directory.
    dir: &'a Path,
    /// The command that goes on with the run.
    again: &'a str,
    shown: Shown,
}

impl<'a> Ending<'a> {
    pub(super) fn new(dir: &'a Path, again: &'a str, shown: Shown) -> Self {
        Self { dir, again, shown }
    }

    /// Shows the result of a run; returns the exit code.
    pub(super) fn show(&self, ended: &Ended) -> Result<u8> {
        let told = self.result(&ended.report);
        if let End::Stopped(_) = ended.end {
            // It can be resumed even if its result cannot be shown.
            if let Err(error) = told {
                self.shown.error(&error);
            }
            let _ = writeln!(std::io::stderr(), "{GO_ON}{}", self.again);
        } else {
            told?;
        }
        Ok(ended.exit_code())
    }

    /// The error that ended a run, with the command that goes on with it.
    pub(super) fn failed(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::StartFails
            && let Some(step) = LastStep::of(self.dir)
        {
            let _ = write!(std::io::stderr(), "{step}");
        }
        let goes_on = |hint: &str| hint.starts_with(GO_ON);
        match error.hint_text().is_some_and(goes_on) {
            true => error.hint(format!("{GO_ON}{}", self.again)),
            false => error,
        }
    }

    fn result(&self, report: &Report) -> Result<()> {
        if self.shown.is_json() {
            return print_event("result", &serde_json::json!({ "report": report }));
        }
        print(&report::text(report, &self.shown.theme()))?;
        let files = report.files.iter();
        let files: Vec<String> = files
            .map(|f| self.dir.join(f).display().to_string())
            .collect();
        print(&format!("files: {}\n", files.join(", ")))
    }
}
