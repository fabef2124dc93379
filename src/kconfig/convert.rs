//! The engine's errors, questions and answers in the words of the rest of kbisect.

use std::collections::{BTreeMap, HashSet};

use super::engine::{self, Model, ParseError, ParseErrorKind, Prompt, State, SymId};
use super::resolve::Selectors;
use crate::Error;
use crate::model::{Symbol, Tristate, Value};

/// A tree that the engine cannot read, as an error of kbisect. Keeps what went wrong in the engine's shell as it
/// was: an interruption stays one.
///
/// It is no `From`: with two of these, `?` would not tell any more what a closure returns.
pub fn parse_failed(error: ParseError) -> Error {
    let ParseError { file, line, kind } = error;
    match kind {
        ParseErrorKind::Shell { command, error } => match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => {
                Error::failed(format!("{file}:{line}: cannot run `{command}`")).because(error)
            }
        },
        ParseErrorKind::Unreadable { path, error } => {
            let told = Error::io("read", &path, error);
            match line {
                0 => told,
                line => told.hint(format!("{file}:{line} asks for it")),
            }
        }
        ParseErrorKind::Recursive(cycles) => {
            let mut cycles = cycles.into_iter();
            let first = cycles.next().unwrap_or_default();
            let told = Error::failed(format!("recursive dependency: {first}"));
            match cycles.collect::<Vec<_>>() {
                others if others.is_empty() => told,
                others => told.hint(format!("and {}", others.join("; "))),
            }
        }
        kind => Error::failed(format!("{file}:{line}: {kind}")),
    }
}

/// The names of all symbols that a tree defines.
#[must_use]
pub fn symbols(model: &Model) -> HashSet<Symbol> {
    names(model, model.defined())
}

/// The visible prompts of a resolved tree, as `conf --oldaskconfig` shows them. Names that are not those of
/// symbols in a `.config` are left out.
#[must_use]
pub fn prompts(state: &mut State<'_>) -> BTreeMap<Symbol, Prompt> {
    let model = state.model();
    let named = |(id, prompt)| Some((Symbol::new(model.name(id)).ok()?, prompt));
    state.prompts().into_iter().filter_map(named).collect()
}

/// Who selects what in a resolved tree.
#[must_use]
pub fn selectors(state: &mut State<'_>) -> Selectors {
    let model = state.model();
    let mut found = Selectors::new();
    for (by, symbol) in state.selects() {
        if let Ok(by) = Symbol::new(model.name(by))
            && let Ok(symbol) = Symbol::new(model.name(symbol))
        {
            found.entry(symbol).or_default().insert(by);
        }
    }
    found
}

/// The names of symbols that can be names in a `.config`.
pub(super) fn names(model: &Model, ids: impl IntoIterator<Item = SymId>) -> HashSet<Symbol> {
    let name = |id| Symbol::new(model.name(id)).ok();
    ids.into_iter().filter_map(name).collect()
}

pub(super) fn to_engine(value: &Value) -> engine::Value {
    match value {
        Value::Tristate(Tristate::N) => engine::Value::NO,
        Value::Tristate(Tristate::M) => engine::Value::Tristate(engine::Tristate::M),
        Value::Tristate(Tristate::Y) => engine::Value::YES,
        Value::Number(number) => engine::Value::Number(number.clone()),
        Value::Text(text) => engine::Value::Text(text.clone()),
    }
}

pub(super) fn from_engine(value: engine::Value) -> Value {
    match value {
        engine::Value::Tristate(engine::Tristate::N) => Value::NO,
        engine::Value::Tristate(engine::Tristate::M) => Value::Tristate(Tristate::M),
        engine::Value::Tristate(engine::Tristate::Y) => Value::YES,
        engine::Value::Number(number) => Value::Number(number),
        engine::Value::Text(text) => Value::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::ErrorKind;

    fn converted(line: u32, kind: ParseErrorKind) -> Error {
        let file = "Kconfig".to_owned();
        parse_failed(ParseError { file, line, kind })
    }

    #[test]
    fn an_interruption_while_a_tree_is_read_stays_one() {
        let kind = ParseErrorKind::Shell {
            command: "gcc".to_owned(),
            error: Error::new(ErrorKind::Interrupted, "interrupted").into(),
        };
        assert_eq!(converted(3, kind).kind(), ErrorKind::Interrupted);
        let kind = ParseErrorKind::Shell {
            command: "gcc".to_owned(),
            error: "no such program".into(),
        };
        let error = converted(3, kind);
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert!(error.to_string().starts_with("Kconfig:3: cannot run `gcc`"));
    }

    #[test]
    fn a_file_that_is_missing_is_told_with_the_line_that_asks_for_it() {
        let kind = |path: &str| ParseErrorKind::Unreadable {
            path: PathBuf::from(path),
            error: std::io::ErrorKind::NotFound.into(),
        };
        let error = converted(7, kind("/x/gone"));
        assert!(error.to_string().contains("/x/gone"));
        assert_eq!(error.hint_text(), Some("Kconfig:7 asks for it"));
        let cycles = ["A depends on A", "B depends on B"].map(str::to_owned);
        let error = converted(1, ParseErrorKind::Recursive(cycles.into()));
        assert_eq!(error.to_string(), "recursive dependency: A depends on A");
        assert_eq!(error.hint_text(), Some("and B depends on B"));
    }
}
