//! The search in a lab: candidates to workers, verdicts to the search, until there is nothing left.

mod ending;
mod telling;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{select, tick};

use super::best::another_config;
use super::executor::{Report, Task, TrialResult};
use super::product::Products;
use super::state::{Lab, Stopped};
use super::store::fragment_of;
use super::verdicts::{believed, judgement, no_workers, starved_twice, why};
use crate::journal::{Record, RunDir};
use crate::model::{
    Candidate, CandidateId, Event, Fingerprint, Judgement, Origin, Progress, RequestSet,
    ResolvedConfig, Source, TrialId, Verdict, WorkerId, WorkerState,
};
use crate::search::{Ask, Search};
use crate::{Error, Result};

/// How often budgets are looked at and progress is told.
const TICK: Duration = Duration::from_secs(1);

/// How often a trial that gave no verdict is tried again.
pub(super) const RETRIES: u32 = 1;

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
    tries: Tries,
}

/// How often a trial was made that gave no verdict, and why. Others of the same config may be under way beside it,
/// and what becomes of them does not count.
#[derive(Debug, Clone, Copy, Default)]
struct Tries {
    unresolved: u32,
    starved: u32,
}

/// A search, and what each worker does for it.
pub(super) struct Run<'l, 'a> {
    lab: &'l mut Lab<'a>,
    pub(super) search: &'l mut dyn Search,
    workers: Vec<Busy>,
    /// What each worker judged last: it is still in its tree.
    judged_last: Vec<Option<Fingerprint>>,
    /// During these the machine gave out: each is made again with the machine to itself, by another worker than
    /// this one if there is another.
    starved: VecDeque<(WorkerId, Trial)>,
    /// One of these is under way.
    is_alone: bool,
    /// Proposed by an earlier sitting and not answered.
    pending: VecDeque<Candidate>,
    /// In flight, and known to teach nothing.
    pointless: HashSet<CandidateId>,
    progress: Progress,
    /// The start's is the first.
    trials: u32,
    /// What the files of the best are about.
    written: RequestSet,
    products: Products,
    /// The best of which the leaves are certified, when that was told.
    told_leaves_of: Option<RequestSet>,
}

impl<'l, 'a> Run<'l, 'a> {
    pub(super) fn new(
        lab: &'l mut Lab<'a>,
        search: &'l mut dyn Search,
        in_flight: Vec<Candidate>,
        progress: Progress,
    ) -> Self {
        let workers: Vec<Busy> = (0..lab.executor.workers()).map(|_| Busy::Idle).collect();
        let judged = progress.passed + progress.failed + progress.unresolved;
        let written = lab.written.clone();
        Self {
            lab,
            search,
            judged_last: vec![None; workers.len()],
            workers,
            starved: VecDeque::new(),
            is_alone: false,
            pending: in_flight.into(),
            pointless: HashSet::new(),
            progress,
            trials: judged,
            written,
            products: Products::default(),
            told_leaves_of: None,
        }
    }

    /// The main loop. Comes back with no worker busy, unless it fails.
    pub(super) fn drive(&mut self) -> Result<Option<Stopped>> {
        let ticker = tick(TICK);
        let phase = self.search.phase();
        self.progress.phase = phase;
        self.lab.emit(&Event::PhaseBegun { phase });
        // An earlier sitting may have died before it could note it.
        self.note_best()?;
        self.tell_depends()?;
        loop {
            // First: what is at its end needs no budget.
            if self.feed()? {
                self.withdraw_all()?;
                self.tell_progress();
                return Ok(None);
            }
            if let Some(stopped) = self.out_of_budget() {
                self.stop_all()?;
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
                        self.stop_all()?;
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
        if !self.starved.is_empty() {
            self.feed_starved()?;
        }
        if self.is_alone || !self.starved.is_empty() {
            if self.busy() > 0 {
                return Ok(false);
            }
            self.is_alone = false;
        }
        for i in 0..self.workers.len() {
            while matches!(self.workers[i], Busy::Idle) {
                let candidate = match self.pending.pop_front() {
                    Some(candidate) => candidate,
                    None => match self.search.ask() {
                        Ask::Evaluate(candidate) => {
                            self.note_best()?;
                            let candidate_copy = candidate.clone();
                            self.lab.journal.append(&Record::Proposed {
                                candidate: candidate_copy,
                            })?;
                            self.tell_depends()?;
                            candidate
                        }
                        Ask::Wait => return Ok(false),
                        Ask::Done => return Ok(true),
                    },
                };
                if self.pointless.contains(&candidate.id) {
                    self.withdraw(&candidate)?;
                    continue;
                }
                if candidate.round == 0
                    && candidate.origin == Origin::Earlier
                    && let Some(judgement) = self.known(&candidate)
                {
                    self.answer(&candidate, &judgement)?;
                    continue;
                }
                if !self.may_begin() {
                    self.pending.push_front(candidate);
                    return Ok(false);
                }
                self.tell_origin(&candidate);
                let fragment = fragment_of(self.lab.requests, &candidate.keep);
                let at = self.who_has(&candidate).unwrap_or(i);
                // The number of workers is that of cores, more or less.
                let worker = WorkerId(at as u32);
                self.lab.executor.submit(
                    worker,
                    Task::Resolve {
                        candidate: candidate.id,
                        fragment,
                    },
                );
                self.workers[at] = Busy::Resolving(candidate);
            }
        }
        Ok(false)
    }

    /// Begins the first of the trials that are to have the machine to themselves, as soon as nothing else is
    /// under way.
    fn feed_starved(&mut self) -> Result<()> {
        while self.busy() == 0
            && let Some((worker, trial)) = self.starved.pop_front()
        {
            let (pointless, candidates): (Vec<_>, Vec<_>) =
                (trial.candidates.into_iter()).partition(|c| self.pointless.contains(&c.id));
            for candidate in &pointless {
                self.withdraw(candidate)?;
            }
            if !candidates.is_empty() {
                // The number of workers is that of cores, more or less.
                let other = WorkerId((worker.0 + 1) % self.workers.len() as u32);
                self.begin(other, candidates, trial.config, trial.tries)?;
                self.is_alone = true;
            }
        }
        Ok(())
    }

    /// The idle worker that has what is to be judged once more in its tree, where it needs not be built.
    fn who_has(&self, candidate: &Candidate) -> Option<usize> {
        let config = self.lab.cache.fingerprint(&candidate.keep);
        let is_there = candidate.round > 0 && candidate.origin == Origin::Earlier;
        let config = config.filter(|_| is_there)?;
        let has = |at: &usize| {
            matches!(self.workers[*at], Busy::Idle) && self.judged_last[*at] == Some(config)
        };
        (0..self.workers.len()).find(has)
    }

    /// What earlier trials say of a candidate. One that passed, and of which the config was taken
    /// away since, is resolved anew.
    fn known(&self, candidate: &Candidate) -> Option<Judgement> {
        let fingerprint = self.lab.cache.fingerprint(&candidate.keep)?;
        let judgement = self.lab.cache.of_config(&fingerprint)?;
        let is_there = !judgement.verdict.is_pass() || self.lab.config_of(judgement).is_some();
        is_there.then(|| judgement.clone())
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
        let before = self.lab.cache.fingerprint(&candidate.keep);
        if before.is_some_and(|before| before != fingerprint) {
            return Err(another_config());
        }
        self.lab.cache.resolved(candidate.keep.clone(), fingerprint);
        if candidate.round > 0 || candidate.origin == Origin::Empty {
            // It is to be judged, whatever is known.
            return self.begin(worker, vec![candidate], Arc::new(config), Tries::default());
        }
        if let Some(judgement) = self.lab.cache.of_config(&fingerprint).cloned() {
            self.lab.restore_config(&judgement, &config)?;
            return self.answer(&candidate, &judgement);
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
        let mut starved = self.starved.iter_mut().map(|(_, trial)| trial);
        if let Some(trial) = starved.find(|trial| trial.config.fingerprint == fingerprint) {
            trial.candidates.push(candidate);
            return Ok(());
        }
        self.begin(worker, vec![candidate], Arc::new(config), Tries::default())
    }

    fn begin(
        &mut self,
        worker: WorkerId,
        candidates: Vec<Candidate>,
        config: Arc<ResolvedConfig>,
        tries: Tries,
    ) -> Result<()> {
        let first = candidates.first().map(|c| c.id);
        let (id, dir) = self.lab.begin_trial(first, &config, worker)?;
        let start = RunDir::trial_dir(self.lab.dir.path(), self.lab.start);
        let baseline = start
            .canonicalize()
            .map_err(|e| Error::io("look at", &start, e))?;
        let is_from_empty = candidates.iter().any(|c| c.origin == Origin::Empty);
        let task = Task::Judge {
            trial: id,
            config: Arc::clone(&config),
            dir,
            baseline: Some(baseline),
            origin: match is_from_empty {
                true => Origin::Empty,
                false => Origin::Earlier,
            },
        };
        self.lab.executor.submit(worker, task);
        self.judged_last[worker.0 as usize] = Some(config.fingerprint);
        let trial = Trial {
            id,
            config,
            candidates,
            cancelled: false,
            tries,
        };
        self.workers[worker.0 as usize] = Busy::Judging(Box::new(trial));
        Ok(())
    }

    /// A trial ended.
    fn judged(&mut self, worker: WorkerId, mut trial: Trial, result: TrialResult) -> Result<()> {
        if matches!(result, TrialResult::Complained { .. }) {
            // It was asked once more when it complained first.
            trial.tries.unresolved = RETRIES;
        }
        let result = believed(result, trial.tries.starved);
        let judgement = match judgement(trial.id, &trial.config, result.clone()) {
            Some(judgement) => judgement,
            None => {
                if let (TrialResult::Starved(why), false) = (result, trial.cancelled) {
                    trial.tries.starved += 1;
                    if trial.tries.starved > RETRIES {
                        return Err(starved_twice(&why));
                    }
                    let alone = match self.busy() {
                        0 => "",
                        _ => ", when nothing else is under way",
                    };
                    self.lab.emit(&Event::Warning {
                        text: format!("trial {} is tried again{alone}: {why}", trial.id),
                    });
                    self.starved.push_back((worker, trial));
                    return Ok(());
                }
                self.lab.emit(&Event::TrialCancelled { trial: trial.id });
                for candidate in &trial.candidates {
                    self.withdraw(candidate)?;
                }
                return Ok(());
            }
        };
        trial.tries.unresolved += u32::from(judgement.verdict == Verdict::Unresolved);
        if judgement.verdict == Verdict::Unresolved
            && !trial.cancelled
            && trial.tries.unresolved <= RETRIES
        {
            self.lab.emit(&Event::Warning {
                text: format!("trial {} is tried again: {}", trial.id, why(&judgement)),
            });
            return self.begin(worker, trial.candidates, trial.config, trial.tries);
        }
        self.trials += 1;
        match judgement.verdict {
            Verdict::Pass => self.progress.passed += 1,
            Verdict::Fail(_) => self.progress.failed += 1,
            Verdict::Unresolved => self.progress.unresolved += 1,
        }
        for (i, candidate) in trial.candidates.iter().enumerate() {
            let mut judgement = judgement.clone();
            if i > 0 {
                judgement.source = Source::SameConfig;
                self.progress.reused += 1;
            }
            let worker = (i == 0).then_some(worker);
            self.note(candidate, &judgement)?;
            if i == 0 {
                // Only what is on disk answers others.
                self.lab.cache.judged(&judgement);
                if let Some(text) = self.products.judged(&judgement) {
                    self.lab.emit(&Event::Warning { text });
                }
            }
            self.tell(candidate, &judgement, worker)?;
            // It is the best, or will be as soon as the search believes it.
            let is_near = candidate.keep.len() <= self.search.best().len();
            if let (true, true, Some(worker)) = (judgement.verdict.is_pass(), is_near, worker) {
                self.lab.executor.promote(worker, trial.config.fingerprint);
            }
        }
        Ok(())
    }

    /// An earlier verdict answers a candidate.
    fn answer(&mut self, candidate: &Candidate, known: &Judgement) -> Result<()> {
        self.progress.reused += 1;
        let judgement = Judgement {
            source: Source::SameConfig,
            ..known.clone()
        };
        self.note(candidate, &judgement)?;
        self.tell(candidate, &judgement, None)
    }

    /// Writes a verdict down, before anybody uses it.
    fn note(&mut self, candidate: &Candidate, judgement: &Judgement) -> Result<()> {
        self.lab.journal.append(&Record::Told {
            candidate: candidate.id,
            judgement: judgement.clone(),
        })
    }

    /// Tells the search a verdict that is on disk, and does what follows from it.
    fn tell(
        &mut self,
        candidate: &Candidate,
        judgement: &Judgement,
        worker: Option<WorkerId>,
    ) -> Result<()> {
        self.pointless.remove(&candidate.id);
        let before = self.search.reliability().differed;
        let told = self.search.tell(candidate.id, judgement.verdict);
        self.lab.emit(&Event::TrialEnded {
            worker,
            candidate: Some(candidate.id),
            requests: candidate.keep.len(),
            round: candidate.round,
            judgement: judgement.clone(),
        });
        self.warn_of_errors(before);
        self.note_best()?;
        self.tell_depends()?;
        self.give_up(&told.pointless);
        let phase = self.search.phase();
        if phase != self.progress.phase {
            self.progress.phase = phase;
            self.lab.emit(&Event::PhaseBegun { phase });
        }
        self.tell_leaves();
        self.tell_progress();
        Ok(())
    }

    /// Tells the search what depends on what in the best, if it would like to know.
    fn tell_depends(&mut self) -> Result<()> {
        // More than once, if what it learns lets it take in verdicts that waited for it.
        while self.search.wants_depends() {
            let best = self.search.best().clone();
            let depends = (self.lab.depends)(&best)?;
            self.lab.journal.append(&Record::Depends {
                keep: best,
                carried: depends.lists(),
            })?;
            self.search.learn_depends(&depends);
            self.note_best()?;
        }
        Ok(())
    }

    /// Keeps the files of the best up to date. It may be another one than that which was told
    /// last: the search decides when a verdict is believed, and may take it back.
    fn note_best(&mut self) -> Result<()> {
        let best = self.search.best();
        if *best == self.written {
            return Ok(());
        }
        let requests = best.len();
        self.written = best.clone();
        let Some(judgement) = self.lab.write_best(&self.written)? else {
            return Err(Error::failed("the best has no verdict")
                .hint("this is a bug of kbisect; `kbisect resume` makes it again"));
        };
        let (trial, lines) = (judgement.trial, judgement.lines);
        self.lab.journal.append(&Record::Best {
            trial,
            requests,
            lines,
            keep: Some(self.written.clone()),
        })?;
        (self.progress.requests, self.progress.lines) = (requests, lines);
        self.lab.emit(&Event::NewBest {
            trial,
            requests,
            lines,
        });
        Ok(())
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
        self.tell_depends()
    }
}
