//! Starts child processes, limits them, and leaves none behind.
//!
//! Every child is the leader of a process group of its own. When it ends, by itself or because
//! it has to, the whole group ends with it; the leader is reaped last, so that the number of
//! the group cannot belong to anyone else by then. What has left the group ends with it, too
//! (`orphans`): from the first child on this process is the sub-reaper of its descendants.
//! Children write to files, or to pipes that a thread empties (`Spec::log_limit`), and read
//! `/dev/null`.
//!
//! A child does not outlive kbisect, not even when kbisect is killed with SIGKILL: the kernel
//! kills the leader (`PR_SET_PDEATHSIG`), and a watchdog what the leader started.

mod cancel;
mod ended;
mod foreign;
mod gate;
mod group;
mod host;
mod jobserver;
mod limits;
mod log;
mod marker;
mod orphans;
mod pidfd;
mod processes;
mod program;
mod quote;
mod relay;
mod room;
mod run;
mod running;
mod scan;
mod signals;
mod spec;
mod watchdog;

pub use cancel::CancelToken;
pub use ended::{Ended, How, LimitKind};
pub use host::boot_id;
pub use jobserver::{JobServer, Slot};
pub use limits::survive_file_size;
pub use orphans::warnings;
pub use program::{find_program, find_system_program};
pub use quote::quote;
pub use relay::{Relayed, become_program, cpu_so_far, relay};
pub use room::{Room, release, reserve, temporary_folder};
pub use run::{answer, capture, run, run_with};
pub use running::Running;
pub use signals::{Signal, Signals};
pub use spec::{LOCALE, LOG_LIMIT, Limits, Log, Spec};

/// The last act of a program that started children: ends those that still run, and the process
/// that watches over them, so that nothing of it is left when it has ended.
pub fn finish() {
    watchdog::stop();
}

#[cfg(test)]
mod tests;
