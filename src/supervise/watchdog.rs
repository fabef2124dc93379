//! A process that kills the groups which kbisect could not kill itself, because it is gone.
//!
//! `PR_SET_PDEATHSIG` reaches a group's leader only: the sub-makes and compilers of a killed
//! make would build on for minutes. So kbisect forks a watchdog before its first child, and
//! tells it through a pipe which groups there are. When the pipe ends, kbisect has ended, in
//! whatever way, and the watchdog kills the groups that are left. It does nothing else: no
//! allocation, no lock, only calls that are safe after a fork from a program with threads.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe2, write};

/// More groups at once than a run has workers, by far. The ones beyond are left to
/// `PR_SET_PDEATHSIG`.
const GROUPS: usize = 1024;

static STATE: Mutex<State> = Mutex::new(State::New);

enum State {
    /// Nobody needed it yet.
    New,
    /// It could not be started.
    Failed,
    /// The process, and the writing end of its pipe.
    On { pid: Pid, pipe: OwnedFd },
}

/// The state. A thread that panicked with it in hand left it whole: it is replaced at once.
fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the watchdog, the first time that it is called.
pub(super) fn start() {
    let mut state = state();
    if matches!(*state, State::New) {
        *state = fork_off().unwrap_or(State::Failed);
    }
}

fn fork_off() -> Option<State> {
    let (read, pipe) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).ok()?;
    // SAFETY: the child runs `watch` only, which allocates nothing, takes no lock, makes
    // only async-signal-safe calls and never returns.
    match unsafe { fork() }.ok()? {
        ForkResult::Parent { child: pid } => Some(State::On { pid, pipe }),
        ForkResult::Child => watch(read.as_raw_fd()),
    }
}

/// Ends the watchdog and waits for its end: with it goes what still runs.
pub(super) fn stop() {
    // Not under the lock: who tells it something now is not to wait.
    let old = std::mem::replace(&mut *state(), State::New);
    if let State::On { pid, pipe } = old {
        drop(pipe);
        while waitpid(pid, None) == Err(Errno::EINTR) {}
    }
}

/// Tells the watchdog of a new group.
pub(super) fn guard(leader: Pid) {
    tell(leader.as_raw());
}

/// Tells it that a group is no more. To be called before the leader is reaped, because from
/// then on the number may be another's.
pub(super) fn release(leader: Pid) {
    tell(-leader.as_raw());
}

fn tell(message: i32) {
    if let State::On { pipe, .. } = &*state() {
        // Four bytes are written at once or not at all. A failure means that somebody killed
        // the watchdog; PR_SET_PDEATHSIG remains.
        let _ = write(pipe, &message.to_ne_bytes());
    }
}

/// The life of the watchdog.
fn watch(read: RawFd) -> ! {
    let mut groups = [0_i32; GROUPS];
    // SAFETY: all of these are async-signal-safe, and the pointers are to live locals or to
    // static strings. Descriptor 0 becomes the pipe and all others are closed, so that the
    // watchdog holds nothing open that somebody waits to see closed: the writing end, too.
    unsafe {
        libc::setsid();
        for signal in 1..32 {
            libc::signal(signal, libc::SIG_IGN);
        }
        libc::chdir(c"/".as_ptr());
        libc::prctl(libc::PR_SET_NAME, c"kbisect-watch".as_ptr());
        libc::dup2(read, 0);
        if libc::syscall(libc::SYS_close_range, 1_u32, u32::MAX, 0_u32) != 0 {
            // Before Linux 5.9.
            for fd in 1..65_536 {
                libc::close(fd);
            }
        }
        loop {
            let mut message = [0_u8; 4];
            let length = libc::read(0, message.as_mut_ptr().cast(), message.len());
            if length < 0 && *libc::__errno_location() == libc::EINTR {
                continue;
            }
            if length != 4 {
                break;
            }
            let group = i32::from_ne_bytes(message);
            let (old, new) = if group > 0 { (0, group) } else { (-group, 0) };
            if let Some(place) = groups.iter_mut().find(|place| **place == old) {
                *place = new;
            }
        }
        for group in groups {
            if group > 1 {
                libc::kill(-group, libc::SIGKILL);
            }
        }
        libc::_exit(0)
    }
}
