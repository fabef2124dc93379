//! The native Kconfig engine: parses a tree once, then resolves fragments in milliseconds.
//!
//! The semantics are those of the kernel's own `scripts/kconfig` (LKC), of all ages from
//! BusyBox's copy of 2.6 to the choices of 6.11 ([`Dialect`]); that program is the reference, and the tests
//! compare with it byte for byte.
//!
//! [`parse`] reads a tree into a [`Model`], which is read-only from then on and shared by all
//! threads. [`Model::resolve`] says what becomes of a fragment: a [`State`], which writes the
//! `.config` and [explains](State::explain) each symbol.
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
//! let mut state = model.resolve(Mode::AllNo, Some(&[Assignment::new("INET", Value::YES)]));
//! // A fragment does not bring what it depends on.
//! assert!(!state.write().contains("INET"));
//! let inet = model.find("INET").unwrap();
//! let why = state.explain(inet).unwrap();
//! assert_eq!((why.needs[0].text.as_str(), why.needs[0].value), ("NET", "n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ask;
mod asked;
mod builder;
mod choice;
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
pub use model::{Cmp, Model, SymId, SymKind};
pub use parse::{Env, parse};
pub use state::State;
pub use syntax::{Line, NOT_SET, PREFIX, Says};
pub use value::{Assignment, Tristate, Value};
pub use walk::{Node, NodeKind, Property, PropertyKind};
