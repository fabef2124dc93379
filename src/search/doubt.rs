//! How far a verdict of an oracle that errs can be relied on: how often it errs, and how many
//! judgements it takes.
//!
//! The same set is judged until one answer leads by so many that the odds of an error are below
//! what is wanted: the sequential probability ratio test (A. Wald, "Sequential tests of
//! statistical hypotheses", 1945) for an oracle that errs both ways at the same rate. The rate is
//! estimated from sets that were judged more than once.

/// What is assumed before anything is known: so many errors, in so many judgements. Few enough
/// that one judgement is enough for the default confidence.
const ERRORS: f64 = 0.1;
const OF: f64 = 12.0;

/// An oracle that surely errs more often than this is of no use.
pub(super) const TOO_OFTEN: f64 = 0.25;

/// So many judgements it takes before an oracle is called that.
const ENOUGH: u32 = 10;

/// How often an oracle has answered the same question in two ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reliability {
    /// Judgements of sets that were judged more than once.
    pub again: u32,
    /// Of these, those that were in the minority for their set.
    pub differed: u32,
    /// The start itself does not pass any more, more often than it does.
    pub start_fails: bool,
}

impl Reliability {
    /// The share of judgements that differed; 0 when none was repeated.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.again == 0 {
            return 0.0;
        }
        f64::from(self.differed) / f64::from(self.again)
    }

    /// Is the oracle too unreliable to go on?
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        let rate = self.rate();
        let deviation = (rate * (1.0 - rate) / f64::from(self.again.max(1))).sqrt();
        self.start_fails || self.again >= ENOUGH && rate - 2.0 * deviation > TOO_OFTEN
    }

    /// By how many one answer must lead to be wrong with at most this chance.
    pub(super) fn lead(&self, error: f64) -> u32 {
        // Sets are judged until they are clear, so the minority is smaller than it would be: one
        // deviation on top.
        let differed = f64::from(self.differed);
        let rate = (ERRORS + differed + differed.sqrt()) / (OF + f64::from(self.again));
        let rate = rate.clamp(0.001, 0.4);
        let odds = |chance: f64| ((1.0 - chance) / chance).ln();
        // Within rounding one judgement does, if the oracle errs just as often as is allowed.
        let lead = (odds(error) / odds(rate) - 1e-9).ceil();
        // At least one, and odds of at most 0.4 make it some dozens.
        (1..100).find(|n| f64::from(*n) >= lead).unwrap_or(100)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::Confidence;

    fn judged(again: u32, differed: u32) -> Reliability {
        Reliability {
            again,
            differed,
            start_fails: false,
        }
    }

    #[test]
    fn one_judgement_is_enough_while_nothing_differs() {
        let error = Confidence::default().error();
        assert_eq!(judged(0, 0).lead(error), 1);
        assert_eq!(judged(3, 0).lead(error), 1);
        assert_eq!(judged(4, 1).lead(error), 3);
        assert_eq!(judged(40, 1).lead(error), 2);
        assert_eq!(judged(100, 20).lead(error), 4);
        assert_eq!(judged(100, 20).lead(0.1), 2);
        assert!(judged(0, 0).lead(0.0001) > 1);
    }

    #[test]
    fn an_oracle_that_tosses_a_coin_is_hopeless_and_one_that_errs_now_and_then_is_not() {
        assert!(judged(20, 10).is_hopeless());
        assert!(!judged(4, 2).is_hopeless(), "too early to tell");
        assert!(!judged(50, 10).is_hopeless());
        assert!(!judged(0, 0).is_hopeless());
    }
}
