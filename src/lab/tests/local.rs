//! The queue of this machine's workers, over a fake runner.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::*;
use crate::supervise::CancelToken;
use crate::trial::{News, Runner, Wish};

/// A trial that a worker makes, until the test says how it ends.
struct Running {
    worker: WorkerId,
    key: TrialKey,
    cancel: CancelToken,
    end: Sender<End>,
}

enum End {
    Fails,
    Panics,
}

impl Running {
    fn fails(self) {
        self.end.send(End::Fails).unwrap();
    }
}

/// A fake runner: shows what it makes, and waits for its end.
struct Showing(Sender<Running>);

impl Runner for Showing {
    fn run(
        &self,
        worker: WorkerId,
        spec: &TrialSpec,
        cancel: &CancelToken,
        _: &dyn Fn(News),
    ) -> crate::Result<TrialOutcome> {
        let (end, ends) = unbounded();
        let (key, cancel) = (spec.key, cancel.clone());
        let running = Running {
            worker,
            key,
            cancel,
            end,
        };
        self.0.send(running).unwrap();
        match ends.recv().unwrap() {
            End::Fails => {
                says(Verdict::Fail(Stage::Oracle)).map(|result| TrialOutcome::new(spec.key, result))
            }
            End::Panics => panic!("as the test wants"),
        }
    }
}

/// So many workers, and what they make.
fn showing(workers: usize) -> (LocalWorkers, Receiver<Running>) {
    let (sender, running) = unbounded();
    let runner: Arc<dyn Runner> = Arc::new(Showing(sender));
    let workers = LocalWorkers::start(&runner, workers, &CancelToken::new()).unwrap();
    (workers, running)
}

/// A trial that is like no other.
fn spec(n: u32, place: Place) -> TrialSpec {
    let work = Work::Resolve {
        fragment: Fragment::default(),
    };
    let needs = Needs::of_json(&serde_json::Value::Null);
    TrialSpec::new(work.key(0, n), work, &needs).wishing(Wish {
        place,
        ..Wish::default()
    })
}

/// The next end that is reported: of which trial, and by whom.
fn end(workers: &LocalWorkers) -> (TrialKey, Option<WorkerId>, crate::Result<TrialResult>) {
    loop {
        if let Report::Ended(key, worker, outcome) = workers.reports().recv().unwrap() {
            return (key, worker, outcome.map(|outcome| outcome.result));
        }
    }
}

#[test]
fn a_worker_that_panics_says_so_and_takes_the_next_trial() {
    let (mut workers, running) = showing(1);
    workers.offer(spec(0, Place::Anywhere));
    workers.offer(spec(1, Place::Anywhere));
    running.recv().unwrap().end.send(End::Panics).unwrap();
    let (key, worker, result) = end(&workers);
    assert_eq!((key.attempt, worker), (0, Some(WorkerId(0))));
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "worker 0 panicked");
    let next = running.recv().unwrap();
    assert_eq!(next.key.attempt, 1);
    next.fails();
    assert!(end(&workers).2.is_ok());
}

#[test]
fn a_trial_goes_to_the_worker_that_it_wishes_for_as_long_as_that_is_idle() {
    let (mut workers, running) = showing(3);
    let mut takes = |n, place| {
        workers.offer(spec(n, place));
        running.recv().unwrap()
    };
    let second = takes(0, Place::On(WorkerId(2)));
    assert_eq!(second.worker, WorkerId(2));
    // It is busy now: nobody waits for it.
    let other = takes(1, Place::On(WorkerId(2)));
    assert_ne!(other.worker, WorkerId(2));
    let last = takes(2, Place::On(WorkerId(7)));
    assert_ne!(last.worker, WorkerId(7), "there is no such worker");
    [second, other, last].into_iter().for_each(Running::fails);
}

#[test]
fn a_worker_whose_trial_is_reported_counts_as_idle() {
    let (mut workers, running) = showing(2);
    for n in 0..50 {
        let wished = WorkerId(n % 2);
        workers.offer(spec(n, Place::On(wished)));
        let now = running.recv().unwrap();
        assert_eq!(now.worker, wished, "{n}");
        now.fails();
        assert_eq!(end(&workers).1, Some(wished));
        // Also where the other one waits, too.
        workers.offer(spec(n + 100, Place::On(wished)));
        let again = running.recv().unwrap();
        assert_eq!(again.worker, wished, "{n}");
        again.fails();
        assert!(end(&workers).2.is_ok());
    }
}

#[test]
fn a_trial_goes_to_another_worker_if_another_one_is_idle() {
    let (mut workers, running) = showing(2);
    for n in 0..50 {
        let not = WorkerId(n % 2);
        workers.offer(spec(n, Place::NotOn(not)));
        let now = running.recv().unwrap();
        assert_ne!(now.worker, not);
        // The other one is the only one left.
        workers.offer(spec(n + 100, Place::NotOn(not)));
        let rest = running.recv().unwrap();
        assert_eq!(rest.worker, not);
        now.fails();
        rest.fails();
        assert!(end(&workers).2.is_ok());
        assert!(end(&workers).2.is_ok());
    }
    let (mut alone, running) = showing(1);
    alone.offer(spec(0, Place::NotOn(WorkerId(0))));
    running.recv().unwrap().fails();
    assert_eq!(end(&alone).1, Some(WorkerId(0)));
}

#[test]
fn what_is_retracted_before_anybody_took_it_is_not_made() {
    let (mut workers, running) = showing(1);
    for n in 0..3 {
        workers.offer(spec(n, Place::Anywhere));
    }
    let first = running.recv().unwrap();
    workers.retract(spec(1, Place::Anywhere).key);
    let (key, worker, result) = end(&workers);
    assert_eq!((key.attempt, worker), (1, None));
    assert_eq!(result.unwrap(), TrialResult::Cancelled);
    first.fails();
    let third = running.recv().unwrap();
    assert_eq!(third.key.attempt, 2);
    third.fails();
}

#[test]
fn what_is_retracted_while_it_is_made_is_cancelled_and_nothing_else() {
    let (mut workers, running) = showing(2);
    workers.offer(spec(0, Place::On(WorkerId(0))));
    workers.offer(spec(1, Place::On(WorkerId(1))));
    let both = [running.recv().unwrap(), running.recv().unwrap()];
    workers.retract(spec(1, Place::Anywhere).key);
    for one in both {
        assert_eq!(one.cancel.is_cancelled(), one.key.attempt == 1);
        one.fails();
    }
    let ended = [end(&workers), end(&workers)];
    assert!(ended.iter().all(|(.., result)| result.is_ok()), "{ended:?}");
    // It has ended: nothing happens.
    workers.retract(spec(1, Place::Anywhere).key);
    workers.offer(spec(1, Place::Anywhere));
    let again = running.recv().unwrap();
    assert!(!again.cancel.is_cancelled());
    again.fails();
}

/// A fake runner that goes on until it is cancelled.
struct Endless;

impl Runner for Endless {
    fn run(
        &self,
        _: WorkerId,
        spec: &TrialSpec,
        cancel: &CancelToken,
        _: &dyn Fn(News),
    ) -> crate::Result<TrialOutcome> {
        while !cancel.is_cancelled() {
            thread::yield_now();
        }
        Ok(TrialOutcome::new(spec.key, TrialResult::Cancelled))
    }
}

#[test]
fn workers_that_are_dropped_end_what_they_do_and_begin_nothing() {
    let runner: Arc<dyn Runner> = Arc::new(Endless);
    let mut workers = LocalWorkers::start(&runner, 1, &CancelToken::new()).unwrap();
    workers.offer(spec(0, Place::Anywhere));
    workers.offer(spec(1, Place::Anywhere));
    let reports = workers.reports().clone();
    let started = reports.recv().unwrap();
    assert!(matches!(started, Report::Started(_, key) if key.attempt == 0));
    drop(workers);
    let rest: Vec<Report> = reports.iter().collect();
    assert!(
        matches!(&rest[..], [Report::Ended(key, ..)] if key.attempt == 0),
        "{rest:?}"
    );
}

/// A fake runner that resolves and judges at once, and panics in one trial.
struct Quick {
    trials: AtomicU32,
    panics_in: u32,
}

impl Runner for Quick {
    fn run(
        &self,
        _: WorkerId,
        spec: &TrialSpec,
        _: &CancelToken,
        _: &dyn Fn(News),
    ) -> crate::Result<TrialOutcome> {
        let result = match &spec.work {
            Work::Resolve { fragment } => TrialResult::Resolved(resolve(fragment)),
            Work::Judge { config, .. } => {
                let trial = 1 + self.trials.fetch_add(1, Ordering::Relaxed);
                assert_ne!(trial, self.panics_in, "as the test wants");
                says(needs(&["B", "G"])(&config.config))?
            }
        };
        Ok(TrialOutcome::new(spec.key, result))
    }
}

#[test]
fn a_session_in_which_a_worker_panics_ends_and_the_next_one_comes_to_the_answer() {
    for count in [1, 2, 4] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        let (_sender, signals) = unbounded();
        let session = |panics_in| {
            let runner: Arc<dyn Runner> = Arc::new(Quick {
                trials: AtomicU32::new(0),
                panics_in,
            });
            let mut workers = LocalWorkers::start(&runner, count, &CancelToken::new()).unwrap();
            let (budget, events) = (Budget::default(), &mut vec![]);
            session(&path, &mut workers, budget, &signals, events)
        };
        let error = session(3).unwrap_err();
        assert!(error.to_string().ends_with("panicked"), "{error}");
        let outcome = session(0).unwrap();
        assert_eq!(names(&outcome.best), ["B", "G"]);
        assert!(outcome.certificate.is_whole());
    }
}
