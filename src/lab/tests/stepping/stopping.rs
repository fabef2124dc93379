//! Sessions that end before their search.

use super::*;

#[test]
fn a_stop_keeps_the_verdict_that_was_quicker_and_leaves_the_rest_in_flight() {
    let scene = Scene::of(2);
    let search = || Scripted::new(&[&["A"], &["B"], &["C"]]);
    let played = scene.play(search(), |steps, stop| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.start(&first, 0);
        steps.start(&second, 1);
        stop.send(Signal::Stop).unwrap();
        let retracted = [steps.retracted(), steps.retracted()];
        assert_eq!(retracted, [first.key, second.key]);
        steps.end(second.key, Some(1), Ok(TrialResult::Cancelled));
        steps.end(first.key, Some(0), says(FAIL));
    });
    let stopped = played.outcome.as_ref().unwrap().stopped;
    assert_eq!(stopped, Some(Stopped::Interrupted));
    assert_eq!(played.calls, [Call::Told(0, FAIL)]);
    let withdrawn = |record: &&Record| matches!(record, Record::Withdrawn { .. });
    assert_eq!(played.records.iter().filter(withdrawn).count(), 0);
    // The second is offered first when the run goes on, under a key of its own.
    let played = scene.play(search(), |steps, _| {
        let (second, third) = (steps.offered(), steps.offered());
        assert_eq!(second.key.attempt, 1);
        assert_eq!((second.trial, third.trial), (TrialId(4), TrialId(5)));
        steps.judge(&third, 0, FAIL);
        steps.judge(&second, 1, FAIL);
    });
    let calls = [0, 2, 1].map(|id| Call::Told(id, FAIL));
    assert_eq!(played.calls, calls, "the first by the replay");
}

#[test]
fn a_trial_that_is_cancelled_with_the_whole_run_ends_the_session_and_stays_in_flight() {
    let scene = Scene::of(1);
    let search = || Scripted::new(&[&["A"], &["B"]]);
    let played = scene.play(search(), |steps, _| {
        let first = steps.offered();
        steps.start(&first, 0);
        // Nobody retracted it.
        steps.end(first.key, Some(0), Ok(TrialResult::Cancelled));
        assert!(steps.asked.recv().is_err(), "nothing more is asked for");
    });
    let error = played.outcome.as_ref().unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Interrupted, "{error}");
    let cancelled = Event::TrialCancelled { trial: TrialId(2) };
    assert!(played.events.contains(&cancelled));
    assert_eq!(played.calls, [], "it is not withdrawn");
    let played = scene.play(search(), |steps, _| {
        for trial in [3, 4].map(TrialId) {
            let offered = steps.offered();
            assert_eq!(offered.trial, trial);
            steps.judge(&offered, 0, FAIL);
        }
    });
    assert_eq!(played.calls, [0, 1].map(|id| Call::Told(id, FAIL)));
}

#[test]
fn no_more_trials_are_offered_than_the_budget_has_left() {
    let mut scene = Scene::of(3);
    // The start's is the first.
    scene.budget.trials = Some(3);
    let search = Scripted::new(&[&["A"], &["B"], &["C"], &["D"]]);
    let played = scene.play(search, |steps, _| {
        let (first, second) = (steps.offered(), steps.offered());
        steps.judge(&first, 0, FAIL);
        steps.judge(&second, 1, FAIL);
        assert!(steps.asked.recv().is_err(), "nothing more is asked for");
    });
    assert_eq!(
        played.outcome.as_ref().unwrap().stopped,
        Some(Stopped::Trials)
    );
    assert_eq!(played.has_begun(), 2);
}
