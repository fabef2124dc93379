//! The first trial of a run: the start is built and judged.

use std::collections::BTreeMap;

use crossbeam_channel::select;

use super::queue::Report;
use super::retry::{Next, Tries, Wanted};
use super::state::{Cause, Lab};
use super::store::{fragment_of, write_best};
use super::verdicts::{interrupted, no_workers, why};
use crate::journal::{Record, RunDir, Taken};
use crate::model::{
    Config, Event, Judgement, Phase, RequestSet, ResolvedConfig, Stage, Verdict, WorkerId,
    WorkerState,
};
use crate::trial::{Role, TrialKey, TrialResult, Wish, files_in};
use crate::{Error, ErrorKind, Result};

fn no_verdict(why: &str) -> String {
    format!("the start gets no verdict: {why}")
}

impl Lab<'_> {
    /// The first act of every run: builds and judges the start, on worker 0.
    ///
    /// # Errors
    /// [`ErrorKind::StartFails`] when it does not pass; [`ErrorKind::Interrupted`]; whatever
    /// stops a trial.
    pub fn judge_start(&mut self, config: &ResolvedConfig, keep: &RequestSet) -> Result<Judgement> {
        self.emit(&Event::PhaseBegun {
            phase: Phase::Start,
        });
        self.until_passed(|lab, tries| lab.try_start(config, keep, tries))
    }

    /// Makes trials until one has passed: its judgement.
    pub(super) fn until_passed(
        &mut self,
        mut attempt: impl FnMut(&mut Self, &mut Tries) -> Result<Option<Judgement>>,
    ) -> Result<Judgement> {
        let mut tries = Tries::default();
        loop {
            let judgement = attempt(self, &mut tries)?;
            // Its verdict, if it has one, is on disk.
            if self.is_stopping {
                return Err(interrupted());
            }
            if let Some(judgement) = judgement {
                return Ok(judgement);
            }
        }
    }

    /// Makes one trial of the start: its judgement if it passed, nothing if it is to be made again.
    fn try_start(
        &mut self,
        config: &ResolvedConfig,
        keep: &RequestSet,
        tries: &mut Tries,
    ) -> Result<Option<Judgement>> {
        let (trial, spec) = self.begin_trial(None, Role::Start, config, None)?;
        let key = spec.key;
        self.workers.offer(spec.wishing(Wish::on(WorkerId(0))));
        let (worker, by, result) = self.wait_for_start(key)?;
        if self.is_stopping && !result.has_verdict() {
            return Err(interrupted());
        }
        let judgement = match tries.next(trial, config, result, Wanted::Yes)? {
            Next::Counts(judgement) => judgement,
            Next::Alone(why) | Next::Again(why) => {
                self.warn(no_verdict(&why));
                return Ok(None);
            }
            Next::Cancelled => return Err(interrupted()),
        };
        let dir = RunDir::trial_dir(self.dir.path(), trial);
        let fails = |what: &str| {
            Err(Error::new(
                ErrorKind::StartFails,
                format!("{what}: {}", why(&judgement)),
            )
            .hint(format!("everything about it is in {}", dir.display())))
        };
        match judgement.verdict {
            Verdict::Pass => {
                if tries.was_refused() {
                    let text =
                        "the oracle contradicts itself: it refused the start, and then accepted it";
                    self.warn(text.to_owned());
                }
                self.start_accepted((worker, by), config, keep, &judgement)?;
                Ok(Some(judgement))
            }
            Verdict::Unresolved => {
                self.warn(no_verdict(why(&judgement)));
                fails("the oracle cannot tell whether the start passes")
            }
            Verdict::Fail(Stage::Build) => fails("the start does not build"),
            Verdict::Fail(Stage::Oracle) => {
                self.refused += 1;
                self.journal.append(&Record::Start {
                    judgement: judgement.clone(),
                    files: BTreeMap::new(),
                    by,
                })?;
                if !tries.refused() {
                    let what = "the start does not pass its oracle, asked twice";
                    return Err(self.refused_start(what, &judgement, &config.config));
                }
                let (why, next) = (
                    why(&judgement),
                    match self.is_stopping {
                        true => "",
                        false => ": once more",
                    },
                );
                self.warn(format!("the oracle refuses the start ({why}){next}"));
                self.start_ended(worker, keep, &judgement);
                Ok(None)
            }
        }
    }

    /// The error for a start that the oracle refuses.
    pub(super) fn refused_start(
        &self,
        what: &str,
        judgement: &Judgement,
        config: &Config,
    ) -> Error {
        let (mut text, mut hint) = (format!("{what}: {}", why(judgement)), String::new());
        if let Some(Cause {
            text: cause,
            way_out,
        }) = (self.cause)(config)
        {
            text += &format!(". The start has {cause}");
            hint = way_out + "; ";
        }
        let dir = RunDir::trial_dir(self.dir.path(), judgement.trial);
        hint += &format!("everything about it is in {}", dir.display());
        Error::new(ErrorKind::StartFails, text).hint(hint)
    }

    fn start_accepted(
        &mut self,
        (worker, by): (Option<WorkerId>, Option<Taken>),
        config: &ResolvedConfig,
        keep: &RequestSet,
        judgement: &Judgement,
    ) -> Result<()> {
        let fragment = fragment_of(self.requests, keep);
        write_best(self.dir, &config.text, self.header, &fragment)?;
        self.journal.append(&Record::Start {
            judgement: judgement.clone(),
            files: files_in(&RunDir::trial_dir(self.dir.path(), judgement.trial))?,
            by,
        })?;
        self.journal.append(&Record::Best {
            trial: judgement.trial,
            requests: keep.len(),
            lines: judgement.lines,
            keep: Some(keep.clone()),
            files: BTreeMap::new(),
        })?;
        self.cache.judged(judgement);
        self.cache.resolved(keep.clone(), judgement.fingerprint);
        self.site.promote(config.fingerprint);
        self.start = judgement.trial;
        self.start_ended(worker, keep, judgement);
        Ok(())
    }

    fn start_ended(&mut self, worker: Option<WorkerId>, keep: &RequestSet, judgement: &Judgement) {
        self.emit(&Event::TrialEnded {
            worker,
            candidate: None,
            requests: keep.len(),
            round: 0,
            judgement: judgement.clone(),
        });
    }

    /// The note that this worker takes a trial now.
    pub(super) fn taken(&self, worker: WorkerId) -> Taken {
        Taken {
            worker,
            // 2^64 milliseconds are 500 million years.
            at: self.journal.elapsed().as_millis() as u64,
        }
    }

    /// Waits for the end of the only trial that is under way: who made it, when it was taken, and what came of it.
    pub(super) fn wait_for_start(
        &mut self,
        wanted: TrialKey,
    ) -> Result<(Option<WorkerId>, Option<Taken>, TrialResult)> {
        let mut taken = None;
        loop {
            select! {
                recv(self.workers.reports()) -> report => match report {
                    Ok(Report::State(worker, state)) => self.emit(&Event::Worker { worker, state }),
                    Ok(Report::Ended(key, worker, outcome)) if key == wanted => {
                        if let Some(worker) = worker {
                            self.emit(&Event::Worker { worker, state: WorkerState::Idle });
                        }
                        return outcome.map(|outcome| (worker, taken, outcome.result));
                    }
                    Ok(Report::Started(worker, key)) if key == wanted => {
                        taken = Some(self.taken(worker));
                    }
                    // Of one that was made again, what came twice is known.
                    Ok(Report::Started(..) | Report::Ended(..)) => {}
                    Ok(Report::Warning(text)) => self.emit(&Event::Warning { text }),
                    Err(_) => return Err(no_workers()),
                },
                recv(self.signals) -> signal => if signal.is_ok() {
                    self.stop();
                    self.workers.retract(wanted);
                },
            }
        }
    }
}
