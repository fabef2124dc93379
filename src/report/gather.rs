//! Makes a report from a journal.

use std::path::PathBuf;

use super::facts::facts;
use super::{Certainty, Kept, Reason, Rebuilt, Report, SameProduct, Size, Status, VERSION};
use crate::journal::{Ending, Line, Record, RunInfo};
use crate::model::{Ballot, Judgement, Origin, Proof, RequestId, Source, Stage, Verdict};
use crate::{Error, Result};

/// The report of a run, finished or not, from its journal.
///
/// # Errors
/// When the start has not passed yet: there is nothing to report.
pub fn gather(info: &RunInfo, lines: &[Line]) -> Result<Report> {
    let Some(facts) = facts(info, lines) else {
        let why = lines.iter().rev().find_map(|line| match &line.record {
            Record::Interrupted { why, .. } => Some(why.as_str()),
            _ => None,
        });
        let why = why.map_or_else(String::new, |why| format!("; the run stopped: {why}"));
        return Err(
            Error::failed(format!("the start has not passed yet{why}")).hint(
                "there is something to report as soon as it has; see trials/ in the run directory",
            ),
        );
    };
    let (best, judgement) = &facts.best;
    let rebuilt = facts.ending.and_then(|_| rebuilt(lines, judgement));
    let told = |id: RequestId| facts.told.get(&best.without(id)).and_then(Ballot::winner);
    let failed = |id: RequestId| told(id).is_some_and(|judgement| judgement.verdict.is_fail());
    let dependent = |id: RequestId| {
        // What was tried without a verdict has none.
        let is_open = !facts.told.contains_key(&best.without(id));
        let carried = facts.depends.as_ref().filter(|(of, _)| of == best)?;
        let carried = carried.1.get(id.index()).filter(|_| is_open)?;
        let mut carried = carried.iter().copied().filter(|d| best.contains(*d));
        carried.find(|d| *d != id && !info.keep.contains(*d) && failed(*d))
    };
    let needed = |judgement: &Judgement| match judgement.verdict {
        Verdict::Fail(stage) => Some(Reason::Needed {
            trial: judgement.trial,
            stage,
            evidence: judgement.evidence.clone(),
            lines: facts.best.1.lines.saturating_sub(judgement.lines),
        }),
        Verdict::Pass | Verdict::Unresolved => None,
    };
    let implied = |by: RequestId| Reason::Implied {
        by: info.requests[by.index()].symbol.clone(),
    };
    let reason = |id: RequestId| {
        if info.keep.contains(id) {
            return Reason::Kept;
        }
        let by_majority = || told(id).and_then(needed);
        let reason = match facts.certified.as_ref().map(|proofs| proofs.get(&id)) {
            // What the search proved; of its trials the first that fails shows how.
            Some(Some(Proof::Tested(candidate))) => {
                by_majority().or_else(|| facts.judged.get(candidate).and_then(needed))
            }
            Some(Some(Proof::Implied(by))) => Some(implied(*by)),
            Some(Some(Proof::Missing) | None) => None,
            // Older runs do not say it.
            None => by_majority().or_else(|| dependent(id).map(implied)),
        };
        reason.unwrap_or(Reason::Unproved)
    };
    let kept = best.iter().map(|id| Kept {
        request: info.requests[id.index()].clone(),
        reason: reason(id),
    });
    let kept: Vec<Kept> = kept.collect();
    let proved = kept.iter().all(|k| k.reason != Reason::Unproved);
    let is_implied = |k: &Kept| matches!(k.reason, Reason::Implied { .. });
    let stopped = facts.stopped.filter(|_| facts.ending.is_none());
    let status = match facts.ending {
        Some(Ending::Leaves) if proved => Status::Leaves,
        Some(Ending::Minimal) if proved => match kept.iter().any(is_implied) {
            true => Status::Leaves,
            false => Status::Minimal,
        },
        Some(Ending::Minimal | Ending::Leaves | Ending::Unproved) => Status::Unproved,
        None => Status::Stopped,
    };
    // Of the requests that the oracle needs, not of those without which nothing builds.
    let proofs = kept.iter().zip(best.iter()).filter_map(|(kept, id)| {
        let is_oracles = matches!(
            kept.reason,
            Reason::Needed {
                stage: Stage::Oracle,
                ..
            }
        );
        let ballot = facts.told.get(&best.without(id)).filter(|_| is_oracles)?;
        Some(ballot.counts().0)
    });
    let certainty = facts.risk.map(|risk| Certainty {
        risk,
        judged: facts.told.get(best).map_or(0, |ballot| ballot.counts().0),
        proofs: proofs.min(),
    });
    Ok(Report {
        v: VERSION,
        kbisect: info.kbisect.clone(),
        key: info.key.to_json(),
        settings: info.settings.as_json().clone(),
        status,
        stopped,
        before: size(&facts.start, info.requests.len(), lines),
        after: size(judgement, best.len(), lines),
        kept,
        certainty,
        rebuilt,
        cost: facts.cost,
        files: files(status),
    })
}

/// The build of the best from an empty tree that passed last, of a journal in which one trial of it is known.
fn rebuilt(lines: &[Line], best: &Judgement) -> Option<Rebuilt> {
    let answers = lines.iter().filter_map(|line| line.record.answer());
    let of_best = |judgement: &&Judgement| {
        let is_tested = judgement.source == Source::Tested;
        judgement.fingerprint == best.fingerprint && is_tested && judgement.verdict.is_pass()
    };
    let of_best: Vec<&Judgement> = answers.filter(of_best).collect();
    let is_from_empty = |judgement: &&&Judgement| judgement.origin == Origin::Empty;
    let from_empty = of_best.iter().rev().find(is_from_empty)?;
    let is_other = of_best.iter().any(|other| other.image != from_empty.image);
    Some(Rebuilt {
        trial: from_empty.trial,
        product: match is_other {
            true => SameProduct::Other,
            false => SameProduct::Same,
        },
    })
}

fn files(status: Status) -> Vec<PathBuf> {
    let names: &[&str] = match status {
        Status::Minimal | Status::Leaves | Status::Unproved => {
            &["minimal.config", "minimal.fragment"]
        }
        Status::Stopped | Status::Running => &["best.config", "best.fragment"],
    };
    names.iter().map(PathBuf::from).collect()
}

fn size(judgement: &Judgement, requests: usize, lines: &[Line]) -> Size {
    // The first boot of a run finds nothing in the machine's memory, and the judgement on an image
    // that was known took none: so the shortest of all that were made.
    let boot = |other: &Judgement| {
        let is_same = judgement.image.is_some() && other.image == judgement.image;
        let counts = is_same && other.source == Source::Tested && other.verdict.is_pass();
        counts.then_some(other.timings.oracle_wall)
    };
    let judged = lines.iter().filter_map(|line| line.record.answer());
    let boot = judged.filter_map(boot).min();
    Size {
        trial: judgement.trial,
        requests,
        lines: judgement.lines,
        image: judgement.image_size,
        oracle_seconds: boot.unwrap_or(judgement.timings.oracle_wall).as_secs_f64(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::facts::forecast_error;
    use super::*;
    use crate::model::{
        Candidate, CandidateId, Fingerprint, Request, RequestId, RequestSet, Stage, Symbol,
        Timings, TrialId, Value,
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
            carried: vec![],
            selectors: vec![],
            prior: crate::model::Prior::default(),
            analysis: None,
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
            candidate: CandidateId(id),
            judgement,
        };
        vec![
            Record::Started { at: 0 },
            Record::Start {
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
            });
            for trial in [4, 5] {
                records.push(Record::Told {
                    candidate: CandidateId(1),
                    judgement: judgement(trial, Verdict::Pass, 33),
                });
            }
            let proofs = vec![(RequestId(0), proof)];
            records.push(Record::Told {
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
                candidate: CandidateId(0),
                judgement: judgement.clone(),
            });
            size(judgement, 2, &lines(told.collect())).oracle_seconds
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
                candidate: crate::model::CandidateId(0),
                judgement,
            }
        };
        assert_eq!(forecast_error(&lines(vec![told(10, None)])), None);
        let all = vec![told(10, Some(11)), told(10, Some(7)), told(100, Some(50))];
        assert_eq!(forecast_error(&lines(all)), Some(0.3));
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
    fn a_run_under_way_is_reported_as_stopped() {
        let mut records = story();
        records.pop();
        assert_eq!(
            gather(&info(), &lines(records)).unwrap().status,
            Status::Stopped
        );
        assert!(gather(&info(), &lines(vec![Record::Started { at: 0 }])).is_err());
    }
}
