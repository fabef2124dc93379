//! Folds a journal into the facts of a report.

use std::collections::{BTreeMap, HashMap};

use super::Cost;
use crate::journal::{Ending, INTERRUPTED, Line, Record, RunInfo};
use crate::model::{
    Ballot, Candidate, CandidateId, Judgement, Origin, Proof, RequestId, RequestSet, Source,
    Verdict,
};

/// What a journal says, in the order in which it is needed.
pub(super) struct Facts {
    pub(super) start: Judgement,
    pub(super) best: (RequestSet, Judgement),
    /// Real verdicts by the set that they are about.
    pub(super) told: HashMap<RequestSet, Ballot>,
    /// What depends on what, in the set that it was asked of last.
    pub(super) depends: Option<(RequestSet, Vec<Vec<RequestId>>)>,
    /// Why each request of the best stays, as the search proved it. Not of older runs.
    pub(super) certified: Option<BTreeMap<RequestId, Proof>>,
    /// What was told of each candidate.
    pub(super) judged: HashMap<CandidateId, Judgement>,
    pub(super) ending: Option<Ending>,
    /// The chance that the answer is wrong.
    pub(super) risk: Option<f64>,
    /// What the last sitting ended with, before the search did.
    pub(super) stopped: Option<String>,
    pub(super) cost: Cost,
}

/// What the journal of a run says; nothing before the start has passed.
pub(super) fn facts(info: &RunInfo, lines: &[Line]) -> Option<Facts> {
    let mut proposed: HashMap<CandidateId, &Candidate> = HashMap::new();
    let mut told: HashMap<RequestSet, Ballot> = HashMap::new();
    let mut start = None;
    let mut best: Option<(RequestSet, Judgement)> = None;
    let (mut ending, mut depends, mut stopped, mut risk) = (None, None, None, None);
    let (mut certified, mut judged) = (None, HashMap::new());
    let mut cost = Cost::default();
    let says = |line: &Line| matches!(line.record, Record::Best { keep: Some(_), .. });
    let says_best = lines.iter().any(says);
    for line in lines {
        cost.wall = line.elapsed;
        match &line.record {
            Record::Started { .. } => cost.sittings += 1,
            Record::Resumed { .. } => {
                cost.sittings += 1;
                (ending, stopped, risk, certified) = (None, None, None, None);
            }
            Record::Interrupted { why, .. } if why != INTERRUPTED => stopped = Some(why.clone()),
            Record::Start { judgement, .. } => {
                add(&mut cost, judgement);
                let full = RequestSet::full(info.requests.len());
                told.entry(full.clone()).or_default().add(judgement);
                if judgement.verdict.is_pass() {
                    start = Some(judgement.clone());
                    best = Some((full, judgement.clone()));
                }
            }
            Record::Proposed { candidate } => {
                proposed.insert(candidate.id, candidate);
            }
            Record::Told {
                candidate,
                judgement,
            } => {
                add(&mut cost, judgement);
                judged.insert(*candidate, judgement.clone());
                let Some(Candidate {
                    keep,
                    round,
                    origin,
                    ..
                }) = proposed.get(candidate)
                else {
                    continue;
                };
                cost.repeated += u32::from(*round > 0);
                // What fails when it is built from an empty tree tells of builds, and not of the oracle.
                let passes = told.get(keep).and_then(Ballot::winner);
                if *origin == Origin::Empty
                    && !judgement.verdict.is_pass()
                    && passes.is_some_and(|before| before.verdict.is_pass())
                {
                    continue;
                }
                // From version 2 on the journal says what is the best.
                let smaller = best.as_ref().is_none_or(|(set, _)| keep.len() < set.len());
                if judgement.verdict.is_pass() && smaller && !says_best {
                    best = Some((keep.clone(), judgement.clone()));
                }
                told.entry(keep.clone()).or_default().add(judgement);
            }
            Record::Best {
                keep: Some(keep), ..
            } => {
                let judgement = told.get(keep).and_then(Ballot::pass);
                best = judgement.map(|judgement| (keep.clone(), judgement.clone()));
            }
            Record::Depends { keep, carried } => depends = Some((keep.clone(), carried.clone())),
            Record::Certified { entries } => {
                certified = Some(entries.iter().copied().collect());
            }
            Record::Finished {
                ending: how,
                risk: of,
                ..
            } => (ending, risk) = (Some(*how), *of),
            _ => {}
        }
    }
    cost.forecast_error = forecast_error(lines);
    cost.differed = told.values().map(|ballot| ballot.counts().1).sum();
    Some(Facts {
        start: start?,
        best: best?,
        told,
        depends,
        certified,
        judged,
        ending,
        risk,
        stopped,
        cost,
    })
}

/// The median of how far the forecasts of builds were off, as shares of what the builds took.
pub(super) fn forecast_error(lines: &[Line]) -> Option<f64> {
    let error = |line: &Line| {
        let Record::Told { judgement, .. } = &line.record else {
            return None;
        };
        let timings = judgement.timings;
        let (forecast, took) = (timings.forecast?, timings.build_cpu.as_secs_f64());
        let is_built = judgement.source != Source::SameConfig && took > 0.0;
        is_built.then(|| (forecast.cpu.as_secs_f64() - took).abs() / took)
    };
    let mut errors: Vec<f64> = lines.iter().filter_map(error).collect();
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).copied()
}

fn add(cost: &mut Cost, judgement: &Judgement) {
    if judgement.source == Source::SameConfig {
        cost.reused += 1;
        return;
    }
    if judgement.source == Source::SameImage {
        cost.reused += 1;
    }
    match judgement.verdict {
        Verdict::Pass => cost.passed += 1,
        Verdict::Fail(_) => cost.failed += 1,
        Verdict::Unresolved => cost.unresolved += 1,
    }
    let timings = &judgement.timings;
    cost.objects += u64::from(timings.objects.saturating_sub(timings.cached));
    cost.cached += u64::from(timings.cached);
    cost.build_cpu += judgement.timings.build_cpu;
}
