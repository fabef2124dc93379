//! The dispatcher: one thread that owns the search, the journal and what each worker does.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::select;

use super::baseline;
use super::executor::{Report, Task, TrialResult};
use super::run::{RETRIES, Run};
use super::state::{Lab, Outcome, Product};
use super::store::{fragment_of, write_best};
use super::verdicts::{believed, judgement, no_workers, starved_twice, why};
use crate::journal::{Record, RunDir};
use crate::model::{
    Candidate, Event, Judgement, Origin, Phase, Progress, RequestSet, ResolvedConfig, Stage,
    Verdict, WorkerId, WorkerState,
};
use crate::search::Search;
use crate::{Error, ErrorKind, Result};

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
        let worker = WorkerId(0);
        let config = Arc::new(config.clone());
        let (mut starved, mut unresolved, mut failed) = (false, false, false);
        // A refusal by mistake is as good a reason to ask again as no answer, for either reason.
        for _ in 0..=3 * RETRIES {
            let (trial, dir) = self.begin_trial(None, &config, worker)?;
            let config = Arc::clone(&config);
            self.executor.submit(
                worker,
                Task::Judge {
                    trial,
                    config: Arc::clone(&config),
                    dir: dir.clone(),
                    baseline: None,
                    origin: Origin::Earlier,
                },
            );
            let result = believed(self.wait_for_start(worker)?, u32::from(starved));
            let Some(judgement) = judgement(trial, &config, result.clone()) else {
                if let TrialResult::Starved(why) = result {
                    self.emit(&Event::Warning {
                        text: format!("the start gets no verdict: {why}"),
                    });
                    if starved {
                        return Err(starved_twice(&why));
                    }
                    starved = true;
                    continue;
                }
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            };
            match judgement.verdict {
                Verdict::Pass => {
                    if failed {
                        let text = "the oracle contradicts itself: it refused the start, and then \
                                    accepted it"
                            .to_owned();
                        self.emit(&Event::Warning { text });
                    }
                    self.start_accepted(worker, &config, keep, &judgement)?;
                    return Ok(judgement);
                }
                Verdict::Unresolved => {
                    let why = why(&judgement);
                    self.emit(&Event::Warning {
                        text: format!("the start gets no verdict: {why}"),
                    });
                    let error = Error::new(
                        ErrorKind::StartFails,
                        format!("the oracle cannot tell whether the start passes: {why}"),
                    )
                    .hint(format!("everything about it is in {}", dir.display()));
                    if unresolved {
                        return Err(error);
                    }
                    unresolved = true;
                }
                Verdict::Fail(stage) => {
                    let why = why(&judgement);
                    if stage == Stage::Oracle {
                        self.refused += 1;
                        self.journal.append(&Record::Start {
                            judgement: judgement.clone(),
                            files: BTreeMap::new(),
                        })?;
                    }
                    let what = match stage {
                        Stage::Build => "the start does not build",
                        Stage::Oracle if failed => {
                            "the start does not pass its oracle, asked twice"
                        }
                        Stage::Oracle => {
                            failed = true;
                            let text = format!("the oracle refuses the start ({why}): once more");
                            self.emit(&Event::Warning { text });
                            self.start_ended(worker, keep, &judgement);
                            continue;
                        }
                    };
                    return Err(Error::new(ErrorKind::StartFails, format!("{what}: {why}"))
                        .hint(format!("everything about it is in {}", dir.display())));
                }
            }
        }
        // Each try but one for each of the reasons returned.
        Err(Error::failed("the start got no verdict"))
    }

    fn start_accepted(
        &mut self,
        worker: WorkerId,
        config: &ResolvedConfig,
        keep: &RequestSet,
        judgement: &Judgement,
    ) -> Result<()> {
        let fragment = fragment_of(self.requests, keep);
        write_best(self.dir, &config.text, self.header, &fragment)?;
        self.journal.append(&Record::Start {
            judgement: judgement.clone(),
            files: baseline::files(&RunDir::trial_dir(self.dir.path(), judgement.trial))?,
        })?;
        self.journal.append(&Record::Best {
            trial: judgement.trial,
            requests: keep.len(),
            lines: judgement.lines,
            keep: Some(keep.clone()),
        })?;
        self.cache.judged(judgement);
        self.cache.resolved(keep.clone(), judgement.fingerprint);
        self.executor.promote(worker, config.fingerprint);
        self.start = judgement.trial;
        self.start_ended(worker, keep, judgement);
        Ok(())
    }

    fn start_ended(&mut self, worker: WorkerId, keep: &RequestSet, judgement: &Judgement) {
        self.emit(&Event::TrialEnded {
            worker: Some(worker),
            candidate: None,
            requests: keep.len(),
            round: 0,
            judgement: judgement.clone(),
        });
    }

    fn wait_for_start(&mut self, worker: WorkerId) -> Result<TrialResult> {
        loop {
            select! {
                recv(self.executor.reports()) -> report => match report {
                    Ok(Report::State(worker, state)) => self.emit(&Event::Worker { worker, state }),
                    Ok(Report::Judged(_, _, result)) => {
                        self.emit(&Event::Worker { worker, state: WorkerState::Idle });
                        return result;
                    }
                    Ok(Report::Resolved(..)) => {}
                    Ok(Report::Warning(text)) => self.emit(&Event::Warning { text }),
                    Err(_) => return Err(no_workers()),
                },
                recv(self.signals) -> signal => if signal.is_ok() { self.executor.cancel(worker) },
            }
        }
    }

    /// Runs `search` to its end, or to the end of the budget. `in_flight` are the candidates
    /// that it proposed in an earlier sitting; `progress` counts the start among what passed.
    ///
    /// # Errors
    /// Whatever makes it impossible to go on. The journal is whole, and the run can be resumed.
    pub fn run(
        &mut self,
        search: &mut dyn Search,
        in_flight: Vec<Candidate>,
        progress: Progress,
    ) -> Result<Outcome> {
        let mut run = Run::new(self, search, in_flight, progress);
        let result = run.drive();
        if result.is_err() {
            // What came to its end meanwhile counts, if it can still be noted.
            let _ = run.stop_all();
        }
        let stopped = result?;
        let best = search.best().clone();
        let config = match stopped {
            None => Some(self.write_answer(&best)?.text),
            Some(_) => {
                // Another program may have written to its files.
                self.write_best(&best)?;
                None
            }
        };
        Ok(Outcome {
            best,
            config,
            certificate: search.certificate(),
            reliability: search.reliability(),
            stopped,
            product: self.product(search),
            rebuilt: search.rebuilt(),
        })
    }

    fn product(&self, search: &dyn Search) -> Product {
        let best = search.best();
        // Of the others each was taken away, and then something was refused.
        let is_all_gone = search.certificate().entries().is_empty();
        let image = |keep: &RequestSet| {
            let fingerprint = self.cache.fingerprint(keep)?;
            let image = self.cache.passed(&fingerprint)?.image.clone()?;
            Some((fingerprint, image))
        };
        match (image(&RequestSet::full(best.capacity())), image(best)) {
            (Some((start, same)), Some((end, image)))
                if start != end && same == image && !self.cache.has_other_image(&image) =>
            {
                Product::Same
            }
            (Some((start, _)), Some((end, _)))
                if start != end && is_all_gone && self.cache.is_not_reproducible() =>
            {
                Product::Unknown
            }
            _ => Product::Other,
        }
    }
}
