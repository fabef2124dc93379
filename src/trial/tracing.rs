//! Traces one boot of what was built last: the oracles boot it once more, and QEMU tells what runs.

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::files::CONFIG;
use super::given::Given;
use super::runner::TrialRunner;
use crate::model::{ResolvedConfig, TrialId, WorkerId};
use crate::oracle::{self, Oracle, OracleVerdict};
use crate::supervise::CancelToken;
use crate::trace::{Activity, Image, Ran};
use crate::{Error, Result};

/// The folder of the boot, in that of the trial of the start.
pub(super) const FOLDER: &str = "trace";

/// That of QEMU's logs, in it. They are read and removed.
pub(super) const LOGS: &str = "in_asm";

/// Where a trace comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceFrom {
    /// A boot, which may use the folder of this trial, in which its config is.
    Boot(TrialId),
    /// A boot of the kernel that stands for the start, which may use the folder of this trial.
    StandIn(TrialId),
    /// A file.
    File(PathBuf),
}

impl TrialRunner {
    /// What runs of a config, which was built and promoted last, when the oracles boot it once more:
    /// from the log of QEMU that is given, or from one of this boot.
    /// Nothing if the oracles do not boot it by `kbisect boot`.
    ///
    /// # Errors
    /// It cannot be told, for another reason.
    pub fn trace(
        &self,
        config: &ResolvedConfig,
        from: &TraceFrom,
        cancel: &CancelToken,
    ) -> Result<Option<Activity>> {
        if let TraceFrom::StandIn(trial) = from {
            return self.trace_stand_in(config, *trial, cancel);
        }
        let tree = self.trees.base_path();
        if self.trees.base_holds() != Some(config.fingerprint) || !Image::is_in(&tree) {
            return Ok(None);
        }
        // An oracle that boots in another way would only boot once more, for nothing.
        if matches!(from, TraceFrom::Boot(_)) && !self.oracles.iter().any(Oracle::boots) {
            return Ok(None);
        }
        let image = Image::read(&tree, &self.forecasts.listed(&config.config))?;
        let logs = match from {
            TraceFrom::File(path) => vec![read(path, &image, &image.range())?],
            TraceFrom::Boot(trial) | TraceFrom::StandIn(trial) => {
                let dir = &self.folder(*trial);
                let folder = dir.join(FOLDER);
                let logs = folder.join(LOGS);
                fs::create_dir_all(&logs).map_err(|e| Error::io("make the folder", &logs, e))?;
                let asked = self.boot_base(config, dir, &folder, &logs, cancel);
                let read = asked.and_then(|()| read_all(&logs, &image, &image.range()));
                let _ = fs::remove_dir_all(&logs);
                read?
            }
        };
        if logs.is_empty() {
            return Ok(None);
        }
        let Some(ran) = logs.into_iter().flatten().reduce(Ran::and) else {
            return Err(not_of_this_kernel());
        };
        let activity = Activity::of(&image, &ran);
        if activity.is_cut_early() {
            return Err(cut_early());
        }
        Ok(Some(activity))
    }

    /// The oracles but for those that look at the log of a build: here is none.
    pub(super) fn traced(&self) -> Vec<Oracle> {
        let all = self.oracles.iter();
        let traced = all.filter(|oracle| !oracle.reads_build_log());
        traced.cloned().collect()
    }

    /// Has the oracles boot the base once more, and undoes what they wrote to it and to the config: later trials
    /// would see that.
    fn boot_base(
        &self,
        config: &ResolvedConfig,
        trial: &Path,
        folder: &Path,
        logs: &Path,
        cancel: &CancelToken,
    ) -> Result<()> {
        let given = Given::new((trial.join(CONFIG), &config.text), &[])?;
        let undone = self
            .trees
            .with_base(|tree| self.boot_traced(tree, trial, folder, logs, cancel));
        given.put_back()?;
        let (asked, written) = undone?;
        if let Some(text) = written.and_then(|written| self.trees.warning_of(&written)) {
            self.source.warn(text);
        }
        asked
    }

    /// Asks the oracles once more, and has them trace.
    fn boot_traced(
        &self,
        tree: &Path,
        trial: &Path,
        folder: &Path,
        logs: &Path,
        cancel: &CancelToken,
    ) -> Result<()> {
        let job = oracle::Job {
            trace: Some(logs.to_owned()),
            ..self.job(WorkerId(0), tree, trial.join(CONFIG), folder)
        };
        let outcome = oracle::judge_all(&self.traced(), &job, cancel)?;
        if outcome.verdict == OracleVerdict::Accept {
            return Ok(());
        }
        // What it needs may not have run.
        Err(Error::failed(format!(
            "the oracle {} did not accept the start while it was traced",
            outcome.oracle
        ))
        .hint(format!("its output is in {}", folder.display())))
    }
}

pub(super) fn not_of_this_kernel() -> Error {
    Error::failed("the trace is not of this kernel")
        .hint("it must be a boot of the start with nokaslr, logged by QEMU's `-d in_asm`")
}

pub(super) fn cut_early() -> Error {
    Error::failed("it cannot be told from the trace where the first program began")
        .hint("`--trace off` runs without a trace")
}

/// What a log says, if it is of this kernel.
fn read(log: &Path, image: &Image, range: &Range<u64>) -> Result<Option<Ran>> {
    let file = File::open(log).map_err(|e| Error::io("read", log, e))?;
    let ran = Ran::read(file, range)?;
    Ok(Some(ran).filter(|ran| image.is_traced_by(ran)))
}

/// The same of each log in a folder.
pub(super) fn read_all(logs: &Path, image: &Image, range: &Range<u64>) -> Result<Vec<Option<Ran>>> {
    let io = |e| Error::io("read", logs, e);
    let entries = fs::read_dir(logs).map_err(io)?;
    entries
        .map(|entry| read(&entry.map_err(io)?.path(), image, range))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::watched::tests::setting;
    use super::*;
    use crate::kconfig::parse_config;

    #[test]
    fn what_an_oracle_writes_while_it_is_traced_is_undone_and_told() {
        // The last one does not accept.
        for (write, code, is_base) in [
            ("touch \"$KBISECT_BUILD/new\"", 0, true),
            ("echo CONFIG_Y=y >>\"$KBISECT_BUILD/.config\"", 0, false),
            ("touch \"$KBISECT_BUILD/new\"", 1, true),
        ] {
            let mut setting = setting("true");
            setting.judge(None).unwrap();
            let text = "CONFIG_X=y\n";
            let config = ResolvedConfig::new(text.into(), parse_config(text));
            setting
                .runner
                .trees
                .accepted(WorkerId(0), config.fingerprint);
            setting.runner.trees.promote(config.fingerprint);
            let program = setting.dir.path().join("writes");
            let script = format!("#!/bin/sh\n{write}\necho x >>\"$KBISECT_CONFIG\"\nexit {code}\n");
            fs::write(&program, script).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            setting.runner.oracles = vec![oracle::find(program.to_str().unwrap()).unwrap()];
            let trial = setting.dir.path().join("trial");
            let (folder, logs) = (trial.join(FOLDER), trial.join(FOLDER).join(LOGS));
            fs::create_dir_all(&logs).unwrap();
            let cancel = CancelToken::new();
            let runner = &setting.runner;
            let asked = runner.boot_base(&config, &trial, &folder, &logs, &cancel);
            assert_eq!(asked.is_ok(), code == 0, "{asked:?}");
            let holds = is_base.then_some(config.fingerprint);
            assert_eq!(runner.trees.base_holds(), holds, "{write}");
            assert!(!runner.trees.base_path().join("new").exists());
            assert_eq!(fs::read_to_string(trial.join(CONFIG)).unwrap(), text);
            let warnings = runner.source.take_warnings();
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].contains("an oracle writes to the build tree"));
        }
    }
}
