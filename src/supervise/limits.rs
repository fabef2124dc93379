//! Limits of this process (`ulimit`) that end a process which exceeds them.

use std::io;

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

/// Limits the files that a child writes to so many bytes, or to fewer if there is a lower limit already.
///
/// Async-signal-safe.
pub(super) fn lower_file_size(size: u64) -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: bare system calls, with a structure that is ours.
    let done = unsafe {
        libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) == 0 && {
            limit.rlim_cur = size.min(limit.rlim_cur);
            limit.rlim_max = size.min(limit.rlim_max);
            libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) == 0
        }
    };
    if done {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
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
