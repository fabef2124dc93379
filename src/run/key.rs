//! Finds out what the verdicts of a run depend on: its key, and the files that must stay as they are.

use std::path::PathBuf;
use std::sync::Arc;

use super::guests::Guests;
use super::oracles::Judge;
use crate::Result;
use crate::boot;
use crate::identity::{self, SourceTree, Toolset, Tracked, Variables};
use crate::kconfig::Project;
use crate::kconfig::engine::Model;
use crate::model::{CompilerLauncher, Fragment, RunKey, SourceKey, ToolchainKey};
use crate::settings::Settings;
use crate::supervise::{CancelToken, find_program};
use crate::trial::StandIn;

/// What the verdicts of a run depend on.
#[derive(Clone, Copy)]
pub(super) struct Grounds<'a> {
    pub(super) settings: &'a Settings,
    pub(super) project: &'a Project,
    pub(super) base: &'a Fragment,
    pub(super) source: &'a SourceTree,
    pub(super) model: Option<&'a Model>,
    pub(super) guests: &'a Guests,
    pub(super) stand_in: Option<&'a StandIn>,
}

impl Grounds<'_> {
    /// The parts of the key that are known at once.
    pub(super) fn quick_key(&self, judges: &[Judge]) -> Result<RunKey> {
        let oracles = judges.iter().map(|judge| judge.oracle.key());
        Ok(RunKey {
            source: Some(SourceKey::Contents(self.source.id())),
            project: Some(self.project.key()?),
            arch: Some(self.settings.arch.clone()),
            base: Some(self.base.to_string()),
            oracles: Some(oracles.collect()),
            timeout: Some(self.settings.timeout.as_secs()),
            environment: Some(identity::environment(&self.project.env)?),
            guest: self.guests.first().map(|guest| guest.version().to_owned()),
            guests: self.guests.others(),
            start_kernel: self.stand_in.map(StandIn::key).transpose()?,
            ..RunKey::default()
        })
    }

    /// Adds what takes long: the programs of builds, and the files that they include. From here on they are
    /// watched.
    pub(super) fn add_programs(
        &self,
        key: &mut RunKey,
        judges: &[Judge],
        cancel: &CancelToken,
    ) -> Toolset {
        let variables = Variables::of(&self.project.make_args, &self.project.env);
        let boots = judges.iter().any(|judge| judge.boots);
        let mut others = Vec::new();
        if let CompilerLauncher::Program(program) = &self.settings.cc_launcher {
            others.push(program.as_str());
        }
        if boots {
            others.push(boot::QEMU);
        }
        // Before the key: what is replaced after this is seen by the first look.
        let files = self.model.into_iter().flat_map(Model::files);
        let files: Vec<PathBuf> = files.map(PathBuf::from).collect();
        let outside = self.source.outside(&files, &variables);
        key.outside = Some(outside.key());
        let toolset = Toolset::of(&variables, &others, outside, cancel);
        key.toolchain = Some(ToolchainKey::Programs(identity::toolchain(
            &variables, cancel,
        )));
        key.helpers = Some(toolset.helpers(&variables));
        if boots {
            key.qemu = Some(identity::program(boot::QEMU, cancel));
        }
        toolset
    }

    /// The oracles, which depend on their guests and QEMU if they boot.
    pub(super) fn with_tools(&self, judges: Vec<Judge>) -> Result<Vec<Judge>> {
        let mut qemu = Vec::new();
        if let Some(path) = find_program(boot::QEMU) {
            qemu.push(Arc::new(Tracked::new(boot::QEMU, &path)?));
        }
        let judges = judges.into_iter();
        Ok(judges
            .map(|judge| judge.with_tools(self.guests, &qemu))
            .collect())
    }
}
