//! The compiler launcher: objects that were compiled before, here or in another tree or run, come
//! from a cache.
//!
//! Kbuild compiles an object anew whenever a CONFIG symbol changes that any of the files that it
//! includes mentions. ccache cannot help: all values are in `autoconf.h`, which every object
//! includes and every change of the configuration rewrites. Here a call of the compiler is known
//! by
//!
//! - its command line, the toolchain and what of the environment concerns a compiler,
//! - the contents of the files that it read, without `autoconf.h`, and
//! - the values of just those CONFIG symbols that these files mention, found by `fixdep`'s rule
//!   (BusyBox has one of its own).
//!
//! If all of these are as they were, so is the object. That assumes what make's own dependency
//! tracking assumes too: that a symbol's name is written out wherever its value is used, and that
//! no new file comes to stand before one that was included, in the order in which the compiler
//! looks for them. Of a file that puts such names together (`CONFIG_##option`) nothing is assumed.
//!
//! A call that is not known is preprocessed, as far as it must be (`cc::directives`); if its text is known, so
//! is the object, and only else is it compiled.
//!
//! What a build asks of the compiler beforehand, whether it knows an option, is answered as it was
//! before.
//!
//! What is unusual is passed through to the compiler: assembler sources, links, the vdso, the boot wrapper,
//! whatever makes the assembler read files (`.incbin`) or `cc::call` does not understand.

mod allowlist;
mod autoconf;
mod call;
mod codec;
mod directives;
mod hash;
mod launcher;
mod manifest;
mod note;
mod probe;
mod serve;
mod source_text;
mod store;
mod symbols;
mod text;

pub use crate::identity::compiler as identity;
pub use launcher::{Answer, CACHE, CANNOT, LAUNCHER, NOTES, STATE, TOOLCHAIN, answer};
pub use note::{Means, Note, read_notes};
pub use serve::{Reply, serve};
pub use store::Store;
