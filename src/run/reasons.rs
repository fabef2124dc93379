//! Finds for each line of a start that is no request the reason, to be kept with the run.

use std::collections::HashSet;

use super::tools::Tools;
use super::unmet::{self, Unmet};
use crate::kconfig::engine::{Explanation, Model, State, Why};
use crate::kconfig::{Fixed, Start};
use crate::model::{
    self, Analysis, Dropped, Implied, Missing, Request, SetBy, Symbol, Unknown, WhyFixed, near,
};

/// What became of each line of the start that is no request, and of each line of the resolved start that nobody
/// asked for. `missing` are those of the start that did not take effect.
pub(crate) fn analysis(start: &Start, missing: Vec<Missing>, tools: &Tools) -> Analysis {
    let conf = tools.resolver.conf();
    let mut setters = Setters {
        native: tools.resolver.trusted().map(|model| {
            let (mode, text) = conf.question(&start.fragment());
            (model, model.resolve(mode, Some(&model.assignments(text))))
        }),
        base: conf.base(),
    };
    let asked: HashSet<&Request> = start.requests.iter().collect();
    let lines = start.resolved.config.iter();
    let lines = lines.map(|(symbol, value)| Request {
        symbol: symbol.clone(),
        value: value.clone(),
    });
    Analysis {
        dropped: start
            .dropped
            .iter()
            .map(|request| Dropped {
                why: setters.of(&request.symbol),
                request: request.clone(),
            })
            .collect(),
        fixed: start
            .fixed
            .iter()
            .map(|(request, why)| model::Fixed {
                why: setters.why_fixed(request, *why),
                request: request.clone(),
            })
            .collect(),
        missing,
        unknown: unknown(start, &tools.known),
        implied: lines
            .filter(|line| !asked.contains(line))
            .map(|request| Implied {
                why: setters.of(&request.symbol),
                request,
            })
            .collect(),
    }
}

/// The assignments of the start that did not take effect, with the reasons.
pub(crate) fn missing(start: &Start, tools: &Tools) -> Vec<Missing> {
    let mut unmet = Unmet::new(tools, &start.asked);
    let missing = start.missing.iter();
    missing
        .map(|(request, got)| Missing {
            why: unmet.why(request),
            request: request.clone(),
            got: got.clone(),
        })
        .collect()
}

/// The symbols of the start that the source does not have, with those that are spelt like them.
fn unknown(start: &Start, known: &HashSet<Symbol>) -> Vec<Unknown> {
    let names = || known.iter().map(Symbol::as_str);
    let unknown = start.unknown.iter();
    unknown
        .map(|(line, symbol)| Unknown {
            symbol: symbol.clone(),
            line: *line,
            near: near(symbol.as_str(), names())
                .into_iter()
                .map(str::to_owned)
                .collect(),
        })
        .collect()
}

/// Knows what sets the symbols of a resolved start.
struct Setters<'a> {
    /// The requests of the start as the native engine resolves them, if that can be trusted.
    native: Option<(&'a Model, State<'a>)>,
    base: &'a model::Fragment,
}

impl Setters<'_> {
    fn explain(&mut self, symbol: &Symbol) -> Option<Explanation> {
        let (model, state) = self.native.as_mut()?;
        state.explain(model.find(symbol.as_str())?)
    }

    /// What sets a symbol that no request asks for.
    fn of(&mut self, symbol: &Symbol) -> SetBy {
        let explanation = self.explain(symbol);
        let set = explanation.map_or(SetBy::Unknown, |explanation| set_by(&explanation.why));
        match set {
            SetBy::Unknown if self.base.get(symbol).is_some() => SetBy::Base,
            set => set,
        }
    }

    fn why_fixed(&mut self, request: &Request, why: Fixed) -> WhyFixed {
        match why {
            Fixed::SameAsBase => WhyFixed::SameAsBase,
            Fixed::InBase => WhyFixed::InBase,
            Fixed::Forced => {
                let explanation = self.explain(&request.symbol);
                let by = explanation.map(|e| unmet::texts(&e.selected_by, |value| value != "n"));
                WhyFixed::Forced {
                    by: by.unwrap_or_default(),
                }
            }
            Fixed::NoPrompt => {
                let explanation = self.explain(&request.symbol);
                let needs = explanation.map(|e| unmet::texts(&e.hidden_by, |_| true));
                WhyFixed::NoPrompt {
                    set: self.of(&request.symbol),
                    needs: needs.unwrap_or_default(),
                }
            }
        }
    }
}

/// What sets a symbol, as the engine explains it.
fn set_by(why: &Why) -> SetBy {
    let safe = |texts: &[String]| texts.iter().map(|text| unmet::shown(text)).collect();
    match why {
        Why::Default { value } => SetBy::Default {
            default: unmet::shown(value),
        },
        Why::Selected { by } => SetBy::Selected { by: safe(by) },
        Why::Implied { by } => SetBy::Implied { by: safe(by) },
        Why::Chosen => SetBy::Chosen,
        Why::Requested | Why::Limited { .. } | Why::NotChosen | Why::Nothing => SetBy::Unknown,
    }
}
