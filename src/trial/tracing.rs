//! Traces one boot of what was built last: the oracles boot it once more, and QEMU tells what runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::files::CONFIG;
use super::runner::TrialRunner;
use crate::model::{ResolvedConfig, TrialId, WorkerId};
use crate::oracle::{self, Oracle, OracleVerdict};
use crate::supervise::CancelToken;
use crate::trace::{Activity, Image, Ran};
use crate::{Error, Result};

/// The folder of the boot, in that of the trial of the start.
const FOLDER: &str = "trace";

/// That of QEMU's logs, in it. They are read and removed.
const LOGS: &str = "in_asm";

/// Where a trace comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceFrom {
    /// A boot, which may use the folder of this trial, in which its config is.
    Boot(TrialId),
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
            TraceFrom::File(path) => vec![read(path, &image)?],
            TraceFrom::Boot(trial) => {
                let dir = &self.folder(*trial);
                let folder = dir.join(FOLDER);
                let logs = folder.join(LOGS);
                fs::create_dir_all(&logs).map_err(|e| Error::io("make the folder", &logs, e))?;
                // What an oracle writes to the base would be seen by all later trials.
                let asked = self.trees.with_base(&self.plan.config, |tree| {
                    self.boot_traced(tree, dir, &folder, &logs, cancel)
                });
                let read = asked.and_then(|_| read_all(&logs, &image));
                let _ = fs::remove_dir_all(&logs);
                read?
            }
        };
        if logs.is_empty() {
            return Ok(None);
        }
        let Some(ran) = logs.into_iter().flatten().reduce(Ran::and) else {
            return Err(Error::failed("the trace is not of this kernel").hint(
                "it must be a boot of the start with nokaslr, logged by QEMU's `-d in_asm`",
            ));
        };
        let activity = Activity::of(&image, &ran);
        if activity.is_cut_early() {
            return Err(Error::failed(
                "it cannot be told from the trace where the first program began",
            )
            .hint("`--trace off` runs without a trace"));
        }
        Ok(Some(activity))
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
        let outcome = oracle::judge_all(&self.oracles, &job, cancel)?;
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

/// What a log says, if it is of this kernel.
fn read(log: &Path, image: &Image) -> Result<Option<Ran>> {
    let file = File::open(log).map_err(|e| Error::io("read", log, e))?;
    let ran = Ran::read(file, &image.range())?;
    Ok(Some(ran).filter(|ran| image.is_traced_by(ran)))
}

/// The same of each log in a folder.
fn read_all(logs: &Path, image: &Image) -> Result<Vec<Option<Ran>>> {
    let io = |e| Error::io("read", logs, e);
    let entries = fs::read_dir(logs).map_err(io)?;
    entries
        .map(|entry| read(&entry.map_err(io)?.path(), image))
        .collect()
}
