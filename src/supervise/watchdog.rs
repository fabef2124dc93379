//! The watchdog: a process that kills the children of kbisect if kbisect is gone.
//!
//! `PR_SET_PDEATHSIG` reaches a group's leader only: the sub-makes and compilers of a killed
//! make would build on for minutes. So kbisect forks a watchdog before its first child. Each
//! child tells it through a pipe that there is a new group, before it becomes the program: at no
//! time does one run that the watchdog does not know. When the pipe ends, kbisect has ended, in
//! whatever way, and the watchdog kills the groups that are left. Unless kbisect said that it
//! comes to its end by itself, it looks for marked processes too, which have left their group.
//! It does nothing else: no allocation, no lock, only calls that are safe after a fork from a
//! program with threads.
//!
//! A message is a child's number ([`SpawnId`]) and that of its group, or 0 when the group is no
//! more; with 0 twice kbisect takes its leave.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe2, write};

use super::marker::{self, SpawnId};
use super::{foreign, gate, scan};

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
        foreign::adopt();
        *state = fork_off().unwrap_or(State::Failed);
    }
}

fn fork_off() -> Option<State> {
    let session = marker::session();
    let (read, pipe) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).ok()?;
    // SAFETY: the child runs `watch` only, which allocates nothing, takes no lock, makes
    // only async-signal-safe calls and never returns.
    match unsafe { fork() }.ok()? {
        ForkResult::Parent { child: pid } => Some(State::On { pid, pipe }),
        ForkResult::Child => watch(read.as_raw_fd(), session.as_bytes()),
    }
}

/// Ends the watchdog and waits for its end: with it goes what still runs.
pub(super) fn stop() {
    // A child that begins right now has the pipe in hand; and nobody is to take the watchdog for
    // a stray meanwhile. The state is not locked for so long: who tells it something now does
    // not wait.
    gate::while_none_begins(|| {
        let old = std::mem::replace(&mut *state(), State::New);
        if let State::On { pid, pipe } = old {
            tell(&pipe, [0, 0]);
            drop(pipe);
            while waitpid(pid, None) == Err(Errno::EINTR) {}
        }
    });
}

/// The process, if there is one.
pub(super) fn pid() -> Option<i32> {
    match &*state() {
        State::On { pid, .. } => Some(pid.as_raw()),
        State::New | State::Failed => None,
    }
}

/// Where a child can reach it, for as long as the caller keeps [`stop`] waiting
/// ([`gate::beginning`]).
pub(super) fn line() -> Option<RawFd> {
    match &*state() {
        State::On { pipe, .. } => Some(pipe.as_raw_fd()),
        State::New | State::Failed => None,
    }
}

/// Tells the watchdog that this process, between fork and exec, is the leader of a new group.
/// Async-signal-safe.
pub(super) fn guard_this(line: Option<RawFd>, id: SpawnId) {
    let Some(line) = line else { return };
    // SAFETY: all of these are async-signal-safe; the pointer and the length are those of a live
    // local. If somebody killed the watchdog, the child is not to die of the broken pipe:
    // PR_SET_PDEATHSIG remains.
    unsafe {
        let message = bytes([id.number(), libc::getpid().unsigned_abs()]);
        let old = libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        while libc::write(line, message.as_ptr().cast(), message.len()) < 0
            && *libc::__errno_location() == libc::EINTR
        {}
        libc::signal(libc::SIGPIPE, old);
    }
}

/// Tells it that a group is no more. To be called before the leader is reaped, because from
/// then on the number may be another's.
pub(super) fn release(id: SpawnId) {
    if let State::On { pipe, .. } = &*state() {
        tell(pipe, [id.number(), 0]);
    }
}

fn tell(pipe: &OwnedFd, message: [u32; 2]) {
    // So few bytes are written at once or not at all. A failure means that somebody killed the
    // watchdog.
    let _ = write(pipe, &bytes(message));
}

fn bytes([id, group]: [u32; 2]) -> [u8; 8] {
    (u64::from(id) << 32 | u64::from(group)).to_ne_bytes()
}

/// The life of the watchdog.
fn watch(read: RawFd, session: &[u8]) -> ! {
    let mut groups = [(0_u32, 0_u32); GROUPS];
    let mut has_said_goodbye = false;
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
            let mut message = [0_u8; 8];
            let length = libc::read(0, message.as_mut_ptr().cast(), message.len());
            if length < 0 && *libc::__errno_location() == libc::EINTR {
                continue;
            }
            if length != 8 {
                break;
            }
            let message = u64::from_ne_bytes(message);
            let (id, group) = ((message >> 32) as u32, message as u32);
            if id == 0 {
                has_said_goodbye = true;
                continue;
            }
            let (old, new) = if group > 0 {
                (0, (id, group))
            } else {
                (id, (0, 0))
            };
            if let Some(place) = groups.iter_mut().find(|place| place.0 == old) {
                *place = new;
            }
        }
        let mut is_left = false;
        for (_, group) in groups {
            if group > 1 {
                is_left = true;
                libc::kill(-(group as i32), libc::SIGKILL);
            }
        }
        if is_left || !has_said_goodbye {
            scan::kill_marked(session);
        }
        libc::_exit(0)
    }
}
