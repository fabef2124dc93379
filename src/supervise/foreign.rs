//! Distinguishes orphans of our children from processes of others.
//!
//! The program that became kbisect (`exec`) may have had children: they are ours in name only. The
//! first process of a container gets the orphans of all others in it. Such a process has no mark
//! of ours. When in doubt, nothing is ended.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use nix::libc;
use nix::unistd::Pid;

use super::marker::SpawnId;
use super::processes::{self, Process};

/// Number and beginning, which together are no other process's.
type Key = (i32, u64);

static NOTED: OnceLock<Foreign> = OnceLock::new();

/// The processes below this one that no child of ours started.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    /// Those that were there before the first child.
    known: BTreeSet<Key>,
    /// This process is the first of its namespace.
    is_init: bool,
}

/// What is to become of an orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    End,
    /// The user is told of it.
    Name,
    Spare,
}

/// Becomes the parent of descendants that lose theirs. To be called before the first child begins.
pub(super) fn adopt() {
    note();
    // SAFETY: prctl takes numbers. Where it fails (before Linux 3.4), orphans that leave their
    // group are not found.
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
}

/// Notes who is there before the first child of ours. Later calls change nothing.
fn note() {
    NOTED.get_or_init(|| Foreign::below(Pid::this().as_raw(), &processes::all()));
}

/// What was noted.
pub(super) fn noted() -> &'static Foreign {
    static NONE: Foreign = Foreign {
        known: BTreeSet::new(),
        is_init: false,
    };
    NOTED.get().unwrap_or(&NONE)
}

impl Foreign {
    fn below(this: i32, all: &[Process]) -> Self {
        let mut family = BTreeSet::from([this]);
        // Until no more comes: a parent may stand after its child.
        loop {
            let is_new = |p: &&Process| family.contains(&p.parent) && !family.contains(&p.pid);
            let more: Vec<i32> = all.iter().filter(is_new).map(|p| p.pid).collect();
            if more.is_empty() {
                break;
            }
            family.extend(more);
        }
        let is_below = |p: &&Process| p.pid != this && family.contains(&p.pid);
        Self {
            known: all.iter().filter(is_below).map(key).collect(),
            is_init: this == 1,
        }
    }

    /// What is to become of an orphan with this mark, when a child ends that began then.
    pub(super) fn fate(
        &self,
        orphan: &Process,
        mark: Option<SpawnId>,
        child_began: Option<u64>,
    ) -> Fate {
        if mark.is_some() {
            return Fate::End;
        }
        let is_older = child_began.is_none_or(|began| orphan.began < began);
        if is_older || self.known.contains(&key(orphan)) {
            return Fate::Spare;
        }
        // A known one may have started it, and have ended since.
        if self.is_init || !self.known.is_empty() {
            return Fate::Name;
        }
        Fate::End
    }
}

fn key(process: &Process) -> Key {
    (process.pid, process.began)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn process(pid: i32, parent: i32, began: u64) -> Process {
        Process {
            pid,
            parent,
            group: pid,
            began,
            zombie: false,
            cpu: Duration::ZERO,
        }
    }

    #[test]
    fn who_was_there_before_and_its_descendants_are_spared() {
        let all = [process(9, 8, 3), process(8, 7, 2), process(7, 1, 1)];
        let foreign = Foreign::below(7, &all);
        for spared in &all[..2] {
            assert_eq!(foreign.fate(spared, None, Some(1)), Fate::Spare);
        }
        // The number is another's by now, or its parent was one of them.
        let later = process(9, 7, 30);
        assert_eq!(foreign.fate(&later, None, Some(20)), Fate::Name);
    }

    #[test]
    fn what_is_older_than_the_child_is_spared() {
        let none = Foreign::below(7, &[process(7, 1, 1)]);
        assert_eq!(none.fate(&process(9, 7, 19), None, Some(20)), Fate::Spare);
        assert_eq!(none.fate(&process(9, 7, 20), None, Some(20)), Fate::End);
        assert_eq!(none.fate(&process(9, 7, 20), None, None), Fate::Spare);
    }

    #[test]
    fn the_first_process_ends_only_what_has_its_mark() {
        let foreign = Foreign::below(1, &[process(1, 0, 1)]);
        let daemon = process(9, 1, 30);
        assert_eq!(foreign.fate(&daemon, None, Some(20)), Fate::Name);
        let mark = Some(SpawnId::next());
        assert_eq!(foreign.fate(&daemon, mark, Some(20)), Fate::End);
    }
}
