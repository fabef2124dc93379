//! The prior: how likely each request is needed, before the search begins.

use serde::{Deserialize, Serialize};

use super::RequestId;

/// A request whose chance is higher, in thousandths, is likelier than not.
const EVEN: u16 = 500;

/// How likely each request is needed, in thousandths, by its id. Empty: unknown.
///
/// It is kept in thousandths, so that writing and reading do not change it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prior(Vec<u16>);

impl Prior {
    /// The chance for a request about which nothing is known.
    pub const SHARE: f64 = 0.1;

    /// Makes a prior from chances between 0 and 1, in the order of the requests. The chances are clamped
    /// away from 0 and 1, because nothing is certain.
    #[must_use]
    pub fn new(chances: impl IntoIterator<Item = f64>) -> Self {
        let thousandths = |chance: f64| {
            // Between 1 and 999.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let thousandths = (1000.0 * chance).round().clamp(1.0, 999.0) as u16;
            thousandths
        };
        Self(chances.into_iter().map(thousandths).collect())
    }

    /// Combines two independent priors on the same requests: odds are multiplied. If both have
    /// [`SHARE`](Self::SHARE) for a request, it stays at that. An empty prior leaves the other
    /// unchanged.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if self.len() != other.len() {
            return if self.is_empty() { other } else { self }.clone();
        }
        let odds = |thousandths: u16| {
            let chance = f64::from(thousandths) / 1000.0;
            chance / (1.0 - chance)
        };
        let base = Self::SHARE / (1.0 - Self::SHARE);
        let both = self.0.iter().zip(&other.0).map(|(one, other)| {
            let odds = odds(*one) * odds(*other) / base;
            odds / (1.0 + odds)
        });
        Self::new(both)
    }

    /// Is this request likelier than not?
    #[must_use]
    pub fn is_likely(&self, id: RequestId) -> bool {
        self.0.get(id.index()).is_some_and(|chance| *chance > EVEN)
    }

    /// Is any request likelier than not?
    #[must_use]
    pub fn has_guess(&self) -> bool {
        self.0.iter().any(|chance| *chance > EVEN)
    }

    /// The same, with each chance halved that is not in the guess: so no further request is likelier than not, and
    /// their order stays. If `guess` has no likely request, nothing changes.
    #[must_use]
    pub fn behind(mut self, guess: &Self) -> Self {
        if guess.has_guess() {
            let others = (0..).map(RequestId).zip(&mut self.0);
            let others = others.filter(|(id, _)| !guess.is_likely(*id));
            others.for_each(|(_, chance)| *chance = (*chance / 2).max(1));
        }
        self
    }

    /// Is it empty?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of requests.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The chance that this request is needed.
    #[must_use]
    pub fn of(&self, id: RequestId) -> Option<f64> {
        let thousandths = self.0.get(id.index())?;
        Some(f64::from(*thousandths) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_agree_are_surer_than_each_and_one_without_an_idea_changes_nothing() {
        let (one, other) = (Prior::new([0.5, 0.02, 0.5]), Prior::new([0.5, 0.02, 0.1]));
        assert_eq!(one.and(&other), Prior::new([0.9, 0.004, 0.5]));
        let nothing = Prior::default();
        assert_eq!((one.and(&nothing), nothing.and(&one)), (one.clone(), one));
    }

    #[test]
    fn what_is_not_in_a_guess_stays_behind_it_in_its_order() {
        let (guess, all) = (Prior::new([0.9, 0.1, 0.1]), Prior::new([0.7, 0.99, 0.6]));
        assert_eq!(all.clone().behind(&guess), Prior::new([0.7, 0.495, 0.3]));
        assert_eq!(all.clone().behind(&Prior::default()), all);
        assert_eq!(all.clone().behind(&Prior::new([0.1; 3])), all);
    }

    #[test]
    fn nothing_is_certain_and_it_is_the_same_when_read_again() {
        let prior = Prior::new([0.0, 0.25, 1.0, f64::NAN]);
        let text = serde_json::to_string(&prior).unwrap_or_default();
        assert!(text.starts_with("[1,250,999,"), "{text}");
        assert_eq!(
            serde_json::from_str::<Prior>(&text).ok(),
            Some(prior.clone())
        );
        assert_eq!(prior.of(RequestId(1)), Some(0.25));
        assert_eq!(prior.of(RequestId(9)), None);
    }
}
