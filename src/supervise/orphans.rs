//! Ends what a child leaves behind, in its group or out of it.
//!
//! A descendant can leave the group (`setsid`, as a daemon does). So this process is the
//! sub-reaper of its descendants: who loses its parent becomes a child of ours, and cannot get
//! away by that. Whose it is says the mark in its environment. One that has no mark any more
//! (`env -i`, `sudo`) goes with the last child that it can be from. Where it may be no descendant
//! of a child of ours at all (`foreign`), it is named and left alone.
//!
//! Nobody else may reap these zombies, and we may not reap those of others: a process is reaped
//! by its number only, and only when it is no child that somebody waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::foreign::Fate;
use super::gate::while_none_begins;
use super::marker::{self, SpawnId};
use super::pidfd::{pidfd_open, poll_timeout};
use super::processes::{self, Process};
use super::{foreign, group, watchdog};

/// How long processes that got SIGKILL may take to end before the user is told that they live.
const PATIENCE: Duration = Duration::from_secs(5);

/// The children that run or are not reaped yet, by their numbers.
static CHILDREN: Mutex<BTreeMap<i32, SpawnId>> = Mutex::new(BTreeMap::new());

/// Processes that could not be ended, by number and start time, and the warning about each.
static LEFT: Mutex<Left> = Mutex::new(Left {
    known: BTreeSet::new(),
    warnings: Vec::new(),
});

struct Left {
    known: BTreeSet<(i32, u64)>,
    warnings: Vec<String>,
}

// Neither is ever left half changed.
fn children() -> MutexGuard<'static, BTreeMap<i32, SpawnId>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn left() -> MutexGuard<'static, Left> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child has begun.
pub(super) fn enter(leader: Pid, id: SpawnId) {
    children().insert(leader.as_raw(), id);
}

/// A child is about to be reaped.
pub(super) fn leave(leader: Pid) {
    children().remove(&leader.as_raw());
}

/// Warnings for the user since the last call: processes that could not be ended, or
/// that were left alone because they may be somebody else's.
#[must_use]
pub fn warnings() -> Vec<String> {
    std::mem::take(&mut left().warnings)
}

/// What a child had beside itself when it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Swept {
    /// CPU time of its descendants that it did not reap itself.
    pub(super) cpu: Duration,
    /// It ran, or some of them did.
    pub(super) alive: bool,
}

/// Kills the group `leader` and all other descendants of it, and reaps those that are ours to
/// reap. The leader itself may have ended, and is not reaped.
pub(super) fn sweep(leader: Pid, id: SpawnId) -> Swept {
    let until = Instant::now() + PATIENCE;
    let mut first = None;
    loop {
        let all = processes::all();
        let found = Descendants::among(&all, leader, id);
        let swept = *first.get_or_insert_with(|| found.swept());
        group::signal(leader, Signal::SIGKILL);
        found.doubtful.iter().for_each(leave_alone);
        let mut dying: Vec<OwnedFd> = Vec::new();
        let mut living: Vec<Process> = Vec::new();
        let kill_stray = |process| {
            while_none_begins(|| match is_stray(process) {
                true => end(process),
                false => Killed::Gone,
            })
        };
        let ends = found.alive.iter().map(|process| (process, end(process)));
        let strays = found
            .strays
            .iter()
            .map(|process| (process, kill_stray(process)));
        for (process, killed) in ends.chain(strays) {
            match killed {
                Killed::Dying(pidfd) => {
                    dying.extend(pidfd);
                    living.push(*process);
                }
                Killed::Gone => {}
                Killed::Refused => give_up(process),
            }
        }
        reap(&found.zombies, leader);
        living.retain(|process| !left().known.contains(&(process.pid, process.began)));
        if living.is_empty() {
            return swept;
        }
        if Instant::now() >= until {
            living.iter().for_each(give_up);
            return swept;
        }
        await_ends(&dying, until);
    }
}

/// Reaps what ended out of sight while the child runs, and returns its CPU time.
pub(super) fn tidy(leader: Pid, id: SpawnId) -> Duration {
    let found = Descendants::among(&processes::all(), leader, id);
    let own = found.zombies.iter().filter(|p| p.group == leader.as_raw());
    let cpu = own.map(|process| process.cpu).sum();
    reap(&found.zombies, leader);
    cpu
}

/// What is found of a child's, without its leader.
#[derive(Default)]
struct Descendants {
    /// Descendants that run, and the leader if it does.
    alive: Vec<Process>,
    /// Children of ours that run and were started by nobody here: orphans of unknown origin that
    /// can be nobody else's.
    strays: Vec<Process>,
    /// The same, but they may be somebody else's.
    doubtful: Vec<Process>,
    /// Zombies that nobody else will reap.
    zombies: Vec<Process>,
    cpu: Duration,
}

impl Descendants {
    fn among(all: &[Process], leader: Pid, id: SpawnId) -> Self {
        let this = Pid::this().as_raw();
        let own_group = nix::unistd::getpgrp().as_raw();
        let leader = leader.as_raw();
        let children = children().clone();
        let watchdog = watchdog::pid();
        let foreign = foreign::noted();
        let began = all.iter().find(|p| p.pid == leader).map(|p| p.began);
        let mut found = Self::default();
        let mut mine = BTreeSet::from([leader]);
        for process in all {
            if process.group == leader {
                mine.insert(process.pid);
                if process.zombie && process.parent == this && process.pid != leader {
                    found.zombies.push(*process);
                }
                continue;
            }
            let is_known = children.contains_key(&process.pid) || Some(process.pid) == watchdog;
            let is_of_other = children.contains_key(&process.group);
            if process.parent != this || is_known || is_of_other {
                continue;
            }
            if process.zombie {
                if process.group != own_group {
                    found.zombies.push(*process);
                }
                continue;
            }
            let mark = marker::of(process.pid);
            if mark == Some(id) {
                mine.insert(process.pid);
            } else if mark.is_some_and(|mark| children.values().any(|child| *child == mark)) {
                // Its own child's end is its end.
            } else if process.group != own_group
                && others_are_later(all, process, leader, &children)
            {
                match foreign.fate(process, mark, began) {
                    Fate::End => found.strays.push(*process),
                    Fate::Name => found.doubtful.push(*process),
                    Fate::Spare => {}
                }
            }
        }
        // What these started, until no more comes: a parent may stand after its child.
        loop {
            let is_new = |p: &&Process| mine.contains(&p.parent) && !mine.contains(&p.pid);
            let more: Vec<i32> = all.iter().filter(is_new).map(|p| p.pid).collect();
            if more.is_empty() {
                break;
            }
            mine.extend(more);
        }
        for process in all.iter().filter(|process| mine.contains(&process.pid)) {
            if process.pid != leader {
                found.cpu += process.cpu;
            }
            if !process.zombie {
                found.alive.push(*process);
            }
        }
        found
    }

    fn swept(&self) -> Swept {
        Swept {
            cpu: self.cpu,
            alive: !self.alive.is_empty() || !self.strays.is_empty(),
        }
    }
}

/// Did all other children begin after `orphan`, so that it is none of theirs?
fn others_are_later(
    all: &[Process],
    orphan: &Process,
    leader: i32,
    children: &BTreeMap<i32, SpawnId>,
) -> bool {
    let is_other = |p: &&Process| p.pid != leader && children.contains_key(&p.pid);
    let mut others = all.iter().filter(is_other);
    others.all(|other| other.began > orphan.began)
}

/// Is it still what it was, a child of ours that nobody waits for? To be asked while no child
/// begins.
fn is_stray(process: &Process) -> bool {
    let now = processes::one(process.pid);
    let is_same = |now: Process| now.began == process.began && now.parent == Pid::this().as_raw();
    now.is_some_and(is_same)
        && !children().contains_key(&process.pid)
        && Some(process.pid) != watchdog::pid()
}

enum Killed {
    /// It ends; the descriptor becomes readable when it has.
    Dying(Option<OwnedFd>),
    /// It was gone already.
    Gone,
    /// We may not.
    Refused,
}

/// Sends SIGKILL to the process that was seen, and to no later one with its number.
fn end(process: &Process) -> Killed {
    let pid = Pid::from_raw(process.pid);
    let pidfd = pidfd_open(pid);
    if processes::one(process.pid).is_none_or(|now| now.began != process.began) {
        return Killed::Gone;
    }
    let sent = match &pidfd {
        Some(pidfd) => {
            // SAFETY: the descriptor is open, and no siginfo is given.
            let sent = unsafe {
                libc::syscall(
                    libc::SYS_pidfd_send_signal,
                    pidfd.as_raw_fd(),
                    libc::SIGKILL,
                    std::ptr::null::<libc::siginfo_t>(),
                    0,
                )
            };
            if sent == 0 {
                Ok(())
            } else {
                Err(Errno::last())
            }
        }
        None => nix::sys::signal::kill(pid, Signal::SIGKILL),
    };
    match sent {
        Ok(()) => Killed::Dying(pidfd),
        Err(Errno::ESRCH) => Killed::Gone,
        Err(_) => Killed::Refused,
    }
}

fn await_ends(dying: &[OwnedFd], until: Instant) {
    for pidfd in dying {
        let left = until.saturating_duration_since(Instant::now());
        // Interrupted or not: the caller looks again.
        let _ = poll(
            &mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)],
            poll_timeout(left),
        );
    }
    if dying.is_empty() {
        // Without descriptors to wait for there is only looking again.
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn reap(zombies: &[Process], leader: Pid) {
    for process in zombies {
        let ask = || {
            // It may have been another's in the end: then there is nothing to do.
            let _ = waitpid(Pid::from_raw(process.pid), Some(WaitPidFlag::WNOHANG));
        };
        if process.group == leader.as_raw() {
            // Only the child's own thread reaps what is in its group.
            ask();
        } else {
            while_none_begins(|| {
                if is_stray(process) {
                    ask();
                }
            });
        }
    }
}

/// Nothing more can be done about it, but to say so, once.
fn give_up(process: &Process) {
    warn_once(process, |it| {
        format!("cannot end {it}, which a program that kbisect ran left behind: end it yourself")
    });
}

/// It may be somebody else's: the user has to know.
fn leave_alone(process: &Process) {
    warn_once(process, |it| {
        format!(
            "{it} may be left behind by a program that kbisect ran, or be somebody else's: end it \
             yourself if it is not wanted"
        )
    });
}

fn warn_once(process: &Process, text: impl FnOnce(&str) -> String) {
    let mut left = left();
    if left.known.insert((process.pid, process.began)) {
        let name = processes::name(process.pid);
        left.warnings
            .push(text(&format!("process {} ({name})", process.pid)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::alone;
    use super::*;

    #[test]
    fn what_cannot_be_ended_is_named_once() {
        // No other test may take or add a warning.
        alone(|| {
            let process = Process {
                pid: Pid::this().as_raw(),
                parent: 1,
                group: 1,
                began: 7,
                zombie: false,
                cpu: Duration::ZERO,
            };
            give_up(&process);
            give_up(&process);
            let this = format!("cannot end process {} (", process.pid);
            let of_this = |text: &&String| text.starts_with(&this);
            assert_eq!(warnings().iter().filter(of_this).count(), 1);
            assert_eq!(warnings(), Vec::<String>::new());
        });
    }
}
