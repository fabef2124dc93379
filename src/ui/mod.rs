//! Shows a run: progress for people, plain lines without a terminal, JSON lines for programs.

mod json;
mod live;
mod plain;
mod words;

use std::io::IsTerminal;

use crate::model::Event;

pub use words::{Paint, bytes, count, duration};

/// Somebody who is told what happens.
pub trait Ui {
    /// Something happened.
    fn event(&mut self, event: &Event);

    /// Nothing more will: what is left on the screen is for good.
    fn finish(&mut self) {}
}

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
    fn wanted_by(event: &Event) -> Self {
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

/// The way to show a run here and now.
#[must_use]
pub fn choose(format: Format, color: Color, verbosity: Verbosity) -> Box<dyn Ui> {
    let paint = color.on_stderr();
    match format {
        Format::Json => Box::new(json::Json::new(std::io::stdout(), verbosity)),
        Format::Human if std::io::stderr().is_terminal() && verbosity > Verbosity::Quiet => {
            Box::new(live::Live::new(paint, verbosity))
        }
        Format::Human => Box::new(plain::Plain::new(std::io::stderr(), paint, verbosity)),
    }
}
