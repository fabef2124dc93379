//! Programs that must be root for the files that they make: of this machine, or of a user namespace.

use std::path::PathBuf;

use crate::setup::{Setup, is_root};
use crate::supervise::{Spec, find_system_program};
use crate::{Error, Result};

/// The arguments of `unshare` with which the user is root in a namespace, and has other users there.
const UNSHARE: [&str; 4] = ["--user", "--map-root-user", "--map-auto", "--"];

/// `program`, as root of this machine if we are it, else of a user namespace. Files that it makes as root are ours.
pub(super) fn as_root(program: &str) -> Spec {
    match is_root() {
        true => Spec::new(program),
        false => Spec::new("unshare").args(UNSHARE).arg(program),
    }
}

/// The mode of mmdebstrap.
pub(super) fn mode() -> &'static str {
    match is_root() {
        true => "root",
        false => "unshare",
    }
}

/// Refuses to go on where we are neither root nor may have a user namespace.
pub(super) fn check(setup: &Setup<'_>) -> Result<()> {
    if is_root() || setup.run(as_root("true"))?.success() {
        return Ok(());
    }
    Err(Error::failed(
        "a guest with files of several users is made by root, or in a user namespace, and neither can be had",
    )
    .hint(
        "install the package uidmap, and give this user a range in /etc/subuid and /etc/subgid (`usermod --add-subuids \
         100000-165535 --add-subgids 100000-165535 USER`); or make the guest once as root with the same \
         KBISECT_CACHE: `kbisect guest build NAME`",
    ))
}

/// A program of e2fsprogs or the like, which need not be in the `PATH` of an ordinary user.
pub(super) fn system_program(name: &str) -> Result<PathBuf> {
    find_system_program(name).ok_or_else(|| {
        Error::failed(format!("there is no {name} on this machine"))
            .hint("it is in the package e2fsprogs: apt-get install e2fsprogs")
    })
}
