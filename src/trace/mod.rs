//! The kernel code that ran in a traced boot, and the prior that follows for each request.
//!
//! QEMU's translator writes down each block of code when it first meets it ([`Ran`]); the symbol tables
//! say which functions lie there and which objects they are from ([`Image`]). What a request brings
//! into the kernel, whole objects or functions between `#ifdef`s (`guarded`), ran or did not
//! ([`Activity`]). Tracing a kernel to find what it needs is the idea of undertaker-tailor (R. Tartler
//! et al., 2012) and Cozart (H. Kuo et al., 2020); here it is a guess, which the oracle has to confirm.

mod evidence;
mod guarded;
mod guest;
mod image;
mod log;
mod symbols;

pub use evidence::{Activity, Counts, Evidence, Reach};
pub use guarded::{Guarded, Place, guarded};
pub use guest::{GuestSigns, Sign};
pub use image::{Function, Image, Stage};
pub use log::{Ran, is_log};
pub use symbols::{
    Definitions, KernelSymbol, Placed, around, kernel_symbols, placed, read_console,
};
