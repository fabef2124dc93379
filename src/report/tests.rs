//! Reports of journals.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use super::forecasts::error;
use super::sizes::size;
use super::*;
use crate::journal::{Ending, Line, Record, RunInfo, RunState};
use crate::model::{
    Candidate, CandidateId, Fingerprint, Judgement, Origin, Proof, RequestId, RequestSet, Source,
    Timings, Value, Verdict,
};

fn judgement(trial: u32, verdict: Verdict, lines: u32) -> Judgement {
    Judgement {
        trial: TrialId(trial),
        fingerprint: Fingerprint([trial as u8; 32]),
        verdict,
        source: Source::Tested,
        evidence: verdict.is_fail().then(|| "no shell".into()),
        image: None,
        image_size: Some(1000),
        lines,
        timings: Timings {
            objects: 10,
            ..Timings::default()
        },
        origin: crate::model::Origin::Earlier,
    }
}

fn info() -> RunInfo {
    let request = |name| Request {
        symbol: Symbol::new(name).unwrap(),
        value: Value::YES,
    };
    RunInfo {
        kbisect: "0.1.0".into(),
        at: 0,
        argv: vec![],
        key: crate::model::RunKey::default(),
        settings: crate::model::StoredSettings::default(),
        algorithm: "ddmin".into(),
        requests: ["A", "B", "C"].map(request).to_vec(),
        keep: RequestSet::of(3, [RequestId(2)]),
        symptoms: vec![],
        start_lines: None,
        carried: vec![],
        selectors: vec![],
        prior: crate::model::Prior::default(),
        analysis: None,
        verifies: None,
    }
}

fn lines(records: Vec<Record>) -> Vec<Line> {
    let line = |record| Line {
        elapsed: Duration::from_secs(9),
        record,
    };
    records.into_iter().map(line).collect()
}

fn story() -> Vec<Record> {
    let propose = |id, ids: &[u32]| Record::Proposed {
        candidate: Candidate {
            id: CandidateId(id),
            keep: RequestSet::of(3, ids.iter().map(|i| RequestId(*i))),
            round: 0,
            origin: crate::model::Origin::Earlier,
        },
    };
    let tell = |id, judgement| Record::Told {
        by: None,
        candidate: CandidateId(id),
        judgement,
    };
    vec![
        Record::Started { at: 0 },
        Record::Start {
            by: None,
            judgement: judgement(1, Verdict::Pass, 50),
            files: BTreeMap::new(),
        },
        propose(0, &[0, 2]),
        tell(0, judgement(2, Verdict::Pass, 40)),
        propose(1, &[2]),
        tell(1, judgement(3, Verdict::Fail(Stage::Oracle), 33)),
        Record::Finished {
            at: 9,
            ending: Ending::Minimal,
            risk: None,
        },
    ]
}

#[test]
fn why_a_request_stays_is_what_the_search_proved_and_not_what_most_verdicts_say() {
    // Without the others it failed, and passed twice: what the search makes of that is its own.
    let with = |proof| {
        let mut records = story();
        let end = records.pop().unwrap();
        records.push(Record::Best {
            trial: TrialId(2),
            requests: 2,
            lines: 40,
            keep: Some(RequestSet::of(3, [RequestId(0), RequestId(2)])),
            files: std::collections::BTreeMap::new(),
        });
        for trial in [4, 5] {
            records.push(Record::Told {
                by: None,
                candidate: CandidateId(1),
                judgement: judgement(trial, Verdict::Pass, 33),
            });
        }
        let proofs = vec![(RequestId(0), proof)];
        records.push(Record::Told {
            by: None,
            candidate: CandidateId(1),
            judgement: judgement(6, Verdict::Fail(Stage::Oracle), 33),
        });
        records.push(Record::Certified { entries: proofs });
        records.push(end);
        gather(&info(), &lines(records)).unwrap()
    };
    let report = with(Proof::Tested(CandidateId(1)));
    assert_eq!(report.status, Status::Minimal);
    assert!(matches!(report.kept[0].reason, Reason::Needed { .. }));
    let report = with(Proof::Implied(RequestId(2)));
    assert_eq!(report.status, Status::Leaves);
    assert_eq!(with(Proof::Missing).status, Status::Unproved);
}

#[test]
fn the_boot_of_an_image_is_the_shortest_of_those_that_were_made() {
    let judge = |image: u8, source, verdict, secs| Judgement {
        source,
        image: Some(image.to_string()),
        timings: Timings {
            oracle_wall: Duration::from_secs(secs),
            ..Timings::default()
        },
        ..judgement(2, verdict, 40)
    };
    let (tested, same) = (Source::Tested, Source::SameImage);
    let fail = Verdict::Fail(Stage::Oracle);
    let told = [
        judge(1, tested, Verdict::Pass, 7),
        judge(1, tested, Verdict::Pass, 3),
        judge(1, tested, fail, 1),
        judge(1, same, Verdict::Pass, 0),
        judge(2, tested, Verdict::Pass, 2),
    ];
    let of = |judgement: &Judgement| {
        let told = told.iter().map(|judgement| Record::Told {
            by: None,
            candidate: CandidateId(0),
            judgement: judgement.clone(),
        });
        size(judgement, 2, &RunState::of(&lines(told.collect()))).oracle_seconds
    };
    assert_eq!((of(&told[3]), of(&told[0]), of(&told[4])), (3.0, 3.0, 2.0));
    // Of one that nobody made there is nothing but what it says itself.
    assert_eq!(of(&judge(3, same, Verdict::Pass, 0)), 0.0);
}

#[test]
fn an_answer_that_was_built_from_an_empty_tree_says_whether_the_product_was_the_same() {
    let end = |records: &mut Vec<Record>| records.pop().unwrap();
    let rebuilt = |image: &str, verdict| {
        let mut records = story();
        let end = end(&mut records);
        if let Record::Told { judgement, .. } = &mut records[3] {
            judgement.image = Some("aa".into());
        }
        records.push(Record::Proposed {
            candidate: Candidate {
                id: CandidateId(2),
                keep: RequestSet::of(3, [RequestId(0), RequestId(2)]),
                round: 1,
                origin: Origin::Empty,
            },
        });
        records.push(Record::Told {
            by: None,
            candidate: CandidateId(2),
            judgement: Judgement {
                fingerprint: Fingerprint([2; 32]),
                image: Some(image.into()),
                origin: Origin::Empty,
                ..judgement(4, verdict, 40)
            },
        });
        records.push(end);
        let report = gather(&info(), &lines(records)).unwrap();
        // It tells of builds, and not of the oracle.
        assert_eq!(report.cost.differed, 0);
        report
            .rebuilt
            .map(|rebuilt| (rebuilt.trial.0, rebuilt.product))
    };
    let pass = Verdict::Pass;
    assert_eq!(rebuilt("aa", pass), Some((4, SameProduct::Same)));
    assert_eq!(rebuilt("bb", pass), Some((4, SameProduct::Other)));
    assert_eq!(rebuilt("aa", Verdict::Fail(Stage::Oracle)), None);
    // Older versions did not do it.
    let report = gather(&info(), &lines(story())).unwrap();
    assert_eq!(report.rebuilt, None);
}

#[test]
fn the_error_of_forecasts_is_their_median_and_none_without_one() {
    let told = |secs: u64, forecast: Option<u64>| {
        let mut judgement = judgement(2, Verdict::Pass, 10);
        judgement.timings.build_cpu = Duration::from_secs(secs);
        judgement.timings.forecast = forecast.map(|secs| crate::model::Forecast {
            objects: 1,
            cpu: Duration::from_secs(secs),
        });
        Record::Told {
            by: None,
            candidate: crate::model::CandidateId(0),
            judgement,
        }
    };
    let of = |records| error(&RunState::of(&lines(records)));
    assert_eq!(of(vec![told(10, None)]), None);
    let all = vec![told(10, Some(11)), told(10, Some(7)), told(100, Some(50))];
    assert_eq!(of(all), Some(0.3));
}

#[test]
fn each_kept_request_has_its_reason() {
    let report = gather(&info(), &lines(story())).unwrap();
    assert_eq!(report.status, Status::Minimal);
    assert_eq!((report.before.requests, report.after.requests), (3, 2));
    assert_eq!(report.kept.len(), 2);
    assert_eq!(
        report.kept[0].reason,
        Reason::Needed {
            trial: TrialId(3),
            stage: Stage::Oracle,
            evidence: Some("no shell".into()),
            lines: 7
        }
    );
    assert_eq!(report.kept[1].reason, Reason::Kept);
    assert_eq!(
        (report.cost.passed, report.cost.failed, report.cost.objects),
        (2, 1, 30)
    );
}

#[test]
fn a_tested_dependent_is_a_reason_if_the_certificate_is_one_of_leaves() {
    // A and B are left; without B it failed, and B depends on A.
    let mut records = story();
    records.truncate(2);
    records.extend([
        Record::Proposed {
            candidate: Candidate {
                id: CandidateId(0),
                keep: RequestSet::of(3, [RequestId(0), RequestId(2)]),
                round: 0,
                origin: crate::model::Origin::Earlier,
            },
        },
        Record::Told {
            by: None,
            candidate: CandidateId(0),
            judgement: judgement(2, Verdict::Fail(Stage::Oracle), 40),
        },
        Record::Finished {
            at: 9,
            ending: Ending::Minimal,
            risk: None,
        },
    ]);
    let info = info();
    records.insert(
        2,
        Record::Depends {
            keep: RequestSet::full(3),
            carried: vec![vec![RequestId(1)], vec![], vec![]],
        },
    );
    let report = gather(&info, &lines(records.clone())).unwrap();
    // An older kbisect called it minimal.
    assert_eq!(report.status, Status::Leaves);
    let by = info.requests[1].symbol.clone();
    assert_eq!(report.kept[0].reason, Reason::Implied { by });
    // Of another set it says nothing.
    records[2] = Record::Depends {
        keep: RequestSet::of(3, [RequestId(0)]),
        carried: vec![vec![RequestId(1)], vec![], vec![]],
    };
    let report = gather(&info, &lines(records)).unwrap();
    assert_eq!(report.status, Status::Unproved);
    assert_eq!(report.kept[0].reason, Reason::Unproved);
}

#[test]
fn without_the_proof_it_is_not_called_minimal() {
    let mut records = story();
    records.remove(5);
    let report = gather(&info(), &lines(records)).unwrap();
    assert_eq!(report.status, Status::Unproved);
    assert_eq!(report.kept[0].reason, Reason::Unproved);
}

#[test]
fn what_was_repeated_is_counted_and_the_majority_is_the_reason() {
    let mut records = story();
    let again = |id, round| Record::Proposed {
        candidate: Candidate {
            id: CandidateId(id),
            keep: RequestSet::of(3, [RequestId(2)]),
            round,
            origin: crate::model::Origin::Earlier,
        },
    };
    let tell = |id, judgement| Record::Told {
        by: None,
        candidate: CandidateId(id),
        judgement,
    };
    // It passes once, by mistake, and is the best until it has failed twice more.
    let taken_back = [
        again(2, 1),
        tell(2, judgement(4, Verdict::Pass, 33)),
        again(3, 2),
        tell(3, judgement(5, Verdict::Fail(Stage::Oracle), 33)),
    ];
    let end = records.split_off(6);
    let best = |ids: &[u32], trial, lines| Record::Best {
        trial: TrialId(trial),
        requests: ids.len(),
        lines,
        keep: Some(RequestSet::of(3, ids.iter().map(|i| RequestId(*i)))),
        files: std::collections::BTreeMap::new(),
    };
    records.insert(4, best(&[0, 2], 2, 40));
    records.extend(taken_back);
    records.extend([best(&[2], 4, 33), best(&[0, 2], 2, 40)]);
    records.extend(end);
    let report = gather(&info(), &lines(records)).unwrap();
    assert_eq!(report.status, Status::Minimal);
    assert_eq!(report.after.requests, 2);
    assert!(
        matches!(
            report.kept[0].reason,
            Reason::Needed {
                trial: TrialId(3),
                ..
            }
        ),
        "{:?}",
        report.kept[0]
    );
    assert_eq!((report.cost.repeated, report.cost.differed), (2, 1));
}

#[test]
fn a_run_that_was_given_up_says_why_and_one_that_a_person_stopped_does_not() {
    let mut records = story();
    records.pop();
    let stopped = |why: &str| Record::Interrupted {
        at: 9,
        why: why.to_owned(),
    };
    let why = |records: &[Record]| {
        let report = gather(&info(), &lines(records.to_vec())).unwrap();
        assert_eq!(report.status, Status::Stopped);
        report.stopped
    };
    records.push(stopped("the oracle is too unreliable"));
    let given_up = why(&records);
    assert_eq!(given_up.as_deref(), Some("the oracle is too unreliable"));
    records.push(Record::Resumed { at: 10 });
    assert_eq!(why(&records), None);
    records.push(stopped("interrupted"));
    assert_eq!(why(&records), None);
}

#[test]
fn a_start_that_was_refused_first_counts_and_shows_that_the_oracle_errs() {
    let mut records = story();
    let refused = judgement(1, Verdict::Fail(Stage::Oracle), 50);
    records.insert(
        1,
        Record::Start {
            by: None,
            judgement: refused,
            files: BTreeMap::new(),
        },
    );
    let report = gather(&info(), &lines(records)).unwrap();
    assert_eq!(report.status, Status::Minimal);
    let cost = &report.cost;
    assert_eq!((cost.passed, cost.failed, cost.differed), (2, 2, 1));
}

#[test]
fn a_kernel_that_stands_for_the_start_counts_and_shows_that_the_oracle_errs() {
    let counts = |verdicts: &[Verdict]| {
        let mut records = story();
        let stands = |verdict: &Verdict| Record::StandIn {
            by: None,
            judgement: judgement(9, *verdict, 50),
            files: BTreeMap::new(),
        };
        records.splice(1..1, verdicts.iter().map(stands));
        let state = RunState::of(&lines(records.clone()));
        let report = gather(&info(), &lines(records)).unwrap();
        let (cost, progress) = (report.cost, state.progress(3));
        assert_eq!(
            (progress.passed, progress.failed),
            (cost.passed, cost.failed)
        );
        (cost.passed, cost.failed, cost.differed, state.refused)
    };
    let refused = Verdict::Fail(Stage::Oracle);
    assert_eq!(counts(&[]), (2, 1, 0, 0));
    assert_eq!(counts(&[Verdict::Pass]), (3, 1, 0, 0));
    assert_eq!(counts(&[refused, Verdict::Pass]), (3, 2, 1, 1));
    // It was judged again in the middle of the run: the search began without that.
    assert_eq!(counts(&[Verdict::Pass, refused]), (3, 2, 1, 0));
}

#[test]
fn a_run_under_way_is_reported_as_stopped() {
    let mut records = story();
    records.pop();
    assert_eq!(
        gather(&info(), &lines(records)).unwrap().status,
        Status::Stopped
    );
    assert!(gather(&info(), &lines(vec![Record::Started { at: 0 }])).is_err());
}
