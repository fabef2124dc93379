//! The state of a run, as its journal tells it.

use std::collections::{BTreeMap, HashMap};

use crate::journal::{Line, Record};
use crate::model::{
    Fingerprint, Origin, Phase, Prior, Progress, RequestSet, Source, TrialId, Verdict,
};

/// The state of a run, as its journal tells it.
#[derive(Debug, Clone)]
pub struct RunState {
    /// The trial of the start, if it has passed.
    pub start: Option<TrialId>,
    /// The config of the start, if it has passed.
    pub start_config: Option<Fingerprint>,
    /// What it was built from when it passed.
    pub start_origin: Origin,
    /// The number of the next trial.
    pub next_trial: TrialId,
    /// The config of the best, as the journal says it: that of the start at first.
    pub best: Option<Fingerprint>,
    /// What the last record says is the best.
    pub written: Option<RequestSet>,
    /// How far the run has come.
    pub progress: Progress,
    /// What trials are expected to cost; empty if nobody could tell.
    pub costs: Vec<u64>,
    /// What the oracles left in it, by path, as hashes.
    pub files: BTreeMap<String, String>,
    /// How often the start was refused before the search began.
    pub refused: u32,
    /// What a trace said of the requests; empty if there was none.
    pub prior: Prior,
}

impl RunState {
    /// That of these records of a run with so many requests.
    #[must_use]
    pub fn of(lines: &[Line], capacity: usize) -> Self {
        let mut known = Self {
            start: None,
            start_config: None,
            start_origin: Origin::Earlier,
            next_trial: TrialId(1),
            best: None,
            written: None,
            progress: Progress {
                phase: Phase::Start,
                requests: capacity,
                lines: 0,
                passed: 0,
                failed: 0,
                unresolved: 0,
                reused: 0,
                at_least: 0,
                at_most: 0,
                likely: None,
            },
            costs: Vec::new(),
            files: BTreeMap::new(),
            refused: 0,
            prior: Prior::default(),
        };
        // At any time.
        let mut refused = 0;
        let mut passed = HashMap::new();
        for line in lines {
            let judgement = match &line.record {
                Record::Began { trial, .. } => {
                    known.next_trial = known.next_trial.max(TrialId(trial.0 + 1));
                    continue;
                }
                Record::Start { judgement, .. } if judgement.verdict.is_fail() => {
                    refused += 1;
                    // Later ones are of a start that was judged again for its files: the search is told.
                    known.refused += u32::from(known.start.is_none());
                    judgement
                }
                Record::Anew { .. } => {
                    known.refused = refused;
                    continue;
                }
                Record::Start { judgement, files } => {
                    known.start = Some(judgement.trial);
                    known.files.clone_from(files);
                    known.start_config = Some(judgement.fingerprint);
                    if judgement.origin == Origin::Empty {
                        known.start_origin = Origin::Empty;
                    }
                    if known.best.is_none() {
                        known.best = Some(judgement.fingerprint);
                        known.progress.lines = judgement.lines;
                    }
                    judgement
                }
                Record::Told { judgement, .. } => judgement,
                Record::Costs { millis } => {
                    known.costs.clone_from(millis);
                    continue;
                }
                Record::Traced { prior } => {
                    known.prior.clone_from(prior);
                    continue;
                }
                Record::Best {
                    trial, lines, keep, ..
                } => {
                    known.written.clone_from(keep);
                    known.best = passed.get(trial).copied().or(known.best);
                    known.progress.lines = *lines;
                    continue;
                }
                _ => continue,
            };
            let progress = &mut known.progress;
            if judgement.source == Source::SameConfig {
                progress.reused += 1;
            } else {
                match judgement.verdict {
                    Verdict::Pass => progress.passed += 1,
                    Verdict::Fail(_) => progress.failed += 1,
                    Verdict::Unresolved => progress.unresolved += 1,
                }
            }
            if judgement.verdict.is_pass() {
                passed.insert(judgement.trial, judgement.fingerprint);
            }
        }
        known
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{Judgement, Stage, Timings};

    fn start(trial: u32, verdict: Verdict) -> Line {
        let judgement = Judgement {
            trial: TrialId(trial),
            fingerprint: crate::model::Config::default().fingerprint(),
            verdict,
            source: Source::Tested,
            evidence: None,
            image: None,
            image_size: None,
            lines: 1,
            timings: Timings::default(),
            origin: Origin::Earlier,
        };
        Line {
            elapsed: std::time::Duration::ZERO,
            record: Record::Start {
                judgement,
                files: BTreeMap::new(),
            },
        }
    }

    #[test]
    fn a_pass_that_was_taken_back_is_not_the_best() {
        let of = |record| Line {
            elapsed: std::time::Duration::ZERO,
            record,
        };
        let told = |trial| {
            let Record::Start { mut judgement, .. } = start(trial, Verdict::Pass).record else {
                unreachable!("that is what it makes");
            };
            judgement.fingerprint = Fingerprint([trial as u8; 32]);
            judgement
        };
        let best = |trial, requests| {
            of(Record::Best {
                trial: TrialId(trial),
                requests,
                lines: trial,
                keep: Some(RequestSet::full(3)),
            })
        };
        let begun = of(Record::Start {
            judgement: told(1),
            files: BTreeMap::new(),
        });
        let smaller = of(Record::Told {
            candidate: crate::model::CandidateId(0),
            judgement: told(2),
        });
        let lines = [begun, smaller, best(2, 2)];
        assert_eq!(RunState::of(&lines, 3).best, Some(Fingerprint([2; 32])));
        let lines = [&lines[..], &[best(1, 3)]].concat();
        let state = RunState::of(&lines, 3);
        assert_eq!(
            (state.best, state.progress.lines),
            (Some(Fingerprint([1; 32])), 1)
        );
    }

    #[test]
    fn a_start_that_is_judged_again_is_the_baseline_and_changes_nothing_of_how_the_search_began() {
        let fail = Verdict::Fail(Stage::Oracle);
        let lines = [
            start(1, fail),
            start(2, Verdict::Pass),
            start(7, fail),
            start(8, Verdict::Pass),
        ];
        let known = RunState::of(&lines, 3);
        assert_eq!(known.start, Some(TrialId(8)));
        assert_eq!(known.refused, 1);
        // A search that begins anew is told of all of them at once.
        let anew = Line {
            elapsed: std::time::Duration::ZERO,
            record: Record::Anew { at: 0 },
        };
        let lines = [&lines[..], &[anew, start(9, fail)]].concat();
        assert_eq!(RunState::of(&lines, 3).refused, 2);
    }
}
