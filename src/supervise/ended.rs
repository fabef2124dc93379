//! How a child ended, and the words for it.

use std::fmt;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::Signal;

/// Which limit was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// [`Limits::wall`](super::Limits::wall).
    Wall,
    /// [`Limits::cpu`](super::Limits::cpu).
    Cpu,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By itself, with this exit status.
    Exited(i32),
    /// By a signal that did not come from here.
    Signalled(i32),
    /// It was stopped, because it exceeded a limit.
    TimedOut(LimitKind),
    /// It was stopped, because the caller wanted it to.
    Cancelled,
}

impl How {
    /// The signal that ended it, or one of its own children if a shell says so: its exit status
    /// is 128 and the signal's number then.
    #[must_use]
    pub fn signal(self) -> Option<i32> {
        match self {
            Self::Signalled(signal) => Some(signal),
            Self::Exited(status) => {
                let signal = status - 128;
                Signal::try_from(signal).ok().map(|_| signal)
            }
            Self::TimedOut(_) | Self::Cancelled => None,
        }
    }

    /// Was it killed by SIGKILL, or one of its own children, if a shell says so? The kernel does
    /// that when there is no memory left. It says nothing of the program.
    #[must_use]
    pub fn is_killed(self) -> bool {
        self.signal() == Some(libc::SIGKILL)
    }
}

/// Words that fit after a name and a colon: `exit status 3`, `killed by signal 11 (SIGSEGV)`.
impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .signal()
            .and_then(|number| Signal::try_from(number).ok());
        match (self, name) {
            (Self::Exited(status), None) => write!(f, "exit status {status}"),
            (Self::Exited(status), Some(name)) => {
                write!(
                    f,
                    "exit status {status} (signal {name}, as a shell says it)"
                )
            }
            (Self::Signalled(signal), None) => write!(f, "killed by signal {signal}"),
            (Self::Signalled(signal), Some(name)) => {
                write!(f, "killed by signal {signal} ({name})")
            }
            (Self::TimedOut(LimitKind::Wall), _) => f.write_str("stopped at its time limit"),
            (Self::TimedOut(LimitKind::Cpu), _) => f.write_str("stopped at its limit of CPU time"),
            (Self::Cancelled, _) => f.write_str("cancelled"),
        }
    }
}

/// A child that has ended, and what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub how: How,
    /// Wall time from start to end.
    pub wall: Duration,
    /// CPU time, user and system, of the child and of its descendants.
    pub cpu: Duration,
}

impl Ended {
    /// Did it end by itself, with exit status 0?
    #[must_use]
    pub fn success(&self) -> bool {
        self.how == How::Exited(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_not_called_an_exit_status() {
        for (how, words) in [
            (How::Exited(126), "exit status 126"),
            (How::Exited(255), "exit status 255"),
            (How::Exited(128), "exit status 128"),
            (
                How::Exited(139),
                "exit status 139 (signal SIGSEGV, as a shell says it)",
            ),
            (How::Signalled(11), "killed by signal 11 (SIGSEGV)"),
            (How::Signalled(40), "killed by signal 40"),
        ] {
            assert_eq!(how.to_string(), words);
        }
    }

    #[test]
    fn killed_is_who_got_sigkill_or_says_so_for_a_child() {
        assert!(How::Signalled(9).is_killed() && How::Exited(137).is_killed());
        assert!(!How::Signalled(11).is_killed() && !How::Exited(9).is_killed());
    }
}
