//! Traces a boot of the kernel that stands for the start. It was not built here: its guest tells where its functions
//! are, and the source which objects they are of.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::files::CONFIG;
use super::runner::TrialRunner;
use super::stand_in::StandIn;
use super::tracing::{FOLDER, LOGS, cut_early, not_of_this_kernel, read_all};
use crate::model::{ResolvedConfig, TrialId, WorkerId};
use crate::oracle::{self, Oracle, OracleVerdict};
use crate::supervise::CancelToken;
use crate::trace::{Activity, Definitions, Image, KernelSymbol, Ran, kernel_symbols};
use crate::{Error, Result};

/// The name of the script by which the guest lists its functions, and of its folder.
const SYMBOLS: &str = "symbols";

/// The script. What is typed is echoed: the mark at the end is one that only a shell can make of it.
const SCRIPT: &str = r#"#!/bin/sh
# The functions of the kernel, as the guest lists them, with the addresses that they have without KASLR.
exec kbisect boot \
    --initrd "$KBISECT_GUEST/shell.cpio" --append 'nokaslr KBISECT_MODE=shell' \
    --when '^guest# ' \
    --send 'mount -t proc proc /proc; grep " [tTwW] " /proc/kallsyms; echo end: $((6 * 7 * 1000))' \
    --until '^end: 42000'
"#;

impl TrialRunner {
    /// What runs of the kernel that stands for the start when the oracles boot it once more. `config` is the start's:
    /// its objects are those that functions can be of. `trial` is the one that judged it. Nothing if the oracles do
    /// not boot it by `kbisect boot`.
    ///
    /// # Errors
    /// It cannot be told, for another reason.
    pub(super) fn trace_stand_in(
        &self,
        config: &ResolvedConfig,
        trial: TrialId,
        cancel: &CancelToken,
    ) -> Result<Option<Activity>> {
        let objects = self.objects(&config.config);
        if objects.is_empty() || !self.oracles.iter().any(Oracle::boots) {
            return Ok(None);
        }
        if self.guest.is_none() {
            return Err(Error::failed(
                "only kbisect's guest lists the functions of a kernel, and no oracle uses it",
            ));
        }
        let folder = self.folder(trial).join(FOLDER);
        let (tree, logs) = (folder.join(StandIn::TREE), folder.join(LOGS));
        fs::create_dir_all(&logs).map_err(|e| Error::io("make the folder", &logs, e))?;
        let traced = self.boot_stand_in(config, trial, &folder, &tree, cancel);
        let read = traced.and_then(|symbols| {
            let definitions = Definitions::in_sources(&self.plan.source, &objects);
            let image = Image::of_symbols(&symbols, &definitions);
            read_all(&logs, &image).map(|logs| (image, logs))
        });
        for folder in [&logs, &tree] {
            let _ = fs::remove_dir_all(folder);
        }
        let (image, logs) = read?;
        if logs.is_empty() {
            return Ok(None);
        }
        let ran = logs.into_iter().flatten().reduce(Ran::and);
        let activity = Activity::of(&image, &ran.ok_or_else(not_of_this_kernel)?);
        match activity.is_cut_early() {
            true => Err(cut_early()),
            false => Ok(Some(activity)),
        }
    }

    /// Has the oracles boot it with a trace, and then the guest list its functions.
    fn boot_stand_in(
        &self,
        config: &ResolvedConfig,
        trial: TrialId,
        folder: &Path,
        tree: &Path,
        cancel: &CancelToken,
    ) -> Result<Vec<KernelSymbol>> {
        self.lay_out(tree, &config.text)?;
        let path = folder.join(CONFIG);
        fs::write(&path, &config.text).map_err(|e| Error::io("write", &path, e))?;
        let job = self.job_of_stand_in(WorkerId(0), tree, path, folder);
        let traced = oracle::Job {
            trace: Some(folder.join(LOGS)),
            ..job.clone()
        };
        let outcome = oracle::judge_all(&self.oracles, &traced, cancel)?;
        if outcome.verdict != OracleVerdict::Accept {
            return Err(Error::failed(format!(
                "the oracle {} did not accept the kernel of trial {trial} while it was traced",
                outcome.oracle
            ))
            .hint(format!("its output is in {}", folder.display())));
        }
        // Its folder in `folder` gets the same name.
        let script = tree.join(SYMBOLS);
        fs::write(&script, SCRIPT).map_err(|e| Error::io("write", &script, e))?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
            .map_err(|e| Error::io("write", &script, e))?;
        let lister = oracle::find(&script.to_string_lossy())?;
        let outcome = lister.judge(&job, cancel)?;
        let own = folder.join(lister.name());
        if outcome.verdict != OracleVerdict::Accept {
            return Err(Error::failed(
                "the guest does not get to list the functions of its kernel",
            )
            .hint(format!("its console is in {}", own.display())));
        }
        let console = own.join("console.log");
        let text = fs::read(&console).map_err(|e| Error::io("read", &console, e))?;
        kernel_symbols(&String::from_utf8_lossy(&text))
    }
}
