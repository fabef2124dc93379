//! Descriptors of processes, and how long to wait for them.

use std::os::fd::{FromRawFd, OwnedFd};
use std::time::Duration;

use nix::libc;
use nix::poll::PollTimeout;
use nix::unistd::Pid;

pub(super) fn pidfd_open(pid: Pid) -> Option<OwnedFd> {
    // SAFETY: pidfd_open takes two numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let fd = i32::try_from(fd).ok().filter(|&fd| fd >= 0)?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn poll_timeout(left: Duration) -> PollTimeout {
    // Rounded up: a poll that returns a moment too early would spin.
    let millis = u16::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
    PollTimeout::from(millis)
}
