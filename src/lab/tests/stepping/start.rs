//! The start, which somebody stops.

use super::*;
use crate::ErrorKind;

/// Judges the start, and stops it while its first trial is made, which ends like this all the same. What comes of it,
/// and how many verdicts of the start are on record.
fn stopped(result: TrialResult) -> (ErrorKind, usize, Vec<Event>) {
    let temp = tempfile::tempdir().unwrap();
    let info = info();
    let (dir, mut journal) = RunDir::create(&temp.path().join("run"), &info).unwrap();
    let (to_steps, asked) = unbounded();
    let (reports, from_steps) = unbounded();
    let (stop, signals) = unbounded();
    let full = RequestSet::full(info.requests.len());
    let config = resolve(&fragment_of(&info.requests, &full));
    let (error, events) = thread::scope(|scope| {
        // Dropped if a step panics: the session waits for nothing more then.
        let steps = Steps { asked, reports };
        let session = scope.spawn(|| {
            let mut workers = SteppingWorkers {
                workers: 1,
                asked: to_steps,
                reports: from_steps,
            };
            let mut events = vec![];
            let mut sink = |event: &Event| events.push(event.clone());
            let site = FakeSite::default();
            let mut lab = lab_of(
                &mut workers,
                &site,
                &dir,
                &mut journal,
                &info,
                &signals,
                &mut sink,
            );
            let error = lab.judge_start(&config, &full).unwrap_err();
            drop(workers);
            (error, events)
        });
        let first = steps.offered();
        steps.start(&first, 0);
        stop.send(Signal::Stop).unwrap();
        assert_eq!(steps.retracted(), first.key);
        steps.end(first.key, Some(0), Ok(result));
        assert!(steps.asked.recv().is_err(), "it is made once more");
        session.join().unwrap()
    });
    let (_, lines) = RunDir::read(dir.path()).unwrap();
    let start = |line: &&crate::journal::Line| matches!(line.record, Record::Start { .. });
    let starts = lines.iter().filter(start).count();
    (error.kind(), starts, events)
}

#[test]
fn a_stop_during_the_start_ends_the_run_with_the_verdict_on_disk_that_was_quicker() {
    for verdict in [Verdict::Pass, FAIL] {
        let (kind, starts, events) = stopped(says(verdict).unwrap());
        assert_eq!((kind, starts), (ErrorKind::Interrupted, 1), "{verdict:?}");
        let is_told =
            |event: &Event| matches!(event, Event::Note { text } if text.starts_with("stopping"));
        assert_eq!(events.iter().filter(|event| is_told(event)).count(), 1);
    }
}

#[test]
fn a_start_without_a_verdict_that_was_stopped_is_not_made_again() {
    let starved = TrialResult::Starved("No space left on device".into());
    let unresolved = says(Verdict::Unresolved).unwrap();
    for result in [starved, unresolved, TrialResult::Cancelled] {
        let (kind, starts, _) = stopped(result);
        assert_eq!((kind, starts), (ErrorKind::Interrupted, 0));
    }
}
