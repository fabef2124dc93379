//! How a run opens: what is thought of its requests, and whether its start or a guess is judged first.

use std::collections::HashSet;

use super::lists::list_unknown;
use super::tell::{Watcher, warn};
use super::tools::Tools;
use super::{learned, prior as priors};
use crate::model::{Prior, Request, Symbol, Tracing, count, sanitize_line};
use crate::oracle::{SHIPPED, Shipped};
use crate::settings::{JudgeStart, Settings};
use crate::{Error, Result};

/// A start of at most this many requests is small: it is built within minutes.
const SMALL: usize = 300;

/// What a run judges first, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Its start.
    Start(String),
    /// What is likely to be needed. The start is built only if nothing smaller passes.
    Guess(String),
}

/// What decides it.
struct Known<'a> {
    /// An oracle that compares with the start.
    comparing: Option<&'a str>,
    trace: &'a Tracing,
    requests: usize,
    /// Who says what is likely.
    origin: &'a str,
}

impl Opening {
    /// That of a run with these requests and the [`prior`], of this origin.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if an oracle compares with a start that is not to be built. Its
    /// first verdicts would be made without a baseline, and the search would mix them with later ones.
    pub(crate) fn of(
        settings: &Settings,
        tools: &Tools,
        requests: usize,
        prior: &Prior,
        origin: &str,
    ) -> Result<Self> {
        let known = Known {
            comparing: comparing(tools),
            trace: &settings.trace,
            requests,
            origin,
        };
        if let Some(kernel) = &settings.start_kernel {
            return Ok(Self::Guess(format!("{} stands for it", kernel.display())));
        }
        match (settings.judge_start, known.comparing) {
            (JudgeStart::Needed, Some(oracle)) => Err(Error::usage(format!(
                "{oracle} compares kernels with the start, and --judge-start needed may never build it"
            ))
            .hint(
                "leave --judge-start out; or give a kernel that stands for the start (--start-kernel, --start package:NAME)",
            )),
            (asked, _) => Ok(Self::from(asked, &known, prior)),
        }
    }

    fn from(asked: JudgeStart, known: &Known<'_>, prior: &Prior) -> Self {
        let all = count(known.requests, "request");
        match asked {
            JudgeStart::First => return Self::Start("--judge-start first".to_owned()),
            JudgeStart::Needed => return Self::Guess("--judge-start needed".to_owned()),
            JudgeStart::Auto => {}
        }
        if let Some(oracle) = known.comparing {
            return Self::Start(format!("{oracle} compares with it"));
        }
        if let Tracing::File(_) = known.trace {
            return Self::Start("--trace is of it".to_owned());
        }
        if prior.has_guess() {
            let origin = known.origin;
            return Self::Guess(format!("{origin} which requests are likely to be needed"));
        }
        match known.requests <= SMALL {
            true => Self::Start(format!("it is small: it has {all}")),
            false => Self::Guess(format!("it is large: it has {all}")),
        }
    }

    /// What the user asked for and does not get, as the start is not built first.
    pub(crate) fn warning(&self, settings: &Settings) -> Option<String> {
        match (self, &settings.trace) {
            (Self::Guess(_), Tracing::File(path)) => Some(format!(
                "{} is not used: a trace is of a start that is built first (--judge-start first)",
                path.display()
            )),
            _ => None,
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

/// The name of an oracle that compares kernels with the start, if there is one.
fn comparing(tools: &Tools) -> Option<&str> {
    let mut oracles = tools.oracles.iter();
    let oracle = oracles.find(|oracle| oracle.compares())?;
    Some(oracle.name())
}

/// What is thought of the requests before the search, and who says so. Those that the earlier steps of a ladder need
/// (`former`) are likely, unless the settings say what to think. Warns of symbols in a list of
/// the user's that the source does not have: `known` are those that it has.
///
/// # Errors
/// The prior of the settings cannot be read.
pub(crate) fn prior(
    settings: &Settings,
    requests: &[Request],
    former: &[Request],
    known: &HashSet<Symbol>,
    tell: &mut Watcher<'_>,
) -> Result<(Prior, &'static str)> {
    let (prior, origin) = of_settings(settings, requests, known, tell)?;
    if settings.has_own_prior() || settings.has_no_prior() {
        return Ok((prior, origin));
    }
    let after = priors::after(&prior, former, requests);
    let origin = match after == prior {
        true => origin,
        false => "earlier steps say",
    };
    Ok((after, origin))
}

fn of_settings(
    settings: &Settings,
    requests: &[Request],
    known: &HashSet<Symbol>,
    tell: &mut Watcher<'_>,
) -> Result<(Prior, &'static str)> {
    const GIVEN: &str = "--prior says";
    if settings.has_no_prior() {
        return Ok((Prior::default(), GIVEN));
    }
    match &settings.prior {
        Some(path) if settings.has_own_prior() => {
            let prior = priors::read(path, requests)?;
            let name = sanitize_line(&path.to_string_lossy(), 200);
            list_unknown(tell, &name, &priors::unknown(path, known)?, known);
            return Ok((prior, GIVEN));
        }
        Some(_) => {
            let mut warn = |text: &str| warn(tell, text);
            let learned =
                learned::read(&learned::folder()?, &settings.oracles, requests, &mut warn)?;
            if !learned.is_empty() {
                return Ok((learned, "earlier runs say"));
            }
        }
        None => {}
    }
    // A file of that name elsewhere is another oracle.
    let is_asked = |name: &str| settings.oracles.iter().any(|oracle| oracle == name);
    let asked = SHIPPED.iter().filter(|shipped| is_asked(shipped.name));
    let origin = match asked.clone().any(Shipped::is_estimated) {
        true => "estimates say",
        false => "recorded results say",
    };
    Ok((priors::shipped(asked, requests)?, origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked: JudgeStart, comparing: Option<&str>, requests: usize, chances: &[f64]) -> String {
        let known = Known {
            comparing,
            trace: &Tracing::Auto,
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
    fn an_oracle_that_compares_with_the_start_gets_it_and_so_does_a_trace_of_it() {
        let of_oracle = of(JudgeStart::Auto, Some("dmesg-clean"), 1780, &[0.9]);
        assert!(of_oracle.ends_with("judged first (dmesg-clean compares with it)"));
        let known = Known {
            comparing: None,
            trace: &Tracing::File("log".into()),
            requests: 49,
            origin: "",
        };
        let traced = Opening::from(JudgeStart::Auto, &known, &Prior::new([0.9]));
        assert_eq!(traced, Opening::Start("--trace is of it".to_owned()));
    }
}
