//! Oracles that err: the error rate, and the number of judgements that a verdict needs.
//!
//! A set is judged until one answer leads by so many judgements that the odds of an error are below
//! the limit: the sequential probability ratio test (A. Wald, "Sequential tests of statistical
//! hypotheses", 1945), for an oracle that errs both ways at the same rate. The rate is estimated
//! from sets that were judged more than once.

use std::collections::BTreeMap;

/// The initial estimate of the error rate, as pseudo-counts: errors, of judgements. It is low enough that one judgement
/// suffices for the default confidence.
const ERRORS: f64 = 0.1;
const OF: f64 = 12.0;

/// The highest error rate of a useful oracle.
pub(super) const TOO_OFTEN: f64 = 0.25;

/// The least number of judgements, and the certainty, before an oracle is called unreliable.
const ENOUGH: u32 = 10;
const SURE: f64 = 0.99;

/// The reliability of an oracle: how often it contradicted itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reliability {
    /// Judgements of sets that were judged more than once.
    pub again: u32,
    /// Of these, those that were in the minority for their set.
    pub differed: u32,
    /// The start itself does not pass any more, more often than it does.
    pub start_fails: bool,
    /// It surely errs more often than one time in four.
    pub errs_too_often: bool,
    /// The chance that the answer is wrong, by what was judged, once it is being certified.
    pub risk: Option<f64>,
    /// The search is over, and the answer is still not as sure as it must be.
    pub is_unsure: bool,
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
        self.start_fails || self.errs_too_often || self.is_unsure
    }

    /// The lead of one answer at which it is wrong with at most this probability.
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

/// Does the oracle certainly err too often? `sets` has the passes and failures of each set that was judged more than
/// once.
///
/// By Bayes' rule, with every rate of error below one half as likely as any other before. Nobody
/// knows which answer on a set is the right one, so both are taken to be as likely. That a set
/// is judged until its answer is clear does not matter: what was seen is as likely at each rate
/// whatever made the judging end. (The share of the minority is no measure, for just that reason:
/// of a coin that is tossed until one side leads by five it is far below one half.)
pub(super) fn errs_too_often(sets: &[(u32, u32)]) -> bool {
    if sets
        .iter()
        .map(|(passes, fails)| passes + fails)
        .sum::<u32>()
        < ENOUGH
    {
        return false;
    }
    // Many sets have the same counts.
    let mut kinds: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    for (passes, fails) in sets {
        let kind = (*passes.max(fails), *passes.min(fails));
        *kinds.entry(kind).or_default() += 1.0;
    }
    let likelihood = |rate: f64| -> f64 {
        let (wrong, right) = (rate.ln(), (1.0 - rate).ln());
        let of = |((more, fewer), n): (&(u32, u32), &f64)| {
            let (more, fewer) = (f64::from(*more), f64::from(*fewer));
            let (a, b) = (more * right + fewer * wrong, more * wrong + fewer * right);
            // ln(e^a + e^b), of which a is the larger.
            n * (a + (b - a).exp().ln_1p())
        };
        kinds.iter().map(of).sum()
    };
    let rates: Vec<f64> = (1..50).map(|percent| f64::from(percent) / 100.0).collect();
    let all: Vec<f64> = rates.iter().copied().map(likelihood).collect();
    let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut sum, mut above) = (0.0, 0.0);
    for (rate, likelihood) in rates.iter().zip(all) {
        let weight = (likelihood - most).exp();
        sum += weight;
        above += if *rate > TOO_OFTEN { weight } else { 0.0 };
    }
    above > SURE * sum
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
            ..Reliability::default()
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
        // Tossed until one side leads by three.
        let coin = [(4, 7), (8, 5), (3, 0), (6, 9), (2, 5), (5, 8)];
        assert!(errs_too_often(&coin));
        assert!(!errs_too_often(&coin[..1]), "it may be by chance");
        assert!(!errs_too_often(&[(4, 5)]), "too early to tell");
        assert!(errs_too_often(&[(4, 5), (5, 4), (4, 5), (5, 4)]));
        // As likely to err one time in five.
        let now_and_then = [(4, 1), (0, 3), (3, 0), (1, 4), (5, 2), (3, 0), (0, 3)];
        assert!(!errs_too_often(&now_and_then));
        assert!(!errs_too_often(&[(20, 0), (1, 0)]));
        assert!(!errs_too_often(&[]));
    }
}
