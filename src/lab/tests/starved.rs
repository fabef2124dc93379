//! Trials during which the machine gives out.

use std::cell::Cell;

use super::*;
use crate::model::Confidence;

/// A fake that notes, for each trial that begins, of which config it is and how many reports have not been taken
/// yet: so many others are under way.
struct Noting<'j> {
    fake: FakeExecutor<'j>,
    begun: Vec<(Fingerprint, WorkerId, usize)>,
}

impl Executor for Noting<'_> {
    fn workers(&self) -> usize {
        self.fake.workers()
    }

    fn submit(&mut self, worker: WorkerId, spec: TrialSpec) {
        if let Work::Judge { config, .. } = &spec.work {
            let others = self.fake.reports.len();
            self.begun.push((config.fingerprint, worker, others));
        }
        self.fake.submit(worker, spec);
    }

    fn cancel(&mut self, worker: WorkerId) {
        self.fake.cancel(worker);
    }

    fn reports(&self) -> &Receiver<Report> {
        self.fake.reports()
    }
}

#[test]
fn a_trial_during_which_the_machine_gave_out_is_made_again_alone_by_another_worker() {
    let oracle = needs(&["B", "G"]);
    for number in 1..8 {
        let (mut count, starved) = (0, Cell::new(None));
        let fake = FakeExecutor::new(3, |_, config| {
            count += 1;
            if count == number {
                starved.set(Some(config.fingerprint()));
                return Ok(TrialResult::Starved("make was killed".into()));
            }
            says(oracle(config))
        });
        let mut executor = Noting {
            fake,
            begun: vec![],
        };
        let dir = tempfile::tempdir().unwrap();
        let (_sender, signals) = unbounded();
        let mut events = vec![];
        let (path, budget) = (dir.path().join("run"), Budget::default());
        let outcome = session(&path, &mut executor, budget, &signals, &mut events).unwrap();
        assert_eq!(names(&outcome.best), ["B", "G"]);
        let begun = executor.begun;
        let of_it: Vec<_> = begun
            .iter()
            .filter(|b| Some(b.0) == starved.get())
            .collect();
        assert_eq!(of_it.len(), 2, "trial {number}: {begun:?}");
        assert_ne!(of_it[0].1, of_it[1].1, "trial {number}");
        assert_eq!(of_it[1].2, 0, "trial {number}: {begun:?}");
    }
}

#[test]
fn a_machine_that_gives_out_twice_ends_the_session_and_the_next_one_goes_on() {
    let oracle = needs(&["B", "G"]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let (_sender, signals) = unbounded();
    let mut count = 0;
    let mut executor = FakeExecutor::new(2, |_, config| {
        count += 1;
        match count {
            5.. => Ok(TrialResult::Starved("make was killed".into())),
            _ => says(oracle(config)),
        }
    });
    let budget = Budget::default();
    let error = session(&path, &mut executor, budget, &signals, &mut vec![]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("twice") && text.ends_with(": make was killed"),
        "{text}"
    );
    assert!(error.hint_text().unwrap().contains("kbisect resume"));
    let judged = executor.judged.clone();
    let mut executor = FakeExecutor::new(2, |_, config| says(oracle(config)));
    let outcome = session(&path, &mut executor, budget, &signals, &mut vec![]).unwrap();
    assert_eq!(names(&outcome.best), ["B", "G"]);
    let again = executor.judged.iter().filter(|f| judged[..4].contains(f));
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
            let fake = FakeExecutor::new(3, |_, config| {
                count += 1;
                match count == number || count == number + 1 {
                    true => Ok(lost.clone()),
                    false => says(oracle(config)),
                }
            });
            let mut executor = Noting {
                fake,
                begun: vec![],
            };
            let (full, none) = (
                RequestSet::full(NAMES.len()),
                RequestSet::empty(NAMES.len()),
            );
            let (options, confidence) = (Options::default(), Confidence::default());
            let search = search::doubting("split", &full, &none, options, confidence).unwrap();
            let dir = tempfile::tempdir().unwrap();
            let (_sender, signals) = unbounded();
            let mut events = vec![];
            let (path, budget) = (dir.path().join("run"), Budget::default());
            let search = Box::new(search);
            let ended = session_of(search, &path, &mut executor, budget, &signals, &mut events);
            let Some([first, second]) = executor.begun.get(number - 1..number + 1) else {
                break;
            };
            // The second is not the first one made again.
            if first.0 != second.0 || first.1 == second.1 || second.2 == 0 {
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
    let mut executor = FakeExecutor::new(2, |_, config| match config.get(&cannot).is_no() {
        true => complains(),
        false => says(Verdict::Pass),
    });
    let outcome = run(2, &mut executor).unwrap();
    assert_eq!(names(&outcome.best), ["C"]);
    assert!(!outcome.certificate.is_whole());
    let times = |f: &Fingerprint| executor.judged.iter().filter(|other| *other == f).count();
    assert!(executor.judged.iter().all(|f| times(f) <= 2));
    // One that says so once was right.
    let (mut count, oracle) = (0, needs(&["C"]));
    let mut executor = FakeExecutor::new(2, |_, config| {
        count += 1;
        match count {
            3 => complains(),
            _ => says(oracle(config)),
        }
    });
    let outcome = run(2, &mut executor).unwrap();
    assert_eq!(names(&outcome.best), ["C"]);
    assert!(outcome.certificate.is_whole());
}
