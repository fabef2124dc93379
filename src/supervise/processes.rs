//! The processes of the host, as `/proc` shows them.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use nix::libc;

/// What is looked at of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    /// When it began, in clock ticks since the host did.
    pub(super) began: u64,
    /// It has ended, and its parent has not asked how.
    pub(super) zombie: bool,
    /// CPU time, its own and that of the children that it reaped.
    pub(super) cpu: Duration,
}

/// All of them. Those that end meanwhile may be missing.
pub(super) fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let number = |name: &std::ffi::OsStr| name.to_str()?.parse().ok();
    entries
        .flatten()
        .filter_map(|entry| number(&entry.file_name()))
        .filter_map(one)
        .collect()
}

/// The process `pid`, if there is one.
pub(super) fn one(pid: i32) -> Option<Process> {
    Process::parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// What the process `pid` calls itself, for people.
pub(super) fn name(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    crate::model::sanitize_line(&name, 40)
}

impl Process {
    /// The fields of `/proc/PID/stat` after the name, which is in parentheses and may hold
    /// anything, parentheses too.
    fn parse(pid: i32, stat: &[u8]) -> Option<Self> {
        let name_end = stat.iter().rposition(|&byte| byte == b')')?;
        let mut fields = std::str::from_utf8(&stat[name_end + 1..])
            .ok()?
            .split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        // utime, stime, cutime, cstime: the 14th to 17th field, counted as proc(5) does.
        let mut fields = fields.skip(8);
        let times = fields.by_ref().take(4);
        let cpu = times.filter_map(|field| field.parse::<u64>().ok()).sum();
        // The 22nd.
        let began = fields.nth(4)?.parse().ok()?;
        Some(Self {
            pid,
            parent,
            group,
            began,
            zombie: matches!(state, b'Z' | b'X'),
            cpu: ticks(cpu),
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
        let line =
            b"7 (a) R 1 99 (b)) S 5 42 42 0 -1 4194304 1 2 3 4 10 20 300 400 20 0 1 0 987 1 2";
        let process = Process::parse(7, line).unwrap();
        assert_eq!((process.parent, process.group), (5, 42));
        assert_eq!((process.cpu, process.began), (ticks(730), 987));
        assert!(!process.zombie);
    }

    #[test]
    fn nonsense_is_no_process() {
        assert!(Process::parse(1, b"").is_none());
        assert!(Process::parse(1, b"1 (x)").is_none());
        assert!(Process::parse(1, b"1 (x) S 1 y").is_none());
    }

    #[test]
    fn this_process_is_among_them() {
        let pid = nix::unistd::getpid().as_raw();
        let this = all().into_iter().find(|p| p.pid == pid).unwrap();
        assert_eq!(this.parent, nix::unistd::getppid().as_raw());
        assert_eq!(this.began, one(pid).unwrap().began);
    }
}
