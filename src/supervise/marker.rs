//! The mark in the environment by which a process is known to descend from a child of ours,
//! whatever session or parent it has by now.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::libc;

/// The variable: `SESSION.NUMBER` of the child, after those of the kbisect that started this one,
/// with commas between.
const NAME: &str = "KBISECT_SPAWN";

/// How often an environment is read that is empty. That of a process that becomes another program
/// (`exec`) is so for a moment, that of one started by `env -i` always.
const LOOKS: usize = 50;

/// Numbers the children of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SpawnId(u32);

impl SpawnId {
    /// The next one. Never zero; it wraps around after four billion children.
    pub(super) fn next() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        loop {
            let id = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if id != 0 {
                return Self(id);
            }
        }
    }

    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// The name and the value of the variable for a child.
pub(super) fn variable(id: SpawnId) -> (&'static str, OsString) {
    let mut value = OsString::new();
    if let Some(outer) = env::var_os(NAME).filter(|outer| !outer.is_empty()) {
        value.push(outer);
        value.push(",");
    }
    value.push(format!("{}{}", session(), id.0));
    (NAME, value)
}

/// The start of the marks of all children of this process: 64 bits of chance, and a dot.
pub(super) fn session() -> &'static str {
    static SESSION: OnceLock<String> = OnceLock::new();
    SESSION.get_or_init(|| {
        let mut bytes = [0_u8; 8];
        // SAFETY: the pointer and the length are those of a live local.
        let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        if usize::try_from(got) != Ok(bytes.len()) {
            // No other process has this number now.
            bytes = u64::from(std::process::id()).to_ne_bytes();
        }
        format!("{:016x}.", u64::from_ne_bytes(bytes))
    })
}

/// The child of ours from which the process `pid` descends, by its environment as it began.
/// `None` if it has no mark of ours, has written over it, or may not be looked at.
pub(super) fn of(pid: i32) -> Option<SpawnId> {
    for _ in 0..LOOKS {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        // Threads of the kernel and zombies have no program.
        if !environment.is_empty() || fs::read_link(format!("/proc/{pid}/exe")).is_err() {
            return in_environment(&environment);
        }
        std::thread::yield_now();
    }
    None
}

fn in_environment(environment: &[u8]) -> Option<SpawnId> {
    let variables = environment.split(|&byte| byte == 0);
    let values = variables.filter_map(|v| v.strip_prefix(NAME.as_bytes())?.strip_prefix(b"="));
    let mut marks = values.flat_map(|value| value.split(|&byte| byte == b','));
    marks.find_map(|mark| {
        let number = mark.strip_prefix(session().as_bytes())?;
        Some(SpawnId(std::str::from_utf8(number).ok()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_among_those_of_others_and_never_in_part() {
        let id = SpawnId(7);
        let session = session();
        let found = |text: String| in_environment(text.as_bytes());
        assert_eq!(found(format!("A=1\0KBISECT_SPAWN={session}7\0")), Some(id));
        let nested = format!("KBISECT_SPAWN=00.3,{session}7,ff.1\0B=\0");
        assert_eq!(found(nested), Some(id));
        assert_eq!(
            found(format!("KBISECT_SPAWN={session}77")),
            Some(SpawnId(77))
        );
        assert_eq!(found(format!("NOT_KBISECT_SPAWN={session}7\0")), None);
        assert_eq!(found("KBISECT_SPAWN=00.7\0".to_owned()), None);
        assert_eq!(found(String::new()), None);
    }
}
