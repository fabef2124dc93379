//! Oracles that err, over the fake executor.

use super::*;
use crate::model::Confidence;

/// One sitting of a search that doubts.
fn doubting(
    path: &Path,
    executor: &mut FakeExecutor<'_>,
    budget: Budget,
    events: &mut Vec<Event>,
) -> crate::Result<Outcome> {
    let info = info();
    let full = RequestSet::full(info.requests.len());
    let search = search::doubting(
        "split",
        &full,
        &info.fixed,
        Options::default(),
        Confidence::default(),
    );
    let (_sender, signals) = unbounded();
    sitting_of(
        Box::new(search.unwrap()),
        path,
        executor,
        budget,
        &signals,
        events,
    )
}

/// Passes with A and B; but the `n`th configuration without them that is judged passes too.
fn mistaken(n: u32) -> impl FnMut(TrialId, &Config) -> crate::Result<TrialResult> {
    let judge = needs(&["A", "B"]);
    let mut failures = 0;
    move |_, config| {
        let verdict = judge(config);
        failures += u32::from(verdict.is_fail());
        says(if verdict.is_fail() && failures == n {
            Verdict::Pass
        } else {
            verdict
        })
    }
}

#[test]
fn a_best_that_passed_by_mistake_is_taken_back_in_the_files_too() {
    for n in 1..4 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        let mut executor = FakeExecutor::new(1, mistaken(n));
        let mut events = vec![];
        let outcome = doubting(&path, &mut executor, Budget::default(), &mut events).unwrap();
        assert_eq!(names(&outcome.best), ["A", "B"]);
        assert!(outcome.certificate.is_whole());
        assert_eq!(outcome.reliability.differed, 1);
        let fragment = std::fs::read_to_string(path.join(BEST_FRAGMENT)).unwrap();
        assert_eq!(fragment, "CONFIG_A=y\nCONFIG_B=y\n");
        let (_, lines) = RunDir::read(&path).unwrap();
        let bests = lines.iter().filter_map(|line| match &line.record {
            Record::Best { requests, .. } => Some(*requests),
            _ => None,
        });
        let bests: Vec<usize> = bests.collect();
        assert_eq!(bests.last(), Some(&2));
        let grows = bests.windows(2).any(|pair| pair[1] > pair[0]);
        assert!(grows, "{bests:?}");
    }
}

#[test]
fn what_is_asked_again_is_judged_again_whatever_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let judge = needs(&["A", "B"]);
    let mut executor = FakeExecutor::new(1, |_, config| says(judge(config)));
    let mut events = vec![];
    let path = dir.path().join("run");
    doubting(&path, &mut executor, Budget::default(), &mut events).unwrap();
    let again = events.iter().filter_map(|event| match event {
        Event::TrialEnded {
            round, judgement, ..
        } if *round > 0 => Some(judgement),
        _ => None,
    });
    let again: Vec<&Judgement> = again.collect();
    // The start twice more, the best once.
    assert_eq!(again.len(), 3);
    for judgement in again {
        assert_eq!(judgement.source, Source::Tested);
        let of = |fingerprint: &&Fingerprint| **fingerprint == judgement.fingerprint;
        assert!(executor.judged.iter().filter(of).count() > 1 || judgement.trial == TrialId(2));
    }
}

#[test]
fn a_run_that_doubts_goes_on_where_it_was_stopped() {
    let whole = tempfile::tempdir().unwrap();
    let mut executor = FakeExecutor::new(1, mistaken(2));
    let path = whole.path().join("run");
    let expected = doubting(&path, &mut executor, Budget::default(), &mut vec![]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let mut executor = FakeExecutor::new(1, mistaken(2));
    for trials in 1.. {
        let budget = Budget {
            trials: Some(trials),
            time: None,
        };
        let outcome = doubting(&path, &mut executor, budget, &mut vec![]).unwrap();
        if outcome.stopped.is_none() {
            assert_eq!(outcome, expected);
            return;
        }
        assert!(trials < 60, "it does not come to its end");
    }
}

#[test]
fn an_oracle_that_tosses_a_coin_ends_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut toss = 0;
    let mut executor = FakeExecutor::new(2, |_, _| {
        toss += 1;
        says(if toss % 2 == 0 {
            Verdict::Pass
        } else {
            Verdict::Fail(Stage::Oracle)
        })
    });
    let path = dir.path().join("run");
    let outcome = doubting(&path, &mut executor, Budget::default(), &mut vec![]).unwrap();
    assert!(outcome.reliability.is_hopeless());
    assert_eq!(outcome.stopped, None);
}
