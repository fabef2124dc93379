//! How the best of a run became smaller, and which requests went when.

use std::collections::HashMap;

use super::Step;
use super::sets::sets;
use crate::journal::{Line, Record};
use crate::model::{Judgement, RequestId, RequestSet, Source, TrialId, Verdict};

/// The bests of a run, and when each request went.
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    /// For each request that is not in the last best, the first best since that never had it again. None: no best had
    /// it.
    pub(super) went: HashMap<RequestId, Option<TrialId>>,
}

/// The bests in these records. `requests` is how many the start has.
pub(super) fn steps(lines: &[Line], requests: usize) -> Steps {
    let full = RequestSet::full(requests);
    let sets = sets(lines, &full);
    let mut found = Finder::default();
    for line in lines {
        let ms = u64::try_from(line.elapsed.as_millis()).unwrap_or(u64::MAX);
        match &line.record {
            Record::Start { judgement, .. } => {
                found.ended(judgement);
                if judgement.verdict == Verdict::Pass && found.sets.is_empty() {
                    found.best(judgement.trial, ms, judgement.lines, &full);
                }
            }
            Record::StandIn { judgement, .. } | Record::Told { judgement, .. } => {
                found.ended(judgement);
            }
            Record::Best {
                trial, lines, keep, ..
            } => {
                // Journals of version 1 name the trial alone.
                if let Some(keep) = keep.as_ref().or_else(|| sets.get(trial)) {
                    found.best(*trial, ms, *lines, keep);
                }
            }
            _ => {}
        }
    }
    found.result(&full)
}

#[derive(Default)]
struct Finder {
    ended: u32,
    images: HashMap<TrialId, u64>,
    steps: Vec<Step>,
    sets: Vec<RequestSet>,
}

impl Finder {
    fn ended(&mut self, judgement: &Judgement) {
        self.ended += u32::from(judgement.source == Source::Tested);
        if let Some(size) = judgement.image_size {
            self.images.insert(judgement.trial, size);
        }
    }

    fn best(&mut self, trial: TrialId, ms: u64, lines: u32, keep: &RequestSet) {
        let before = self.sets.last();
        if before == Some(keep) {
            return;
        }
        self.steps.push(Step {
            trial,
            ms,
            trials: self.ended,
            requests: keep.len(),
            lines,
            image: self.images.get(&trial).copied(),
            removed: before.map_or(0, |before| before.minus(keep).len()),
        });
        self.sets.push(keep.clone());
    }

    fn result(self, full: &RequestSet) -> Steps {
        let Some(last) = self.sets.last() else {
            return Steps {
                steps: self.steps,
                went: HashMap::new(),
            };
        };
        let gone = full.minus(last);
        let went = gone.iter().map(|id| {
            let had = self.sets.iter().rposition(|set| set.contains(id));
            // The last set lacks it, so another one follows.
            let trial = had.map(|at| self.steps[at + 1].trial);
            (id, trial)
        });
        Steps {
            went: went.collect(),
            steps: self.steps,
        }
    }
}
