//! The probability that an answer is wrong: a posterior over the error rates of the oracle.
//!
//! The oracle rejects a good set with probability *a* and accepts a bad one with probability *b*. Both are unknown.
//! They need not be 0 if no two verdicts on one set differed: a rate of 5 % stays unseen in ten repeats in six cases
//! of ten. The prior probability is one half for a reliable oracle, a quarter for one rate both ways, and a quarter
//! for two rates. By Bayes' rule the repeated judgements of the run weigh these cases. The posterior gives the
//! probability that any judgement that the answer rests on is wrong.
//!
//! The number of trials counts as well: the answer was chosen from many sets because it passed, and its requests
//! from many because it failed without them. So an error has as many chances as sets were judged (a union bound, as
//! Bonferroni's correction).

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The passes and failures of a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tally {
    pub(super) passes: u32,
    pub(super) fails: u32,
}

impl Tally {
    /// With so many more judgements, which say what most of them say.
    pub(super) fn and_more(self, n: u32) -> Self {
        let (passes, fails) = match self.passes >= self.fails {
            true => (n, 0),
            false => (0, n),
        };
        Self {
            passes: self.passes + passes,
            fails: self.fails + fails,
        }
    }

    fn judged(self) -> u32 {
        self.passes + self.fails
    }

    /// The logarithm of its chance, if the set is good.
    fn if_good(self, logs: Logs) -> f64 {
        f64::from(self.passes) * logs.not_refuses + f64::from(self.fails) * logs.refuses
    }

    /// The logarithm of its chance, if it is not.
    fn if_bad(self, logs: Logs) -> f64 {
        f64::from(self.passes) * logs.accepts + f64::from(self.fails) * logs.not_accepts
    }
}

/// The error rates of an oracle, as logarithms of probabilities.
#[derive(Debug, Clone, Copy)]
struct Logs {
    /// It refuses what is good: *a*.
    refuses: f64,
    not_refuses: f64,
    /// It accepts what is not: *b*.
    accepts: f64,
    not_accepts: f64,
    /// The prior probability of these rates.
    belief: f64,
}

impl Logs {
    fn new(refuses: f64, accepts: f64, belief: f64) -> Self {
        Self {
            refuses: refuses.ln(),
            not_refuses: (1.0 - refuses).ln(),
            accepts: accepts.ln(),
            not_accepts: (1.0 - accepts).ln(),
            belief: belief.ln(),
        }
    }
}

/// The judgements that an answer rests on.
#[derive(Debug, Clone)]
pub(super) struct Observations {
    /// The start, which is taken to be good.
    pub(super) start: Tally,
    /// All other sets that were judged, those below included.
    pub(super) sets: Vec<Tally>,
    /// The answer.
    pub(super) best: Tally,
    /// The answer is the start.
    pub(super) best_is_start: bool,
    /// The answer without each of its requests, where the oracle said no.
    pub(super) without: Vec<Tally>,
}

/// A rate that is as good as none.
const RELIABLE: f64 = 1e-4;

/// The beliefs before anything is seen.
const HALF: f64 = 0.5;
const QUARTER: f64 = 0.25;

/// The rates of an oracle that errs: from 1 % up to one that tells little more than a coin.
const RATES: [f64; 9] = [0.01, 0.025, 0.05, 0.08, 0.12, 0.18, 0.25, 0.33, 0.43];

/// Every pair of rates with its belief.
static BELIEFS: LazyLock<Vec<Logs>> = LazyLock::new(|| {
    let n = RATES.len() as f64;
    let same = RATES.map(|rate| Logs::new(rate, rate, QUARTER / n));
    let two = |a: f64| RATES.map(|b| Logs::new(a, b, QUARTER / (n * n)));
    let reliable = std::iter::once(Logs::new(RELIABLE, RELIABLE, HALF));
    reliable
        .chain(same)
        .chain(RATES.into_iter().flat_map(two))
        .collect()
});

/// The observations and the posterior of each pair of rates.
#[derive(Debug, Clone)]
pub(super) struct Posterior {
    observations: Observations,
    /// The number of sets that were judged: each was a chance to be wrong.
    chances: f64,
    /// By belief.
    weighed: Vec<Weighed>,
}

/// One pair of error rates, weighed by the observations.
#[derive(Debug, Clone, Copy)]
struct Weighed {
    /// The logarithm of its weight.
    weight: f64,
    /// The chance that the answer does not pass.
    best: f64,
    /// The expected number of its requests that are not needed.
    stays: f64,
}

impl Posterior {
    pub(super) fn new(observations: Observations) -> Self {
        // Many sets have the same counts.
        let mut kinds: BTreeMap<Tally, u32> = BTreeMap::new();
        for tally in &observations.sets {
            *kinds.entry(*tally).or_default() += 1;
        }
        let mut without: BTreeMap<Tally, u32> = BTreeMap::new();
        for tally in &observations.without {
            *without.entry(*tally).or_default() += 1;
        }
        let chances = observations.sets.len().max(1) as f64;
        let each = (chances / observations.without.len().max(1) as f64).max(1.0);
        let weigh = |logs: &Logs| {
            let sets = kinds.iter().map(|(t, n)| f64::from(*n) * seen(*t, *logs));
            let stays = without
                .iter()
                .map(|(t, n)| f64::from(*n) * not_needed(*t, each, *logs));
            Weighed {
                weight: logs.belief + observations.start.if_good(*logs) + sets.sum::<f64>(),
                best: not_good(observations.best, chances, *logs),
                stays: stays.sum(),
            }
        };
        let weighed = BELIEFS.iter().map(weigh).collect();
        Self {
            observations,
            chances,
            weighed,
        }
    }

    /// The chance that the answer is wrong: that it does not pass, or that one of its requests is not
    /// needed.
    pub(super) fn risk(&self) -> f64 {
        self.risk_after(0)
    }

    /// [`Self::risk`] after `more` further passes of the answer.
    pub(super) fn risk_after(&self, more: u32) -> f64 {
        let old = self.observations.best;
        let new = old.and_more(more);
        let gain = |logs: Logs| match self.observations.best_is_start {
            true => new.if_good(logs) - old.if_good(logs),
            false => seen(new, logs) - seen(old, logs),
        };
        let after = |(weighed, logs): (&Weighed, &Logs)| match more {
            0 => *weighed,
            _ => Weighed {
                weight: weighed.weight + gain(*logs),
                best: not_good(new, self.chances, *logs),
                ..*weighed
            },
        };
        let all: Vec<Weighed> = self.weighed.iter().zip(BELIEFS.iter()).map(after).collect();
        let most = all
            .iter()
            .map(|w| w.weight)
            .fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut wrong) = (0.0, 0.0);
        for belief in all {
            let weight = (belief.weight - most).exp();
            sum += weight;
            wrong += weight * (belief.best + belief.stays).min(1.0);
        }
        wrong / sum
    }

    /// The number of further passes of the answer until the risk is at most `error`. `None` if not even `most` are
    /// enough.
    pub(super) fn passes_to(&self, error: f64, most: u32) -> Option<u32> {
        let is_enough = |more: u32| self.risk_after(more) <= error;
        if !is_enough(most) {
            return None;
        }
        let (mut below, mut enough) = (0, most);
        while below < enough {
            let middle = u32::midpoint(below, enough);
            if is_enough(middle) {
                enough = middle;
            } else {
                below = middle + 1;
            }
        }
        Some(enough)
    }
}

/// The log-likelihood of these judgements on one set, good or bad. A single judgement says nothing about the error
/// rates.
fn seen(tally: Tally, logs: Logs) -> f64 {
    if tally.judged() < 2 {
        return 0.0;
    }
    let (good, bad) = (tally.if_good(logs), tally.if_bad(logs));
    let (more, less) = (good.max(bad), good.min(bad));
    more + (less - more).exp().ln_1p() - std::f64::consts::LN_2
}

fn not_good(tally: Tally, chances: f64, logs: Logs) -> f64 {
    odds(chances, tally.if_bad(logs) - tally.if_good(logs))
}

fn not_needed(tally: Tally, chances: f64, logs: Logs) -> f64 {
    odds(chances, tally.if_good(logs) - tally.if_bad(logs))
}

/// A chance, of the odds `times` e to the power of `log`.
fn odds(times: f64, log: f64) -> f64 {
    let odds = times * log.min(600.0).exp();
    odds / (1.0 + odds)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tally(passes: u32, fails: u32) -> Tally {
        Tally { passes, fails }
    }

    /// A run of so many sets, of which one is the answer and three are it without a request.
    fn run(sets: usize, start: Tally, best: Tally, without: Tally) -> Observations {
        let mut all = vec![tally(0, 1); sets - 4];
        all.extend([best, without, without, without]);
        Observations {
            start,
            sets: all,
            best,
            best_is_start: false,
            without: vec![without; 3],
        }
    }

    #[test]
    fn the_beliefs_come_to_one() {
        let sum: f64 = BELIEFS.iter().map(|logs| logs.belief.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-9);
    }

    fn risk(observations: Observations) -> f64 {
        Posterior::new(observations).risk()
    }

    #[test]
    fn that_nothing_differed_is_not_that_nothing_errs() {
        let once = risk(run(16, tally(3, 0), tally(2, 0), tally(0, 1)));
        assert!(once > 0.05, "{once}");
        let more = risk(run(16, tally(3, 0), tally(12, 0), tally(0, 3)));
        assert!(more < 0.01, "{more}");
    }

    #[test]
    fn more_passes_are_weighed_as_if_they_had_been_there() {
        let observations = run(16, tally(3, 0), tally(2, 0), tally(0, 2));
        let mut more = observations.clone();
        more.best = tally(5, 0);
        more.sets[12] = tally(5, 0);
        let posterior = Posterior::new(observations.clone());
        assert!((posterior.risk_after(3) - risk(more)).abs() < 1e-9);
        assert!(posterior.risk_after(3) < posterior.risk());
        let of_start = |passes| Observations {
            start: tally(passes, 0),
            best: tally(passes, 0),
            best_is_start: true,
            ..observations.clone()
        };
        let posterior = Posterior::new(of_start(3));
        assert!((posterior.risk_after(4) - risk(of_start(7))).abs() < 1e-9);
    }

    #[test]
    fn the_fewest_passes_that_are_enough_are_found() {
        let posterior = Posterior::new(run(16, tally(3, 0), tally(2, 0), tally(0, 2)));
        let n = posterior.passes_to(0.01, 40).unwrap();
        assert!(posterior.risk_after(n) <= 0.01 && posterior.risk_after(n - 1) > 0.01);
        assert_eq!(posterior.passes_to(0.01, n - 1), None);
        assert_eq!(posterior.passes_to(0.9, 40), Some(0));
    }

    #[test]
    fn one_that_differs_makes_it_less_sure() {
        let agreed = risk(run(16, tally(3, 0), tally(8, 0), tally(0, 3)));
        let differed = risk(run(16, tally(3, 1), tally(8, 0), tally(0, 3)));
        assert!(differed > 2.0 * agreed);
    }

    #[test]
    fn a_start_that_is_refused_more_often_than_not_is_no_answer() {
        let observations = Observations {
            start: tally(3, 4),
            sets: vec![tally(0, 2); 12],
            best: tally(3, 4),
            best_is_start: true,
            without: vec![tally(0, 2); 12],
        };
        assert!(risk(observations) > 0.3);
    }

    #[test]
    fn an_empty_answer_must_pass_more_often() {
        let empty = |passes| Observations {
            start: tally(3, 0),
            sets: vec![tally(passes, 0); 1],
            best: tally(passes, 0),
            best_is_start: false,
            without: vec![],
        };
        assert!(risk(empty(2)) > 0.01 && risk(empty(12)) < 0.01);
    }
}
