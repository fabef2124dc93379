//! The algorithms, by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ddmin::Ddmin;
use super::gbr::Progression;
use super::group_testing::GroupTesting;
use super::halving::Halving;
use super::ktest::ParentsFirst;
use super::one_by_one::OneByOne;
use super::probabilities::{Probabilities, Rule};
use super::sequential::Sequential;
use super::{Options, Search};
use crate::model::{RequestSet, near};

/// A search algorithm.
///
/// Its text form, as flags and files have it, is its [`name`](Self::name).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Algorithm {
    /// `split`: group testing with disjoint groups (F. K. Hwang, 1972), for any number of workers.
    #[default]
    GroupTesting,
    /// `ddmin`: delta debugging (A. Zeller, R. Hildebrandt, 2002), for any number of workers.
    Ddmin,
    /// `probdd`: probabilistic delta debugging (G. Wang et al., 2021), for one worker.
    ProbDd,
    /// `cdd`: counter-based delta debugging (M. Zhang et al., 2024), for one worker.
    Cdd,
    /// `ktest`: parents first, as `make_min_config` of ktest.pl (S. Rostedt), for one worker.
    Ktest,
    /// `halving`: halves of the leaves, as syzkaller minimizes configs, for one worker.
    Halving,
    /// `gbr`: generalized binary reduction (C. G. Kalhauge, J. Palsberg, 2021), for one worker.
    Gbr,
    /// `one-by-one`: one request after the other, for any number of workers.
    OneByOne,
}

impl Algorithm {
    /// All algorithms, the default first.
    pub const ALL: [Self; 8] = [
        Self::GroupTesting,
        Self::Ddmin,
        Self::ProbDd,
        Self::Cdd,
        Self::Ktest,
        Self::Halving,
        Self::Gbr,
        Self::OneByOne,
    ];

    /// Its name in flags and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GroupTesting => "split",
            Self::Ddmin => "ddmin",
            Self::ProbDd => "probdd",
            Self::Cdd => "cdd",
            Self::Ktest => "ktest",
            Self::Halving => "halving",
            Self::Gbr => "gbr",
            Self::OneByOne => "one-by-one",
        }
    }

    /// Does it use [`Options::depends`]?
    #[must_use]
    pub fn uses_depends(self) -> bool {
        match self {
            Self::GroupTesting | Self::Ktest | Self::Halving | Self::Gbr => true,
            Self::Ddmin | Self::ProbDd | Self::Cdd | Self::OneByOne => false,
        }
    }

    /// A new search. It searches the requests of `start`, which is known to pass, and never removes
    /// those of `fixed`.
    ///
    /// # Panics
    /// When `start` and `fixed` belong to two different searches.
    #[must_use]
    pub fn search(
        self,
        start: RequestSet,
        fixed: &RequestSet,
        options: Options,
    ) -> Box<dyn Search> {
        let probabilities = |start, rule| Probabilities::new(start, fixed, rule, &options);
        match self {
            Self::GroupTesting => Box::new(GroupTesting::new(start, fixed, options)),
            Self::Ddmin => Box::new(Ddmin::new(start, fixed, &options)),
            Self::ProbDd => Box::new(probabilities(start, Rule::ProbDd)),
            Self::Cdd => Box::new(probabilities(start, Rule::Cdd)),
            Self::Ktest => Box::new(Sequential::<ParentsFirst>::new(start, fixed, options)),
            Self::Halving => Box::new(Sequential::<Halving>::new(start, fixed, options)),
            Self::Gbr => Box::new(Sequential::<Progression>::new(start, fixed, options)),
            Self::OneByOne => Box::new(OneByOne::new(start, fixed, &options)),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Algorithm> for &'static str {
    fn from(algorithm: Algorithm) -> Self {
        algorithm.name()
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|algorithm| algorithm.name() == name);
        found.ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

impl TryFrom<String> for Algorithm {
    type Error = UnknownAlgorithm;

    fn try_from(name: String) -> Result<Self, UnknownAlgorithm> {
        name.parse()
    }
}

/// There is no algorithm of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownAlgorithm(pub String);

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Algorithm::ALL.map(Algorithm::name);
        write!(f, "there is no algorithm `{}`", self.0.escape_debug())?;
        match near(&self.0, names).first() {
            Some(near) => write!(f, "; did you mean `{near}`?"),
            None => write!(f, "; there are: {}", names.join(", ")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_is_written_and_read_by_its_name() {
        let names = "split ddmin probdd cdd ktest halving gbr one-by-one";
        assert_eq!(Algorithm::ALL.map(Algorithm::name).join(" "), names);
        for algorithm in Algorithm::ALL {
            let json = serde_json::to_string(&algorithm).unwrap();
            assert_eq!(json, format!("\"{algorithm}\""));
            assert_eq!(serde_json::from_str::<Algorithm>(&json).unwrap(), algorithm);
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
    }

    #[test]
    fn an_unknown_algorithm_is_named_with_those_that_there_are() {
        let text = |name: &str| name.parse::<Algorithm>().unwrap_err().to_string();
        let all = "split, ddmin, probdd, cdd, ktest, halving, gbr, one-by-one";
        assert_eq!(
            text("best\x1b"),
            format!("there is no algorithm `best\\u{{1b}}`; there are: {all}")
        );
        assert_eq!(
            text("dmdin"),
            "there is no algorithm `dmdin`; did you mean `ddmin`?"
        );
        assert!(serde_json::from_str::<Algorithm>("\"Ddmin\"").is_err());
    }
}
