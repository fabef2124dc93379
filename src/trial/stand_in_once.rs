//! The trial of a kernel that was not built here: it stands for a start that is not built.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::CONFIG;
use super::given::Given;
use super::once::Answer;
use super::outcome::TrialResult;
use super::runner::TrialRunner;
use super::stand_in::StandIn;
use super::subject::Subject;
use crate::model::{Timings, WorkerId, WorkerState};
use crate::oracle;
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// The archive of its modules, in that folder.
const MODULES: &str = "modules.cpio";

impl TrialRunner {
    /// Asks the oracles about the kernel that stands for the start. They see a copy of it in a folder of the trial,
    /// which stays there if it does not pass.
    ///
    /// # Errors
    /// Whatever stops a trial.
    pub(super) fn judge_stand_in(
        &self,
        worker: WorkerId,
        subject: &Subject<'_>,
        cancel: &CancelToken,
        state: &mut dyn FnMut(WorkerState),
    ) -> Result<TrialResult> {
        let trial = subject.trial;
        state(WorkerState::Preparing { trial });
        let tree = subject.dir.join(StandIn::TREE);
        self.lay_out(&tree, &subject.config.text)?;
        let product = self.plan.product_in(&tree)?;
        let config = subject.dir.join(CONFIG);
        let job = self.job_of_stand_in(worker, &tree, config, subject.dir);
        let text = (job.config.clone(), &*subject.config.text);
        let given = Given::new(text, &[tree.join(&self.plan.config)])?;
        let mut timings = Timings::default();
        let answer = self.ask(&job, subject, &given, cancel, state, &mut timings)?;
        if matches!(&answer, Answer::Verdict(verdict, _) if verdict.is_pass()) {
            // The oracles' own folders are all that others are compared with.
            fs::remove_dir_all(&tree).map_err(|e| Error::io("remove", &tree, e))?;
        }
        let image = Some((product.hash, product.size));
        Ok(answer.result(image, timings, subject.origin))
    }

    /// What oracles are asked about it.
    pub(super) fn job_of_stand_in(
        &self,
        slot: WorkerId,
        tree: &Path,
        config: PathBuf,
        dir: &Path,
    ) -> oracle::Job {
        oracle::Job {
            modules: Some(tree.join(MODULES)).filter(|path| path.is_file()),
            ..self.job(slot, tree, config, dir)
        }
    }

    /// Makes a folder that looks to an oracle like a build tree of the kernel that stands for the start. If it cannot be
    /// made, nothing of it stays: on a full disk others need the room.
    pub(super) fn lay_out(&self, tree: &Path, config: &str) -> Result<()> {
        let made = self.lay_out_in(tree, config);
        if made.is_err() {
            let _ = fs::remove_dir_all(tree);
        }
        made
    }

    fn lay_out_in(&self, tree: &Path, config: &str) -> Result<()> {
        let kernel = self.stand_in.as_ref();
        let kernel =
            kernel.ok_or_else(|| Error::failed("this worker has no kernel of the start"))?;
        let copy = tree.join(&self.plan.product);
        let folder = copy.parent().unwrap_or(tree);
        fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, e))?;
        fs::copy(&kernel.image, &copy).map_err(|e| Error::io("copy", &kernel.image, e))?;
        if let Some(modules) = &kernel.modules {
            fs::copy(modules, tree.join(MODULES)).map_err(|e| Error::io("copy", modules, e))?;
        }
        let path = tree.join(&self.plan.config);
        fs::write(&path, config).map_err(|e| Error::io("write", &path, e))
    }
}
