//! Makes the report from the state of a run.

use std::path::PathBuf;

use serde_json::Value;

use super::costs::costs;
use super::reasons::Reasons;
use super::sizes::{rebuilt, size, unbuilt};
use super::{Certainty, KeptRequest, Reason, Report, StandIn, StartOfRun, Status, VERSION};
use crate::journal::{Ending, Line, RunInfo, RunState};
use crate::model::{RequestId, RequestSet, Stage};
use crate::{Error, Result};

/// The report of a run, finished or not, from its journal.
///
/// # Errors
/// As [`of_state`].
pub fn gather(info: &RunInfo, lines: &[Line]) -> Result<Report> {
    of_state(info, &RunState::of(lines))
}

/// The report of a run in this state.
///
/// # Errors
/// The start has not passed yet: there is nothing to report. Or the journal is damaged.
pub fn of_state(info: &RunInfo, state: &RunState) -> Result<Report> {
    let requests = info.requests.len();
    let Some(best) = state.best(requests) else {
        let what = match info.start_lines {
            None => "the start has not passed yet",
            Some(_) => "nothing has passed yet",
        };
        let why = state.stopped.as_ref();
        let why = why.map_or_else(String::new, |why| format!("; the run stopped: {why}"));
        return Err(Error::failed(format!("{what}{why}")).hint(
            "there is something to report as soon as it has; see trials/ in the run directory",
        ));
    };
    let Some(passed) = state.best_passed() else {
        return Err(
            Error::failed("the journal is damaged: it names a best that never passed")
                .hint("start a new run with another --output"),
        );
    };
    let reasons = Reasons::new(info, state, &best, passed);
    let kept = best.iter().map(|id| KeptRequest {
        request: info.requests[id.index()].clone(),
        reason: reasons.of(id),
    });
    let kept: Vec<KeptRequest> = kept.collect();
    let status = status(state.ending, &kept);
    let (before, start) = match state.whole_passed() {
        Some(start) => (size(start, requests, state), StartOfRun::Built),
        None => (
            unbuilt(requests, info.start_lines.unwrap_or_default()),
            StartOfRun::NotBuilt,
        ),
    };
    let stopped = state.gave_up().filter(|_| state.ending.is_none());
    Ok(Report {
        v: VERSION,
        kbisect: info.kbisect.clone(),
        key: info.key.to_json(),
        settings: info.settings.as_json().clone(),
        status,
        stopped: stopped.map(str::to_owned),
        before,
        start,
        stand_in: stand_in(info, state),
        after: size(passed, best.len(), state),
        certainty: certainty(state, &best, &kept),
        rebuilt: state.ending.and_then(|_| rebuilt(state, passed)),
        kept,
        cost: costs(state),
        files: files(status),
    })
}

/// The kernel that stood for the start, if one did.
fn stand_in(info: &RunInfo, state: &RunState) -> Option<StandIn> {
    let passed = state.stand_in.as_ref()?;
    let kernel = info.settings.as_json().get("start_kernel");
    Some(StandIn {
        trial: passed.trial,
        kernel: kernel.and_then(Value::as_str).unwrap_or_default().into(),
        image: passed.image_size,
        oracle_seconds: passed.timings.oracle_wall.as_secs_f64(),
    })
}

fn status(ending: Option<Ending>, kept: &[KeptRequest]) -> Status {
    let is_proved = kept.iter().all(|k| k.reason != Reason::Unproved);
    let is_implied = |k: &KeptRequest| matches!(k.reason, Reason::Implied { .. });
    match ending {
        Some(Ending::Leaves) if is_proved => Status::Leaves,
        // Older versions called it minimal.
        Some(Ending::Minimal) if is_proved && kept.iter().any(is_implied) => Status::Leaves,
        Some(Ending::Minimal) if is_proved => Status::Minimal,
        Some(Ending::Minimal | Ending::Leaves | Ending::Unproved) => Status::Unproved,
        None => Status::Stopped,
    }
}

/// How certain the answer is, if that was calculated.
fn certainty(state: &RunState, best: &RequestSet, kept: &[KeptRequest]) -> Option<Certainty> {
    let judged = |keep: &RequestSet| state.ballot(keep).map(|ballot| ballot.counts().0);
    // Of the requests that the oracle needs, not of those without which nothing builds.
    let is_of_oracle = |(kept, id): (&KeptRequest, RequestId)| {
        let stage = match kept.reason {
            Reason::Needed { stage, .. } => Some(stage),
            _ => None,
        };
        (stage == Some(Stage::Oracle)).then_some(id)
    };
    let ids = kept.iter().zip(best.iter()).filter_map(is_of_oracle);
    Some(Certainty {
        risk: state.risk?,
        judged: judged(best).unwrap_or_default(),
        proofs: ids.filter_map(|id| judged(&best.without(id))).min(),
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
