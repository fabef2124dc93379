//! The rules by which a trial that gave no verdict is made again.

use super::verdicts::{believed, judgement, starved_twice, why};
use crate::Result;
use crate::model::{Judgement, ResolvedConfig, TrialId, Verdict};
use crate::trial::TrialResult;

/// How often a trial that gave no verdict is made again, for each reason.
const RETRIES: u32 = 1;

/// How often a trial was made in vain, by reason. Other trials of the same config may be under way beside it; their
/// ends do not count here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tries {
    unresolved: u32,
    starved: u32,
    refused: u32,
}

/// Is the verdict of a trial still wanted?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    /// It was cancelled, and may have ended before it knew.
    No,
}

/// What follows from the end of a trial.
#[derive(Debug)]
pub(super) enum Next {
    /// Its verdict counts.
    Counts(Judgement),
    /// It is made again, with the machine to itself, because the machine gave out.
    Alone(String),
    /// It is made again, because it gave no verdict.
    Again(String),
    /// It was cancelled.
    Cancelled,
}

impl Tries {
    /// Applies the rules to the end of a trial of `config`.
    ///
    /// # Errors
    /// The machine gave out for the last time.
    pub(super) fn next(
        &mut self,
        trial: TrialId,
        config: &ResolvedConfig,
        result: TrialResult,
        wanted: Wanted,
    ) -> Result<Next> {
        if matches!(result, TrialResult::Complained { .. }) {
            // It is made again when it complains first: that was its other chance.
            self.unresolved = RETRIES;
        }
        let result = believed(result, self.starved);
        if let (TrialResult::Starved(why), Wanted::Yes) = (&result, wanted) {
            self.starved += 1;
            if self.starved > RETRIES {
                return Err(starved_twice(why));
            }
            return Ok(Next::Alone(why.clone()));
        }
        let Some(judgement) = judgement(trial, config, result) else {
            return Ok(Next::Cancelled);
        };
        if judgement.verdict == Verdict::Unresolved {
            self.unresolved += 1;
            if wanted == Wanted::Yes && self.unresolved <= RETRIES {
                return Ok(Next::Again(why(&judgement).to_owned()));
            }
        }
        Ok(Next::Counts(judgement))
    }

    /// The oracle refused the start. A refusal by mistake is as good a reason to ask again as no answer: may it be
    /// asked once more?
    pub(super) fn refused(&mut self) -> bool {
        self.refused += 1;
        self.refused <= RETRIES
    }

    /// Was the start refused before?
    pub(super) fn was_refused(&self) -> bool {
        self.refused > 0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{Config, Origin, Timings};

    fn judged(verdict: Verdict) -> TrialResult {
        TrialResult::Judged {
            verdict,
            evidence: None,
            image: None,
            timings: Timings::default(),
            origin: Origin::Earlier,
        }
    }

    fn starved() -> TrialResult {
        TrialResult::Starved("No space left on device".into())
    }

    fn complained() -> TrialResult {
        TrialResult::Complained {
            evidence: "Cannot fork".into(),
            image: None,
            timings: Timings::default(),
            origin: Origin::Earlier,
        }
    }

    fn next(tries: &mut Tries, result: TrialResult, wanted: Wanted) -> Result<Next> {
        let config = ResolvedConfig::new(String::new(), Config::default());
        tries.next(TrialId(1), &config, result, wanted)
    }

    #[test]
    fn each_reason_for_another_try_counts_for_itself() {
        let mut tries = Tries::default();
        let mut next = |result| next(&mut tries, result, Wanted::Yes);
        assert!(matches!(next(starved()), Ok(Next::Alone(_))));
        let unresolved = || judged(Verdict::Unresolved);
        assert!(matches!(next(unresolved()), Ok(Next::Again(_))));
        assert!(matches!(next(unresolved()), Ok(Next::Counts(_))));
        let error = next(starved()).unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
    }

    #[test]
    fn a_second_complaint_is_a_trial_without_a_verdict() {
        let mut tries = Tries::default();
        let first = next(&mut tries, complained(), Wanted::Yes);
        assert!(matches!(first, Ok(Next::Alone(why)) if why == "Cannot fork"));
        let Ok(Next::Counts(judgement)) = next(&mut tries, complained(), Wanted::Yes) else {
            panic!("it is not tried for ever");
        };
        assert_eq!(judgement.verdict, Verdict::Unresolved);
    }

    #[test]
    fn a_cancelled_trial_is_not_made_again_and_its_verdict_counts() {
        let mut tries = Tries::default();
        let mut next = |result| next(&mut tries, result, Wanted::No);
        assert!(matches!(next(starved()), Ok(Next::Cancelled)));
        assert!(matches!(next(TrialResult::Cancelled), Ok(Next::Cancelled)));
        for verdict in [Verdict::Pass, Verdict::Unresolved] {
            let ended = next(judged(verdict)).unwrap();
            assert!(matches!(ended, Next::Counts(j) if j.verdict == verdict));
        }
    }

    #[test]
    fn a_start_that_was_refused_is_asked_once_more() {
        let mut tries = Tries::default();
        assert!(!tries.was_refused() && tries.refused());
        assert!(tries.was_refused() && !tries.refused());
    }
}
