//! The dispatcher over workers that take steps: a test decides which trial ends when, and how.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use super::scripted::{Call, Scripted};
use super::*;
use crate::model::WorkerState;
use crate::trial::{Company, Wish};

mod start;
mod stopping;

/// What the dispatcher asks of the workers.
#[allow(clippy::large_enum_variant)]
enum Asked {
    Offered(TrialSpec),
    Retracted(TrialKey),
}

/// Fake workers: they hand on what is asked of them, and report what the test says.
struct SteppingWorkers {
    workers: usize,
    asked: Sender<Asked>,
    reports: Receiver<Report>,
}

impl Workers for SteppingWorkers {
    fn capacity(&self) -> usize {
        self.workers
    }

    fn offer(&mut self, spec: TrialSpec) {
        // A test that has seen enough is gone.
        let _ = self.asked.send(Asked::Offered(spec));
    }

    fn retract(&mut self, key: TrialKey) {
        let _ = self.asked.send(Asked::Retracted(key));
    }

    fn reports(&self) -> &Receiver<Report> {
        &self.reports
    }
}

/// A trial that is to be judged, as it was offered.
#[derive(Debug, Clone)]
struct Trial {
    key: TrialKey,
    trial: TrialId,
    config: Config,
    wish: Wish,
}

/// The other end of [`SteppingWorkers`]. Fragments are resolved at once.
struct Steps {
    asked: Receiver<Asked>,
    reports: Sender<Report>,
}

impl Steps {
    fn next(&self) -> Asked {
        loop {
            // A session that asks for nothing waits for a report: both would wait for ever.
            match self.asked.recv_timeout(Duration::from_secs(60)).unwrap() {
                Asked::Offered(TrialSpec {
                    key,
                    work: Work::Resolve { fragment },
                    ..
                }) => {
                    let result = TrialResult::Resolved(resolve(&fragment));
                    self.end(key, Some(0), Ok(result));
                }
                asked => return asked,
            }
        }
    }

    /// The next trial that is offered; nothing may be retracted before.
    fn offered(&self) -> Trial {
        match self.next() {
            Asked::Offered(TrialSpec {
                key,
                work: Work::Judge { trial, config, .. },
                wish,
                ..
            }) => Trial {
                key,
                trial,
                config: config.config,
                wish,
            },
            Asked::Offered(_) => panic!("it is resolved"),
            Asked::Retracted(key) => panic!("{key} is retracted"),
        }
    }

    /// The next trial that is retracted; none may be offered before.
    fn retracted(&self) -> TrialKey {
        match self.next() {
            Asked::Retracted(key) => key,
            Asked::Offered(spec) => panic!("{} is offered", spec.key),
        }
    }

    fn start(&self, trial: &Trial, worker: u32) {
        let report = Report::Started(WorkerId(worker), trial.key);
        self.reports.send(report).unwrap();
    }

    fn end(&self, key: TrialKey, worker: Option<u32>, result: crate::Result<TrialResult>) {
        let outcome = result.map(|result| TrialOutcome::new(key, result));
        let report = Report::Ended(key, worker.map(WorkerId), outcome);
        // The session may have ended since.
        let _ = self.reports.send(report);
    }

    fn judge(&self, trial: &Trial, worker: u32, verdict: Verdict) {
        self.start(trial, worker);
        self.end(trial.key, Some(worker), says(verdict));
    }
}

/// What came of a session.
struct Played {
    outcome: crate::Result<Outcome>,
    events: Vec<Event>,
    calls: Vec<Call>,
    /// What its journal says, in the end.
    records: Vec<Record>,
}

impl Played {
    fn told(&self) -> Vec<Judgement> {
        let told = |record: &Record| match record {
            Record::Told { judgement, .. } => Some(judgement.clone()),
            _ => None,
        };
        self.records.iter().filter_map(told).collect()
    }

    fn has_begun(&self) -> usize {
        let begun = |record: &&Record| matches!(record, Record::Began { .. });
        self.records.iter().filter(begun).count()
    }
}

/// One session of a scripted search, and who stops it.
struct Scene {
    dir: tempfile::TempDir,
    workers: usize,
    budget: Budget,
}

impl Scene {
    fn of(workers: usize) -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            workers,
            budget: Budget::default(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// Plays one session, in which the workers do what `play` says.
    fn play(&self, search: Scripted, play: impl FnOnce(Steps, &Sender<Signal>)) -> Played {
        let (to_steps, asked) = unbounded();
        let (reports, from_steps) = unbounded();
        let (stop, signals) = unbounded();
        let calls = Arc::clone(&search.calls);
        let mut workers = SteppingWorkers {
            workers: self.workers,
            asked: to_steps,
            reports: from_steps,
        };
        let steps = Steps { asked, reports };
        let (outcome, events) = thread::scope(|scope| {
            let session: ScopedJoinHandle<'_, _> = scope.spawn(|| {
                let mut events = vec![];
                let (path, search) = (self.path(), Box::new(search));
                let outcome = session_of(
                    search,
                    &path,
                    &mut workers,
                    self.budget,
                    &signals,
                    &mut events,
                );
                // Whoever waits for it to ask for more waits in vain.
                drop(workers);
                (outcome, events)
            });
            // Dropped at its end, also if it panics: the session waits for nothing more then.
            play(steps, &stop);
            session.join().unwrap()
        });
        let (_, lines) = RunDir::read(&self.path()).unwrap();
        let calls = calls.lock().unwrap().clone();
        Played {
            outcome,
            events,
            calls,
            records: lines.into_iter().map(|line| line.record).collect(),
        }
    }
}

const FAIL: Verdict = Verdict::Fail(Stage::Oracle);

#[test]
fn a_trial_that_a_pass_makes_pointless_is_cancelled_and_withdrawn() {
    let search = Scripted::new(&[&["A"], &["B"]]).pointless(0, &[1]);
    let played = Scene::of(2).play(search, |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.start(&second, 1);
        steps.judge(&first, 0, Verdict::Pass);
        assert_eq!(steps.retracted(), second.key);
        steps.end(second.key, Some(1), Ok(TrialResult::Cancelled));
    });
    assert_eq!(played.outcome.as_ref().unwrap().stopped, None);
    let calls = [Call::Told(0, Verdict::Pass), Call::Withdrawn(1)];
    assert_eq!(played.calls, calls);
    let cancelled = Event::TrialCancelled { trial: TrialId(3) };
    assert!(played.events.contains(&cancelled));
}

#[test]
fn a_verdict_that_comes_before_the_cancellation_counts() {
    let search = Scripted::new(&[&["A"], &["B", "C"]]).pointless(0, &[1]);
    let played = Scene::of(2).play(search, |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.judge(&first, 0, Verdict::Pass);
        assert_eq!(steps.retracted(), second.key);
        steps.judge(&second, 1, Verdict::Pass);
    });
    let passed = [0, 1].map(|id| Call::Told(id, Verdict::Pass));
    assert_eq!(played.calls, passed);
    assert_eq!(played.told().len(), 2);
    assert_eq!(played.outcome.unwrap().best.len(), NAMES.len() - 2);
}

#[test]
fn a_cancelled_trial_in_which_the_machine_gave_out_is_not_made_again() {
    let search = Scripted::new(&[&["A"], &["B"], &["C"]])
        .pointless(0, &[1])
        .pointless(2, &[]);
    let played = Scene::of(2).play(search, |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.judge(&first, 0, Verdict::Pass);
        assert_eq!(steps.retracted(), second.key);
        steps.end(
            second.key,
            Some(1),
            Ok(TrialResult::Starved("killed".into())),
        );
        let third = steps.offered();
        assert_eq!(third.trial, TrialId(4));
        steps.judge(&third, 0, FAIL);
    });
    let calls = [
        Call::Told(0, Verdict::Pass),
        Call::Withdrawn(1),
        Call::Told(2, FAIL),
    ];
    assert_eq!(played.calls, calls);
    assert_eq!(played.has_begun(), 3);
}

#[test]
fn a_trial_that_is_retracted_before_anybody_took_it_is_withdrawn() {
    let search = Scripted::new(&[&["A"], &["B"]]).pointless(0, &[1]);
    let played = Scene::of(2).play(search, |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.judge(&first, 0, Verdict::Pass);
        assert_eq!(steps.retracted(), second.key);
        steps.end(second.key, None, Ok(TrialResult::Cancelled));
    });
    assert_eq!(
        played.calls,
        [Call::Told(0, Verdict::Pass), Call::Withdrawn(1)]
    );
}

#[test]
fn what_is_known_to_be_pointless_when_it_is_resolved_is_not_built() {
    let search = Scripted::new(&[&["A"], &["B"]]).pointless(0, &[1]);
    let played = Scene::of(2).play(search, |steps, _| {
        let resolving = |asked| match asked {
            Asked::Offered(TrialSpec {
                key,
                work: Work::Resolve { fragment },
                ..
            }) => (key, fragment),
            _ => panic!("it is to be resolved first"),
        };
        let (first, config) = resolving(steps.asked.recv().unwrap());
        let (second, late) = resolving(steps.asked.recv().unwrap());
        steps.end(first, Some(0), Ok(TrialResult::Resolved(resolve(&config))));
        let trial = steps.offered();
        steps.judge(&trial, 0, Verdict::Pass);
        steps.end(second, Some(1), Ok(TrialResult::Resolved(resolve(&late))));
    });
    assert_eq!(
        played.calls,
        [Call::Told(0, Verdict::Pass), Call::Withdrawn(1)]
    );
    assert_eq!(played.has_begun(), 1);
}

#[test]
fn a_worker_that_fails_ends_the_session_and_what_gave_a_verdict_meanwhile_is_kept() {
    let scene = Scene::of(2);
    let search = || Scripted::new(&[&["A"], &["B"]]);
    let played = scene.play(search(), |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        let error = Error::failed("worker 0 panicked");
        steps.end(first.key, Some(0), Err(error));
        assert_eq!(steps.retracted(), second.key);
        steps.judge(&second, 1, FAIL);
    });
    let error = played.outcome.as_ref().unwrap_err();
    assert_eq!(error.to_string(), "worker 0 panicked");
    assert_eq!(played.calls, [Call::Told(1, FAIL)]);
}

#[test]
fn what_gave_no_verdict_is_offered_again_to_the_same_worker_under_another_key() {
    let played = Scene::of(2).play(Scripted::new(&[&["A"]]), |steps, _| {
        let first = steps.offered();
        steps.judge(&first, 1, Verdict::Unresolved);
        let second = steps.offered();
        assert_eq!(second.config, first.config);
        assert_eq!((first.key.attempt, second.key.attempt), (0, 1));
        assert_eq!(second.wish, Wish::on(WorkerId(1)));
        // It is known already, and is no end of the second.
        steps.end(first.key, Some(1), says(Verdict::Pass));
        steps.judge(&second, 1, FAIL);
    });
    assert_eq!(played.calls, [Call::Told(0, FAIL)]);
    assert_eq!(played.has_begun(), 2);
}

#[test]
fn what_lost_its_machine_is_made_again_alone_and_elsewhere() {
    let search = Scripted::new(&[&["A"], &["B"], &["C"]]);
    let played = Scene::of(2).play(search, |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.start(&first, 0);
        steps.start(&second, 1);
        steps.end(
            second.key,
            Some(1),
            Ok(TrialResult::Starved("killed".into())),
        );
        // Nothing is offered as long as the first is under way.
        steps.end(first.key, Some(0), says(FAIL));
        let again = steps.offered();
        assert_eq!(again.config, second.config);
        let Wish { place, company } = again.wish;
        let wanted = (Place::NotOn(WorkerId(1)), Company::Alone);
        assert_eq!((place, company), wanted);
        steps.judge(&again, 0, FAIL);
        // And nothing beside it.
        let third = steps.offered();
        assert_eq!(third.trial, TrialId(5));
        steps.judge(&third, 0, FAIL);
    });
    let told = [0, 1, 2].map(|id| Call::Told(id, FAIL));
    assert_eq!(played.calls, told);
}

#[test]
fn candidates_of_one_config_share_a_trial_and_it_is_cancelled_only_with_the_last() {
    let search = Scripted::new(&[&["A"], &["B"], &["B", "IDLE1"]]).pointless(0, &[1]);
    let played = Scene::of(3).play(search, |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.judge(&first, 0, Verdict::Pass);
        // Only one of the two that wait for it is pointless.
        steps.judge(&second, 1, FAIL);
        assert!(steps.asked.recv().is_err(), "nothing is retracted");
    });
    let calls = [
        Call::Told(0, Verdict::Pass),
        Call::Told(1, FAIL),
        Call::Told(2, FAIL),
    ];
    assert_eq!(played.calls, calls);
    assert_eq!(played.has_begun(), 2);
    let sources: Vec<Source> = played.told().iter().map(|j| j.source).collect();
    let expected = [Source::Tested, Source::Tested, Source::SameConfig];
    assert_eq!(sources, expected);

    let search = Scripted::new(&[&["A"], &["B"], &["B", "IDLE1"]]).pointless(0, &[1, 2]);
    let played = Scene::of(3).play(search, |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.judge(&first, 0, Verdict::Pass);
        assert_eq!(steps.retracted(), second.key);
        steps.end(second.key, Some(1), Ok(TrialResult::Cancelled));
    });
    let calls = [
        Call::Told(0, Verdict::Pass),
        Call::Withdrawn(1),
        Call::Withdrawn(2),
    ];
    assert_eq!(played.calls, calls);
}

#[test]
fn a_config_whose_trial_was_cancelled_gets_another_one_if_it_is_asked_for_again() {
    let search = Scripted::new(&[&["A"], &["B"], &["B", "IDLE1"]]).pointless(0, &[1]);
    let played = Scene::of(2).play(search, |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.judge(&first, 0, Verdict::Pass);
        assert_eq!(steps.retracted(), second.key);
        let third = steps.offered();
        assert_eq!(third.config, second.config);
        assert_ne!(third.key, second.key);
        steps.end(second.key, Some(1), Ok(TrialResult::Cancelled));
        steps.judge(&third, 0, FAIL);
    });
    let calls = [
        Call::Told(0, Verdict::Pass),
        Call::Withdrawn(1),
        Call::Told(2, FAIL),
    ];
    assert_eq!(played.calls, calls);
}

#[test]
fn a_worker_is_said_to_be_idle_when_it_has_nothing_to_do_any_more() {
    let search = Scripted::new(&[&["A"], &["B"]]);
    let played = Scene::of(2).play(search, |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.judge(&first, 1, FAIL);
        steps.judge(&second, 2, FAIL);
    });
    let idle = |event: &Event| match event {
        Event::Worker {
            worker,
            state: WorkerState::Idle,
        } => Some(worker.0),
        _ => None,
    };
    let idle: Vec<u32> = played.events.iter().filter_map(idle).collect();
    assert_eq!(idle, [1, 2]);
}

#[test]
fn an_outcome_that_comes_twice_counts_once() {
    let search = Scripted::new(&[&["A"], &["B"]]);
    let played = Scene::of(1).play(search, |steps, _| {
        let first = steps.offered();
        steps.judge(&first, 0, FAIL);
        steps.judge(&first, 0, FAIL);
        // Nor does another one, nor an error.
        steps.judge(&first, 0, Verdict::Pass);
        steps.end(first.key, Some(0), Err(Error::failed("too late")));
        let second = steps.offered();
        steps.judge(&second, 0, FAIL);
    });
    assert_eq!(played.outcome.as_ref().unwrap().stopped, None);
    assert_eq!(played.calls, [0, 1].map(|id| Call::Told(id, FAIL)));
    assert_eq!(played.told().len(), 2);
}

#[test]
fn a_trial_is_in_the_journal_before_it_is_offered() {
    let scene = Scene::of(1);
    let path = scene.path();
    scene.play(Scripted::new(&[&["A"]]), |steps, _| {
        let first = steps.offered();
        let (_, lines) = RunDir::read(&path).unwrap();
        let is_it = |record: &Record| matches!(record, Record::Began { trial, fingerprint, .. } if (*trial, *fingerprint) == (first.trial, first.key.of));
        assert!(lines.iter().any(|line| is_it(&line.record)));
        steps.judge(&first, 0, FAIL);
    });
}
