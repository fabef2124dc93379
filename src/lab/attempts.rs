//! Gives each trial a key of its own.

use std::collections::HashMap;

use crate::journal::RunState;
use crate::model::Fingerprint;
use crate::trial::{TrialKey, Work};

/// How many trials of each config there were, those of earlier sessions included: no outcome of one of them is taken
/// for one of a later trial.
#[derive(Debug, Clone, Default)]
pub struct Attempts(HashMap<Fingerprint, u32>);

impl Attempts {
    /// Those that a run has had.
    #[must_use]
    pub fn of(state: &RunState) -> Self {
        Self(state.begun.clone())
    }

    /// The key of a trial that nobody had before, in which a set is judged for the `round`th time.
    pub(super) fn key(&mut self, work: &Work, round: u32) -> TrialKey {
        let before = self.0.entry(work.key(round, 0).of).or_default();
        let key = work.key(round, *before);
        *before += 1;
        key
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::journal::{Line, Record};
    use crate::model::{Config, Origin, ResolvedConfig, TrialId};

    #[test]
    fn the_attempts_of_a_config_are_counted_over_all_sessions() {
        let config = ResolvedConfig::new(String::new(), Config::default());
        let began = |trial| Line {
            elapsed: Duration::ZERO,
            record: Record::Began {
                trial: TrialId(trial),
                candidate: None,
                fingerprint: config.fingerprint,
                worker: None,
            },
        };
        let work = |trial| Work::Judge {
            trial: TrialId(trial),
            config: config.clone(),
            origin: Origin::Earlier,
            baseline: None,
            role: crate::trial::Role::Candidate,
        };
        let mut attempts = Attempts::of(&RunState::of(&[began(1), began(2)]));
        let first = attempts.key(&work(3), 0);
        let second = attempts.key(&work(4), 1);
        assert_eq!((first.attempt, second.attempt), (2, 3));
        assert_eq!((first.round, second.round), (0, 1));
    }
}
