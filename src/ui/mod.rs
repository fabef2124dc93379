//! Shows a run: progress for people, plain lines without a terminal, JSON lines for programs.

mod failure;
mod interface;
mod json;
mod live;
mod options;
mod paint;
mod plain;
mod words;

use std::io::IsTerminal;

pub use failure::{error_json, error_text};
pub use interface::Ui;
pub use options::{Color, Format, Verbosity};
pub use paint::Paint;

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
