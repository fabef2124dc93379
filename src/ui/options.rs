//! Options of the user interface: verbosity, form and colours.

use std::io::IsTerminal;

use super::paint::Paint;
use crate::model::Event;

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// For programs: one JSON object a line, on standard output.
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// On a terminal that has them, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Warnings only.
    Quiet,
    /// What matters.
    Normal,
    /// Also what each worker does, and which verdicts an earlier one answered.
    Verbose,
}

impl Verbosity {
    /// The least at which an event is told.
    pub(super) fn wanted_by(event: &Event) -> Self {
        match event {
            Event::Warning { .. } => Self::Quiet,
            _ => Self::Normal,
        }
    }
}

impl Color {
    /// The way to paint on standard error.
    #[must_use]
    pub fn on_stderr(self) -> Paint {
        self.when(std::io::stderr().is_terminal())
    }

    /// The way to paint on standard output.
    #[must_use]
    pub fn on_stdout(self) -> Paint {
        self.when(std::io::stdout().is_terminal())
    }

    fn when(self, terminal: bool) -> Paint {
        // https://no-color.org: set and not empty.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        match self {
            Self::Always => Paint::Ansi,
            Self::Auto if terminal && !refused => Paint::Ansi,
            Self::Auto | Self::Never => Paint::Nothing,
        }
    }
}
