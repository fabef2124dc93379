//! The long report as a page, as Markdown, CSV and DOT; the page in a real browser.
//!
//! The tests of the browser need Chromium, and axe-core from npm the first time.
#![allow(clippy::unwrap_used)]

mod browser;
mod chromium;
mod sample;
mod texts;
