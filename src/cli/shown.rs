//! How this command shows what happens, and what went wrong.

use std::io::Write;
use std::time::Duration;

use clap::ValueEnum;

use super::args::Common;
use super::print::print;
use crate::model::{bytes, duration};
use crate::report::Theme;
use crate::run::SettingsFile;
use crate::settings::{PartialSettings, Settings};
use crate::ui::{self, Color, Format, Paint, Ui, Verbosity};
use crate::{Error, Result};

/// The choices of the user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// None: not chosen on the command line.
    format: Option<Format>,
    color: Option<Color>,
    verbosity: Verbosity,
}

impl Shown {
    pub(super) fn of(common: &Common) -> Self {
        Self {
            format: common.message_format,
            color: common.color,
            verbosity: match (common.quiet, common.verbose) {
                (true, _) => Verbosity::Quiet,
                (false, true) => Verbosity::Verbose,
                (false, false) => Verbosity::Normal,
            },
        }
    }

    /// The settings from `flags` and the settings file, with what is wrong with them. What the file says of
    /// colours and format, and the command line does not, goes to this.
    pub(super) fn settings(self, flags: PartialSettings) -> Result<(Settings, Self, Vec<String>)> {
        let file = SettingsFile::here()?;
        let shown = self.with_file(&file.settings)?;
        let (settings, warnings) = file.complete(flags, &mut |event| shown.ui().event(event))?;
        Ok((settings, shown, warnings))
    }

    fn with_file(self, asked: &PartialSettings) -> Result<Self> {
        Ok(Self {
            format: named(asked, "message-format", self.format, "human or json")?,
            color: named(asked, "color", self.color, "auto, always or never")?,
            verbosity: self.verbosity,
        })
    }

    fn color(self) -> Color {
        self.color.unwrap_or(Color::Auto)
    }

    pub(super) fn ui(&self) -> Box<dyn Ui> {
        let format = self.format.unwrap_or(Format::Human);
        ui::choose(format, self.color(), self.verbosity)
    }

    /// For commands that only show something: warnings, no progress.
    pub(super) fn quiet_ui(&self) -> Box<dyn Ui> {
        ui::choose(Format::Human, self.color(), Verbosity::Quiet)
    }

    pub(super) fn is_verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    pub(super) fn is_json(&self) -> bool {
        self.format == Some(Format::Json)
    }

    /// Dresses a report for standard output.
    pub(super) fn theme(&self) -> impl Theme {
        Terminal(self.color().on_stdout())
    }

    /// An error, its causes, and what to do.
    pub(super) fn error(&self, error: &Error) {
        if self.is_json() {
            // There is nobody left to tell.
            let _ = print(&ui::error_json(error));
        }
        let text = ui::error_text(self.color().on_stderr(), error);
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// The value that is `given` on the command line, else the one of the settings file.
fn named<T: ValueEnum>(
    asked: &PartialSettings,
    key: &str,
    given: Option<T>,
    words: &str,
) -> Result<Option<T>> {
    let (None, Some(word)) = (&given, asked.text(key)) else {
        return Ok(given);
    };
    let wrong = |_| Error::usage(format!("{key} is {words}, not `{}`", word.escape_debug()));
    T::from_str(word, false).map(Some).map_err(wrong)
}

struct Terminal(Paint);

impl Theme for Terminal {
    fn heading(&self, text: &str) -> String {
        self.0.strong(text)
    }
    fn faint(&self, text: &str) -> String {
        self.0.faint(text)
    }
    fn time(&self, time: Duration) -> String {
        duration(time)
    }
    fn bytes(&self, n: u64) -> String {
        bytes(n)
    }
}
