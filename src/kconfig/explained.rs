//! Explains a symbol of a configuration: its value, and what changes without it.

use std::fmt::Write;

use serde::Serialize;

use super::engine::{Explanation, Mode, Model, SymKind, Term, Why};
use super::read::parse_config;
use crate::model::{Config, Fragment, Request, Symbol, Value, sanitize};

/// A symbol that changes together with the one that is explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its name.
    pub symbol: String,
    /// Its value before.
    pub from: String,
    /// Its value after; `(no line)` for a number or string that has none.
    pub to: String,
}

/// What is known of a symbol in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The symbol, its value and the reason for it.
    pub explanation: Explanation,
    /// What changes when the symbol is not requested any more, or requested to be off.
    pub without: Vec<Change>,
    /// The value that is requested, if the symbol has another one.
    pub refused: Option<String>,
}

impl Explained {
    /// Explains `symbol` in the configuration that the fragment `asked` resolves to over all-no. None if nothing
    /// defines the symbol.
    #[must_use]
    pub fn of(model: &Model, asked: &Fragment, symbol: &Symbol) -> Option<Self> {
        let text = model.assignments(asked.to_string());
        let mut state = model.resolve(Mode::AllNo, Some(&text));
        let explanation = state.explain(model.find(symbol.as_str())?)?;
        let config = parse_config(&state.write());
        let mut requests = asked.requests().iter();
        let request = requests.find(|r| r.symbol.as_str() == explanation.symbol);
        let refused = request.filter(|r| config.get(&r.symbol) != &r.value);
        Some(Self {
            without: without(model, asked.requests(), &config, &explanation),
            refused: refused.map(|r| r.value.to_string()),
            explanation,
        })
    }

    /// The explanation in words for people, safe to show; `config` names the configuration.
    #[must_use]
    pub fn text(&self, config: &str) -> String {
        let Explained {
            explanation: it,
            without: changes,
            refused,
        } = self;
        let line = match it.written {
            true => "",
            false => ", no line in the .config",
        };
        let mut out = format!(
            "{}={}  ({}{line}) in {config}\n",
            it.symbol, it.value, it.kind
        );
        row(&mut out, "why", &because(it, refused.as_deref()));
        if let Some(asked) = refused {
            let why = "which it cannot be: what it needs is missing, or it is no such value";
            row(&mut out, "asked", &format!("{asked}, {why}"));
        }
        if it.overridden {
            let text = "what it needs is off: a select does not look at that";
            row(&mut out, "but", text);
        }
        for definition in &it.definitions {
            let place = format!("{}:{}", definition.file, definition.line);
            row(&mut out, "defined", &place);
            if let Some(prompt) = &definition.prompt {
                let path = [definition.menus.as_slice(), std::slice::from_ref(prompt)].concat();
                row(&mut out, "prompt", &path.join(" > "));
            }
        }
        terms(&mut out, "needs", &it.needs);
        let hidden = it.hidden_by.iter().filter(|t| !it.needs.contains(t));
        terms(&mut out, "hidden", &hidden.cloned().collect::<Vec<_>>());
        terms(&mut out, "selected", &it.selected_by);
        terms(&mut out, "implied", &it.implied_by);
        if !it.selects.is_empty() {
            row(&mut out, "selects", &it.selects.join(" "));
        }
        if !it.choice.is_empty() {
            row(&mut out, "or", &it.choice.join(", "));
        }
        if let Some(text) = others(it, changes) {
            row(&mut out, "without", &text);
        }
        if let Some(help) = it.definitions.iter().find_map(|d| d.help.as_deref()) {
            // Writing to a String does not fail.
            let _ = writeln!(out, "\n{help}");
        }
        sanitize(&out)
    }
}

/// What changes in the config `before` when the symbol is not requested any more, or requested to be off.
fn without(model: &Model, asked: &[Request], before: &Config, now: &Explanation) -> Vec<Change> {
    let mut rest: Vec<Request> = asked.to_vec();
    rest.retain(|request| request.symbol.as_str() != now.symbol);
    let mut text = Fragment::new(rest).to_string();
    if now.why != Why::Requested && matches!(now.kind, "bool" | "tristate") {
        text += &format!("# CONFIG_{} is not set\n", now.symbol);
    }
    let asked = model.assignments(text);
    let after = parse_config(&model.resolve(Mode::AllNo, Some(&asked)).write());
    let changes = before.diff(&after).into_iter();
    changes
        .map(|(symbol, from, to)| Change {
            from: shown(model, symbol, from),
            to: shown(model, symbol, to),
            symbol: symbol.to_string(),
        })
        .collect()
}

/// A value; for a number or a string without one, that there is no line for it.
fn shown(model: &Model, symbol: &Symbol, value: &Value) -> String {
    let kind = model.find(symbol.as_str()).map(|id| model.kind(id));
    match kind {
        Some(SymKind::Int | SymKind::Hex | SymKind::String) if value.is_no() => {
            "(no line)".to_owned()
        }
        _ => value.to_string(),
    }
}

fn row(out: &mut String, title: &str, text: &str) {
    let _ = writeln!(out, "{title:<9} {text}");
}

/// Where the value comes from.
fn because(it: &Explanation, refused: Option<&str>) -> String {
    match &it.why {
        Why::Requested => "it was asked for".to_owned(),
        Why::Limited { asked } => format!("{asked} was asked for, but cannot be"),
        Why::Default { value } => format!("its default: {value}"),
        Why::Selected { by } => format!("selected by {}", by.join(", ")),
        Why::Implied { by } => format!("implied by {}", by.join(", ")),
        Why::Chosen => "it is the one chosen".to_owned(),
        Why::NotChosen => "another one is chosen".to_owned(),
        Why::Nothing if refused.is_some() => "what was asked for cannot be".to_owned(),
        Why::Nothing if !it.has_prompt() => "it has no prompt: only others can set it".to_owned(),
        Why::Nothing if !it.visible => {
            "it cannot be set: something that it needs is off".to_owned()
        }
        Why::Nothing => "it was not requested".to_owned(),
    }
}

/// What else changes without the symbol; nothing to say of one that is off anyway.
fn others(it: &Explanation, changes: &[Change]) -> Option<String> {
    let others: Vec<String> = changes
        .iter()
        .filter(|c| c.symbol != it.symbol)
        .map(|c| format!("{} {} -> {}", c.symbol, c.from, c.to))
        .collect();
    match (changes.is_empty(), others.is_empty()) {
        (true, _) if it.value == "n" => None,
        (true, _) => Some("nothing changes: it comes back".to_owned()),
        (false, true) => Some("nothing else changes".to_owned()),
        (false, false) => Some(others.join("\n          ")),
    }
}

/// Parts of a condition, a line each, with their values.
fn terms(out: &mut String, title: &str, terms: &[Term]) {
    /// `selected by` can be hundreds; those that hold come first.
    const SHOWN: usize = 12;
    let (on, off): (Vec<&Term>, Vec<&Term>) = terms.iter().partition(|t| t.value != "n");
    let all = match title {
        "needs" => [off, on].concat(),
        _ => [on, off].concat(),
    };
    for (i, term) in all.iter().take(SHOWN).enumerate() {
        let title = if i == 0 { title } else { "" };
        row(out, title, &format!("[{}] {}", term.value, term.text));
    }
    if all.len() > SHOWN {
        row(out, "", &format!("and {} more", all.len() - SHOWN));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::engine::{Env, NoShell, parse};
    use super::*;

    const TREE: &str = "config A\n\tbool \"a\"\n\tselect B\nconfig B\n\tbool \"b\"\nconfig C\n\tbool \"c\"\n\
                        \tdepends on A\nconfig N\n\tint \"n\"\n\tdepends on A\n\tdefault 3\n";

    fn explained(asked: &str, symbol: &str) -> Option<Explained> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Kconfig"), TREE).unwrap();
        let env = Env {
            source: dir.path().to_owned(),
            ..Env::default()
        };
        let model = parse("Kconfig", &env, &mut NoShell).unwrap();
        let asked = super::super::read::read(asked.as_bytes()).fragment;
        Explained::of(&model, &asked, &Symbol::new(symbol).unwrap())
    }

    #[test]
    fn what_changes_without_a_symbol_is_all_that_it_selects_and_that_depends_on_it() {
        let explained = explained("CONFIG_A=y\nCONFIG_C=y\n", "A").unwrap();
        let changes = explained.without.iter();
        let changes: Vec<String> = changes
            .map(|c| format!("{} {} {}", c.symbol, c.from, c.to))
            .collect();
        assert_eq!(changes, ["A y n", "B y n", "C y n", "N 3 (no line)"]);
        assert_eq!(explained.refused, None);
        let text = explained.text("start");
        assert!(text.starts_with("A=y  (bool) in start\nwhy       it was asked for\n"));
        assert!(
            text.contains("without   B y -> n\n          C y -> n\n"),
            "{text}"
        );
    }

    #[test]
    fn a_value_that_cannot_be_is_told_and_a_symbol_that_comes_back_too() {
        let refused = explained("CONFIG_C=y\n", "C").unwrap();
        assert_eq!(refused.refused.as_deref(), Some("y"));
        assert!(
            refused
                .text("start")
                .contains("asked     y, which it cannot be")
        );
        let back = explained("CONFIG_A=y\n", "B").unwrap();
        assert!(
            back.text("start")
                .contains("without   nothing changes: it comes back")
        );
        assert_eq!(explained("", "NOPE"), None);
    }
}
