//! Boots a kernel in QEMU, watches its console, and reports the outcome.
//!
//! A machine is [data](Machine); what happens on its console is decided by a
//! [pure state machine](Console) over bytes; [`boot`] puts the two together, within a
//! [`Budget`], and leaves no process behind.

mod accel;
mod budget;
mod console;
mod hardware;
mod machine;
mod outcome;
mod record;
mod run;
mod serial;

pub use accel::{Choice, choose_accel};
pub use budget::Budget;
pub use console::{Console, Failure, FailureKind, Step, Watch};
pub use hardware::{Board, Hardware, Loader};
pub use machine::{
    Accel, Clock, Disk, Drive, Firmware, Forward, HostPort, Interface, Kernel, Machine, Memory,
    Nic, PortForward,
};
pub use outcome::{Finished, Limit, Outcome};
pub use record::Record;
pub use run::{Plan, QEMU, boot};
