//! Process groups: their CPU time, and signals to them.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::processes;

/// CPU time of the members of the group `leader`, and of the children that they reaped.
pub(super) fn cpu(leader: Pid) -> Duration {
    let members = processes::all().into_iter();
    let members = members.filter(|process| process.group == leader.as_raw());
    members.map(|process| process.cpu).sum()
}

/// Sends `signal` to every member. An empty group is no error: that is what is wanted.
pub(super) fn signal(leader: Pid, signal: Signal) {
    let _ = killpg(leader, signal);
}

/// The time for which the threads of the process `pid` ran or were ready to run. Unlike CPU
/// time it tells a process that waits for nothing but a core from one that sleeps, however busy
/// the machine is. `None` where the kernel does not count it.
pub(super) fn wanted(pid: Pid) -> Option<Duration> {
    let mut wanted = None;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        // Nanoseconds on a core, nanoseconds in the run queue, and a count.
        let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else {
            continue;
        };
        let nanoseconds = text
            .split_ascii_whitespace()
            .take(2)
            .flat_map(str::parse::<u64>)
            .fold(0, u64::saturating_add);
        *wanted.get_or_insert(Duration::ZERO) += Duration::from_nanos(nanoseconds);
    }
    wanted
}

/// Do all threads of the process `pid` sleep? One that runs, waits for a core or for the disk, or is stopped does not.
pub(super) fn is_asleep(pid: Pid) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return true;
    };
    // The state comes after the name, which is in parentheses and may hold anything.
    let state = |stat: Vec<u8>| {
        let name_end = stat.iter().rposition(|&byte| byte == b')')?;
        stat.get(name_end + 2).copied()
    };
    threads
        .flatten()
        .flat_map(|thread| fs::read(thread.path().join("stat")))
        .filter_map(state)
        .all(|state| matches!(state, b'S' | b'I' | b'Z' | b'X'))
}
