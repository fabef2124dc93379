//! Rates the forecasts of builds.

use crate::journal::{Judged, RunState};
use crate::model::Source;

/// The median of the relative errors of all forecasts of CPU time; none if there was no forecast.
pub(super) fn error(state: &RunState) -> Option<f64> {
    let mut errors: Vec<f64> = state.judged.iter().filter_map(error_of).collect();
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).copied()
}

fn error_of(judged: &Judged) -> Option<f64> {
    // The start is built whole, without a forecast of its own.
    judged.candidate?;
    let judgement = &judged.judgement;
    let timings = judgement.timings;
    let (forecast, took) = (timings.forecast?, timings.build_cpu.as_secs_f64());
    let is_built = judgement.source != Source::SameConfig && took > 0.0;
    is_built.then(|| (forecast.cpu.as_secs_f64() - took).abs() / took)
}
