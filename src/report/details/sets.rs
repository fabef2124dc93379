//! Which requests each trial of a run had.

use std::collections::HashMap;

use crate::journal::{Line, Record};
use crate::model::{RequestSet, TrialId};

/// The set of each trial of requests.
pub(super) fn sets(lines: &[Line], all: &RequestSet) -> HashMap<TrialId, RequestSet> {
    let mut proposed = HashMap::new();
    let mut sets = HashMap::new();
    for line in lines {
        match &line.record {
            Record::Proposed { candidate } => {
                proposed.insert(candidate.id, candidate.keep.clone());
            }
            Record::Began {
                trial, candidate, ..
            } => {
                let set = match candidate {
                    Some(id) => proposed.get(id).cloned(),
                    None => Some(all.clone()),
                };
                if let Some(set) = set {
                    sets.insert(*trial, set);
                }
            }
            // It is none on the requests of the start.
            Record::StandIn { judgement, .. } => {
                sets.remove(&judgement.trial);
            }
            Record::Anew { .. } => proposed.clear(),
            _ => {}
        }
    }
    sets
}
