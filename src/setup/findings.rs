//! The checks of `kbisect doctor`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Importance, Setup, Wanted, install_command};
use crate::boot::{Accel, Choice, choose_accel};
use crate::model::sanitize_line;
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Good.
    Ok,
    /// Not as it could be; kbisect works without it.
    Note,
    /// kbisect needs it, and it is not there.
    Missing,
}

/// What `kbisect doctor` found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The thing.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What it is for, or what was found.
    pub detail: String,
    /// The command that mends it.
    pub mend: Option<String>,
    /// The packages to install for it.
    pub packages: Vec<&'static str>,
}

/// Is the guest that shipped oracles boot made already?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// Looks at everything that is `wanted`. `output` is a folder in which a run will be kept.
///
/// # Errors
/// As for [`Need::is_met`](super::Need::is_met), and as for [`cache_dir`](crate::dirs::cache_dir).
pub fn findings(
    setup: &mut Setup<'_>,
    wanted: &Wanted,
    guest: Made,
    output: &Path,
) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for need in &wanted.needs {
        let state = match (need.is_met(setup.cancel)?, need.importance) {
            (true, _) => State::Ok,
            (false, Importance::Required) => State::Missing,
            (false, Importance::Optional) => State::Note,
        };
        found.push(Finding {
            name: need.name.to_owned(),
            state,
            detail: need.why.to_owned(),
            mend: (state != State::Ok).then(|| install_command(need.packages)),
            packages: if state == State::Ok {
                Vec::new()
            } else {
                need.packages.to_vec()
            },
        });
    }
    if wanted.guest {
        found.push(architecture());
        found.push(kvm(&setup.cache, setup.cancel)?);
    }
    found.push(memory());
    if wanted.guest {
        found.push(prepared(guest));
    }
    found.push(space("space for the cache", &setup.cache)?);
    found.push(space("space for the run", output)?);
    Ok(found)
}

/// The findings in words for people, with the command that installs all that is missing.
#[must_use]
pub fn findings_text(found: &[Finding]) -> String {
    let mut text = String::new();
    let width = found.iter().map(|finding| finding.name.len()).max();
    let width = width.unwrap_or(0);
    let mut packages: Vec<&str> = Vec::new();
    for finding in found {
        let mark = match finding.state {
            State::Ok => "ok     ",
            State::Note => "note   ",
            State::Missing => "MISSING",
        };
        text += &format!("{mark}  {:width$}  {}\n", finding.name, finding.detail);
        if let Some(mend) = &finding.mend {
            text += &format!("         {:width$}  {mend}\n", "");
        }
        if finding.state == State::Missing {
            packages.extend(&finding.packages);
        }
    }
    if !packages.is_empty() {
        text += &format!(
            "\n`kbisect setup` does it all, or:\n{}\n",
            install_command(&packages)
        );
    }
    text
}

fn architecture() -> Finding {
    let here = std::env::consts::ARCH;
    let (state, detail) = match here {
        "x86_64" => (State::Ok, "x86_64".to_owned()),
        _ => (
            State::Missing,
            format!("this is {here}; the guests are made for x86_64"),
        ),
    };
    Finding {
        name: "machine".to_owned(),
        state,
        detail,
        mend: None,
        packages: Vec::new(),
    }
}

/// Does KVM boot a kernel? Whether it does, only a boot can show.
fn kvm(cache: &Path, cancel: &CancelToken) -> Result<Finding> {
    let opened = File::options().read(true).write(true).open("/dev/kvm");
    let without = "software emulation does as well, slower";
    let (state, detail) = match (opened, good_kernel(cache)) {
        (Err(e), _) => (
            State::Note,
            format!("/dev/kvm cannot be opened ({e}); {without}"),
        ),
        (Ok(_), None) => (
            State::Ok,
            "is there; the first boot tries it out".to_owned(),
        ),
        (Ok(_), Some(kernel)) => match choose_accel(&kernel, cancel)? {
            Choice {
                accel: Accel::Kvm, ..
            } => (State::Ok, "boots a kernel".to_owned()),
            Choice { reason, .. } => {
                let reason = reason.unwrap_or_else(|| "it does not work".to_owned());
                (State::Note, format!("{reason}; {without}"))
            }
        },
    };
    Ok(Finding {
        name: "KVM".to_owned(),
        state,
        detail: sanitize_line(&detail, 300),
        mend: None,
        packages: Vec::new(),
    })
}

/// A kernel that is known to be good: this machine's own, or Debian's for cloud machines, which
/// the tests have.
fn good_kernel(cache: &Path) -> Option<PathBuf> {
    let kernels = |dir: &Path| {
        let named = |path: &PathBuf| {
            let name = path
                .file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with("vmlinuz"));
            name && File::open(path).is_ok()
        };
        fs::read_dir(dir)
            .ok()?
            .flatten()
            .map(|e| e.path())
            .filter(named)
            .max()
    };
    kernels(Path::new("/boot")).or_else(|| kernels(&cache.join("cloud-kernel/boot")))
}

/// What some compilers at once, a link and a guest take.
const MEMORY_GIB: u64 = 2;

fn memory() -> Finding {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let gib = available_kib(&meminfo).map(|kib| kib >> 20);
    let (state, detail) = match gib {
        Some(gib) if gib >= MEMORY_GIB => (State::Ok, format!("{gib} GiB available")),
        Some(gib) => (
            State::Note,
            format!("only {gib} GiB available; {MEMORY_GIB} are advised"),
        ),
        None => (State::Note, "/proc/meminfo does not tell".to_owned()),
    };
    Finding {
        name: "memory".to_owned(),
        state,
        detail,
        mend: None,
        packages: Vec::new(),
    }
}

fn available_kib(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Has `kbisect setup` made what can be made beforehand?
fn prepared(guest: Made) -> Finding {
    let done = guest == Made::Yes;
    let detail = if done {
        "busybox and Dropbear, to boot a kernel with"
    } else {
        "not made yet"
    };
    Finding {
        name: "guest".to_owned(),
        state: if done { State::Ok } else { State::Missing },
        detail: detail.to_owned(),
        mend: (!done).then(|| "kbisect setup".to_owned()),
        packages: Vec::new(),
    }
}

/// A source tree, some build trees and the logs of a run.
const SPACE_GIB: u64 = 8;

fn space(name: &str, path: &Path) -> Result<Finding> {
    // The folder itself may not be there yet.
    let there = path
        .ancestors()
        .find(|p| p.exists())
        .unwrap_or(Path::new("/"));
    let there = if there.as_os_str().is_empty() {
        Path::new(".")
    } else {
        there
    };
    let stat = nix::sys::statvfs::statvfs(there)
        .map_err(|e| Error::io("ask for the free space of", there, e.into()))?;
    let gib = stat.blocks_available().saturating_mul(stat.fragment_size()) >> 30;
    let state = if gib >= SPACE_GIB {
        State::Ok
    } else {
        State::Note
    };
    let detail = match state {
        State::Ok => format!("{gib} GiB free in {}", path.display()),
        _ => format!(
            "only {gib} GiB free in {}; {SPACE_GIB} are advised",
            path.display()
        ),
    };
    Ok(Finding {
        name: name.to_owned(),
        state,
        detail,
        mend: None,
        packages: Vec::new(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_from_meminfo() {
        let meminfo = "MemTotal:       24683520 kB\nMemAvailable:   3145728 kB\n";
        assert_eq!(available_kib(meminfo), Some(3 << 20));
        assert_eq!(available_kib("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn free_space_is_told_for_a_folder_that_is_not_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        let found = space("space", &dir.path().join("not/yet")).unwrap();
        assert!(found.detail.contains("GiB free"), "{}", found.detail);
    }
}
