//! The dispatcher: one thread that owns the search, the journal and what each worker does.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, select};

use super::baseline;
use super::executor::{Executor, Report, Task, TrialResult};
use super::run::{RETRIES, Run};
use super::store::{fragment_of, write_best};
use super::trial::CONFIG;
use crate::build::is_clock_skew;
use crate::journal::{Journal, Record, RunDir, VerdictCache};
use crate::model::{
    Candidate, CandidateId, Event, Fragment, Judgement, Origin, Phase, Progress, Request,
    RequestSet, ResolvedConfig, Source, Stage, TrialId, Verdict, WorkerId, WorkerState,
};
use crate::search::{Certificate, Depends, Rebuilt, Reliability, Search};
use crate::supervise::Signal;
use crate::{Error, ErrorKind, Result};

/// How much a run may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Wall time, all sittings together.
    pub time: Option<Duration>,
    /// Trials, the start's included, all sittings together.
    pub trials: Option<u32>,
}

/// Why a run stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The user, or the system, wants it to.
    Interrupted,
    /// [`Budget::time`].
    Time,
    /// [`Budget::trials`].
    Trials,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The smallest set of requests that passed.
    pub best: RequestSet,
    /// Why each of them stays.
    pub certificate: Certificate,
    /// How far the oracle can be relied on.
    pub reliability: Reliability,
    /// None: the search came to its end.
    pub stopped: Option<Stopped>,
    /// The resolved config of `best`; none if the run was stopped.
    pub config: Option<String>,
    /// Whether the start and the answer have different products.
    pub product: Product,
    /// How the answer stands once it is built from an empty tree; none if the search does not see to that.
    pub rebuilt: Option<Rebuilt>,
}

/// What the way from the start to the answer changed of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// It is another one, or nothing was taken away.
    Other,
    /// Their configurations differ, and their products do not, nor does any other that was built: it may be
    /// the wrong file.
    Same,
    /// No request is left, and the product is not reproducible: it cannot be told whether it has anything to do with the
    /// configuration.
    Unknown,
}

/// A run: everything that the dispatcher owns.
pub struct Lab<'a> {
    /// Those who do the work.
    pub executor: &'a mut dyn Executor,
    /// The run directory.
    pub dir: &'a RunDir,
    /// Its journal.
    pub journal: &'a mut Journal,
    /// What is known already.
    pub cache: VerdictCache,
    /// The start's requests.
    pub requests: &'a [Request],
    /// How much the run may take.
    pub budget: Budget,
    /// Requests to stop.
    pub signals: &'a Receiver<Signal>,
    /// Told of everything that happens.
    pub sink: &'a mut dyn FnMut(&Event),
    /// The number of the next trial.
    pub next_trial: TrialId,
    /// The trial of the start, which oracles compare others with.
    pub start: TrialId,
    /// Resolves a fragment over the base.
    pub resolve: &'a dyn Fn(&Fragment) -> Result<ResolvedConfig>,
    /// Tells what depends on what in a set of requests; with nobody to ask, nothing.
    pub depends: &'a dyn Fn(&RequestSet) -> Result<Depends>,
    /// What the journal says is the best: the start, if it says nothing.
    pub written: RequestSet,
    /// How often the oracle refused the start before it accepted it.
    pub refused: u32,
    /// What stands before the requests in the fragment of the best: comments and the base.
    pub header: &'a str,
}

impl<'a> Lab<'a> {
    pub(super) fn emit(&mut self, event: &Event) {
        (self.sink)(event);
    }

    fn take_trial(&mut self) -> TrialId {
        let id = self.next_trial;
        self.next_trial = TrialId(id.0 + 1);
        id
    }

    /// Makes the directory of a trial, with the config in it, and notes that it begins.
    pub(super) fn begin_trial(
        &mut self,
        candidate: Option<CandidateId>,
        config: &ResolvedConfig,
        worker: WorkerId,
    ) -> Result<(TrialId, PathBuf)> {
        let trial = self.take_trial();
        let dir = self.dir.make_trial_dir(trial)?;
        // Make, oracles and their guests run elsewhere.
        let dir = dir
            .canonicalize()
            .map_err(|e| Error::io("look at", &dir, e))?;
        let path = dir.join(CONFIG);
        fs::write(&path, &config.text).map_err(|e| Error::io("write", &path, e))?;
        let fingerprint = config.fingerprint;
        self.journal.append(&Record::Began {
            trial,
            candidate,
            fingerprint,
            worker,
        })?;
        Ok((trial, dir))
    }

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
            let result = self.wait_for_start(worker)?;
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

pub(super) fn no_workers() -> Error {
    Error::failed("all workers are gone").hint("this is a bug of kbisect; `kbisect resume` goes on")
}

/// The machine gave out for the last time.
pub(super) fn starved_twice(why: &str) -> Error {
    let hint = if is_clock_skew(why) {
        "files are newer than the clock of this machine says, and make may not make anew what depends on them: set the \
         clock right, or `touch` the files; then `kbisect resume`"
    } else {
        "free memory or disk, raise the limit (ulimit), or use a smaller -j; then `kbisect resume`. An oracle \
         whose guest says that is to write to $KBISECT_EVIDENCE why it refuses"
    };
    Error::failed(format!(
        "the machine gave out, twice, the second time with nothing else under way: {why}"
    ))
    .hint(hint)
}

pub(super) fn why(judgement: &Judgement) -> &str {
    judgement
        .evidence
        .as_deref()
        .unwrap_or("it does not say why")
}

/// The judgement of a trial that gave a verdict.
pub(super) fn judgement(
    trial: TrialId,
    config: &ResolvedConfig,
    result: TrialResult,
) -> Option<Judgement> {
    let TrialResult::Judged {
        verdict,
        evidence,
        image,
        timings,
        origin,
    } = result
    else {
        return None;
    };
    let (image, image_size) = image.unzip();
    Some(Judgement {
        trial,
        fingerprint: config.fingerprint,
        verdict,
        source: Source::Tested,
        evidence,
        image,
        image_size,
        // A config has some thousands of lines.
        lines: config.config.len() as u32,
        timings,
        origin,
    })
}
