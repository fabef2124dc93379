//! Limits of this process (`ulimit`) that end who exceeds them.

use nix::libc;

use super::How;

/// From now on a write past the limit of file sizes (`ulimit -f`) is an error that names the file, and not the
/// end of this program. Children get the signal all the same.
pub fn survive_file_size() {
    // SAFETY: no handler is installed, so nothing of ours can be called at a bad time.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Undoes [`survive_file_size`] in a child, before it becomes another program.
///
/// Async-signal-safe.
pub(super) fn restore_file_size() {
    // SAFETY: as above; signal() may be called between fork and exec.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_DFL);
    }
}

impl How {
    /// The limit of this machine that ended it, or one of its own children if a shell says so, in words. It says
    /// nothing of the program.
    #[must_use]
    pub fn exceeded(self) -> Option<&'static str> {
        match self.signal()? {
            libc::SIGXFSZ => Some("a file became larger than `ulimit -f` allows"),
            libc::SIGXCPU => Some("it took more CPU time than `ulimit -t` allows"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_of_a_limit_is_told_from_others() {
        for how in [How::Signalled(libc::SIGXFSZ), How::Exited(153)] {
            assert!(how.exceeded().is_some_and(|why| why.contains("ulimit -f")));
        }
        for how in [How::Signalled(libc::SIGXCPU), How::Exited(152)] {
            assert!(how.exceeded().is_some_and(|why| why.contains("ulimit -t")));
        }
        assert_eq!(How::Signalled(libc::SIGSEGV).exceeded(), None);
        assert_eq!(How::Exited(25).exceeded(), None);
    }
}
