//! Says why an assignment of the start did not come true.

use super::prepare::Tools;
use crate::kconfig::engine::{Explanation, Model, State, Term, Why};
use crate::model::{Fragment, Request, sanitize_line};

/// So many dependencies are named.
const FEW: usize = 3;

/// What is known of assignments that did not come true.
pub(super) struct Unmet<'a> {
    /// The start as the native engine resolves it, if it is to be trusted.
    native: Option<(&'a Model, State<'a>)>,
}

impl<'a> Unmet<'a> {
    /// Of the start `asked`.
    pub(super) fn new(tools: &'a Tools, asked: &Fragment) -> Self {
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
    pub(super) fn why(&mut self, request: &Request) -> String {
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
