//! The requirements of kbisect, as data, and the check for each.

use std::path::Path;

use serde::Serialize;

use super::source::newest_tarball;
use crate::Result;
use crate::supervise::{CancelToken, Spec, find_program, find_system_program, run};

/// How to see that something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// All of these programs are in `PATH`.
    Programs(&'static [&'static str]),
    /// The same, or in the folders of the administrator's programs.
    SystemPrograms(&'static [&'static str]),
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
    UNPACK,
];

/// To unpack a tarball of a source.
pub const UNPACK: Need = need(
    "tar, xz, bzip2",
    "unpack a source",
    Check::Programs(&["tar", "xz", "bzip2"]),
    &["tar", "xz-utils", "bzip2"],
);

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

/// To make a guest of Debian's packages on a disk.
pub const GUEST: &[Need] = &[
    need(
        "mmdebstrap",
        "installs Debian into a guest's disk",
        Check::Programs(&["mmdebstrap"]),
        &["mmdebstrap", "debian-archive-keyring"],
    ),
    IMAGES,
    KEYS,
];

/// To make a guest on a disk of what the user has.
pub const OWN_DISK: &[Need] = &[IMAGES, KEYS];

const IMAGES: Need = need(
    "e2fsprogs",
    "writes the images of disks",
    Check::SystemPrograms(&["mke2fs", "debugfs"]),
    &["e2fsprogs"],
);

const KEYS: Need = need(
    "ssh-keygen",
    "makes the keys of a guest",
    Check::Programs(&["ssh-keygen"]),
    &["openssh-client"],
);

/// All that a run with Debian's kernel and the guest of busybox needs.
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
            Check::SystemPrograms(names) => {
                Ok(names.iter().all(|name| find_system_program(name).is_some()))
            }
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
}
