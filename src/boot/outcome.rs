//! The outcome of a boot.

use std::time::Duration;

use super::{Failure, FailureKind};
use crate::supervise::How;

/// Which limit ended a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Wall time.
    Wall,
    /// CPU time.
    Cpu,
    /// CPU time until the first byte on the console.
    Silent,
    /// Nothing happened any more.
    Idle,
    /// Too much on the console.
    Flood,
}

/// What came of a boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mark appeared, in this line.
    Reached(String),
    /// The mark appeared, and the command ended like this.
    Command(How),
    /// The kernel panicked, with this line.
    Panic(String),
    /// A line appeared that must not.
    FailOn(String),
    /// The guest, or QEMU, ended before.
    Exited(How),
    /// It took too much.
    Limit(Limit),
    /// The caller did not want to wait.
    Cancelled,
}

impl Outcome {
    /// Is the kernel good enough?
    #[must_use]
    pub fn is_pass(&self) -> bool {
        matches!(self, Self::Reached(_) | Self::Command(How::Exited(0)))
    }

    /// Does it say something about the kernel? Not when the host ended QEMU or the command, for
    /// want of memory most likely.
    #[must_use]
    pub fn is_conclusive(&self) -> bool {
        match self {
            Self::Exited(how) => *how == How::Exited(0),
            Self::Command(how) => matches!(how, How::Exited(_)),
            Self::Cancelled => false,
            Self::Reached(_) | Self::Panic(_) | Self::FailOn(_) | Self::Limit(_) => true,
        }
    }

    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reached(_) => "until",
            Self::Command(_) => "exec",
            Self::Panic(_) => "panic",
            Self::FailOn(_) => "fail-on",
            Self::Exited(_) => "exit",
            Self::Limit(Limit::Wall) => "wall",
            Self::Limit(Limit::Cpu) => "cpu",
            Self::Limit(Limit::Silent) => "silent",
            Self::Limit(Limit::Idle) => "idle",
            Self::Limit(Limit::Flood) => "flood",
            Self::Cancelled => "cancelled",
        }
    }

    /// The line of the console that shows it, safe to print.
    #[must_use]
    pub fn line(&self) -> Option<&str> {
        match self {
            Self::Reached(line) | Self::Panic(line) | Self::FailOn(line) => Some(line),
            _ => None,
        }
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Self {
        match failure.kind {
            FailureKind::Panic => Self::Panic(failure.line.clone()),
            FailureKind::FailOn => Self::FailOn(failure.line.clone()),
        }
    }
}

/// A boot that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What came of it.
    pub outcome: Outcome,
    /// Wall time until then.
    pub wall: Duration,
    /// CPU time of QEMU.
    pub cpu: Duration,
    /// CPU time of QEMU when the first byte came from the console.
    pub first_byte_cpu: Option<Duration>,
    /// The longest time that the guest slept without a word before the mark; if it reached that.
    pub longest_silence: Option<Duration>,
    /// The last line that says something: of the command if that failed, else of the console.
    /// Safe to print.
    pub last_line: String,
}
