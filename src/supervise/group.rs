//! The members of a process group, as `/proc` shows them.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// One look at a process group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// CPU time of its members and of the children that they reaped.
    pub(super) cpu: Duration,
    /// The same without the leader.
    pub(super) cpu_of_others: Duration,
    /// Members that are not zombies.
    pub(super) alive: usize,
}

/// Looks at the group `leader`. Processes that end meanwhile do not count.
pub(super) fn look(leader: Pid) -> Look {
    let mut look = Look::default();
    let Ok(entries) = fs::read_dir("/proc") else {
        return look;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else {
            continue;
        };
        let Some(stat) = Stat::parse(&stat).filter(|stat| stat.group == leader.as_raw()) else {
            continue;
        };
        let cpu = ticks(stat.ticks);
        look.cpu += cpu;
        if pid != leader.as_raw() {
            look.cpu_of_others += cpu;
        }
        look.alive += usize::from(!matches!(stat.state, b'Z' | b'X'));
    }
    look
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

struct Stat {
    state: u8,
    group: i32,
    ticks: u64,
}

impl Stat {
    /// The fields of `/proc/PID/stat` after the name, which is in parentheses and may hold
    /// anything, parentheses too.
    fn parse(stat: &[u8]) -> Option<Self> {
        let name_end = stat.iter().rposition(|&byte| byte == b')')?;
        let mut fields = std::str::from_utf8(&stat[name_end + 1..])
            .ok()?
            .split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let group = fields.nth(1)?.parse().ok()?;
        // utime, stime, cutime, cstime: the 14th to 17th field, counted as proc(5) does.
        let ticks = fields
            .skip(8)
            .take(4)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Some(Self {
            state,
            group,
            ticks,
        })
    }
}

fn ticks(ticks: u64) -> Duration {
    static PER_SECOND: OnceLock<u64> = OnceLock::new();
    let per_second = *PER_SECOND.get_or_init(|| {
        // SAFETY: sysconf takes a number and returns one.
        let value = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        u64::try_from(value)
            .ok()
            .filter(|&value| value > 0)
            .unwrap_or(100)
    });
    Duration::from_millis(ticks.saturating_mul(1000) / per_second)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_cannot_forge_its_fields() {
        let line = b"7 (a) R 1 99 (b)) S 5 42 42 0 -1 4194304 1 2 3 4 10 20 300 400 20 0 1 0 9";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.state, stat.group, stat.ticks), (b'S', 42, 730));
    }

    #[test]
    fn nonsense_is_no_process() {
        assert!(Stat::parse(b"").is_none());
        assert!(Stat::parse(b"1 (x)").is_none());
        assert!(Stat::parse(b"1 (x) S 1 y").is_none());
    }
}
