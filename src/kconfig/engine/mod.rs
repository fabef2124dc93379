//! A Kconfig engine: reads a tree of Kconfig files once, then says in milliseconds what becomes of any
//! configuration, and why.
//!
//! # What it is for
//!
//! LKC, the `scripts/kconfig` of Linux, answers one question in one run of `conf`, and takes a second for it. Whoever
//! asks thousands of questions (which of these options matters? what else goes with it? where is it in the menus?) wants
//! them answered in the same process. This module does so, byte for byte as `conf` does: that program is
//! the reference, and the tests compare with it.
//!
//! It stands alone: it uses nothing of the rest of kbisect, starts no process, and reads no file but those of the
//! tree.
//!
//! # How it goes
//!
//! | step | | |
//! | --- | --- | --- |
//! | read a tree | [`parse`] with an [`Env`] and a [`Shell`] | a [`Model`], or a [`ParseError`] |
//! | look at it | [`Model::walk`], [`Model::definitions`], [`Model::properties`] | [`Node`]s, [`Expr`]s |
//! | read a `.config` | [`Model::assignments`] | [`Assignment`]s |
//! | resolve | [`Model::resolve`] in a [`Mode`] | a [`State`] |
//! | change a little | [`Varying`], with the model's [`Graph`] | the lines that change |
//! | values | [`State::value`], [`State::values`], [`State::eval`] | [`Value`]s |
//! | text | [`State::write`], [`State::write_defconfig`] | a `.config`, byte for byte |
//! | why | [`State::explain`], [`State::prompts`], [`State::selects`] | an [`Explanation`] |
//!
//! A `Model` is read-only, and shared by all threads; each has its own `State`s.
//!
//! ```
//! use kbisect::kconfig::engine::{Assignment, Env, Mode, NoShell, Value, parse};
//!
//! let dir = tempfile::tempdir()?;
//! std::fs::write(
//!     dir.path().join("Kconfig"),
//!     "config NET\n\tbool \"Networking\"\n\nconfig INET\n\tbool \"TCP/IP\"\n\tdepends on NET\n",
//! )?;
//! let env = Env { source: dir.path().to_owned(), ..Env::default() };
//! let model = parse("Kconfig", &env, &mut NoShell)?;
//!
//! // A fragment does not bring what it depends on.
//! let mut state = model.resolve(Mode::AllNo, Some(&[Assignment::new("INET", Value::YES)]));
//! let inet = model.find("INET").unwrap();
//! assert_eq!(state.value(inet), Value::NO);
//! assert!(!state.write().contains("INET"));
//! let why = state.explain(inet).unwrap();
//! assert_eq!((why.needs[0].text.as_str(), why.needs[0].value), ("NET", "n"));
//!
//! // Assignments are typed, or read from a file as this tree's `conf` reads it.
//! let mut state = model.resolve(Mode::AllNo, Some(&model.assignments("CONFIG_NET=y\nCONFIG_INET=y\n")));
//! assert!(state.write().ends_with("CONFIG_NET=y\nCONFIG_INET=y\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/kconfig-walk` does this with a kernel.
//!
//! # Where the semantics come from
//!
//! The language is that of `Documentation/kbuild/kconfig-language.rst`, its macros those of
//! `kconfig-macro-language.rst`; what these leave open, and where they err, is as in LKC's own source. That changed
//! from version to version, and projects have copies of all ages. A [`Dialect`] says which one a tree follows. It is
//! told by Linux's version or, better, by what the copy's source has and has not:
//!
//! | LKC of | seen in | what is different |
//! | --- | --- | --- |
//! | 2.6 | BusyBox, toybox | of two assignments the first holds; words may have slashes; looser defaults; every symbol is written |
//! | 3.10 | SeaBIOS | numbers are compared as texts (until 4.3) |
//! | 4.18 | | macros, `$(shell ...)` |
//! | 4.20 | U-Boot | strings without escapes |
//! | 5.3 | coreboot | the ends of menus are written; coreboot's `source` takes wildcards |
//! | 5.7 | Linux 6.1 | `imply` obeys dependencies |
//! | 6.8 | Linux | numbers without a value are zero; a `.config` is read more strictly |
//! | 6.11 | Linux | choices are menus |
//!
//! # What it does not do
//!
//! It warns of nothing that `conf` warns of, and has no menus to click on. Symbols that depend on themselves are an
//! error, as they are to `conf`. Zephyr's and other dialects beyond LKC are read as far as `rsource`, `osource` and
//! `orsource`.

mod ask;
mod asked;
mod builder;
mod choice;
mod components;
mod cycles;
mod defconfig;
mod dialect;
mod error;
mod eval;
mod expand;
mod explain;
mod expr;
mod finalize;
mod grammar;
mod graph;
mod lex;
mod line;
mod model;
mod number;
mod option;
mod outcome;
mod parse;
mod range;
mod reading;
mod reset;
mod resolve;
mod stack;
mod state;
mod syntax;
mod value;
mod vary;
mod walk;
mod wildcard;
mod write;

pub use ask::Prompt;
pub use asked::Mode;
pub use dialect::Dialect;
pub use error::{Nesting, ParseError, ParseErrorKind, ShellError};
pub use expand::{Message, NoShell, Shell};
pub use explain::{Definition, Explanation, Term, Why};
pub use expr::{Expr, Parts};
pub use graph::Graph;
pub use model::{Cmp, Model, SymId, SymKind};
pub use parse::{Env, parse};
pub use state::State;
pub use syntax::{Line, NOT_SET, PREFIX, Says};
pub use value::{Assignment, Tristate, Value};
pub use vary::Varying;
pub use walk::{Node, NodeKind, Property, PropertyKind};
