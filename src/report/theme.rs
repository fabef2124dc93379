//! How the words of a report are dressed.

use std::time::Duration;

use crate::model::{bytes, duration};

/// How the words are dressed: the terminal's business, not the report's.
pub trait Theme {
    /// A heading.
    fn heading(&self, text: &str) -> String;
    /// What matters less.
    fn faint(&self, text: &str) -> String;
    /// A time.
    fn time(&self, time: Duration) -> String;
    /// A size in bytes.
    fn bytes(&self, n: u64) -> String;
}

/// Text without colours.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Theme for Plain {
    fn heading(&self, text: &str) -> String {
        text.to_owned()
    }
    fn faint(&self, text: &str) -> String {
        text.to_owned()
    }
    fn time(&self, time: Duration) -> String {
        duration(time)
    }
    fn bytes(&self, n: u64) -> String {
        bytes(n)
    }
}
