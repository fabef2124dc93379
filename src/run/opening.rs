//! How a run opens: what is thought of its requests, and whether its start or a guess is judged first.

use super::tell::{Watcher, warn};
use super::tools::Tools;
use super::{learned, prior as priors};
use crate::Result;
use crate::model::{Prior, Request, RequestId, contract, count};
use crate::oracle::SHIPPED;
use crate::settings::{JudgeStart, Settings};

/// A start of at most this many requests is small: it is built within minutes.
const SMALL: usize = 300;

/// A request that is likelier than this belongs to the guess.
const EVEN: f64 = 0.5;

/// What a run judges first, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Its start.
    Start(String),
    /// What is likely to be needed. The start is built only if nothing smaller passes.
    Guess(String),
}

/// What is known of a run.
struct Known<'a> {
    /// An oracle that compares with the start.
    comparing: Option<&'a str>,
    requests: usize,
    /// Who says what is likely.
    origin: &'a str,
}

impl Opening {
    /// That of a run with these requests and this prior.
    pub(crate) fn of(settings: &Settings, tools: &Tools, requests: usize, prior: &Prior) -> Self {
        let compares = tools.oracles.iter();
        let compares = compares.filter(|oracle| oracle.mentions(contract::BASELINE));
        let origin = match &settings.prior {
            None => "recorded results say",
            Some(_) => "--prior says",
        };
        let known = Known {
            comparing: compares.map(|oracle| oracle.name()).next(),
            requests,
            origin,
        };
        match &settings.start_kernel {
            Some(kernel) => Self::Guess(format!("{} stands for it", kernel.display())),
            None => Self::from(settings.judge_start, &known, prior),
        }
    }

    fn from(asked: JudgeStart, known: &Known<'_>, prior: &Prior) -> Self {
        let Known {
            comparing,
            requests,
            origin,
        } = *known;
        let is_likely = |id| prior.of(RequestId(id)).is_some_and(|chance| chance > EVEN);
        let has_guess = (0..prior.len() as u32).any(is_likely);
        let is_small = requests <= SMALL;
        let all = count(requests, "request");
        match (asked, comparing) {
            (JudgeStart::First, _) => Self::Start("--judge-start first".to_owned()),
            (JudgeStart::Needed, _) => Self::Guess("--judge-start needed".to_owned()),
            (JudgeStart::Auto, Some(oracle)) if is_small => {
                Self::Start(format!("{oracle} compares with it"))
            }
            (JudgeStart::Auto, _) if has_guess => {
                Self::Guess(format!("{origin} which requests are likely to be needed"))
            }
            (JudgeStart::Auto, _) if is_small => Self::Start(format!("it is small: it has {all}")),
            (JudgeStart::Auto, _) => Self::Guess(format!("it is large: it has {all}")),
        }
    }

    /// In words for people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Start(why) => format!("the start is built and judged first ({why})"),
            Self::Guess(why) => {
                format!("the start is built only if nothing smaller passes ({why})")
            }
        }
    }
}

/// What is thought of the requests before the search.
///
/// # Errors
/// The prior of the settings cannot be read.
pub(crate) fn prior(
    settings: &Settings,
    requests: &[Request],
    tell: &mut Watcher<'_>,
) -> Result<Prior> {
    if settings.has_no_prior() {
        return Ok(Prior::default());
    }
    match &settings.prior {
        Some(path) if settings.has_own_prior() => return priors::read(path, requests),
        Some(_) => {
            let mut warn = |text: &str| warn(tell, text);
            let learned =
                learned::read(&learned::folder()?, &settings.oracles, requests, &mut warn)?;
            if !learned.is_empty() {
                return Ok(learned);
            }
        }
        None => {}
    }
    // A file of that name elsewhere is another oracle.
    let is_asked = |name: &str| settings.oracles.iter().any(|oracle| oracle == name);
    let asked = SHIPPED.iter().filter(|shipped| is_asked(shipped.name));
    priors::shipped(asked, requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked: JudgeStart, comparing: Option<&str>, requests: usize, chances: &[f64]) -> String {
        let known = Known {
            comparing,
            requests,
            origin: "--prior says",
        };
        let prior = Prior::new(chances.iter().copied());
        Opening::from(asked, &known, &prior).text()
    }

    #[test]
    fn a_guess_comes_before_the_start_and_a_small_start_before_nothing() {
        let auto = |requests, chances: &[f64]| of(JudgeStart::Auto, None, requests, chances);
        let (first, guess) = ("judged first (", "nothing smaller passes (");
        assert!(auto(49, &[0.9, 0.1]).contains(&format!("{guess}--prior says")));
        assert!(auto(49, &[0.1]).ends_with(&format!("{first}it is small: it has 49 requests)")));
        assert!(auto(301, &[]).ends_with(&format!("{guess}it is large: it has 301 requests)")));
        let asked = of(JudgeStart::First, None, 301, &[0.9]);
        assert!(
            asked.ends_with("judged first (--judge-start first)"),
            "{asked}"
        );
    }

    #[test]
    fn an_oracle_that_compares_with_the_start_gets_one_that_is_small() {
        let of = |requests| of(JudgeStart::Auto, Some("dmesg-clean"), requests, &[0.9]);
        assert!(of(49).ends_with("judged first (dmesg-clean compares with it)"));
        assert!(of(1780).contains("nothing smaller passes (--prior says"));
    }
}
