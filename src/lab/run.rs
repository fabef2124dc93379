//! The search in a lab: candidates to workers, verdicts to the search, until there is nothing left.

mod ending;
mod judging;
mod telling;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{select, tick};

use super::best::another_config;
use super::executor::Report;
use super::product::Products;
use super::retry::Tries;
use super::state::{Lab, Stopped};
use super::store::fragment_of;
use super::verdicts::no_workers;
use crate::Result;
use crate::journal::Record;
use crate::model::{
    Candidate, CandidateId, Event, Fingerprint, Judgement, Origin, Progress, RequestSet,
    ResolvedConfig, TrialId, WorkerId, WorkerState,
};
use crate::search::{Search, Step};
use crate::trial::{Baseline, TrialResult, TrialSpec, Work};

/// How often budgets are looked at and progress is told.
const TICK: Duration = Duration::from_secs(1);

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
    /// Proposed by an earlier session and not answered.
    pending: VecDeque<Candidate>,
    /// In flight, and known to teach nothing.
    pointless: HashSet<CandidateId>,
    progress: Progress,
    /// The start's is the first.
    trials: u32,
    /// What oracles compare with.
    baseline: Baseline,
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
            baseline: lab.baseline(),
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
        // An earlier session may have died before it could note it.
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
                    None => match self.search.next() {
                        Step::Try(candidate) => {
                            self.note_best()?;
                            let candidate_copy = candidate.clone();
                            self.lab.journal.append(&Record::Proposed {
                                candidate: candidate_copy,
                            })?;
                            self.tell_depends()?;
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
                let work = Work::Resolve { fragment };
                let key = self.lab.attempts.key(&work, candidate.round);
                let spec = TrialSpec::new(key, work, self.lab.needs);
                self.lab.executor.submit(worker, spec);
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
            Report::Ended(worker, outcome) => {
                let busy = std::mem::replace(&mut self.workers[worker.0 as usize], Busy::Idle);
                let result = outcome?.result;
                match (busy, result) {
                    (Busy::Resolving(candidate), TrialResult::Resolved(config)) => {
                        self.resolved(worker, candidate, config)?;
                    }
                    (Busy::Judging(trial), result) => self.judged(worker, *trial, result)?,
                    _ => {}
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
        let first = candidates.first();
        let baseline = Some(&self.baseline);
        let (id, spec) = (self.lab).begin_trial(first, &config, baseline, worker)?;
        self.lab.executor.submit(worker, spec);
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
}
