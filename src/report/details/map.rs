//! Which trial of a run had which requests.

use super::sets::sets;
use super::{MapColumn, TrialDetails, TrialMap};
use crate::journal::Line;
use crate::model::{Request, RequestId, RequestSet};

/// With more requests than this, only those of the answer are rows.
const MOST_ROWS: usize = 200;

/// So many trials are columns, the last ones.
const MOST_COLUMNS: usize = 400;

/// The map of these trials; nothing of journals that do not say which sets were tried.
pub(super) fn map(
    lines: &[Line],
    trials: &[TrialDetails],
    requests: &[Request],
    best: &RequestSet,
) -> TrialMap {
    let all = RequestSet::full(requests.len());
    let rows: Vec<RequestId> = match requests.len() {
        0..=MOST_ROWS => all.iter().collect(),
        _ => best.iter().take(MOST_ROWS).collect(),
    };
    let sets = sets(lines, &all);
    let known = trials
        .iter()
        .filter_map(|trial| Some((trial, sets.get(&trial.trial)?)));
    let known: Vec<_> = known.collect();
    let columns = &known[known.len().saturating_sub(MOST_COLUMNS)..];
    TrialMap {
        rows: rows
            .iter()
            .map(|id| requests[id.index()].symbol.clone())
            .collect(),
        columns: columns
            .iter()
            .map(|(trial, set)| MapColumn {
                trial: trial.trial,
                end: trial.end,
                had: rows
                    .iter()
                    .map(|id| if set.contains(*id) { '1' } else { '0' })
                    .collect(),
            })
            .collect(),
    }
}
