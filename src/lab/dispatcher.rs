//! The dispatcher: one thread that owns the search, the journal and what each worker does.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, select, tick};

use super::executor::{Executor, Report, Task, TrialResult};
use super::store::{fragment_of, write_best};
use super::trial::CONFIG;
use crate::journal::{Journal, Record, RunDir, VerdictCache};
use crate::kconfig::parse_config;
use crate::model::{
    Candidate, CandidateId, Event, Fingerprint, Judgement, Phase, Progress, Request, RequestSet,
    ResolvedConfig, Source, Stage, TrialId, Verdict, WorkerId, WorkerState,
};
use crate::search::{Certificate, Search, Step};
use crate::supervise::Signal;
use crate::{Error, ErrorKind, Result};

/// How often budgets are looked at and progress is told.
const TICK: Duration = Duration::from_secs(1);

/// How often a trial that gave no verdict is tried again.
const RETRIES: u32 = 1;

/// How much a run may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Wall time, all sittings together.
    pub time: Option<Duration>,
    /// Trials, the start's not counted, all sittings together.
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
    /// None: the search came to its end.
    pub stopped: Option<Stopped>,
}

/// What a worker does, as far as the dispatcher cares.
enum Busy {
    Idle,
    Resolving(Candidate),
    Judging(Box<Trial>),
}

struct Trial {
    id: TrialId,
    config: Arc<ResolvedConfig>,
    /// All of them resolve to this config. Empty for the start.
    candidates: Vec<Candidate>,
    cancelled: bool,
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
}

struct Run<'l, 'a> {
    lab: &'l mut Lab<'a>,
    search: &'l mut dyn Search,
    workers: Vec<Busy>,
    /// Proposed by an earlier sitting and not answered.
    pending: VecDeque<Candidate>,
    /// In flight, and known to teach nothing.
    pointless: HashSet<CandidateId>,
    tries: HashMap<Fingerprint, u32>,
    progress: Progress,
    /// The start's not counted.
    trials: u32,
}

impl<'a> Lab<'a> {
    fn emit(&mut self, event: &Event) {
        (self.sink)(event);
    }

    fn take_trial(&mut self) -> TrialId {
        let id = self.next_trial;
        self.next_trial = TrialId(id.0 + 1);
        id
    }

    /// Makes the directory of a trial, with the config in it, and notes that it begins.
    fn begin_trial(
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
        let mut undecided = None;
        for _ in 0..=RETRIES {
            let (trial, dir) = self.begin_trial(None, &config, worker)?;
            let config = Arc::clone(&config);
            self.executor.submit(
                worker,
                Task::Judge {
                    trial,
                    config: Arc::clone(&config),
                    dir: dir.clone(),
                    baseline: None,
                },
            );
            let result = self.wait_for_start(worker)?;
            let Some(judgement) = judgement(trial, &config, result.clone()) else {
                if let TrialResult::Starved(why) = result {
                    self.emit(&Event::Warning {
                        text: format!("the start gets no verdict: {why}"),
                    });
                    undecided = Some(starved_twice(&why));
                    continue;
                }
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            };
            match judgement.verdict {
                Verdict::Pass => {
                    write_best(self.dir, &config.text, &fragment_of(self.requests, keep))?;
                    self.journal.append(&Record::Start {
                        judgement: judgement.clone(),
                    })?;
                    self.cache.judged(&judgement);
                    self.executor.learn(&judgement);
                    self.executor.promote(worker, config.fingerprint);
                    self.start = trial;
                    self.emit(&Event::TrialEnded {
                        worker: Some(worker),
                        candidate: None,
                        requests: keep.len(),
                        judgement: judgement.clone(),
                    });
                    return Ok(judgement);
                }
                Verdict::Unresolved => {
                    let why = why(&judgement);
                    self.emit(&Event::Warning {
                        text: format!("the start gets no verdict: {why}"),
                    });
                    undecided = Some(
                        Error::new(
                            ErrorKind::StartFails,
                            format!("the oracle cannot tell whether the start passes: {why}"),
                        )
                        .hint(format!("everything about it is in {}", dir.display())),
                    );
                }
                Verdict::Fail(stage) => {
                    let why = why(&judgement);
                    let what = match stage {
                        Stage::Build => "the start does not build",
                        Stage::Oracle => "the start does not pass its oracle",
                    };
                    return Err(Error::new(ErrorKind::StartFails, format!("{what}: {why}"))
                        .hint(format!("everything about it is in {}", dir.display())));
                }
            }
        }
        // There was at least one try, and each that did not return left its error.
        Err(undecided.unwrap_or_else(|| Error::failed("the start got no verdict")))
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
        let workers = (0..self.executor.workers()).map(|_| Busy::Idle).collect();
        let judged = progress.passed + progress.failed + progress.unresolved;
        let mut run = Run {
            lab: self,
            search,
            workers,
            pending: in_flight.into(),
            pointless: HashSet::new(),
            tries: HashMap::new(),
            progress,
            trials: judged.saturating_sub(1),
        };
        let result = run.drive();
        if result.is_err() {
            run.stop_all();
        }
        let stopped = result?;
        Ok(Outcome {
            best: run.search.best().clone(),
            certificate: run.search.certificate(),
            stopped,
        })
    }
}

fn no_workers() -> Error {
    Error::failed("all workers are gone").hint("this is a bug of kbisect; `kbisect resume` goes on")
}

/// The machine gave out for the last time.
fn starved_twice(why: &str) -> Error {
    Error::failed(format!("the machine gave out, twice: {why}"))
        .hint("free memory or disk, or use a smaller -j; then `kbisect resume`")
}

fn why(judgement: &Judgement) -> &str {
    judgement
        .evidence
        .as_deref()
        .unwrap_or("it does not say why")
}

/// The judgement of a trial that gave a verdict.
fn judgement(trial: TrialId, config: &ResolvedConfig, result: TrialResult) -> Option<Judgement> {
    let TrialResult::Judged {
        verdict,
        source,
        evidence,
        image,
        timings,
    } = result
    else {
        return None;
    };
    let (image, image_size) = image.unzip();
    Some(Judgement {
        trial,
        fingerprint: config.fingerprint,
        verdict,
        source,
        evidence,
        image,
        image_size,
        // A config has some thousands of lines.
        lines: config.config.len() as u32,
        timings,
    })
}

impl Run<'_, '_> {
    /// The main loop. Comes back with no worker busy, unless it fails.
    fn drive(&mut self) -> Result<Option<Stopped>> {
        let ticker = tick(TICK);
        let phase = self.search.phase();
        self.progress.phase = phase;
        self.lab.emit(&Event::PhaseBegun { phase });
        loop {
            // First: what is at its end needs no budget.
            if self.feed()? {
                self.withdraw_all()?;
                self.tell_progress();
                return Ok(None);
            }
            if let Some(stopped) = self.out_of_budget() {
                self.stop_all();
                return Ok(Some(stopped));
            }
            let reports = self.lab.executor.reports().clone();
            select! {
                recv(reports) -> report => {
                    let report = report.map_err(|_| no_workers())?;
                    self.handle(report)?;
                }
                recv(self.lab.signals) -> signal => {
                    if signal.is_ok() {
                        self.lab.emit(&Event::Note { text: "stopping; once more to kill".into() });
                        self.stop_all();
                        return Ok(Some(Stopped::Interrupted));
                    }
                }
                recv(ticker) -> _ => self.tell_progress(),
            }
        }
    }

    fn out_of_time(&self) -> bool {
        let limit = self.lab.budget.time;
        limit.is_some_and(|limit| self.lab.journal.elapsed() >= limit)
    }

    fn busy(&self) -> u32 {
        let busy = self.workers.iter().filter(|w| !matches!(w, Busy::Idle));
        busy.count() as u32
    }

    fn out_of_budget(&self) -> Option<Stopped> {
        if self.out_of_time() {
            return Some(Stopped::Time);
        }
        // Those under way count, and are waited for.
        let limit = self.lab.budget.trials;
        (limit.is_some_and(|limit| self.trials >= limit) && self.busy() == 0)
            .then_some(Stopped::Trials)
    }

    /// May another trial begin?
    fn may_begin(&self) -> bool {
        // Those under way count, or several workers would go over it.
        let limit = self.lab.budget.trials;
        !self.out_of_time() && limit.is_none_or(|limit| self.trials + self.busy() < limit)
    }

    /// Gives every idle worker something to do; true when the search is over.
    fn feed(&mut self) -> Result<bool> {
        for i in 0..self.workers.len() {
            while matches!(self.workers[i], Busy::Idle) {
                let candidate = match self.pending.pop_front() {
                    Some(candidate) => candidate,
                    None => match self.search.next() {
                        Step::Try(candidate) => {
                            let candidate_copy = candidate.clone();
                            self.lab.journal.append(&Record::Proposed {
                                candidate: candidate_copy,
                            })?;
                            candidate
                        }
                        Step::Wait => return Ok(false),
                        Step::Done => return Ok(true),
                    },
                };
                if self.pointless.contains(&candidate.id) {
                    self.withdraw(&candidate)?;
                    continue;
                }
                if let Some((judgement, text)) = self.known(&candidate) {
                    self.answer(&candidate, &judgement, &text)?;
                    continue;
                }
                if !self.may_begin() {
                    self.pending.push_front(candidate);
                    return Ok(false);
                }
                let fragment = fragment_of(self.lab.requests, &candidate.keep);
                // The number of workers is that of cores, more or less.
                let worker = WorkerId(i as u32);
                self.lab.executor.submit(
                    worker,
                    Task::Resolve {
                        candidate: candidate.id,
                        fragment,
                    },
                );
                self.workers[i] = Busy::Resolving(candidate);
            }
        }
        Ok(false)
    }

    /// What earlier trials say of a candidate, and its resolved config if that passed. A config
    /// that was taken away since is resolved anew.
    fn known(&self, candidate: &Candidate) -> Option<(Judgement, String)> {
        let fingerprint = self.lab.cache.fingerprint(&candidate.keep)?;
        let judgement = self.lab.cache.of_config(&fingerprint)?.clone();
        let path = RunDir::trial_dir(self.lab.dir.path(), judgement.trial).join(CONFIG);
        let text = match judgement.verdict {
            Verdict::Pass => {
                let text = fs::read_to_string(path).ok()?;
                (parse_config(&text).fingerprint() == fingerprint).then_some(text)?
            }
            _ => String::new(),
        };
        Some((judgement, text))
    }

    fn handle(&mut self, report: Report) -> Result<()> {
        match report {
            Report::Warning(text) => self.lab.emit(&Event::Warning { text }),
            Report::State(worker, state) => self.lab.emit(&Event::Worker { worker, state }),
            Report::Resolved(worker, _, resolved) => {
                let busy = std::mem::replace(&mut self.workers[worker.0 as usize], Busy::Idle);
                if let Busy::Resolving(candidate) = busy {
                    self.resolved(worker, candidate, resolved?)?;
                }
                self.say_if_idle(worker);
            }
            Report::Judged(worker, _, result) => {
                let busy = std::mem::replace(&mut self.workers[worker.0 as usize], Busy::Idle);
                if let Busy::Judging(trial) = busy {
                    self.judged(worker, *trial, result?)?;
                }
                self.say_if_idle(worker);
            }
        }
        Ok(())
    }

    fn say_if_idle(&mut self, worker: WorkerId) {
        if matches!(self.workers[worker.0 as usize], Busy::Idle) {
            self.lab.emit(&Event::Worker {
                worker,
                state: WorkerState::Idle,
            });
        }
    }

    /// Kconfig has resolved a candidate: it is answered by what is known, joins a trial of the
    /// same config, or becomes one.
    fn resolved(
        &mut self,
        worker: WorkerId,
        candidate: Candidate,
        config: ResolvedConfig,
    ) -> Result<()> {
        if self.pointless.contains(&candidate.id) {
            return self.withdraw(&candidate);
        }
        let fingerprint = config.fingerprint;
        self.lab.journal.append(&Record::Resolved {
            candidate: candidate.id,
            fingerprint,
        })?;
        self.lab.cache.resolved(candidate.keep.clone(), fingerprint);
        if let Some(judgement) = self.lab.cache.of_config(&fingerprint).cloned() {
            return self.answer(&candidate, &judgement, &config.text);
        }
        for busy in &mut self.workers {
            if let Busy::Judging(trial) = busy
                && trial.config.fingerprint == fingerprint
                && !trial.cancelled
            {
                trial.candidates.push(candidate);
                return Ok(());
            }
        }
        self.begin(worker, vec![candidate], Arc::new(config))
    }

    fn begin(
        &mut self,
        worker: WorkerId,
        candidates: Vec<Candidate>,
        config: Arc<ResolvedConfig>,
    ) -> Result<()> {
        let first = candidates.first().map(|c| c.id);
        let (id, dir) = self.lab.begin_trial(first, &config, worker)?;
        let start = RunDir::trial_dir(self.lab.dir.path(), self.lab.start);
        let baseline = start
            .canonicalize()
            .map_err(|e| Error::io("look at", &start, e))?;
        let task = Task::Judge {
            trial: id,
            config: Arc::clone(&config),
            dir,
            baseline: Some(baseline),
        };
        self.lab.executor.submit(worker, task);
        let trial = Trial {
            id,
            config,
            candidates,
            cancelled: false,
        };
        self.workers[worker.0 as usize] = Busy::Judging(Box::new(trial));
        Ok(())
    }

    /// A trial ended.
    fn judged(&mut self, worker: WorkerId, trial: Trial, result: TrialResult) -> Result<()> {
        let fingerprint = trial.config.fingerprint;
        let again = |run: &mut Self| {
            let tries = run.tries.entry(fingerprint).or_default();
            *tries += 1;
            *tries <= RETRIES
        };
        let judgement = match judgement(trial.id, &trial.config, result.clone()) {
            Some(judgement) => judgement,
            None => {
                if let (TrialResult::Starved(why), false) = (result, trial.cancelled) {
                    if !again(self) {
                        return Err(starved_twice(&why));
                    }
                    self.lab.emit(&Event::Warning {
                        text: format!("trial {} is tried again: {why}", trial.id),
                    });
                    return self.begin(worker, trial.candidates, trial.config);
                }
                self.lab.emit(&Event::TrialCancelled { trial: trial.id });
                for candidate in &trial.candidates {
                    self.withdraw(candidate)?;
                }
                return Ok(());
            }
        };
        if judgement.verdict == Verdict::Unresolved && !trial.cancelled && again(self) {
            self.lab.emit(&Event::Warning {
                text: format!("trial {} is tried again: {}", trial.id, why(&judgement)),
            });
            return self.begin(worker, trial.candidates, trial.config);
        }
        self.trials += 1;
        match judgement.verdict {
            Verdict::Pass => self.progress.passed += 1,
            Verdict::Fail(_) => self.progress.failed += 1,
            Verdict::Unresolved => self.progress.unresolved += 1,
        }
        self.lab.cache.judged(&judgement);
        self.lab.executor.learn(&judgement);
        for (i, candidate) in trial.candidates.iter().enumerate() {
            let mut judgement = judgement.clone();
            if i > 0 {
                judgement.source = Source::SameConfig;
                self.progress.reused += 1;
            }
            let worker = (i == 0).then_some(worker);
            if self.tell(candidate, &judgement, worker, &trial.config.text)?
                && let Some(worker) = worker
            {
                self.lab.executor.promote(worker, fingerprint);
            }
        }
        Ok(())
    }

    /// An earlier verdict answers a candidate. `config` is what it resolves to; it may be
    /// empty if that did not pass.
    fn answer(&mut self, candidate: &Candidate, known: &Judgement, config: &str) -> Result<()> {
        self.progress.reused += 1;
        let judgement = Judgement {
            source: Source::SameConfig,
            ..known.clone()
        };
        self.tell(candidate, &judgement, None, config).map(|_| ())
    }

    /// Writes a verdict down, and only then believes it. True when there is a new best.
    fn tell(
        &mut self,
        candidate: &Candidate,
        judgement: &Judgement,
        worker: Option<WorkerId>,
        config: &str,
    ) -> Result<bool> {
        self.pointless.remove(&candidate.id);
        self.lab.journal.append(&Record::Told {
            candidate: candidate.id,
            judgement: judgement.clone(),
        })?;
        let told = self.search.tell(candidate.id, judgement.verdict);
        self.lab.emit(&Event::TrialEnded {
            worker,
            candidate: Some(candidate.id),
            requests: candidate.keep.len(),
            judgement: judgement.clone(),
        });
        if told.new_best {
            let requests = self.search.best().len();
            let fragment = fragment_of(self.lab.requests, self.search.best());
            write_best(self.lab.dir, config, &fragment)?;
            let (trial, lines) = (judgement.trial, judgement.lines);
            self.lab.journal.append(&Record::Best {
                trial,
                requests,
                lines,
            })?;
            (self.progress.requests, self.progress.lines) = (requests, lines);
            self.lab.emit(&Event::NewBest {
                trial,
                requests,
                lines,
            });
        }
        self.give_up(&told.pointless);
        let phase = self.search.phase();
        if phase != self.progress.phase {
            self.progress.phase = phase;
            self.lab.emit(&Event::PhaseBegun { phase });
        }
        self.tell_progress();
        Ok(told.new_best)
    }

    /// Cancels trials that can teach nothing any more.
    fn give_up(&mut self, pointless: &[CandidateId]) {
        self.pointless.extend(pointless);
        for (i, busy) in self.workers.iter_mut().enumerate() {
            if let Busy::Judging(trial) = busy
                && !trial.cancelled
                && trial
                    .candidates
                    .iter()
                    .all(|c| self.pointless.contains(&c.id))
            {
                trial.cancelled = true;
                self.lab.executor.cancel(WorkerId(i as u32));
            }
        }
    }

    fn withdraw(&mut self, candidate: &Candidate) -> Result<()> {
        self.pointless.remove(&candidate.id);
        self.lab.journal.append(&Record::Withdrawn {
            candidate: candidate.id,
        })?;
        self.search.withdraw(candidate.id);
        Ok(())
    }

    /// The search is over: ends what still runs, and notes that it can teach nothing, or a
    /// resume would try it again.
    fn withdraw_all(&mut self) -> Result<()> {
        let mut left: Vec<Candidate> = self.pending.drain(..).collect();
        for busy in &self.workers {
            match busy {
                Busy::Idle => {}
                Busy::Resolving(candidate) => left.push(candidate.clone()),
                Busy::Judging(trial) => left.extend(trial.candidates.iter().cloned()),
            }
        }
        self.stop_all();
        left.iter()
            .try_for_each(|candidate| self.withdraw(candidate))
    }

    /// Ends what still runs, without a word to the search or the journal: whatever was in
    /// flight is tried again after a resume.
    fn stop_all(&mut self) {
        for (i, busy) in self.workers.iter().enumerate() {
            if !matches!(busy, Busy::Idle) {
                self.lab.executor.cancel(WorkerId(i as u32));
            }
        }
        let reports = self.lab.executor.reports().clone();
        while self.workers.iter().any(|busy| !matches!(busy, Busy::Idle)) {
            match reports.recv() {
                Ok(Report::Resolved(worker, ..) | Report::Judged(worker, ..)) => {
                    self.workers[worker.0 as usize] = Busy::Idle;
                    self.lab.emit(&Event::Worker {
                        worker,
                        state: WorkerState::Idle,
                    });
                }
                Ok(Report::State(..) | Report::Warning(_)) => {}
                Err(_) => break,
            }
        }
    }

    fn tell_progress(&mut self) {
        let outlook = self.search.outlook();
        self.progress.at_least = outlook.at_least;
        self.progress.at_most = outlook.at_most;
        let event = Event::Progress {
            progress: self.progress.clone(),
            elapsed: self.lab.journal.elapsed(),
        };
        self.lab.emit(&event);
    }
}
