//! The trial of a kernel that was not built here: it stands for a start that is not built.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::files::CONFIG;
use super::given::Given;
use super::once::Answer;
use super::outcome::TrialResult;
use super::runner::TrialRunner;
use super::subject::Subject;
use crate::model::{Hashes, Timings, WorkerId, WorkerState};
use crate::oracle;
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// The folder that looks like a build tree, in that of its trial.
const TREE: &str = "stand-in";

/// The archive of its modules, in that folder.
const MODULES: &str = "modules.cpio";

/// A kernel that was not built here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// Its boot image, or another project's product.
    pub image: PathBuf,
    /// The archive of its modules for the guest, if it needs any.
    pub modules: Option<PathBuf>,
}

impl StandIn {
    /// What it is by its contents: hashes by name.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn key(&self) -> Result<Hashes> {
        let mut key = Hashes::from([("kernel".to_owned(), hash(&self.image)?)]);
        if let Some(modules) = &self.modules {
            key.insert("modules".to_owned(), hash(modules)?);
        }
        Ok(key)
    }
}

/// The hash of a file's contents, as far as it tells files apart.
fn hash(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
    read.map_err(|e| Error::io("read", path, e))?;
    Ok(hasher.finalize().to_hex().as_str()[..32].to_owned())
}

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
        let tree = subject.dir.join(TREE);
        self.lay_out(&tree, &subject.config.text)?;
        let product = self.plan.product_in(&tree)?;
        let modules = Some(tree.join(MODULES)).filter(|path| path.is_file());
        let job = oracle::Job {
            modules,
            ..self.job(worker, &tree, subject.dir.join(CONFIG), subject.dir)
        };
        let text = (job.config.clone(), &*subject.config.text);
        let given = Given::new(text, &[tree.join(&self.plan.config)])?;
        let mut timings = Timings::default();
        let answer = self.ask(&job, subject, &given, cancel, state, &mut timings)?;
        let (image, origin) = (Some((product.hash, product.size)), subject.origin);
        Ok(match answer {
            Answer::Stopped(result) => result,
            Answer::Complaint(evidence) => TrialResult::Complained {
                evidence,
                image,
                timings,
                origin,
            },
            Answer::Verdict(verdict, evidence) => {
                if verdict.is_pass() {
                    // The oracles' own folders are all that others are compared with.
                    fs::remove_dir_all(&tree).map_err(|e| Error::io("remove", &tree, e))?;
                }
                TrialResult::Judged {
                    verdict,
                    evidence,
                    image,
                    timings,
                    origin,
                }
            }
        })
    }

    /// Makes a folder that looks to an oracle like a build tree of the kernel that stands for the start.
    fn lay_out(&self, tree: &Path, config: &str) -> Result<()> {
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
