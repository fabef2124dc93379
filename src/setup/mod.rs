//! Prepares the machine: finds, installs or unpacks what kbisect needs, once.

mod apt;
mod cache;
mod context;
mod debian;
mod findings;
mod needs;
mod package;
mod source;

pub(crate) use apt::is_root;
pub use cache::WorkFolder;
pub use context::Setup;
pub use debian::{CloudKernel, install_command};
pub use findings::{Finding, Made, State, findings, findings_text};
pub use needs::{
    BOOT, BUILD, Check, GUEST, Importance, Need, OWN_DISK, SOURCE, UNPACK, all, missing,
};
pub use package::{PackageName, PackagedKernel};

/// Programs and files that must be on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Programs and packages.
    pub needs: Vec<Need>,
    /// Is the guest wanted, to boot kernels with?
    pub guest: bool,
}
