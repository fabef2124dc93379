//! Boots a kernel in QEMU, watches its console, and reports the outcome.
//!
//! A machine is [data](Machine); what happens on its console is decided by a
//! [pure state machine](Console) over bytes; [`boot`] puts the two together, within a
//! [`Budget`], and leaves no process behind.

mod accel;
mod budget;
mod console;
mod drive;
mod grub;
mod hardware;
mod machine;
mod nameless;
mod network;
mod outcome;
mod platform;
mod record;
mod run;
mod serial;
mod silence;

pub use accel::{Choice, choose_accel};
pub use budget::Budget;
pub use console::{Console, Failure, FailureKind, Step, Watch};
pub use drive::{Disk, Drive, Interface};
pub use grub::{GrubDisk, Images};
pub use hardware::{Board, Hardware, Loader};
pub use machine::{Clock, Firmware, Kernel, Machine, Memory};
pub use nameless::Nameless;
pub use network::{Forward, HostPort, Nic, PortForward};
pub use outcome::{Finished, Limit, Outcome};
pub use platform::{Accel, QEMU};
pub use record::Record;
pub use run::{Plan, boot};
