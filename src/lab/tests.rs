//! The dispatcher over fake workers: scheduling and faults, without processes.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::*;
use crate::Error;
use crate::journal::{Journal, Record, RunDir, RunInfo, VerdictCache};
use crate::model::{
    Config, Event, Fingerprint, Fragment, Judgement, Origin, Phase, Progress, Request, RequestSet,
    ResolvedConfig, Source, Stage, Symbol, Timings, TrialId, Value, Verdict, WorkerId,
};
use crate::search::{self, Algorithm, Options, Retesting, Search};
use crate::supervise::Signal;
use crate::trial::{Needs, Place, TrialKey, TrialOutcome, TrialResult, TrialSpec, Work};

mod doubt;
mod fold;
mod local;
mod on_disk;
mod scripted;
mod sessions;
mod starved;
mod stepping;

/// What the fake does with a trial.
type Judge<'j> = Box<dyn FnMut(TrialId, &Config) -> crate::Result<TrialResult> + 'j>;

/// A trial that a fake worker began to judge.
#[derive(Debug, Clone, Copy)]
struct Begun {
    trial: TrialId,
    fingerprint: Fingerprint,
    worker: WorkerId,
    /// So many others were under way.
    others: usize,
}

/// A fake: resolves a fragment to itself (but requests named `IDLE...` change nothing), and
/// judges at once. A worker is busy until what it reported is received.
struct FakeWorkers<'j> {
    workers: usize,
    judge: Judge<'j>,
    sender: Sender<Report>,
    reports: Receiver<Report>,
    /// What was judged, in this order.
    judged: Vec<Fingerprint>,
    begun: Vec<Begun>,
    /// Who reported, in this order.
    reported: Vec<WorkerId>,
}

impl<'j> FakeWorkers<'j> {
    fn new(
        workers: usize,
        judge: impl FnMut(TrialId, &Config) -> crate::Result<TrialResult> + 'j,
    ) -> Self {
        let (sender, reports) = unbounded();
        Self {
            workers,
            judge: Box::new(judge),
            sender,
            reports,
            judged: vec![],
            begun: vec![],
            reported: vec![],
        }
    }

    /// Those whose ends are not received yet.
    fn busy(&self) -> &[WorkerId] {
        // Each trial has two reports.
        let busy = self.reports.len().div_ceil(2);
        &self.reported[self.reported.len() - busy..]
    }

    /// The idle worker that meets a wish best.
    fn who_takes(&self, place: Place) -> WorkerId {
        let all = (0..self.workers as u32).map(WorkerId);
        let idle: Vec<WorkerId> = all.filter(|w| !self.busy().contains(w)).collect();
        let meets = |w: &&WorkerId| match place {
            Place::Anywhere => true,
            Place::On(wished) => **w == wished,
            Place::NotOn(other) => **w != other,
        };
        *idle.iter().find(meets).unwrap_or(&idle[0])
    }
}

fn resolve(fragment: &Fragment) -> ResolvedConfig {
    let effective = fragment
        .requests()
        .iter()
        .filter(|r| !r.symbol.as_str().starts_with("IDLE"));
    let config: Config = effective
        .map(|r| (r.symbol.clone(), r.value.clone()))
        .collect();
    ResolvedConfig::new(fragment.to_string(), config)
}

impl Workers for FakeWorkers<'_> {
    fn capacity(&self) -> usize {
        self.workers
    }

    fn offer(&mut self, spec: TrialSpec) {
        let (worker, key) = (self.who_takes(spec.wish.place), spec.key);
        let others = self.reports.len();
        let result = match spec.work {
            Work::Resolve { fragment } => Ok(TrialResult::Resolved(resolve(&fragment))),
            Work::Judge { trial, config, .. } => {
                let fingerprint = config.fingerprint;
                self.judged.push(fingerprint);
                self.begun.push(Begun {
                    trial,
                    fingerprint,
                    worker,
                    others,
                });
                (self.judge)(trial, &config.config)
            }
        };
        let outcome = result.map(|result| TrialOutcome::new(key, result));
        self.reported.push(worker);
        self.sender.send(Report::Started(worker, key)).unwrap();
        self.sender
            .send(Report::Ended(key, Some(worker), outcome))
            .unwrap();
    }

    /// It has judged already.
    fn retract(&mut self, _: TrialKey) {}

    fn reports(&self) -> &Receiver<Report> {
        &self.reports
    }
}

/// A fake: notes what is promoted.
#[derive(Default)]
struct FakeSite {
    promoted: RefCell<Vec<Fingerprint>>,
}

impl Site for FakeSite {
    fn promote(&self, fingerprint: Fingerprint) {
        self.promoted.borrow_mut().push(fingerprint);
    }
}

fn says(verdict: Verdict) -> crate::Result<TrialResult> {
    Ok(TrialResult::Judged {
        verdict,
        evidence: None,
        image: None,
        timings: Timings::default(),
        origin: Origin::Earlier,
    })
}

/// Passes when all of these symbols are set.
fn needs(symbols: &[&str]) -> impl Fn(&Config) -> Verdict {
    let symbols: Vec<Symbol> = symbols.iter().map(|s| Symbol::new(s).unwrap()).collect();
    move |config| {
        if symbols.iter().all(|s| *config.get(s) == Value::YES) {
            Verdict::Pass
        } else {
            Verdict::Fail(Stage::Oracle)
        }
    }
}

const NAMES: [&str; 10] = ["A", "B", "C", "D", "E", "F", "G", "H", "IDLE1", "IDLE2"];

fn info() -> RunInfo {
    let request = |name| Request {
        symbol: Symbol::new(name).unwrap(),
        value: Value::YES,
    };
    RunInfo {
        kbisect: "0".into(),
        at: 0,
        argv: vec![],
        key: crate::model::RunKey::default(),
        settings: crate::model::StoredSettings::default(),
        algorithm: "ddmin".into(),
        requests: NAMES.map(request).to_vec(),
        keep: RequestSet::empty(NAMES.len()),
        symptoms: vec![],
        start_lines: None,
        carried: vec![],
        selectors: vec![],
        prior: crate::model::Prior::default(),
        analysis: None,
        verifies: None,
    }
}

fn progress() -> Progress {
    Progress {
        phase: Phase::Reducing,
        requests: NAMES.len(),
        lines: 0,
        passed: 1,
        failed: 0,
        unresolved: 0,
        reused: 0,
        at_least: 0,
        at_most: 0,
        likely: None,
    }
}

fn new_search(info: &RunInfo) -> Box<dyn Search> {
    let full = RequestSet::full(info.requests.len());
    let algorithm: Algorithm = info.algorithm.parse().unwrap();
    algorithm.search(full, &info.keep, Options::default())
}

/// One session, in a run directory that may have a journal.
fn session(
    path: &Path,
    workers: &mut dyn Workers,
    budget: Budget,
    signals: &Receiver<Signal>,
    events: &mut Vec<Event>,
) -> crate::Result<Outcome> {
    let search = new_search(&info());
    session_of(search, path, workers, budget, signals, events)
}

/// The same of any search.
fn session_of(
    search: Box<dyn Search>,
    path: &Path,
    workers: &mut dyn Workers,
    budget: Budget,
    signals: &Receiver<Signal>,
    events: &mut Vec<Event>,
) -> crate::Result<Outcome> {
    let site = FakeSite::default();
    session_at(&site, search, path, workers, budget, signals, events)
}

static NEEDS: LazyLock<Needs> = LazyLock::new(|| Needs::of_key(&info().key));

/// A lab whose run has had no trial yet.
fn lab_of<'a>(
    workers: &'a mut dyn Workers,
    site: &'a FakeSite,
    dir: &'a RunDir,
    journal: &'a mut Journal,
    info: &'a RunInfo,
    signals: &'a Receiver<Signal>,
    sink: &'a mut dyn FnMut(&Event),
) -> Lab<'a> {
    Lab {
        workers,
        site,
        dir,
        journal,
        cache: VerdictCache::default(),
        requests: &info.requests,
        needs: &NEEDS,
        attempts: Attempts::default(),
        budget: Budget::default(),
        signals,
        sink,
        next_trial: TrialId(1),
        start: TrialId(1),
        resolve: &|fragment| Ok(resolve(fragment)),
        depends: &|_| Ok(search::Depends::none()),
        cause: &|_| None,
        written: Some(RequestSet::full(info.requests.len())),
        refused: 0,
        header: "",
        is_stopping: false,
    }
}

/// The same at a site.
fn session_at(
    site: &FakeSite,
    mut search: Box<dyn Search>,
    path: &Path,
    workers: &mut dyn Workers,
    budget: Budget,
    signals: &Receiver<Signal>,
    events: &mut Vec<Event>,
) -> crate::Result<Outcome> {
    let info = info();
    let (dir, mut journal, lines): (RunDir, Journal, Vec<_>) = if path.join("run.json").exists() {
        let opened = RunDir::open(path)?;
        (opened.dir, opened.journal, opened.lines)
    } else {
        let (dir, journal) = RunDir::create(path, &info)?;
        (dir, journal, vec![])
    };
    dir.make_trial_dir(TrialId(1))?;
    let replayed = search::replay(calls(&lines), search.as_mut()).unwrap();
    // Before that, the start was judged.
    let state = journal.state().clone();
    let mut sink = |event: &Event| events.push(event.clone());
    let mut lab = lab_of(workers, site, &dir, &mut journal, &info, signals, &mut sink);
    lab.cache = state.verdicts.clone();
    lab.attempts = Attempts::of(&state);
    lab.next_trial = state.next_trial().max(TrialId(2));
    lab.written = state.noted.or(lab.written);
    (lab.budget, lab.header) = (budget, "# over the base\n");
    lab.run(search.as_mut(), replayed.in_flight, progress())
}

fn run(count: usize, workers: &mut FakeWorkers<'_>) -> crate::Result<Outcome> {
    let dir = tempfile::tempdir().unwrap();
    workers.workers = count;
    let (_sender, signals) = unbounded();
    session(
        &dir.path().join("run"),
        workers,
        Budget::default(),
        &signals,
        &mut vec![],
    )
}

fn names(set: &RequestSet) -> Vec<&'static str> {
    set.iter().map(|id| NAMES[id.index()]).collect()
}

#[test]
fn the_minimal_set_is_found_with_any_number_of_workers() {
    for count in [1, 2, 3, 8] {
        let oracle = needs(&["B", "G"]);
        let mut workers = FakeWorkers::new(count, |_, config| says(oracle(config)));
        let outcome = run(count, &mut workers).unwrap();
        assert_eq!(names(&outcome.best), ["B", "G"], "{count} workers");
        assert!(outcome.certificate.is_whole());
        assert_eq!(outcome.stopped, None);
    }
}

#[test]
fn no_config_is_judged_twice_and_the_winners_tree_becomes_the_base() {
    let oracle = needs(&["A", "H"]);
    let mut workers = FakeWorkers::new(2, |_, config| says(oracle(config)));
    let (site, dir) = (FakeSite::default(), tempfile::tempdir().unwrap());
    let (path, search) = (dir.path().join("run"), new_search(&info()));
    let (_sender, signals) = unbounded();
    let (budget, events) = (Budget::default(), &mut vec![]);
    let outcome = session_at(&site, search, &path, &mut workers, budget, &signals, events);
    assert_eq!(names(&outcome.unwrap().best), ["A", "H"]);
    let distinct: BTreeSet<_> = workers.judged.iter().collect();
    assert_eq!(distinct.len(), workers.judged.len());
    assert!(!site.promoted.borrow().is_empty());
}

#[test]
fn a_trial_that_starves_is_tried_again_and_then_stops_the_run() {
    let oracle = needs(&["C"]);
    let mut starved = 0;
    let mut once = FakeWorkers::new(1, |_, config| {
        if starved == 0 {
            starved += 1;
            return Ok(TrialResult::Starved("No space left on device".into()));
        }
        says(oracle(config))
    });
    assert_eq!(names(&run(1, &mut once).unwrap().best), ["C"]);

    let mut always = FakeWorkers::new(1, |_, _| {
        Ok(TrialResult::Starved("No space left on device".into()))
    });
    let error = run(1, &mut always).unwrap_err();
    assert!(
        error.to_string().contains("No space left on device"),
        "{error}"
    );
}

#[test]
fn a_trial_that_starves_once_and_is_unresolved_once_does_not_stop_the_run() {
    for starves_first in [true, false] {
        let oracle = needs(&["C"]);
        let mut trials = 0;
        let mut workers = FakeWorkers::new(1, |_, config| {
            // The first is the start.
            trials += 1;
            match trials {
                2 | 3 if (trials == 2) == starves_first => {
                    Ok(TrialResult::Starved("No space left on device".into()))
                }
                2 | 3 => says(Verdict::Unresolved),
                _ => says(oracle(config)),
            }
        });
        let outcome = run(1, &mut workers).unwrap();
        assert_eq!(names(&outcome.best), ["C"], "{starves_first}");
    }
}

#[test]
fn a_start_that_starves_once_and_is_unresolved_once_does_not_stop_the_run() {
    let oracle = needs(&["C"]);
    let mut trials = 0;
    let mut workers = FakeWorkers::new(1, |_, config| {
        trials += 1;
        match trials {
            1 => says(Verdict::Unresolved),
            2 => Ok(TrialResult::Starved("No space left on device".into())),
            _ => says(oracle(config)),
        }
    });
    assert_eq!(names(&run(1, &mut workers).unwrap().best), ["C"]);
}

#[test]
fn a_broken_oracle_stops_the_run() {
    let mut workers = FakeWorkers::new(2, |_, _| Err(Error::failed("the oracle is broken")));
    assert_eq!(
        run(2, &mut workers).unwrap_err().to_string(),
        "the oracle is broken"
    );
}

#[test]
fn what_gives_no_verdict_is_tried_again_and_then_left_unproved() {
    let oracle = needs(&["C"]);
    let cannot = Symbol::new("C").unwrap();
    let mut workers = FakeWorkers::new(1, |_, config| {
        if config.get(&cannot).is_no() {
            return says(Verdict::Unresolved);
        }
        says(oracle(config))
    });
    let outcome = run(1, &mut workers).unwrap();
    assert_eq!(names(&outcome.best), ["C"]);
    assert!(!outcome.certificate.is_whole());
    let count = |f| workers.judged.iter().filter(|g| **g == f).count();
    let empty = Config::default().fingerprint();
    assert_eq!(count(empty), 2, "once more, and no more");
}

#[test]
fn the_best_files_always_hold_the_smallest_that_passed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let (_sender, signals) = unbounded();
    let oracle = needs(&["B", "C"]);
    let mut workers = FakeWorkers::new(1, |_, config| says(oracle(config)));
    let mut events = Vec::new();
    session(
        &path,
        &mut workers,
        Budget::default(),
        &signals,
        &mut events,
    )
    .unwrap();
    let fragment = std::fs::read_to_string(path.join(BEST_FRAGMENT)).unwrap();
    assert_eq!(fragment, "# over the base\nCONFIG_B=y\nCONFIG_C=y\n");
    assert!(
        events
            .iter()
            .any(|e| matches!(e, Event::NewBest { requests: 2, .. }))
    );
    assert!(events.iter().any(|e| matches!(
        e,
        Event::PhaseBegun {
            phase: Phase::Certifying
        }
    )));
}
