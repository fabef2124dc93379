//! Says why an assignment of the start did not come true.

use super::tools::Tools;
use crate::kconfig::engine::{Explanation, Model, State, Term, Why};
use crate::model::{Fragment, Request, sanitize_line};

/// So many dependencies are named.
const FEW: usize = 3;

/// What is known of assignments that did not come true.
pub(crate) struct Unmet<'a> {
    /// The start as the native engine resolves it, if it is to be trusted.
    native: Option<(&'a Model, State<'a>)>,
}

impl<'a> Unmet<'a> {
    /// Of the start `asked`.
    pub(crate) fn new(tools: &'a Tools, asked: &Fragment) -> Self {
        let conf = tools.resolver.conf();
        let resolve = |model: &'a Model| {
            let (mode, text) = conf.question(&conf.preferred(asked));
            (model, model.resolve(mode, Some(&model.assignments(text))))
        };
        Self {
            native: tools.resolver.trusted().map(resolve),
        }
    }

    /// Why the request did not come true, in a few words.
    pub(crate) fn why(&mut self, request: &Request) -> String {
        let explained = self.native.as_mut().and_then(|(model, state)| {
            let explanation = state.explain(model.find(request.symbol.as_str())?)?;
            reason(&explanation)
        });
        explained
            .unwrap_or_else(|| "a dependency is missing, or it cannot have this value".to_owned())
    }
}

fn reason(explanation: &Explanation) -> Option<String> {
    let off = |terms: &[Term]| -> Vec<String> {
        let off = terms.iter().filter(|t| t.value == "n");
        off.map(|t| t.text.clone()).collect()
    };
    let mut missing = off(&explanation.needs);
    for term in off(&explanation.hidden_by) {
        if !missing.contains(&term) {
            missing.push(term);
        }
    }
    let text = match &explanation.why {
        _ if !explanation.visible && !missing.is_empty() => {
            let more = missing.len().saturating_sub(FEW);
            missing.truncate(FEW);
            let more = match more {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            format!("it needs {}{more}, not given here", missing.join(", "))
        }
        Why::Selected { by } => format!("it is selected by {}", by.join(", ")),
        Why::NotChosen => "another member of its choice is chosen".to_owned(),
        _ if explanation.definitions.iter().all(|d| d.prompt.is_none()) => {
            "it has no prompt: only other symbols set it".to_owned()
        }
        Why::Limited { .. } => "what it depends on, or its range, allows no more".to_owned(),
        _ => return None,
    };
    Some(sanitize_line(&text, 300))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kconfig::native::Definition;

    /// Of a symbol that has a prompt, cannot be set, and that nothing sets.
    fn explanation() -> Explanation {
        Explanation {
            symbol: "A".into(),
            kind: "bool",
            value: "n".into(),
            written: true,
            why: Why::Nothing,
            overridden: false,
            visible: false,
            definitions: vec![definition(Some("ask"))],
            needs: vec![],
            hidden_by: vec![],
            selected_by: vec![],
            implied_by: vec![],
            selects: vec![],
            choice: vec![],
        }
    }

    fn definition(prompt: Option<&str>) -> Definition {
        Definition {
            file: "Kconfig".into(),
            line: 1,
            prompt: prompt.map(str::to_owned),
            help: None,
            menus: vec![],
        }
    }

    fn terms(terms: &[(&str, &'static str)]) -> Vec<Term> {
        let term = |(text, value): &(&str, &'static str)| Term {
            text: (*text).to_owned(),
            value,
        };
        terms.iter().map(term).collect()
    }

    fn why(change: impl FnOnce(&mut Explanation)) -> Option<String> {
        let mut explanation = explanation();
        change(&mut explanation);
        reason(&explanation)
    }

    #[test]
    fn what_is_off_of_that_which_it_needs_is_named_once_and_not_all_of_it() {
        let needs = why(|e| {
            e.needs = terms(&[("B", "n"), ("C", "y"), ("D", "m")]);
            e.hidden_by = terms(&[("B", "n"), ("E=x", "n")]);
        });
        assert_eq!(needs.unwrap(), "it needs B, E=x, not given here");
        let many = why(|e| {
            e.needs = terms(&[("B", "n"), ("C", "n"), ("D", "n"), ("E", "n"), ("F", "n")]);
        });
        assert_eq!(many.unwrap(), "it needs B, C, D and 2 more, not given here");
    }

    #[test]
    fn what_others_decide_is_said_with_who_does() {
        let by = vec!["B".to_owned(), "C".to_owned()];
        let selected = why(|e| e.why = Why::Selected { by });
        assert_eq!(selected.unwrap(), "it is selected by B, C");
        let other = why(|e| e.why = Why::NotChosen);
        assert_eq!(other.unwrap(), "another member of its choice is chosen");
        let silent = why(|e| e.definitions = vec![definition(None), definition(None)]);
        assert_eq!(
            silent.unwrap(),
            "it has no prompt: only other symbols set it"
        );
        let limited = why(|e| {
            e.visible = true;
            e.why = Why::Limited { asked: "9".into() };
        });
        assert_eq!(
            limited.unwrap(),
            "what it depends on, or its range, allows no more"
        );
    }

    #[test]
    fn what_is_missing_comes_before_what_follows_from_it() {
        let both = why(|e| {
            e.needs = terms(&[("B", "n")]);
            e.why = Why::Limited { asked: "m".into() };
        });
        assert_eq!(both.unwrap(), "it needs B, not given here");
    }

    #[test]
    fn nothing_is_said_where_nothing_is_known_and_nothing_unsafe_to_show() {
        assert_eq!(why(|e| e.visible = true), None);
        let shown = why(|e| e.needs = terms(&[("B=\"\u{1b}[2J\"", "n")]));
        assert!(!shown.unwrap().contains('\u{1b}'));
    }
}
