//! kbisect finds the smallest kernel configuration that an oracle still accepts.
//!
//! The library behind the `kbisect` program. Start reading at [`model`], which has the words,
//! then [`search`] (a pure state machine), [`lab`] (which runs it on real builds) and
//! `ARCHITECTURE.md`.

pub mod boot;
pub mod build;
pub mod cc;
pub mod cli;
pub mod error;
pub mod identity;
pub mod journal;
pub mod kconfig;
pub mod lab;
pub mod model;
pub mod oracle;
pub mod places;
pub mod report;
pub mod run;
pub mod search;
pub mod settings;
pub mod setup;
pub mod supervise;
pub mod trace;
pub mod ui;

pub use error::{Error, ErrorKind, Result};
