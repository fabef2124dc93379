//! The kernel that stands for a start that is not built: judged before anything is built.

use std::collections::BTreeMap;
use std::path::Path;

use super::retry::{Next, Tries, Wanted};
use super::state::Lab;
use super::verdicts::{interrupted, why};
use crate::journal::{Record, RunDir};
use crate::model::{Event, Judgement, Phase, ResolvedConfig, Stage, Verdict, WorkerId};
use crate::trial::{Role, Wish, files_in};
use crate::{Error, ErrorKind, Result};

impl Lab<'_> {
    /// Judges the kernel `kernel`, which stands for the start, on worker 0: can the oracle pass at all? What oracles
    /// leave is what they compare others with. It is no verdict on the requests of the start: the kernel may have
    /// been built from another source, by another compiler, with modules. `config` is that of the start.
    ///
    /// # Errors
    /// [`ErrorKind::StartFails`] when it does not pass; [`ErrorKind::Interrupted`]; whatever stops a trial.
    pub fn judge_stand_in(&mut self, kernel: &Path, config: &ResolvedConfig) -> Result<()> {
        self.emit(&Event::PhaseBegun {
            phase: Phase::Start,
        });
        self.until_passed(|lab, tries| lab.try_stand_in(kernel, config, tries))?;
        Ok(())
    }

    /// Makes one trial of it: its judgement if it passed, nothing if it is to be made again.
    fn try_stand_in(
        &mut self,
        kernel: &Path,
        config: &ResolvedConfig,
        tries: &mut Tries,
    ) -> Result<Option<Judgement>> {
        let (trial, spec) = self.begin_trial(None, Role::StandIn, config, None)?;
        let key = spec.key;
        self.workers.offer(spec.wishing(Wish::on(WorkerId(0))));
        let (_, by, result) = self.wait_for_start(key)?;
        if self.is_stopping && !result.has_verdict() {
            return Err(interrupted());
        }
        let shown = kernel.display();
        let judgement = match tries.next(trial, config, result, Wanted::Yes)? {
            Next::Counts(judgement) => judgement,
            Next::Alone(why) | Next::Again(why) => {
                self.warn(format!("the kernel {shown} gets no verdict: {why}"));
                return Ok(None);
            }
            Next::Cancelled => return Err(interrupted()),
        };
        let dir = RunDir::trial_dir(self.dir.path(), trial);
        match judgement.verdict {
            Verdict::Pass => {
                if tries.was_refused() {
                    let text = "the oracle contradicts itself: it refused the kernel that stands for the start, and \
                                then accepted it";
                    self.warn(text.to_owned());
                }
                let what = match self.journal.state().stand_in {
                    // It is judged again in the middle of a run.
                    Some(_) => "it is what others are compared with again",
                    None => "the start itself is not built yet",
                };
                self.journal.append(&Record::StandIn {
                    files: files_in(&dir)?,
                    judgement: judgement.clone(),
                    by,
                })?;
                self.start = trial;
                let text =
                    format!("the oracle accepts {shown}, which stands for the start: {what}");
                self.emit(&Event::Note { text });
                Ok(Some(judgement))
            }
            Verdict::Unresolved => Err(self.not_passed(kernel, &judgement, "gets no verdict")),
            // Nothing is built.
            Verdict::Fail(Stage::Build | Stage::Oracle) => {
                self.journal.append(&Record::StandIn {
                    judgement: judgement.clone(),
                    files: BTreeMap::new(),
                    by,
                })?;
                if !tries.refused() {
                    let what = "does not pass the oracle, asked twice";
                    return Err(self.not_passed(kernel, &judgement, what));
                }
                let why = why(&judgement);
                self.warn(format!(
                    "the oracle refuses the kernel {shown} ({why}): once more"
                ));
                Ok(None)
            }
        }
    }

    /// The error for a kernel that does not pass.
    fn not_passed(&self, kernel: &Path, judgement: &Judgement, what: &str) -> Error {
        let text = format!(
            "the kernel {}, which stands for the start, {what}: {}",
            kernel.display(),
            why(judgement)
        );
        let dir = RunDir::trial_dir(self.dir.path(), judgement.trial);
        let dir = dir.display();
        // If it passed before, it is judged again in the middle of a run.
        let hint = match &self.journal.state().stand_in {
            Some(passed) => format!(
                "the oracle accepted it in trial {}, whose files are gone or not what they were: put them back, or \
                 start a new run with another --output. Everything about it is in {dir}",
                passed.trial
            ),
            None => format!(
                "nothing was built yet. Everything about it is in {dir}. Can the oracle pass with this kernel? Does \
                 it have its modules (--start-modules)?"
            ),
        };
        Error::new(ErrorKind::StartFails, text).hint(hint)
    }
}
