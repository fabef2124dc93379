//! Oracles that err, over the fake workers.

use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::model::Confidence;

/// One session of a search that doubts.
fn doubting(
    path: &Path,
    workers: &mut FakeWorkers<'_>,
    budget: Budget,
    events: &mut Vec<Event>,
) -> crate::Result<Outcome> {
    let info = info();
    let full = RequestSet::full(info.requests.len());
    let search = Retesting::new(
        Algorithm::GroupTesting,
        &full,
        &info.keep,
        Options::default(),
        Confidence::default(),
    );
    let (_sender, signals) = unbounded();
    session_of(Box::new(search), path, workers, budget, &signals, events)
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
    let mut grew = 0;
    for n in 1..5 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        let mut workers = FakeWorkers::new(1, mistaken(n));
        let mut events = vec![];
        let outcome = doubting(&path, &mut workers, Budget::default(), &mut events).unwrap();
        assert_eq!(names(&outcome.best), ["A", "B"]);
        assert!(outcome.certificate.is_whole());
        assert_eq!(outcome.reliability.differed, 1);
        let fragment = std::fs::read_to_string(path.join(BEST_FRAGMENT)).unwrap();
        assert_eq!(fragment, "# over the base\nCONFIG_A=y\nCONFIG_B=y\n");
        let (_, lines) = RunDir::read(&path).unwrap();
        let bests = lines.iter().filter_map(|line| match &line.record {
            Record::Best { requests, .. } => Some(*requests),
            _ => None,
        });
        let bests: Vec<usize> = bests.collect();
        assert_eq!(bests.last(), Some(&2));
        grew += u32::from(bests.windows(2).any(|pair| pair[1] > pair[0]));
        let warnings = events.iter().filter(|event| {
            matches!(event, Event::Warning { text } if text.starts_with("the oracle contradicts itself"))
        });
        assert_eq!(warnings.count(), 1, "at the first time, and not each time");
    }
    // The others passed by mistake where that was asked for a second time at once.
    assert!(grew >= 2, "{grew} times");
}

#[test]
fn what_is_asked_again_is_judged_again_whatever_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let judge = needs(&["A", "B"]);
    let mut workers = FakeWorkers::new(1, |_, config| says(judge(config)));
    let mut events = vec![];
    let path = dir.path().join("run");
    doubting(&path, &mut workers, Budget::default(), &mut events).unwrap();
    let again = events.iter().filter_map(|event| match event {
        Event::TrialEnded {
            round, judgement, ..
        } if *round > 0 => Some(judgement),
        _ => None,
    });
    let again: Vec<&Judgement> = again.collect();
    // The start twice more, both proofs once, and the best until it is sure.
    assert!(again.len() > 5, "{}", again.len());
    for judgement in again {
        assert_eq!(judgement.source, Source::Tested);
        let of = |fingerprint: &&Fingerprint| **fingerprint == judgement.fingerprint;
        assert!(workers.judged.iter().filter(of).count() > 1 || judgement.trial == TrialId(2));
    }
}

#[test]
fn a_run_that_doubts_goes_on_where_it_was_stopped() {
    let whole = tempfile::tempdir().unwrap();
    let mut workers = FakeWorkers::new(1, mistaken(2));
    let path = whole.path().join("run");
    let expected = doubting(&path, &mut workers, Budget::default(), &mut vec![]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let mut workers = FakeWorkers::new(1, mistaken(2));
    for trials in 1.. {
        let budget = Budget {
            trials: Some(trials),
            time: None,
        };
        let outcome = doubting(&path, &mut workers, budget, &mut vec![]).unwrap();
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
    let mut workers = FakeWorkers::new(2, |_, _| {
        toss += 1;
        says(if toss % 2 == 0 {
            Verdict::Pass
        } else {
            Verdict::Fail(Stage::Oracle)
        })
    });
    let path = dir.path().join("run");
    let outcome = doubting(&path, &mut workers, Budget::default(), &mut vec![]).unwrap();
    assert!(outcome.reliability.is_hopeless());
    assert_eq!(outcome.stopped, None);
}

/// The start's trials: what came of them, with so many answers of the oracle one after the other.
fn start(answers: &[Verdict]) -> (crate::Result<Judgement>, Vec<Event>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let info = info();
    let (dir, mut journal) = RunDir::create(&dir.path().join("run"), &info).unwrap();
    let mut left = answers.iter();
    let mut workers = FakeWorkers::new(1, |_, _| says(*left.next().unwrap()));
    let (_sender, signals) = unbounded();
    let mut events = vec![];
    let mut sink = |event: &Event| events.push(event.clone());
    let full = RequestSet::full(info.requests.len());
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
    lab.cause = &|_| {
        Some(crate::lab::Cause {
            text: "VIRTIO_NET=m: the guest loads no modules".to_owned(),
            way_out: "--modules keep".to_owned(),
        })
    };
    let config = resolve(&fragment_of(&info.requests, &full));
    let judgement = lab.judge_start(&config, &full);
    // A refusal that was followed by another try is on record.
    let refused = lab.refused;
    let of = |journal: &[crate::journal::Line]| {
        let fails = |line: &&crate::journal::Line| matches!(&line.record, Record::Start { judgement, .. } if judgement.verdict.is_fail());
        journal.iter().filter(fails).count() as u32
    };
    let (_, lines) = RunDir::read(dir.path()).unwrap();
    assert_eq!(of(&lines), refused);
    let judged = workers.judged.len();
    (judgement, events, judged)
}

#[test]
fn a_start_that_is_refused_is_judged_once_more() {
    let (pass, fail) = (Verdict::Pass, Verdict::Fail(Stage::Oracle));
    let (judgement, events, _) = start(&[fail, pass]);
    assert_eq!(judgement.unwrap().trial, TrialId(2));
    let says = |word: &str| {
        let has = |event: &Event| matches!(event, Event::Warning { text } if text.contains(word));
        events.iter().any(has)
    };
    assert!(says("once more") && says("contradicts itself"));
    let (judgement, _, judged) = start(&[fail, fail]);
    let error = judgement.unwrap_err();
    assert_eq!((error.kind(), judged), (crate::ErrorKind::StartFails, 2));
    let text = error.to_string();
    let told = ". The start has VIRTIO_NET=m: the guest loads no modules";
    assert!(text.ends_with(told), "{text}");
    assert!(error.hint_text().unwrap().starts_with("--modules keep; "));
    // What does not build is no matter of chance.
    let (judgement, _, judged) = start(&[Verdict::Fail(Stage::Build)]);
    let error = judgement.unwrap_err();
    assert_eq!((error.kind(), judged), (crate::ErrorKind::StartFails, 1));
    assert!(!error.to_string().contains("VIRTIO_NET=m"), "{error}");
    // Without an answer, it is asked once more, and not for ever.
    let (judgement, ..) = start(&[Verdict::Unresolved, fail, pass]);
    assert!(judgement.unwrap().verdict.is_pass());
    let (judgement, _, judged) = start(&[Verdict::Unresolved, Verdict::Unresolved]);
    assert!(judgement.is_err() && judged == 2);
}

#[test]
fn what_is_judged_once_more_goes_to_the_worker_that_has_it_in_its_tree() {
    let dir = tempfile::tempdir().unwrap();
    let judge = needs(&["A", "B"]);
    let mut workers = FakeWorkers::new(3, |_, config| says(judge(config)));
    let mut events = vec![];
    let path = dir.path().join("run");
    doubting(&path, &mut workers, Budget::default(), &mut events).unwrap();
    let (_, lines) = RunDir::read(&path).unwrap();
    let by_trial: HashMap<TrialId, WorkerId> =
        workers.begun.iter().map(|b| (b.trial, b.worker)).collect();
    let mut proofs: BTreeMap<Fingerprint, Vec<WorkerId>> = BTreeMap::new();
    for line in &lines {
        if let Record::Told { judgement, .. } = &line.record
            && judgement.verdict.is_fail()
        {
            let of = proofs.entry(judgement.fingerprint).or_default();
            of.push(by_trial[&judgement.trial]);
        }
    }
    // What passed is in the base, which all have.
    let proofs: Vec<Vec<WorkerId>> = proofs.into_values().filter(|w| w.len() > 1).collect();
    assert_eq!(proofs.len(), 2);
    assert!(proofs.iter().all(|w| w[0] == w[1]), "{proofs:?}");
}
