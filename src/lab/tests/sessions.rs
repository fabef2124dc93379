//! Runs that stop and go on.

use super::*;

/// A session without a budget.
fn to_its_end(path: &Path, workers: &mut dyn Workers, signals: &Receiver<Signal>) -> Outcome {
    session(path, workers, Budget::default(), signals, &mut vec![]).unwrap()
}

#[test]
fn a_run_that_stops_after_each_trial_comes_to_the_same_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let (_sender, signals) = unbounded();
    let mut judged = Vec::new();
    let mut sessions = 0;
    let outcome = loop {
        sessions += 1;
        let oracle = needs(&["B", "E", "F"]);
        let mut workers = FakeWorkers::new(2, |_, config| says(oracle(config)));
        // The count of trials begins anew in each session of this test, after the start's.
        let budget = Budget {
            time: None,
            trials: Some(2),
        };
        let outcome = session(&path, &mut workers, budget, &signals, &mut vec![]).unwrap();
        judged.extend(workers.judged.iter().copied());
        if outcome.stopped.is_none() {
            break outcome;
        }
        assert_eq!(outcome.stopped, Some(Stopped::Trials));
        assert!(sessions < 100);
    };
    assert_eq!(names(&outcome.best), ["B", "E", "F"]);
    assert!(outcome.certificate.is_whole());
    assert!(sessions > 3);
    let distinct: BTreeSet<_> = judged.iter().collect();
    assert_eq!(distinct.len(), judged.len(), "nothing is asked twice");
}

#[test]
fn a_request_to_stop_ends_the_session_and_loses_no_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let (sender, signals) = unbounded();
    let oracle = needs(&["D"]);
    let mut workers = FakeWorkers::new(2, |trial, config| {
        if trial == TrialId(4) {
            sender.send(Signal::Stop).unwrap();
        }
        says(oracle(config))
    });
    let outcome = to_its_end(&path, &mut workers, &signals);
    assert_eq!(outcome.stopped, Some(Stopped::Interrupted));
    let mut workers = FakeWorkers::new(2, |_, config| says(oracle(config)));
    let outcome = to_its_end(&path, &mut workers, &signals);
    assert_eq!(names(&outcome.best), ["D"]);
}

#[test]
fn a_finished_run_that_is_resumed_tries_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let (_sender, signals) = unbounded();
    for _ in 0..2 {
        let oracle = needs(&["A", "F"]);
        let mut workers = FakeWorkers::new(8, |_, config| says(oracle(config)));
        let resumed = path.exists();
        let outcome = to_its_end(&path, &mut workers, &signals);
        assert_eq!(names(&outcome.best), ["A", "F"]);
        assert_eq!(
            workers.judged.is_empty(),
            resumed,
            "what is in flight at the end is withdrawn"
        );
    }
}

#[test]
fn a_search_that_ends_with_its_budget_is_finished() {
    let oracle = needs(&["B", "D"]);
    let trials = |limit| {
        let dir = tempfile::tempdir().unwrap();
        let (_sender, signals) = unbounded();
        let mut workers = FakeWorkers::new(1, |_, config| says(oracle(config)));
        let budget = Budget {
            time: None,
            trials: limit,
        };
        let path = dir.path().join("run");
        let outcome = session(&path, &mut workers, budget, &signals, &mut vec![]).unwrap();
        (workers.judged.len() as u32, outcome.stopped)
    };
    let (all, stopped) = trials(None);
    assert_eq!(stopped, None);
    // The start's counts too.
    assert_eq!(trials(Some(all + 1)), (all, None));
    assert_eq!(trials(Some(all)), (all - 1, Some(Stopped::Trials)));
}

#[test]
fn a_known_config_whose_file_is_gone_is_resolved_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let (_sender, signals) = unbounded();
    let oracle = needs(&["B", "C"]);
    let trials = path.join("trials");
    let mut workers = FakeWorkers::new(1, |trial, config| {
        for old in 2..trial.0 {
            let _ = std::fs::remove_dir_all(trials.join(format!("{old:04}")));
        }
        says(oracle(config))
    });
    let outcome = to_its_end(&path, &mut workers, &signals);
    assert_eq!(names(&outcome.best), ["B", "C"]);
}
