//! What kbisect needs on a machine, as data, and whether it is there.

use std::path::Path;

use serde::Serialize;

use super::source::newest_tarball;
use super::{Setup, install_command};
use crate::supervise::{CancelToken, Spec, find_program, run};
use crate::{Error, Result};

/// How to see that something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// All of these programs are in `PATH`.
    Programs(&'static [&'static str]),
    /// gcc finds this header.
    Header(&'static str),
    /// A tarball of the kernel source is installed.
    KernelSource,
}

/// Can one do without it?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Importance {
    /// No.
    Required,
    /// Yes, with most configs. `kbisect setup` does not install it.
    Optional,
}

/// One thing that kbisect needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// What it is called.
    pub name: &'static str,
    /// What for.
    pub why: &'static str,
    /// How to see that it is there.
    pub check: Check,
    /// The packages of Debian and Ubuntu that have it.
    pub packages: &'static [&'static str],
    /// Can one do without it?
    pub importance: Importance,
}

const fn need(
    name: &'static str,
    why: &'static str,
    check: Check,
    packages: &'static [&'static str],
) -> Need {
    Need {
        name,
        why,
        check,
        packages,
        importance: Importance::Required,
    }
}

const fn optional(need: Need) -> Need {
    Need {
        importance: Importance::Optional,
        ..need
    }
}

/// To configure and build a kernel.
pub const BUILD: &[Need] = &[
    need(
        "gcc",
        "compiles the kernel",
        Check::Programs(&["gcc", "ld"]),
        &["gcc"],
    ),
    need(
        "C library headers",
        "for the kernel's build tools",
        Check::Header("stdlib.h"),
        &["libc6-dev"],
    ),
    need(
        "make",
        "builds the kernel",
        Check::Programs(&["make"]),
        &["make"],
    ),
    need(
        "flex",
        "for Kconfig's parser",
        Check::Programs(&["flex"]),
        &["flex"],
    ),
    need(
        "bison",
        "for Kconfig's parser",
        Check::Programs(&["bison"]),
        &["bison"],
    ),
    need(
        "bc",
        "computes kernel/time/timeconst.h",
        Check::Programs(&["bc"]),
        &["bc"],
    ),
    need(
        "libelf",
        "for objtool, on x86-64",
        Check::Header("gelf.h"),
        &["libelf-dev"],
    ),
    optional(need(
        "OpenSSL headers",
        "for configs with certificates or signed modules",
        Check::Header("openssl/opensslv.h"),
        &["libssl-dev"],
    )),
    optional(need(
        "zstd",
        "for configs with KERNEL_ZSTD",
        Check::Programs(&["zstd"]),
        &["zstd"],
    )),
];

/// To have a kernel source without naming one.
pub const SOURCE: &[Need] = &[
    need(
        "kernel source",
        "what is built, without --source",
        Check::KernelSource,
        &["linux-source"],
    ),
    need(
        "tar, xz",
        "unpack the kernel source",
        Check::Programs(&["tar", "xz"]),
        &["tar", "xz-utils"],
    ),
];

/// To boot a kernel and judge it with the oracles that come with kbisect.
pub const BOOT: &[Need] = &[
    need(
        "QEMU",
        "boots the kernels",
        Check::Programs(&["qemu-system-x86_64"]),
        &["qemu-system-x86"],
    ),
    need(
        "ssh",
        "logs in, for ssh-ok",
        Check::Programs(&["ssh", "ssh-keygen"]),
        &["openssh-client"],
    ),
];

/// All of them.
#[must_use]
pub fn all() -> Vec<Need> {
    [BUILD, SOURCE, BOOT].concat()
}

impl Need {
    /// Is it there?
    ///
    /// # Errors
    /// A compiler that is there cannot be started.
    pub fn is_met(&self, cancel: &CancelToken) -> Result<bool> {
        match self.check {
            Check::Programs(names) => Ok(names.iter().all(|name| find_program(name).is_some())),
            Check::KernelSource => Ok(newest_tarball(Path::new("/usr/src")).is_some()),
            Check::Header(name) => {
                if find_program("gcc").is_none() {
                    return Ok(false);
                }
                let spec = Spec::new("gcc").args(["-E", "-x", "c", "-o", "/dev/null"]);
                let spec = spec.args(["-include", name, "/dev/null"]);
                run(&spec, cancel).map(|ended| ended.success())
            }
        }
    }
}

/// Those of the required `needs` that are not met.
///
/// # Errors
/// As for [`Need::is_met`].
pub fn missing(needs: &[Need], cancel: &CancelToken) -> Result<Vec<Need>> {
    let mut lacking = Vec::new();
    for need in needs {
        if need.importance == Importance::Required && !need.is_met(cancel)? {
            lacking.push(*need);
        }
    }
    Ok(lacking)
}

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
    /// The packages that are to be installed for it.
    pub packages: Vec<&'static str>,
}

/// Looks at everything that kbisect needs. `output` is a folder in which a run will be kept.
///
/// # Errors
/// As for [`Need::is_met`], and as for [`cache_dir`](super::cache_dir).
pub fn findings(setup: &mut Setup<'_>, output: &Path) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for need in all() {
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
    found.push(architecture());
    found.push(prepared(setup));
    found.push(space("space for the cache", &setup.cache)?);
    found.push(space("space for the run", output)?);
    Ok(found)
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

/// Has `kbisect setup` made what can be made beforehand?
fn prepared(setup: &Setup<'_>) -> Finding {
    let done = setup.has_guest();
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

    const NOTHING: Need = need(
        "nothing",
        "",
        Check::Programs(&["no-such-program-anywhere"]),
        &["none"],
    );

    #[test]
    fn only_what_is_required_counts_as_missing() {
        let there = need("sh", "", Check::Programs(&["sh"]), &["dash"]);
        let needs = [NOTHING, optional(NOTHING), there];
        assert_eq!(missing(&needs, &CancelToken::new()).unwrap(), [NOTHING]);
    }

    #[test]
    fn a_header_that_no_compiler_finds_is_missing() {
        let header = need("none", "", Check::Header("no/such/header.h"), &["none"]);
        assert!(!header.is_met(&CancelToken::new()).unwrap());
    }

    #[test]
    fn free_space_is_told_for_a_folder_that_is_not_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        let found = space("space", &dir.path().join("not/yet")).unwrap();
        assert!(found.detail.contains("GiB free"), "{}", found.detail);
    }
}
