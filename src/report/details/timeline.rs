//! The trials of a run, with their times, from its journal.

use std::collections::{BTreeMap, HashMap};

use super::{TrialDetails, TrialEnd, TrialOf};
use crate::journal::{Line, Record, Taken};
use crate::model::{
    Candidate, CandidateId, Judgement, Source, Stage, TrialId, Verdict, sanitize_line,
};

/// Longest evidence that is kept, in characters.
const LONGEST: usize = 400;

/// The trials of these records, by number. `requests` is how many the start has.
pub(super) fn trials(lines: &[Line], requests: usize) -> Vec<TrialDetails> {
    let mut timeline = Timeline {
        requests,
        ..Timeline::default()
    };
    for line in lines {
        let now = u64::try_from(line.elapsed.as_millis()).unwrap_or(u64::MAX);
        timeline.apply(&line.record, now);
    }
    timeline.stop();
    let mut trials: Vec<TrialDetails> = timeline.trials.into_values().collect();
    share_places(&mut trials);
    trials
}

#[derive(Default)]
struct Timeline {
    requests: usize,
    now: u64,
    trials: BTreeMap<TrialId, TrialDetails>,
    proposed: HashMap<CandidateId, Candidate>,
    /// The trials under way, by their candidates.
    open: HashMap<Option<CandidateId>, TrialId>,
}

impl Timeline {
    fn apply(&mut self, record: &Record, now: u64) {
        self.now = now;
        match record {
            Record::Proposed { candidate } => {
                self.proposed.insert(candidate.id, candidate.clone());
            }
            Record::Began {
                trial,
                candidate,
                worker,
                ..
            } => {
                let of = match candidate {
                    Some(_) => TrialOf::Candidate,
                    None => TrialOf::Start,
                };
                let details = self.entry(*trial, of, *candidate);
                (details.began_ms, details.ended_ms) = (now, now);
                if let Some(worker) = worker {
                    (details.worker, details.worker_is_known) = (worker.0, true);
                }
                self.open.insert(*candidate, *trial);
            }
            Record::Start { judgement, by, .. } => {
                self.judged(judgement, TrialOf::Start, None, *by);
            }
            Record::StandIn { judgement, by, .. } => {
                self.judged(judgement, TrialOf::StandIn, None, *by);
            }
            Record::Told {
                candidate,
                judgement,
                by,
            } => self.judged(judgement, TrialOf::Candidate, Some(*candidate), *by),
            Record::Withdrawn { candidate } => {
                if let Some(trial) = self.open.remove(&Some(*candidate)) {
                    self.close(trial);
                }
            }
            Record::Interrupted { .. } | Record::Resumed { .. } => self.stop(),
            Record::Anew { .. } => self.proposed.clear(),
            _ => {}
        }
    }

    /// Nothing is under way any more.
    fn stop(&mut self) {
        for (_, trial) in std::mem::take(&mut self.open) {
            self.close(trial);
        }
    }

    /// A trial ends now, without a verdict: nobody knows what it had come to.
    fn close(&mut self, trial: TrialId) {
        let now = self.now;
        if let Some(details) = self.trials.get_mut(&trial) {
            details.ended_ms = now;
            (details.build_ms, details.oracle_ms) = (now, now);
        }
    }

    fn entry(
        &mut self,
        trial: TrialId,
        of: TrialOf,
        candidate: Option<CandidateId>,
    ) -> &mut TrialDetails {
        let proposed = candidate.and_then(|id| self.proposed.get(&id));
        let requests = match of {
            TrialOf::Start => Some(self.requests),
            TrialOf::StandIn => None,
            TrialOf::Candidate => proposed.map(|candidate| candidate.keep.len()),
        };
        let round = proposed.map_or(0, |candidate| candidate.round);
        let now = self.now;
        self.trials.entry(trial).or_insert_with(|| TrialDetails {
            trial,
            of,
            requests,
            round,
            end: TrialEnd::Open,
            evidence: None,
            worker: 0,
            worker_is_known: false,
            began_ms: now,
            build_ms: now,
            oracle_ms: now,
            ended_ms: now,
            cpu_seconds: 0.0,
            objects: 0,
            cached: 0,
            lines: 0,
            image: None,
            reused: 0,
        })
    }

    fn judged(
        &mut self,
        judgement: &Judgement,
        of: TrialOf,
        candidate: Option<CandidateId>,
        by: Option<Taken>,
    ) {
        if judgement.source != Source::Tested {
            if let Some(details) = self.trials.get_mut(&judgement.trial) {
                details.reused += 1;
            }
            return;
        }
        self.open.remove(&candidate);
        let now = self.now;
        let details = self.entry(judgement.trial, of, candidate);
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(0);
        let timings = &judgement.timings;
        details.of = of;
        if let Some(by) = by {
            (details.worker, details.worker_is_known) = (by.worker.0, true);
            details.began_ms = by.at.min(now);
        }
        details.end = end(judgement.verdict);
        details.evidence = judgement
            .why_failed()
            .map(|evidence| sanitize_line(evidence, LONGEST));
        details.ended_ms = now;
        let began = details.began_ms;
        let oracle = now.saturating_sub(millis(timings.oracle_wall));
        details.oracle_ms = oracle.clamp(began.min(now), now);
        let build = details.oracle_ms.saturating_sub(millis(timings.build_wall));
        details.build_ms = build.clamp(began.min(details.oracle_ms), details.oracle_ms);
        details.cpu_seconds = timings.build_cpu.as_secs_f64();
        (details.objects, details.cached) = (timings.objects, timings.cached);
        details.lines = judgement.lines;
        details.image = judgement.image_size;
    }
}

fn end(verdict: Verdict) -> TrialEnd {
    match verdict {
        Verdict::Pass => TrialEnd::Pass,
        Verdict::Fail(Stage::Build) => TrialEnd::FailBuild,
        Verdict::Fail(Stage::Oracle) => TrialEnd::FailOracle,
        Verdict::Unresolved => TrialEnd::Unresolved,
    }
}

/// Gives each trial of an unknown worker a place of its own among those at work at the same time.
///
/// Workers take a trial some time after it began: what is known for certain is when it was built and judged.
fn share_places(trials: &mut [TrialDetails]) {
    let mut order: Vec<usize> = (0..trials.len()).collect();
    // Those whose worker is known first: they keep their places.
    order.sort_by_key(|at| {
        let trial = &trials[*at];
        (!trial.worker_is_known, trial.build_ms, trial.trial)
    });
    // When each place is taken.
    let mut places: BTreeMap<u32, Vec<(u64, u64)>> = BTreeMap::new();
    for at in order {
        let trial = &mut trials[at];
        let (from, to) = match trial.end {
            TrialEnd::Open => (trial.began_ms, trial.ended_ms),
            _ => (trial.build_ms, trial.ended_ms),
        };
        let is_free = |taken: &Vec<(u64, u64)>| taken.iter().all(|(f, t)| to <= *f || *t <= from);
        let place = match trial.worker_is_known {
            true => trial.worker,
            false => (0..u32::MAX)
                .find(|place| places.get(place).is_none_or(is_free))
                .unwrap_or(u32::MAX),
        };
        let taken = places.entry(place).or_default();
        if !trial.worker_is_known {
            let ends = taken.iter().map(|(_, end)| *end);
            let before = ends.filter(|end| *end <= from).max().unwrap_or(0);
            trial.began_ms = trial.began_ms.max(before).min(trial.build_ms);
            trial.worker = place;
        }
        taken.push((from, to));
    }
}
