//! How this command shows what happens, and what went wrong.

use super::print::print;
use std::io::Write;
use std::time::Duration;

use super::args::{ColorChoice, Common, MessageFormat};
use crate::Error;
use crate::model::sanitize_line;
use crate::report::Theme;
use crate::settings::PartialSettings;
use crate::ui::{self, Color, Format, Paint, Ui, Verbosity};

/// Longest message that is shown in one line, in characters.
const LONGEST: usize = 2000;

/// The choices of the user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    format: Format,
    color: Color,
    verbosity: Verbosity,
    explicit_format: Given,
    explicit_color: Given,
}

/// Was it said on the command line, so that the settings file has no say?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Yes,
    No,
}

impl Given {
    fn of<T>(option: Option<&T>) -> Self {
        if option.is_some() {
            Self::Yes
        } else {
            Self::No
        }
    }
}

impl Shown {
    pub(super) fn of(common: &Common) -> Self {
        let verbosity = match (common.quiet, common.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        };
        Self {
            format: match common.message_format {
                Some(MessageFormat::Json) => Format::Json,
                _ => Format::Human,
            },
            color: match common.color {
                Some(ColorChoice::Always) => Color::Always,
                Some(ColorChoice::Never) => Color::Never,
                _ => Color::Auto,
            },
            verbosity,
            explicit_format: Given::of(common.message_format.as_ref()),
            explicit_color: Given::of(common.color.as_ref()),
        }
    }

    /// The same, with what the settings file says and the command line does not.
    pub(super) fn with_file(mut self, asked: &PartialSettings) -> crate::Result<Self> {
        if let (Given::No, Some(format)) = (self.explicit_format, asked.text("message-format")) {
            self.format = match format {
                "human" => Format::Human,
                "json" => Format::Json,
                other => {
                    return Err(Error::usage(format!(
                        "message-format is human or json, not `{}`",
                        other.escape_debug()
                    )));
                }
            };
        }
        if let (Given::No, Some(color)) = (self.explicit_color, asked.text("color")) {
            self.color = match color {
                "auto" => Color::Auto,
                "always" => Color::Always,
                "never" => Color::Never,
                other => {
                    return Err(Error::usage(format!(
                        "color is auto, always or never, not `{}`",
                        other.escape_debug()
                    )));
                }
            };
        }
        Ok(self)
    }

    pub(super) fn ui(&self) -> Box<dyn Ui> {
        ui::choose(self.format, self.color, self.verbosity)
    }

    /// For commands that only show something: warnings, no progress.
    pub(super) fn quiet_ui(&self) -> Box<dyn Ui> {
        ui::choose(Format::Human, self.color, Verbosity::Quiet)
    }

    pub(super) fn format(&self) -> MessageFormat {
        match self.format {
            Format::Json => MessageFormat::Json,
            Format::Human => MessageFormat::Human,
        }
    }

    pub(super) fn is_verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Dresses a report for standard output.
    pub(super) fn theme(&self) -> impl Theme {
        Terminal(self.color.on_stdout())
    }

    /// An error, what is behind it, and what to do.
    pub(super) fn error(&self, error: &Error) {
        let paint = self.color.on_stderr();
        let mut text = sanitize_line(&error.to_string(), LONGEST);
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text += &format!(": {}", sanitize_line(&cause.to_string(), LONGEST));
            source = cause.source();
        }
        if self.is_json() {
            let line = serde_json::json!({
                "v": 1, "event": "error", "message": text,
                "hint": error.hint_text(), "exit": error.kind().exit_code(),
            });
            // There is nobody left to tell.
            let _ = print(&format!("{line}\n"));
        }
        let mut lines = format!("{} {text}\n", paint.bad("error:"));
        if let Some(hint) = error.hint_text() {
            for line in hint.lines() {
                lines += &format!(
                    "{} {}\n",
                    paint.strong("hint:"),
                    sanitize_line(line, LONGEST)
                );
            }
        }
        let _ = std::io::stderr().write_all(lines.as_bytes());
    }
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
        crate::model::duration(time)
    }
    fn bytes(&self, n: u64) -> String {
        crate::model::bytes(n)
    }
}
