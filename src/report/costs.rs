//! Counts what a run took.

use super::{Cost, forecasts};
use crate::journal::RunState;
use crate::model::{Judgement, Source, Verdict};

/// What a run in this state took.
pub(super) fn costs(state: &RunState) -> Cost {
    let mut cost = Cost {
        wall: state.elapsed,
        sessions: state.sessions,
        differed: state.differed(),
        forecast_error: forecasts::error(state),
        ..Cost::default()
    };
    for judgement in state.all_judged() {
        add(&mut cost, judgement);
    }
    let repeated = state.judged.iter().filter(|judged| judged.round > 0);
    cost.repeated = repeated.count() as u32;
    cost
}

fn add(cost: &mut Cost, judgement: &Judgement) {
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
