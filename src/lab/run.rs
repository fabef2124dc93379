//! The search in a lab: candidates to workers, verdicts to the search, until there is nothing left.

mod ending;
mod flights;
mod judging;
mod telling;

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crossbeam_channel::{select, tick};

use super::best::another_config;
use super::product::Products;
use super::queue::Report;
use super::retry::Tries;
use super::state::{Lab, Stopped};
use super::store::fragment_of;
use super::verdicts::no_workers;
use crate::journal::{Record, Taken};
use crate::model::{
    Candidate, CandidateId, Event, Fingerprint, Judgement, Origin, Progress, RequestSet,
    ResolvedConfig, WorkerId, WorkerState,
};
use crate::search::{Ask, Search};
use crate::trial::{Baseline, Company, Place, Role, TrialResult, TrialSpec, Wish, Work};
use crate::{Error, Result};
use flights::{Doing, Flights, Trial};

/// How often budgets are looked at and progress is told.
const TICK: Duration = Duration::from_secs(1);

/// A search, and what workers do for it.
pub(super) struct Run<'l, 'a> {
    lab: &'l mut Lab<'a>,
    pub(super) search: &'l mut dyn Search,
    flights: Flights,
    /// During these the machine gave out: each is made again with the machine to itself, by another worker than
    /// this one if there is another.
    starved: VecDeque<(Option<WorkerId>, Trial)>,
    /// One of these is under way.
    is_alone: bool,
    /// Proposed by an earlier session and not answered.
    pending: VecDeque<Candidate>,
    /// In flight, and known to teach nothing.
    pointless: HashSet<CandidateId>,
    progress: Progress,
    /// The start's is the first.
    trials: u32,
    /// What oracles compare with; nothing before something has passed.
    baseline: Option<Baseline>,
    /// What the files of the best are about.
    written: Option<RequestSet>,
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
        let judged = progress.passed + progress.failed + progress.unresolved;
        let written = lab.written.clone();
        let is_compared = written.is_some() || lab.journal.state().stand_in.is_some();
        Self {
            baseline: is_compared.then(|| lab.baseline()),
            lab,
            search,
            flights: Flights::default(),
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

    /// The main loop. Comes back with nothing in flight, unless it fails.
    pub(super) fn drive(&mut self) -> Result<Option<Stopped>> {
        let ticker = tick(TICK);
        let reports = self.lab.workers.reports().clone();
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
            select! {
                recv(reports) -> report => {
                    let report = report.map_err(|_| no_workers())?;
                    self.handle(report)?;
                }
                recv(self.lab.signals) -> signal => {
                    if signal.is_ok() {
                        self.lab.stop();
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
        // Not more than there are workers.
        self.flights.count() as u32
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

    /// Offers as much as the workers can do; true when the search is over.
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
        while self.flights.count() < self.lab.workers.capacity() {
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
            self.resolve(candidate);
        }
        Ok(false)
    }

    /// Has Kconfig resolve a candidate.
    fn resolve(&mut self, candidate: Candidate) {
        let work = Work::Resolve {
            fragment: fragment_of(self.lab.requests, &candidate.keep),
        };
        let key = self.lab.attempts.key(&work, candidate.round);
        let config = self.lab.cache.fingerprint(&candidate.keep);
        let holder = config.and_then(|config| self.who_has(&candidate, config));
        let spec = TrialSpec::new(key, work, self.lab.needs).wishing(on(holder));
        self.lab.workers.offer(spec);
        self.flights.offered(key, Doing::Resolving(candidate));
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
                let wish = Wish {
                    place: worker.map_or(Place::Anywhere, Place::NotOn),
                    company: Company::Alone,
                };
                self.begin(wish, candidates, trial.config, trial.tries)?;
                self.is_alone = true;
            }
        }
        Ok(())
    }

    /// The idle worker that has what is to be judged once more in its tree, where it needs not be built.
    fn who_has(&self, candidate: &Candidate, config: Fingerprint) -> Option<WorkerId> {
        let is_there = candidate.round > 0 && candidate.origin == Origin::Earlier;
        let holder = self.flights.who_holds(config);
        holder.filter(|_| is_there)
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
            Report::Started(worker, key) => {
                self.flights.started(key, self.lab.taken(worker));
                self.tell_began(worker, key);
            }
            Report::Ended(key, worker, outcome) => {
                // What is not in flight has ended before.
                if let Some((doing, worker, taken)) = self.flights.ended(key, worker) {
                    self.ended(doing, worker, taken, outcome?.result)?;
                }
            }
        }
        for worker in self.flights.take_idle() {
            let state = WorkerState::Idle;
            self.lab.emit(&Event::Worker { worker, state });
        }
        Ok(())
    }

    fn ended(
        &mut self,
        doing: Doing,
        worker: Option<WorkerId>,
        taken: Option<Taken>,
        result: TrialResult,
    ) -> Result<()> {
        match (doing, result) {
            (Doing::Resolving(candidate), TrialResult::Resolved(config)) => {
                self.resolved(worker, candidate, config)
            }
            (Doing::Judging(trial), result) => self.judged(worker, taken, *trial, result),
            (Doing::Resolving(_), _) => Err(Error::failed("a worker did not resolve a fragment")
                .hint("this is a bug of kbisect; `kbisect resume` goes on")),
        }
    }

    /// Kconfig has resolved a candidate: it is answered by what is known, joins a trial of the
    /// same config, or becomes one.
    fn resolved(
        &mut self,
        worker: Option<WorkerId>,
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
        let wish = on(self.who_has(&candidate, fingerprint).or(worker));
        if candidate.round > 0 || candidate.origin == Origin::Empty {
            // It is to be judged, whatever is known.
            return self.begin(wish, vec![candidate], config, Tries::default());
        }
        if let Some(judgement) = self.lab.cache.of_config(&fingerprint).cloned() {
            self.lab.restore_config(&judgement, &config)?;
            return self.answer(&candidate, &judgement);
        }
        let under_way = self.flights.trials().map(|(_, trial)| trial);
        let starved = self.starved.iter_mut().map(|(_, trial)| trial);
        let is_same =
            |trial: &&mut Trial| trial.config.fingerprint == fingerprint && !trial.cancelled;
        if let Some(trial) = under_way.chain(starved).find(is_same) {
            trial.candidates.push(candidate);
            return Ok(());
        }
        self.begin(wish, vec![candidate], config, Tries::default())
    }

    /// Begins a trial: it is in the journal before anybody can take it.
    fn begin(
        &mut self,
        wish: Wish,
        candidates: Vec<Candidate>,
        config: ResolvedConfig,
        tries: Tries,
    ) -> Result<()> {
        if let Some(candidate) = candidates.first() {
            self.tell_large(candidate, &config);
        }
        let (first, baseline) = (candidates.first(), self.baseline.as_ref());
        let (id, spec) = self
            .lab
            .begin_trial(first, Role::Candidate, &config, baseline)?;
        let key = spec.key;
        self.lab.workers.offer(spec.wishing(wish));
        let trial = Trial {
            id,
            config,
            candidates,
            cancelled: false,
            tries,
        };
        self.flights.offered(key, Doing::Judging(Box::new(trial)));
        Ok(())
    }
}

/// The wish for a worker, if it is for one.
fn on(worker: Option<WorkerId>) -> Wish {
    worker.map_or_else(Wish::default, Wish::on)
}
