//! The start: read, and taken apart into requests.

use super::form;
use super::given::{self, Piece};
use super::lists::{list, list_problems, list_unknown};
use super::tell::{Watcher, note};
use super::tools::Tools;
use super::{modules, reasons, stand_in, unmet, versions};
use crate::kconfig::{self, Fixed, Overruled, Parsed, Precedence, Problem, Start};
use crate::model::{Missing, Symbol};
use crate::settings::{Base, Modules, Settings};
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// What becomes of a start in which nothing can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenEmpty {
    /// It is a mistake.
    Refuse,
    /// The base alone is judged: it is an answer that needs nothing.
    Judge,
}

/// The files of a start, read once, of which it cannot be told early that they are none.
pub(crate) struct StartFiles {
    pieces: Vec<Piece>,
    when: WhenEmpty,
}

/// Reads the files of the start, and refuses them if it can be told early that they are none.
pub(crate) fn check_start(settings: &Settings, when: WhenEmpty) -> Result<StartFiles> {
    let pieces = given::pieces(settings)?;
    // Of several, one may be empty.
    if let [Piece::Read(part, _)] = pieces.as_slice() {
        refuse_empty(&part.name, &kconfig::read(&part.text), when)?;
    }
    Ok(StartFiles { pieces, when })
}

fn refuse_empty(name: &str, parsed: &Parsed, when: WhenEmpty) -> Result<()> {
    if when == WhenEmpty::Judge || !parsed.fragment.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!("{name} asks for nothing"))
        .hint("it must have lines like CONFIG_PCI=y, with CONFIG_: a .config or a fragment of one"))
}

/// A start, read.
pub(crate) struct ReadStart {
    /// What it asks for, with the defaults of the tree if its form asks for them.
    pub(crate) parsed: Parsed,
    /// Its name, for people.
    pub(crate) name: String,
    /// Symbols that the tree does not have, with their lines.
    pub(crate) unknown: Vec<(usize, Symbol)>,
}

/// Reads the start as the tree's own `conf` does; warns of what a person would read otherwise.
pub(crate) fn read_start(
    files: StartFiles,
    settings: &Settings,
    tools: &Tools,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<ReadStart> {
    let conf = tools.resolver.conf();
    let given = given::merge(files.pieces, settings, conf, cancel)?;
    let texts: Vec<&[u8]> = given.parts().map(|part| part.text.as_slice()).collect();
    stand_in::tell_version(settings, &texts, tools.source.root(), tell);
    let (dialect, model) = (conf.dialect(), tools.resolver.trusted());
    let mut parsed = kconfig::read_as(&given.merged.text, dialect, model);
    for (name, problems) in given.problems(&parsed.problems) {
        list_problems(tell, &name, &problems);
    }
    refuse_empty(&given.name, &parsed, files.when)?;
    let unclear = parsed.problems.iter();
    let unclear = unclear.filter(|p| matches!(p.kind, kconfig::ProblemKind::Contradiction(_)));
    let unclear: Vec<Problem> = unclear.cloned().collect();
    if let Some((name, problems)) = given.problems(&unclear).first() {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(Error::usage(format!("{name}: {}", problems.join("; "))));
    }
    if let Some(text) = given.replaced() {
        note(tell, text);
    }
    let unknown = parsed.unknown(&tools.known);
    for (name, unknown) in given.unknown(&unknown) {
        if given.is_whole {
            versions::tell_absent(tell, &name, &unknown, &parsed, &tools.known);
        } else {
            list_unknown(tell, &name, &unknown, &tools.known);
        }
    }
    if let Some(completed) = form::complete(settings, &given, &parsed, tools, cancel, tell)? {
        form::tell_unmet(tell, &given.name, &completed.unmet, model);
        parsed = kconfig::read_as(completed.text.as_bytes(), dialect, model);
    }
    build_modules_in(settings, &mut parsed, tell);
    Ok(ReadStart {
        parsed,
        name: given.name,
        unknown,
    })
}

/// Asks for `=y` where the start has `=m`, unless the modules are kept.
fn build_modules_in(settings: &Settings, parsed: &mut Parsed, tell: &mut Watcher<'_>) {
    let count = parsed.modules();
    if count == 0 {
        return;
    }
    match settings.modules.unwrap_or(Modules::Builtin) {
        Modules::Builtin => {
            parsed.build_modules_in();
            note(
                tell,
                format!(
                    "start: {count} modules (=m) are built in (=y) \
                     (--modules keep builds and loads modules instead)"
                ),
            );
        }
        Modules::Keep => note(
            tell,
            format!(
                "start: {count} modules (=m) are kept: those of each kernel are built, and its oracle gets them"
            ),
        ),
        Modules::AsWritten => {}
    }
}

/// A start, taken apart.
pub(crate) struct TakenApart {
    pub(crate) start: Start,
    /// The assignments that did not take effect, with the reasons.
    pub(crate) missing: Vec<Missing>,
}

/// Reads the start, takes it apart, and says what it is made of.
pub(crate) fn start(
    files: StartFiles,
    settings: &Settings,
    tools: &Tools,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<TakenApart> {
    let when = files.when;
    let ReadStart {
        parsed,
        name,
        unknown,
    } = read_start(files, settings, tools, cancel, tell)?;
    let mut start = kconfig::analyse(
        &parsed,
        &settings.keep,
        &tools.known,
        tools.resolver.conf(),
        &*tools.resolver,
        cancel,
    )?;
    // With the defaults of the tree there is none: the file's own lines count.
    start.unknown = unknown;
    if settings.modules == Some(Modules::Keep) {
        modules::check(&start, tools.resolver.trusted())?;
    }
    let base = base_name(&settings.base);
    let overruled = start.overruled.iter();
    list(tell, &name, overruled.map(|o| overruling(o, &base)));
    let missing = reasons::missing(&start, tools);
    let words = missing.iter().map(|Missing { request, got, why }| {
        let why = unmet::words(why);
        format!("asks for {request}, gets {got}: {why}")
    });
    list(tell, &name, words);
    note(
        tell,
        format!(
            "start: {name}: {} assignments, {} lines resolved: {} requests, {} implied, \
             {} that cannot be set, {} dropped because nothing changes without them",
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
    Ok(TakenApart { start, missing })
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
    let error = Error::usage(format!("no request in {name} can be removed"));
    if is_in_base {
        error.hint(format!(
            "{base} sets everything that the start asks for, and what the base sets is never removed: give a \
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
            error.contains("the base /x/bad sets everything that the start asks for"),
            "{error}"
        );
        let some = start(vec![
            (request("A"), Fixed::InBase),
            (request("B"), Fixed::NoPrompt),
        ]);
        let error = format!("{:?}", nothing(&some, "good", &base));
        assert!(!error.contains("sets everything"), "{error}");
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
