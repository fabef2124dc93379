//! What the fold makes of records.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::{Config, Stage, Timings, WorkerId};

const FAIL: Verdict = Verdict::Fail(Stage::Oracle);
const PASS: Verdict = Verdict::Pass;

fn judgement(trial: u32, verdict: Verdict) -> Judgement {
    Judgement {
        trial: TrialId(trial),
        fingerprint: Fingerprint([trial as u8; 32]),
        verdict,
        source: Source::Tested,
        evidence: None,
        image: None,
        image_size: None,
        lines: trial,
        timings: Timings::default(),
        origin: Origin::Earlier,
    }
}

fn start(trial: u32, verdict: Verdict) -> Record {
    Record::Start {
        by: None,
        judgement: Judgement {
            fingerprint: Config::default().fingerprint(),
            ..judgement(trial, verdict)
        },
        files: BTreeMap::new(),
    }
}

/// A set of three.
fn set(ids: &[u32]) -> RequestSet {
    RequestSet::of(3, ids.iter().map(|id| RequestId(*id)))
}

fn proposed(id: u32, ids: &[u32]) -> Record {
    Record::Proposed {
        candidate: Candidate {
            id: CandidateId(id),
            keep: set(ids),
            round: 0,
            origin: Origin::Earlier,
        },
    }
}

fn told(id: u32, trial: u32, verdict: Verdict) -> Record {
    Record::Told {
        by: None,
        candidate: CandidateId(id),
        judgement: judgement(trial, verdict),
    }
}

fn best(trial: u32, keep: Option<&[u32]>) -> Record {
    Record::Best {
        trial: TrialId(trial),
        requests: keep.map_or(0, <[u32]>::len),
        lines: trial,
        keep: keep.map(set),
        files: std::collections::BTreeMap::new(),
    }
}

fn state(records: &[Record]) -> RunState {
    let line = |record: &Record| Line {
        elapsed: Duration::from_secs(1),
        record: record.clone(),
    };
    RunState::of(&records.iter().map(line).collect::<Vec<_>>())
}

/// The requests of the best, and the trial that it passed in first.
fn best_of(state: &RunState) -> (Vec<u32>, u32) {
    let best = state.best(3).unwrap();
    let trial = state.best_passed().unwrap().trial.0;
    (best.iter().map(|id| id.0).collect(), trial)
}

#[test]
fn a_pass_that_was_taken_back_is_not_the_best() {
    let begun = [
        start(1, PASS),
        best(1, Some(&[0, 1, 2])),
        proposed(0, &[0, 1]),
        told(0, 2, PASS),
        best(2, Some(&[0, 1])),
    ];
    assert_eq!(best_of(&state(&begun)), (vec![0, 1], 2));
    let back = [&begun[..], &[best(1, Some(&[0, 1, 2]))]].concat();
    let state = state(&back);
    assert_eq!(best_of(&state), (vec![0, 1, 2], 1));
    assert_eq!(state.progress(3).lines, 1);
}

#[test]
fn a_pass_that_is_not_believed_yet_is_not_the_best() {
    let records = [
        start(1, PASS),
        best(1, Some(&[0, 1, 2])),
        proposed(0, &[0]),
        told(0, 2, PASS),
    ];
    assert_eq!(best_of(&state(&records)), (vec![0, 1, 2], 1));
}

#[test]
fn where_no_best_names_its_requests_it_is_the_smallest_that_passes() {
    // As version 1 wrote it.
    let mut records = vec![
        start(1, PASS),
        best(1, None),
        proposed(0, &[0, 1]),
        told(0, 2, PASS),
        best(2, None),
        proposed(1, &[0]),
        told(1, 3, FAIL),
    ];
    assert_eq!(best_of(&state(&records)), (vec![0, 1], 2));
    // Another of its size does not replace it.
    records.extend([proposed(2, &[1, 2]), told(2, 4, PASS)]);
    assert_eq!(best_of(&state(&records)), (vec![0, 1], 2));
    // A run that was killed before it noted its first best goes on: two of three say no.
    records.extend([told(0, 5, FAIL), told(0, 6, FAIL)]);
    assert_eq!(best_of(&state(&records)), (vec![1, 2], 4));
    records.extend([told(2, 7, FAIL), told(2, 8, FAIL)]);
    assert_eq!(best_of(&state(&records)), (vec![0, 1, 2], 1));
    // From the first set that is noted on, the journal names the best.
    records.extend([told(1, 9, PASS), told(1, 10, PASS)]);
    assert_eq!(best_of(&state(&records)), (vec![0], 9));
    records.push(best(1, Some(&[0, 1, 2])));
    assert_eq!(best_of(&state(&records)), (vec![0, 1, 2], 1));
}

#[test]
fn a_start_that_is_judged_again_is_the_baseline_and_a_call_of_the_search() {
    let mut records = vec![
        start(1, FAIL),
        start(2, PASS),
        start(7, FAIL),
        start(8, PASS),
    ];
    let known = state(&records);
    assert_eq!(known.start.unwrap().trial, TrialId(8));
    assert_eq!(known.refused, 1);
    assert_eq!(known.calls, [2, 3]);
    // A search that begins anew is told of all of them at once.
    records.extend([Record::Anew { at: 0 }, start(9, FAIL)]);
    let anew = state(&records);
    assert_eq!((anew.refused, anew.calls), (2, vec![5]));
}

#[test]
fn a_start_without_a_verdict_has_not_passed() {
    let state = state(&[start(1, Verdict::Unresolved)]);
    assert_eq!((&state.start, state.best(3)), (&None, None));
    assert_eq!(state.progress(3).unresolved, 1);
}

#[test]
fn what_the_start_was_built_from_is_that_of_the_present_search() {
    let from_empty = |trial| {
        let mut record = start(trial, PASS);
        if let Record::Start { judgement, .. } = &mut record {
            judgement.origin = Origin::Empty;
        }
        record
    };
    // Told otherwise when it is replayed, the search could go another way.
    let mut records = vec![start(1, PASS), from_empty(2)];
    assert_eq!(state(&records).start_origin, Origin::Earlier);
    records.push(Record::Anew { at: 0 });
    assert_eq!(state(&records).start_origin, Origin::Empty);
    assert_eq!(state(&[from_empty(1)]).start_origin, Origin::Empty);
}

#[test]
fn a_search_that_begins_anew_has_its_own_candidates() {
    let mut records = vec![
        start(1, PASS),
        proposed(0, &[0]),
        told(0, 2, FAIL),
        proposed(1, &[1]),
        Record::Anew { at: 0 },
    ];
    assert_eq!(state(&records).of_candidate(CandidateId(0)), None);
    assert!(state(&records).calls.is_empty());
    records.extend([proposed(0, &[2]), told(0, 3, PASS)]);
    let state = state(&records);
    assert_eq!(state.of_candidate(CandidateId(0)).unwrap().trial.0, 3);
    assert_eq!(state.calls, [5, 6]);
    // What was found out is not lost.
    assert!(state.ballot(&set(&[0])).unwrap().fail().is_some());
    assert_eq!(state.judged.len(), 3);
}

#[test]
fn a_withdrawn_candidate_is_a_call_and_gives_no_verdict() {
    let withdrawn = Record::Withdrawn {
        candidate: CandidateId(0),
    };
    let state = state(&[start(1, PASS), proposed(0, &[0]), withdrawn]);
    assert_eq!(state.calls, [1, 2]);
    assert_eq!(state.ballot(&set(&[0])), None);
}

#[test]
fn a_failure_from_an_empty_tree_is_none_of_a_set_that_passes() {
    let again = Record::Proposed {
        candidate: Candidate {
            id: CandidateId(1),
            keep: set(&[0]),
            round: 1,
            origin: Origin::Empty,
        },
    };
    let records = [
        start(1, PASS),
        proposed(0, &[0]),
        told(0, 2, PASS),
        again.clone(),
        told(1, 3, FAIL),
    ];
    assert_eq!(state(&records).differed(), 0);
    // Of a set that fails it is one more.
    let records = [
        start(1, PASS),
        proposed(0, &[0]),
        told(0, 2, FAIL),
        again,
        told(1, 3, FAIL),
    ];
    let state = state(&records);
    assert_eq!(state.ballot(&set(&[0])).unwrap().counts(), (2, 0));
}

#[test]
fn a_set_that_resolved_to_two_configs_keeps_the_first() {
    let resolved = |byte| Record::Resolved {
        candidate: CandidateId(0),
        fingerprint: Fingerprint([byte; 32]),
    };
    // The second ended a session with an error, and must end the next one too.
    let state = state(&[start(1, PASS), proposed(0, &[0]), resolved(2), resolved(3)]);
    let config = state.verdicts.fingerprint(&set(&[0]));
    assert_eq!(config, Some(Fingerprint([2; 32])));
}

#[test]
fn a_run_that_is_resumed_is_not_over_any_more() {
    let stopped = Record::Interrupted {
        at: 0,
        why: "the time is used up".into(),
    };
    let mut records = vec![
        Record::Started { at: 0 },
        start(1, PASS),
        stopped,
        Record::Resumed { at: 1 },
        Record::Certified { entries: vec![] },
        Record::Finished {
            at: 2,
            ending: Ending::Minimal,
            risk: Some(0.1),
        },
    ];
    assert_eq!(state(&records[..3]).gave_up(), Some("the time is used up"));
    let over = state(&records);
    assert_eq!((over.sessions, over.gave_up()), (2, None));
    assert!(over.certified.is_some() && over.risk.is_some());
    assert_eq!(over.ending, Some(Ending::Minimal));
    records.push(Record::Resumed { at: 3 });
    let open = state(&records);
    assert_eq!((open.ending, open.risk, open.certified), (None, None, None));
}

#[test]
fn who_made_a_trial_is_known_of_what_a_trial_said() {
    let taken = Taken {
        worker: WorkerId(1),
        at: 1200,
    };
    let mut by = told(0, 2, FAIL);
    if let Record::Told { by, .. } = &mut by {
        *by = Some(taken);
    }
    let records = [
        start(1, PASS),
        proposed(0, &[1]),
        by,
        proposed(1, &[2]),
        told(1, 3, PASS),
    ];
    let state = RunState::of(&records.map(|record| Line {
        elapsed: Duration::ZERO,
        record,
    }));
    let by: Vec<_> = state.judged.iter().map(|judged| judged.by).collect();
    assert_eq!(by, [None, Some(taken), None]);
}
