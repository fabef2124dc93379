//! Says why an assignment of the start did not take effect.

use super::lists::few;
use super::tools::Tools;
use crate::kconfig::engine::{Explanation, Model, State, Term, Why};
use crate::model::{Fragment, Request, WhyMissing, sanitize_line};

/// So many dependencies are named.
const FEW: usize = 3;

/// Longest text of a Kconfig file that is shown, in characters.
const LONGEST: usize = 200;

/// What is known of assignments that did not take effect.
pub(crate) struct Unmet<'a> {
    /// The start as the native engine resolves it, if that can be trusted.
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

    /// Why the request did not take effect.
    pub(crate) fn why(&mut self, request: &Request) -> WhyMissing {
        let explained = self.native.as_mut().and_then(|(model, state)| {
            let explanation = state.explain(model.find(request.symbol.as_str())?)?;
            Some(reason(&explanation))
        });
        explained.unwrap_or(WhyMissing::Unknown)
    }
}

/// A text of a Kconfig file, safe to show.
pub(crate) fn shown(text: &str) -> String {
    sanitize_line(text, LONGEST)
}

/// Those conditions whose value is as wanted.
pub(crate) fn texts(terms: &[Term], wanted: fn(&str) -> bool) -> Vec<String> {
    let terms = terms.iter().filter(|term| wanted(term.value));
    terms.map(|term| shown(&term.text)).collect()
}

fn reason(explanation: &Explanation) -> WhyMissing {
    let is_off = |value: &str| value == "n";
    let mut needs = texts(&explanation.needs, is_off);
    for term in texts(&explanation.hidden_by, is_off) {
        if !needs.contains(&term) {
            needs.push(term);
        }
    }
    match &explanation.why {
        _ if !explanation.visible && !needs.is_empty() => WhyMissing::Needs { needs },
        Why::Selected { by } => WhyMissing::Selected {
            by: by.iter().map(|by| shown(by)).collect(),
        },
        Why::NotChosen => WhyMissing::NotChosen,
        _ if !explanation.has_prompt() => WhyMissing::NoPrompt,
        Why::Limited { .. } => WhyMissing::Limited,
        _ => WhyMissing::Unknown,
    }
}

/// The reason in a few words: `it needs NET, not given here`.
pub(crate) fn words(why: &WhyMissing) -> String {
    let text = match why {
        WhyMissing::Needs { needs } => {
            format!("it needs {}, not given here", few(needs, FEW))
        }
        WhyMissing::Selected { by } => format!("it is selected by {}", by.join(", ")),
        WhyMissing::NotChosen => "another member of its choice is chosen".to_owned(),
        WhyMissing::NoPrompt => "it has no prompt: only other symbols set it".to_owned(),
        WhyMissing::Limited => "its dependencies or its range allow no more".to_owned(),
        WhyMissing::Unknown => "a dependency is missing, or it cannot have this value".to_owned(),
    };
    sanitize_line(&text, 300)
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
        match reason(&explanation) {
            WhyMissing::Unknown => None,
            why => Some(words(&why)),
        }
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
            "its dependencies or its range allow no more"
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
