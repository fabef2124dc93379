//! Counts what a run took.

use super::{Cost, forecasts};
use crate::journal::{Judged, RunState};
use crate::model::{Source, Verdict};

/// What a run in this state took.
pub(super) fn costs(state: &RunState) -> Cost {
    let mut cost = Cost {
        wall: state.elapsed,
        sessions: state.sessions,
        differed: state.differed(),
        forecast_error: forecasts::error(state),
        ..Cost::default()
    };
    for judged in &state.judged {
        add(&mut cost, judged);
    }
    cost
}

fn add(cost: &mut Cost, judged: &Judged) {
    let judgement = &judged.judgement;
    cost.repeated += u32::from(judged.round > 0);
    if judgement.source != Source::Tested {
        cost.reused += 1;
    }
    // That of another config with the same image was built.
    if judgement.source == Source::SameConfig {
        return;
    }
    match judgement.verdict {
        Verdict::Pass => cost.passed += 1,
        Verdict::Fail(_) => cost.failed += 1,
        Verdict::Unresolved => cost.unresolved += 1,
    }
    let timings = &judgement.timings;
    cost.objects += u64::from(timings.objects.saturating_sub(timings.cached));
    cost.cached += u64::from(timings.cached);
    cost.build_cpu += timings.build_cpu;
}
