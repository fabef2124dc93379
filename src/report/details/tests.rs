#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use super::gather::{edges, from_journal};
use super::{TrialDetails, TrialEnd, steps, timeline};
use crate::journal::{Line, Record, RunDir, RunInfo, RunState, Taken};
use crate::model::{
    Candidate, CandidateId, Fingerprint, Judgement, Origin, RequestId, RequestSet, Source, Stage,
    Timings, TrialId, Verdict, WorkerId,
};

const REQUESTS: usize = 4;

fn set(ids: &[u32]) -> RequestSet {
    RequestSet::of(REQUESTS, ids.iter().map(|id| RequestId(*id)))
}

fn at(ms: u64, record: Record) -> Line {
    Line {
        elapsed: Duration::from_millis(ms),
        record,
    }
}

fn proposed(ms: u64, id: u32, keep: &[u32]) -> Line {
    let candidate = Candidate {
        id: CandidateId(id),
        keep: set(keep),
        round: 0,
        origin: Origin::Earlier,
    };
    at(ms, Record::Proposed { candidate })
}

fn began(ms: u64, trial: u32, candidate: u32) -> Line {
    at(
        ms,
        Record::Began {
            trial: TrialId(trial),
            candidate: Some(CandidateId(candidate)),
            fingerprint: Fingerprint([0; 32]),
            worker: None,
        },
    )
}

fn judgement(trial: u32, verdict: Verdict, source: Source) -> Judgement {
    Judgement {
        trial: TrialId(trial),
        fingerprint: Fingerprint([0; 32]),
        verdict,
        source,
        evidence: Some("no\u{1b}[2J shell".to_owned()),
        image: None,
        image_size: Some(100),
        lines: 7,
        timings: Timings {
            build_wall: Duration::from_millis(20),
            oracle_wall: Duration::from_millis(10),
            ..Timings::default()
        },
        origin: Origin::Earlier,
    }
}

fn told(ms: u64, candidate: u32, judgement: Judgement) -> Line {
    let candidate = CandidateId(candidate);
    at(
        ms,
        Record::Told {
            by: None,
            candidate,
            judgement,
        },
    )
}

fn best(ms: u64, trial: u32, keep: &[u32]) -> Line {
    at(
        ms,
        Record::Best {
            trial: TrialId(trial),
            requests: keep.len(),
            lines: 7,
            keep: Some(set(keep)),
            files: Default::default(),
        },
    )
}

const FAILED: Verdict = Verdict::Fail(Stage::Oracle);

#[test]
fn trials_at_the_same_time_have_places_of_their_own() {
    let lines = [
        proposed(0, 0, &[0, 1]),
        proposed(0, 1, &[2, 3]),
        proposed(0, 2, &[0]),
        began(5, 1, 0),
        began(6, 2, 1),
        began(7, 3, 2),
        told(100, 0, judgement(1, FAILED, Source::Tested)),
        told(110, 1, judgement(2, Verdict::Pass, Source::Tested)),
        // It was built from 130 on, when the first had ended.
        told(160, 2, judgement(3, Verdict::Unresolved, Source::Tested)),
    ];
    let trials = timeline::trials(&lines, REQUESTS);
    let places: Vec<u32> = trials.iter().map(|trial| trial.worker).collect();
    assert_eq!(places, [0, 1, 0]);
    let TrialDetails {
        began_ms,
        build_ms,
        oracle_ms,
        ended_ms,
        ..
    } = trials[2];
    assert_eq!(
        (began_ms, build_ms, oracle_ms, ended_ms),
        (100, 130, 150, 160)
    );
    let ends: Vec<TrialEnd> = trials.iter().map(|trial| trial.end).collect();
    assert_eq!(
        ends,
        [TrialEnd::FailOracle, TrialEnd::Pass, TrialEnd::Unresolved]
    );
    assert_eq!(trials[0].requests, Some(2));
    assert_eq!(trials[0].evidence.as_deref(), Some("no shell"));
    assert_eq!(trials[1].evidence, None);
}

#[test]
fn a_trial_begins_when_the_worker_of_the_journal_took_it() {
    let mut line = told(100, 0, judgement(1, Verdict::Pass, Source::Tested));
    if let Record::Told { by, .. } = &mut line.record {
        *by = Some(Taken {
            worker: WorkerId(3),
            at: 60,
        });
    }
    let trials = timeline::trials(&[proposed(0, 0, &[0]), began(5, 1, 0), line], REQUESTS);
    let TrialDetails {
        began_ms,
        build_ms,
        worker,
        worker_is_known,
        ..
    } = trials[0];
    assert_eq!(
        (began_ms, build_ms, worker, worker_is_known),
        (60, 70, 3, true)
    );
}

#[test]
fn a_trial_without_a_verdict_ends_where_it_was_given_up() {
    let lines = [
        proposed(0, 0, &[0]),
        proposed(0, 1, &[1]),
        began(5, 1, 0),
        began(6, 2, 1),
        at(
            50,
            Record::Withdrawn {
                candidate: CandidateId(0),
            },
        ),
        at(
            90,
            Record::Interrupted {
                at: 1,
                why: "interrupted".into(),
            },
        ),
        at(90, Record::Resumed { at: 2 }),
        told(200, 1, judgement(1, Verdict::Pass, Source::SameConfig)),
    ];
    let trials = timeline::trials(&lines, REQUESTS);
    let ends: Vec<_> = trials.iter().map(|t| (t.end, t.ended_ms)).collect();
    assert_eq!(ends, [(TrialEnd::Open, 50), (TrialEnd::Open, 90)]);
    assert_eq!(trials[0].reused, 1);
}

#[test]
fn a_request_went_with_the_first_best_that_never_had_it_again() {
    let start = Record::Start {
        by: None,
        judgement: judgement(1, Verdict::Pass, Source::Tested),
        files: Default::default(),
    };
    let lines = [
        at(10, start),
        best(10, 1, &[0, 1, 2, 3]),
        best(20, 2, &[0]),
        // The pass was taken back.
        best(30, 3, &[0, 1, 2]),
        best(40, 4, &[0, 2]),
    ];
    let found = steps::steps(&lines, REQUESTS);
    let sizes: Vec<_> = found
        .steps
        .iter()
        .map(|s| (s.requests, s.removed))
        .collect();
    assert_eq!(sizes, [(4, 0), (1, 3), (3, 0), (2, 1)]);
    assert_eq!(found.went[&RequestId(3)], Some(TrialId(2)));
    assert_eq!(found.went[&RequestId(1)], Some(TrialId(4)));
    assert_eq!(found.went.len(), 2);
    // No best of a run that began with a guess had it.
    let found = steps::steps(&[best(10, 1, &[0, 1])], REQUESTS);
    assert_eq!(found.went[&RequestId(3)], None);
}

fn recorded(name: &str) -> (RunInfo, Vec<Line>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    RunDir::read(&root.join("tests/recorded").join(name)).unwrap()
}

#[test]
fn an_edge_that_follows_from_others_is_left_out() {
    let (mut info, _) = recorded("version-1");
    info.requests.truncate(REQUESTS);
    let names: Vec<String> = info.requests.iter().map(|r| r.symbol.to_string()).collect();
    let ids = |ids: &[u32]| ids.iter().map(|id| RequestId(*id)).collect::<Vec<_>>();
    // 2 depends on 1, and 1 on 0; 3 on nothing, but it is not in the best.
    info.carried = vec![ids(&[1, 2, 3]), ids(&[2]), vec![], vec![]];
    let edges = edges(&info, &RunState::default(), &set(&[0, 1, 2]));
    let edges: Vec<_> = edges
        .iter()
        .map(|e| (e.from.as_str(), e.to.as_str()))
        .collect();
    assert_eq!(
        edges,
        [
            (names[1].as_str(), names[0].as_str()),
            (names[2].as_str(), names[1].as_str())
        ]
    );
    // A circle keeps what holds it together.
    info.carried = vec![ids(&[1]), ids(&[0]), vec![], vec![]];
    let circle = super::gather::edges(&info, &RunState::default(), &set(&[0, 1]));
    assert_eq!(circle.len(), 2);
}

#[test]
fn what_went_wrong_before_anything_passed_is_told() {
    let (info, lines) = recorded("start-refused");
    let why = "the start has \u{1b}]0;not\u{7} passed".to_owned();
    let details = from_journal(&info, &lines, &RunState::of(&lines), Err(why));
    assert!(details.result.is_none());
    assert_eq!(details.said, ["the start has passed"]);
    assert!(!details.trials.is_empty());
}
