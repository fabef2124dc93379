//! Makes the long report of a run from its journal or its result, without what only other files say.

use super::asked::asked;
use super::{
    Asked, Build, Builds, DETAILS_VERSION, Details, Edge, OptionDetails, Removed, Standing,
    TrialMap,
};
use super::{free, map, steps, timeline};
use crate::journal::{Line, RunInfo, RunState};
use crate::model::{Judgement, RequestSet, RunKey, Source, TrialId, sanitize_line};
use crate::report::text;
use crate::report::{KeptRequest, Plain, Report, Status};

/// Longest texts, in characters.
const LONGEST: usize = 1000;

/// The long report of a run with these records, and in the state after them. `report` is its result; without one nothing has passed yet, and
/// `why` says what is known of that.
#[must_use]
pub fn from_journal(
    info: &RunInfo,
    lines: &[Line],
    state: &RunState,
    report: Result<Report, String>,
) -> Details {
    let requests = info.requests.len();
    let asked = Asked {
        at: info.at,
        ..asked(info.settings.as_json(), &info.key)
    };
    let best = report
        .as_ref()
        .ok()
        .and_then(|_| state.best(requests))
        .unwrap_or_else(|| RequestSet::empty(requests));
    let (result, nothing) = match report {
        Ok(report) => (Some(report), None),
        Err(why) => (None, Some(sanitize_line(&why, LONGEST))),
    };
    let trials = timeline::trials(lines, requests);
    let steps = steps::steps(lines, requests);
    let gone = RequestSet::full(requests).minus(&best);
    let removed = gone.iter().filter(|_| result.is_some()).map(|id| Removed {
        request: info.requests[id.index()].clone(),
        trial: steps.went.get(&id).copied().flatten(),
        prompt: None,
        menu: Vec::new(),
    });
    let map = map::map(lines, &trials, &info.requests, &best);
    Details {
        builds: builds(state, result.as_ref()),
        removed: removed.collect(),
        free: info.analysis.as_ref().map(free::free).unwrap_or_default(),
        edges: edges(info, state, &best),
        steps: steps.steps,
        trials,
        map,
        gaps: unknown_symbols(info),
        ..of_result(result, nothing, asked)
    }
}

/// The long report of a result without its run.
#[must_use]
pub fn from_result(report: Report) -> Details {
    let key = RunKey::from_json(&report.key).unwrap_or_default();
    let asked = asked(&report.settings, &key);
    let mut details = of_result(Some(report), None, asked);
    details.gaps.push(
        "Only the result is here, not the run: trials, removed requests and logs are not known."
            .to_owned(),
    );
    details
}

fn of_result(result: Option<Report>, nothing: Option<String>, asked: Asked) -> Details {
    let standing = match result.as_ref().map(|report| report.status) {
        None => Standing::NothingPassed,
        Some(Status::Minimal) => Standing::Minimal,
        Some(Status::Leaves) => Standing::Leaves,
        Some(Status::Unproved) => Standing::Unproved,
        Some(Status::Stopped) => Standing::Stopped,
        Some(Status::Running) => Standing::Running,
    };
    let said = match &result {
        Some(report) => {
            let mut said = text::said(report);
            let cost = text::cost(&report.cost, &Plain);
            said.extend(cost.lines().map(str::to_owned));
            said
        }
        None => nothing.into_iter().collect(),
    };
    let kept = result.iter().flat_map(|report| &report.kept);
    Details {
        v: DETAILS_VERSION,
        kbisect: env!("CARGO_PKG_VERSION").to_owned(),
        standing,
        asked,
        said,
        builds: Builds::default(),
        usage: Vec::new(),
        options: kept.map(option).collect(),
        lines: Vec::new(),
        removed: Vec::new(),
        steps: Vec::new(),
        free: Vec::new(),
        trials: Vec::new(),
        map: TrialMap::default(),
        edges: Vec::new(),
        gaps: Vec::new(),
        result,
    }
}

fn option(kept: &KeptRequest) -> OptionDetails {
    OptionDetails {
        request: kept.request.clone(),
        said: text::reason(kept),
        reason: kept.reason.clone(),
        about: None,
        help: None,
        failure: None,
        image_bytes: None,
        traced: None,
        carries: Vec::new(),
    }
}

/// The builds of the start and of the answer from empty trees.
fn builds(state: &RunState, result: Option<&Report>) -> Builds {
    let tested = |trial: TrialId| {
        let mut all = state.all_judged();
        all.find(|judgement| judgement.trial == trial && judgement.source == Source::Tested)
    };
    let build = |judgement: &Judgement| Build {
        trial: judgement.trial,
        objects: judgement.timings.objects,
        cached: judgement.timings.cached,
        cpu_seconds: judgement.timings.build_cpu.as_secs_f64(),
    };
    let rebuilt = result.and_then(|report| report.rebuilt.as_ref());
    Builds {
        before: state.whole_passed().map(build),
        after: rebuilt.and_then(|rebuilt| tested(rebuilt.trial)).map(build),
    }
}

/// Who depends on whom in the best, without what follows from other edges.
pub(super) fn edges(info: &RunInfo, state: &RunState, best: &RequestSet) -> Vec<Edge> {
    let of_best = state.depends.as_ref().filter(|of| of.keep == *best);
    let carried = of_best.map_or(&info.carried, |of| &of.carried);
    let falls = |id: crate::model::RequestId| -> RequestSet {
        let all = carried.get(id.index()).into_iter().flatten().copied();
        let mut set = RequestSet::of(best.capacity(), all).intersection(best);
        set.remove(id);
        set
    };
    let mut edges = Vec::new();
    for to in best.iter() {
        let dependents = falls(to);
        for from in dependents.iter() {
            // It follows from two others, unless those are of a circle.
            let mut between = dependents.iter();
            let is_direct = !between.any(|middle| {
                middle != from && falls(middle).contains(from) && !falls(middle).contains(to)
            });
            if is_direct {
                edges.push(Edge {
                    from: info.requests[from.index()].symbol.clone(),
                    to: info.requests[to.index()].symbol.clone(),
                });
            }
        }
    }
    edges
}

/// What is said of the symbols that the source does not have.
fn unknown_symbols(info: &RunInfo) -> Vec<String> {
    const SHOWN: usize = 20;
    let unknown = info.analysis.iter().flat_map(|analysis| &analysis.unknown);
    let names: Vec<String> = unknown
        .map(|unknown| format!("{} (line {})", unknown.symbol, unknown.line))
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = names[..names.len().min(SHOWN)].join(", ");
    vec![format!(
        "The source does not have these symbols of the start: {shown}{more}."
    )]
}
