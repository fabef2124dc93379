//! Trials during which the machine gives out.

use std::cell::Cell;

use super::*;
use crate::model::Confidence;

#[test]
fn a_trial_during_which_the_machine_gave_out_is_made_again_alone_by_another_worker() {
    let oracle = needs(&["B", "G"]);
    for number in 1..8 {
        let (mut count, starved) = (0, Cell::new(None));
        let mut workers = FakeWorkers::new(3, |_, config| {
            count += 1;
            if count == number {
                starved.set(Some(config.fingerprint()));
                return Ok(TrialResult::Starved("make was killed".into()));
            }
            says(oracle(config))
        });
        let dir = tempfile::tempdir().unwrap();
        let (_sender, signals) = unbounded();
        let mut events = vec![];
        let (path, budget) = (dir.path().join("run"), Budget::default());
        let outcome = session(&path, &mut workers, budget, &signals, &mut events).unwrap();
        assert_eq!(names(&outcome.best), ["B", "G"]);
        let begun = workers.begun;
        let of_it: Vec<_> = begun
            .iter()
            .filter(|b| Some(b.fingerprint) == starved.get())
            .collect();
        assert_eq!(of_it.len(), 2, "trial {number}: {begun:?}");
        assert_ne!(of_it[0].worker, of_it[1].worker, "trial {number}");
        assert_eq!(of_it[1].others, 0, "trial {number}: {begun:?}");
    }
}

#[test]
fn a_machine_that_gives_out_twice_ends_the_session_and_the_next_one_goes_on() {
    let oracle = needs(&["B", "G"]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let (_sender, signals) = unbounded();
    let mut count = 0;
    let mut workers = FakeWorkers::new(2, |_, config| {
        count += 1;
        match count {
            5.. => Ok(TrialResult::Starved("make was killed".into())),
            _ => says(oracle(config)),
        }
    });
    let budget = Budget::default();
    let error = session(&path, &mut workers, budget, &signals, &mut vec![]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("twice") && text.ends_with(": make was killed"),
        "{text}"
    );
    assert!(error.hint_text().unwrap().contains("kbisect resume"));
    let judged = workers.judged.clone();
    let mut workers = FakeWorkers::new(2, |_, config| says(oracle(config)));
    let outcome = session(&path, &mut workers, budget, &signals, &mut vec![]).unwrap();
    assert_eq!(names(&outcome.best), ["B", "G"]);
    let again = workers.judged.iter().filter(|f| judged[..4].contains(f));
    assert_eq!(again.count(), 0, "what had a verdict is not judged again");
}

#[test]
fn two_trials_of_one_config_that_lose_their_machine_together_are_each_made_again() {
    let unresolved = says(Verdict::Unresolved).unwrap();
    for lost in [TrialResult::Starved("make was killed".into()), unresolved] {
        let mut together = 0;
        for number in 1..40 {
            let oracle = needs(&["B", "G"]);
            let mut count = 0;
            let mut workers = FakeWorkers::new(3, |_, config| {
                count += 1;
                match count == number || count == number + 1 {
                    true => Ok(lost.clone()),
                    false => says(oracle(config)),
                }
            });
            let (full, none) = (
                RequestSet::full(NAMES.len()),
                RequestSet::empty(NAMES.len()),
            );
            let (options, confidence) = (Options::default(), Confidence::default());
            let search = Retesting::new(Algorithm::default(), &full, &none, options, confidence);
            let dir = tempfile::tempdir().unwrap();
            let (_sender, signals) = unbounded();
            let mut events = vec![];
            let (path, budget) = (dir.path().join("run"), Budget::default());
            let search = Box::new(search);
            let ended = session_of(search, &path, &mut workers, budget, &signals, &mut events);
            let Some([first, second]) = workers.begun.get(number - 1..number + 1) else {
                break;
            };
            // The second is not the first one made again.
            if first.fingerprint != second.fingerprint
                || first.worker == second.worker
                || second.others == 0
            {
                continue;
            }
            together += 1;
            let outcome = ended.unwrap();
            assert_eq!(names(&outcome.best), ["B", "G"]);
            let is_lost = |event: &&Event| matches!(event, Event::TrialEnded { judgement, .. } if judgement.verdict == Verdict::Unresolved);
            assert_eq!(events.iter().filter(is_lost).count(), 0, "trial {number}");
        }
        assert!(together > 0);
    }
}

#[test]
fn an_oracle_that_says_twice_that_the_machine_gave_out_gives_no_verdict_and_stops_nothing() {
    let complains = || {
        Ok(TrialResult::Complained {
            evidence: "sh: 3: Cannot fork".into(),
            image: None,
            timings: Timings::default(),
            origin: Origin::Earlier,
        })
    };
    // The guest cannot fork without C, and says no more.
    let cannot = Symbol::new("C").unwrap();
    let mut workers = FakeWorkers::new(2, |_, config| match config.get(&cannot).is_no() {
        true => complains(),
        false => says(Verdict::Pass),
    });
    let outcome = run(2, &mut workers).unwrap();
    assert_eq!(names(&outcome.best), ["C"]);
    assert!(!outcome.certificate.is_whole());
    let times = |f: &Fingerprint| workers.judged.iter().filter(|other| *other == f).count();
    assert!(workers.judged.iter().all(|f| times(f) <= 2));
    // One that says so once was right.
    let (mut count, oracle) = (0, needs(&["C"]));
    let mut workers = FakeWorkers::new(2, |_, config| {
        count += 1;
        match count {
            3 => complains(),
            _ => says(oracle(config)),
        }
    });
    let outcome = run(2, &mut workers).unwrap();
    assert_eq!(names(&outcome.best), ["C"]);
    assert!(outcome.certificate.is_whole());
}
