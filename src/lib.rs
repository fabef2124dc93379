//! kbisect finds the smallest kernel configuration that an oracle still accepts.
//!
//! The library behind the `kbisect` program. It starts from a kernel configuration that works (the
//! *start*), removes options, builds and boots the rest, and asks an *oracle*, a program, whether
//! the kernel is still good enough. It ends with a minimal set of options, and for each of them
//! with the trial that failed without it.
//!
//! # Where to begin
//!
//! - [`model`]: the shared types. A *request* is an option that is asked for, a *candidate* a set
//!   of requests, a *verdict* what a trial of a candidate gave.
//! - [`search`]: the search, a pure state machine. It proposes candidates and receives verdicts. It
//!   works for any problem of this kind, not only for kernels.
//! - [`kconfig`]: reads and resolves configurations; [`kconfig::engine`] is a Kconfig
//!   implementation of its own, with an example.
//! - [`run`]: a whole run, from its settings to its result; it can be stopped and resumed.
//! - [`settings`] says what a run is about, [`report`] what came of it.
//! - [`cli`]: [`cli::serve`] must be the first call of a program that makes runs.
//!
//! The other modules are the machinery of a run, and change without notice; ARCHITECTURE.md has them all.
//!
//! The search alone:
//!
//! ```
//! use kbisect::model::{RequestId, RequestSet, Stage, Verdict};
//! use kbisect::search::{Algorithm, Ask, Options};
//!
//! // The oracle accepts what has the requests 2, 6 and 10.
//! let needed = RequestSet::of(12, [2, 6, 10].map(RequestId));
//! let (full, fixed) = (RequestSet::full(12), RequestSet::empty(12));
//! let mut search = Algorithm::default().search(full, &fixed, Options::new());
//! while let Ask::Evaluate(candidate) = search.ask() {
//!     let verdict = match needed.is_subset(&candidate.keep) {
//!         true => Verdict::Pass,
//!         false => Verdict::Fail(Stage::Oracle),
//!     };
//!     search.tell(candidate.id, verdict);
//! }
//! assert_eq!(*search.best(), needed);
//! ```
//!
//! `ARCHITECTURE.md` says who uses whom and what must always hold, `DESIGN.md` how each part
//! works, `FORMATS.md` what is on disk.

#[doc(hidden)]
pub mod boot;
#[doc(hidden)]
pub mod build;
#[doc(hidden)]
pub mod cc;
pub mod cli;
#[doc(hidden)]
pub mod dirs;
pub mod error;
#[doc(hidden)]
pub mod guest;
#[doc(hidden)]
pub mod identity;
#[doc(hidden)]
pub mod input;
#[doc(hidden)]
pub mod journal;
pub mod kconfig;
#[doc(hidden)]
pub mod kmod;
#[doc(hidden)]
pub mod lab;
#[doc(hidden)]
pub mod logs;
pub mod model;
#[doc(hidden)]
pub mod oracle;
#[doc(hidden)]
pub mod page;
pub mod report;
pub mod run;
pub mod search;
#[doc(hidden)]
pub mod serve;
pub mod settings;
#[doc(hidden)]
pub mod setup;
#[doc(hidden)]
pub mod supervise;
#[doc(hidden)]
pub mod symptoms;
#[doc(hidden)]
pub mod trace;
#[doc(hidden)]
pub mod trial;
#[doc(hidden)]
pub mod ui;

pub use error::{Error, ErrorKind, Result};
