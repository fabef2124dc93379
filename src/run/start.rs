//! The start: read, and taken apart into requests.

use std::fs;

pub(crate) use super::lists::list_unknown;
use super::lists::{list, list_problems, unreadable};
use super::project::project;
use super::tell::{Watcher, note};
use super::tools::Tools;
use super::{reasons, unmet};
use crate::kconfig::{self, Fixed, Overruled, Parsed, Precedence, Problem, Start};
use crate::model::Missing;
use crate::settings::{Base, Settings};
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// The bytes of the start, and the name of its file.
fn bytes(settings: &Settings) -> Result<(Vec<u8>, String)> {
    // One that there is not has no start either.
    project(settings.project.as_ref(), &settings.arch)?;
    let is_linux = match &settings.project {
        None => true,
        Some(toml::Value::String(name)) => name == "linux",
        Some(_) => false,
    };
    match &settings.start {
        Some(path) => {
            let bytes = fs::read(path).map_err(|e| unreadable("the start", path, e))?;
            Ok((bytes, path.display().to_string()))
        }
        None if is_linux => Ok((kconfig::EC2_START.into(), "the EC2 set".to_owned())),
        None => Err(Error::usage("this project needs a --start")
            .hint("a .config that works, or a fragment of one; for `explain` it is --config")),
    }
}

/// What becomes of a start in which nothing can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenEmpty {
    /// It is a mistake.
    Refuse,
    /// The base alone is judged: it is an answer that needs nothing.
    Judge,
}

/// Refuses a start of which it can be told early that it is none.
pub(crate) fn check_start(settings: &Settings, when: WhenEmpty) -> Result<()> {
    let (bytes, name) = bytes(settings)?;
    refuse_empty(&name, &kconfig::read(&bytes), when)
}

fn refuse_empty(name: &str, parsed: &Parsed, when: WhenEmpty) -> Result<()> {
    if when == WhenEmpty::Judge || !parsed.fragment.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!("{name} asks for nothing"))
        .hint("it must have lines like CONFIG_PCI=y, with CONFIG_: a .config or a fragment of one"))
}

/// The start as the tree's own `conf` reads it, and the name of its file; warns of what a person
/// would read otherwise.
pub(crate) fn read_start(
    settings: &Settings,
    tools: &Tools,
    when: WhenEmpty,
    tell: &mut Watcher<'_>,
) -> Result<(Parsed, String)> {
    let (bytes, name) = bytes(settings)?;
    let dialect = tools.resolver.conf().dialect();
    let parsed = kconfig::read_as(&bytes, dialect, tools.resolver.trusted());
    list_problems(tell, &name, &parsed.problems);
    refuse_empty(&name, &parsed, when)?;
    let is_unclear = |p: &&Problem| matches!(p.kind, kconfig::ProblemKind::Contradiction(_));
    match parsed.problems.iter().find(is_unclear) {
        None => Ok((parsed, name)),
        Some(problem) => Err(Error::usage(format!("{name}: {problem}"))),
    }
}

/// Reads the start, takes it apart, and says what it is made of.
pub(crate) fn start(
    settings: &Settings,
    tools: &Tools,
    when: WhenEmpty,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<Start> {
    let (parsed, name) = read_start(settings, tools, when, tell)?;
    // First: it may explain an error.
    list_unknown(tell, &name, &parsed.unknown(&tools.known), &tools.known);
    let start = kconfig::analyse(
        &parsed,
        &settings.keep,
        &tools.known,
        tools.resolver.conf(),
        &*tools.resolver,
        cancel,
    )?;
    let base = base_name(&settings.base);
    let overruled = start.overruled.iter();
    list(tell, &name, overruled.map(|o| overruling(o, &base)));
    let missing = reasons::missing(&start, tools);
    let missing = missing.iter().map(|Missing { request, got, why }| {
        let why = unmet::words(why);
        format!("asks for {request}, gets {got}: {why}")
    });
    list(tell, &name, missing);
    note(
        tell,
        format!(
            "start: {name}: {} assignments, {} lines resolved: {} requests, {} implied, \
             {} not the user's to set, {} dropped for free",
            parsed.fragment.len(),
            start.resolved.config.len(),
            start.requests.len(),
            start.implied(),
            start.fixed.len(),
            start.dropped.len(),
        ),
    );
    if when == WhenEmpty::Refuse && start.requests.is_empty() {
        return Err(nothing(&start, &name, &base));
    }
    Ok(start)
}

fn base_name(base: &Base) -> String {
    match base {
        Base::Expert => "the base (expert)".to_owned(),
        Base::AllNo => "the base (allno)".to_owned(),
        Base::File(path) => format!("the base {}", path.display()),
    }
}

fn overruling(overruled: &Overruled, base: &str) -> String {
    let Overruled {
        request,
        base: value,
        holds,
    } = overruled;
    let symbol = &request.symbol;
    match holds {
        Precedence::Base => {
            format!("asks for {request}, but {base} asks for {symbol}={value}, which holds")
        }
        Precedence::Start => format!(
            "asks for {request}, which holds, although {base} asks for {symbol}={value}; without \
             the request that is back"
        ),
    }
}

/// There is no request: why?
fn nothing(start: &Start, name: &str, base: &str) -> Error {
    let of_base = |why: &Fixed| matches!(why, Fixed::InBase | Fixed::SameAsBase);
    let is_in_base = start.fixed.iter().any(|(_, why)| of_base(why))
        && start.fixed.iter().all(|(_, why)| of_base(why))
        && start.missing.is_empty()
        && start.unknown.is_empty();
    let error = Error::usage(format!("there is nothing to take away in {name}"));
    if is_in_base {
        error.hint(format!(
            "{base} sets all that it asks for, and what the base sets is never taken away: give a \
             smaller --base, or a start that asks for more"
        ))
    } else {
        error.hint(format!(
            "none of its assignments is to a symbol that this source has and that can be set, with another \
             value than {base} gives it"
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::Symbol;
    use crate::model::{Config, Request, RequestSet, ResolvedConfig, Value};

    fn request(name: &str) -> Request {
        Request {
            symbol: Symbol::new(name).unwrap(),
            value: Value::YES,
        }
    }

    fn start(fixed: Vec<(Request, Fixed)>) -> Start {
        let resolved = ResolvedConfig::new(String::new(), Config::default());
        Start {
            asked: crate::model::Fragment::default(),
            requests: vec![],
            keep: RequestSet::empty(0),
            selectors: vec![],
            base: resolved.clone(),
            resolved,
            fixed,
            dropped: vec![],
            missing: vec![],
            overruled: vec![],
            unknown: vec![],
        }
    }

    #[test]
    fn a_base_that_sets_all_of_the_start_is_named() {
        let base = base_name(&Base::File("/x/bad".into()));
        let all = start(vec![(request("A"), Fixed::InBase)]);
        let error = format!("{:?}", nothing(&all, "good", &base));
        assert!(
            error.contains("the base /x/bad sets all that it asks for"),
            "{error}"
        );
        let some = start(vec![
            (request("A"), Fixed::InBase),
            (request("B"), Fixed::NoPrompt),
        ]);
        let error = format!("{:?}", nothing(&some, "good", &base));
        assert!(!error.contains("sets all"), "{error}");
    }

    #[test]
    fn where_start_and_base_differ_both_values_and_the_one_that_holds_are_told() {
        let overruled = |holds| Overruled {
            request: request("A"),
            base: "m".parse().unwrap(),
            holds,
        };
        assert_eq!(
            overruling(&overruled(Precedence::Start), "the base b"),
            "asks for A=y, which holds, although the base b asks for A=m; without the request \
             that is back"
        );
        assert_eq!(
            overruling(&overruled(Precedence::Base), "the base b"),
            "asks for A=y, but the base b asks for A=m, which holds"
        );
    }
}
