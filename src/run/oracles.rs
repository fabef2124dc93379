//! The oracles of a run, and what each needs besides the product.

use std::sync::Arc;

use crate::identity::Tracked;
use crate::kconfig::Project;
use crate::model::contract;
use crate::oracle::{self, Oracle, SHIPPED, Written};
use crate::settings::Settings;
use crate::{Error, Result};

/// An oracle, and what it needs.
pub(super) struct Judge {
    pub(super) oracle: Oracle,
    /// Does it boot our guest?
    pub(super) wants_guest: bool,
    /// Does it boot anything?
    pub(super) boots: bool,
}

impl Judge {
    fn new(oracle: Oracle, settings: &Settings) -> Self {
        let wants_guest = is_shipped(&oracle, settings) || oracle.mentions(contract::GUEST);
        Self {
            wants_guest,
            boots: wants_guest || oracle.boots(),
            oracle,
        }
    }

    /// The oracle, which depends on those of these files that it needs.
    pub(super) fn with_tools(self, guest: &[Arc<Tracked>], qemu: &[Arc<Tracked>]) -> Self {
        let guest = self.wants_guest.then_some(guest);
        let qemu = self.boots.then_some(qemu);
        let tools = [guest, qemu].into_iter().flatten();
        Self {
            oracle: tools.fold(self.oracle, Oracle::with_tools),
            ..self
        }
    }
}

/// Finds the oracles of the settings. A shipped one that cannot boot the product is refused.
pub(super) fn find(settings: &Settings, project: &Project) -> Result<Vec<Judge>> {
    let written = Arc::new(Written::of_run(&settings.output));
    let oracles = oracle::find_all(&settings.oracles)?.into_iter();
    let oracles: Vec<Oracle> = oracles.map(|oracle| oracle.noting(&written)).collect();
    if let Some(oracle) = oracles.iter().find(|o| is_shipped(o, settings)) {
        check_shipped(oracle, settings, project)?;
    }
    let judge = |oracle| Judge::new(oracle, settings);
    Ok(oracles.into_iter().map(judge).collect())
}

/// Can a shipped oracle boot the product?
fn check_shipped(oracle: &Oracle, settings: &Settings, project: &Project) -> Result<()> {
    let (name, arch) = (oracle.name(), settings.arch.as_str());
    match project.name.as_str() {
        "busybox" => Err(Error::usage(format!("{name} boots kernels, not busybox"))
            .hint("give an oracle of your own; examples/busybox has one")),
        "linux" if !matches!(arch, "x86_64" | "x86") => Err(Error::usage(format!(
            "{name} boots x86_64 kernels only, not {}",
            arch.escape_debug()
        ))
        .hint("give an oracle of your own that boots it")),
        _ => Ok(()),
    }
}

/// Can any of the oracles load modules, if they are kept?
pub(super) fn check_modules(judges: &[Judge], project: &Project) -> Result<()> {
    let may_load = |judge: &Judge| judge.boots || judge.oracle.mentions(contract::MODULES);
    if project.modules_target.is_none() || judges.iter().any(may_load) {
        return Ok(());
    }
    let names: Vec<&str> = judges.iter().map(|judge| judge.oracle.name()).collect();
    Err(Error::usage(format!(
        "--modules keep: nothing loads the modules: {} neither calls `kbisect boot` nor uses {}",
        names.join(", "),
        contract::MODULES
    ))
    .hint(format!(
        "--modules builtin asks for =y where the start has =m; or let the oracle put the archive {} into its guest",
        contract::MODULES
    )))
}

fn is_shipped(oracle: &Oracle, settings: &Settings) -> bool {
    let name = oracle.name();
    SHIPPED.iter().any(|s| s.name == name) && settings.oracles.iter().any(|o| o == name)
}
