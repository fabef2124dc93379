//! Explains each line of the answer's config and each request, as Kconfig understands them.

use std::collections::HashMap;

use crate::kconfig::engine::{Definition, Model, State, Why};
use crate::kconfig::{self, CheckedResolver, parse_config};
use crate::model::{Config, Fragment, Request, Symbol, Value, sanitize, sanitize_line};
use crate::report::details::{About, ConfigLine, Details, LineWhy};
use crate::run::lists::few;
use crate::run::unmet::shown;

/// Longest prompt, in characters.
const LONGEST: usize = 300;

/// Longest help text, in bytes.
const LONGEST_HELP: usize = 16 * 1024;

/// Adds what Kconfig says: prompts, help, places, and the reason for each line that is listed.
pub(super) fn explain(details: &mut Details, answer: Option<&str>, resolver: &CheckedResolver) {
    let Some(model) = resolver.trusted() else {
        let text = "Prompts, help and reasons are missing: the native Kconfig engine does not understand this source.";
        details.gaps.push(text.to_owned());
        return;
    };
    let conf = resolver.conf();
    let resolve = |fragment: &Fragment| {
        let (mode, text) = conf.question(fragment);
        model.resolve(mode, Some(&model.assignments(text)))
    };
    let requests = details.options.iter().map(|option| option.request.clone());
    let mut state = resolve(&Fragment::new(requests.collect()));
    let base = parse_config(&resolve(&Fragment::default()).write());
    let now = parse_config(&state.write());
    if let Some(was) = answer {
        details.gaps.extend(changed(&parse_config(was), &now));
    }
    for option in &mut details.options {
        let Some(id) = model.find(option.request.symbol.as_str()) else {
            continue;
        };
        let Some(explanation) = state.explain(id) else {
            continue;
        };
        option.about = about(&explanation.definitions);
        let mut helps = explanation.definitions.iter();
        let help = helps.find_map(|definition| definition.help.as_deref());
        option.help = help.map(|help| {
            let mut end = help.len().min(LONGEST_HELP);
            while !help.is_char_boundary(end) {
                end -= 1;
            }
            sanitize(&help[..end])
        });
    }
    let mut explainer = Explainer {
        model,
        state,
        base,
        asked_of_base: conf.base(),
    };
    for line in &mut details.lines {
        explainer.line(line);
    }
    for removed in &mut details.removed {
        let about = menus(model, &removed.request.symbol);
        (removed.prompt, removed.menu) = about.map_or((None, Vec::new()), |a| (a.prompt, a.menu));
    }
}

/// What is said if the answer resolves to another config now.
fn changed(was: &Config, now: &Config) -> Option<String> {
    const SHOWN: usize = 5;
    let differs = was.diff(now).into_iter();
    let differs = differs.map(|(symbol, was, is)| format!("{symbol}: {was} -> {is}"));
    let differs: Vec<String> = differs.collect();
    if differs.is_empty() {
        return None;
    }
    Some(format!(
        "The source or its tools have changed since: they resolve the answer to another config now ({}). Reasons and \
         help are those of now.",
        sanitize_line(&few(&differs, SHOWN), 2 * LONGEST)
    ))
}

/// Lists the lines of the answer's config; only those that are asked for are explained.
pub(super) fn list_lines(details: &mut Details, answer: Option<&str>) {
    let Some(text) = answer else {
        return;
    };
    let asked: HashMap<&Symbol, &Value> = details
        .options
        .iter()
        .map(|option| (&option.request.symbol, &option.request.value))
        .collect();
    let parsed = kconfig::read(text.as_bytes()).fragment;
    let on = parsed.requests().iter().filter(|r| !r.value.is_no());
    let lines = on.map(|request| ConfigLine {
        why: match asked.get(&request.symbol) {
            Some(value) if **value == request.value => LineWhy::Asked,
            _ => LineWhy::Unknown,
        },
        request: request.clone(),
        prompt: None,
        menu: Vec::new(),
    });
    details.lines = lines.collect();
}

struct Explainer<'a> {
    model: &'a Model,
    state: State<'a>,
    /// What the base resolves to without any request.
    base: Config,
    asked_of_base: &'a Fragment,
}

impl Explainer<'_> {
    fn line(&mut self, line: &mut ConfigLine) {
        let Request { symbol, value } = &line.request;
        let Some(id) = self.model.find(symbol.as_str()) else {
            return;
        };
        let Some(explanation) = self.state.explain(id) else {
            return;
        };
        if let Some(about) = about(&explanation.definitions) {
            (line.prompt, line.menu) = (about.prompt, about.menu);
        }
        if line.why == LineWhy::Asked {
            return;
        }
        let texts = |texts: &[String]| texts.iter().map(|text| shown(text)).collect();
        let is_of_base = self.base.get(symbol) == value;
        line.why = if self.asked_of_base.get(symbol) == Some(value) {
            LineWhy::Base
        } else if is_of_base && !explanation.visible {
            LineWhy::Forced
        } else {
            match &explanation.why {
                Why::Selected { by } => LineWhy::Selected { by: texts(by) },
                Why::Implied { by } => LineWhy::Implied { by: texts(by) },
                Why::Default { value } => LineWhy::Default {
                    default: shown(value),
                },
                Why::Chosen => LineWhy::Chosen,
                Why::Requested | Why::Limited { .. } | Why::NotChosen | Why::Nothing => {
                    LineWhy::Unknown
                }
            }
        };
    }
}

/// What the definition with a prompt says, else the first.
fn about(definitions: &[Definition]) -> Option<About> {
    let prompted = definitions.iter().find(|at| at.prompt.is_some());
    let at = prompted.or(definitions.first())?;
    let safe = |text: &String| sanitize_line(text, LONGEST);
    Some(About {
        prompt: at.prompt.as_ref().map(safe),
        menu: at.menus.iter().map(safe).collect(),
        file: safe(&at.file),
        line: at.line,
    })
}

/// The prompt and the menus of a symbol, whatever its value.
fn menus(model: &Model, symbol: &Symbol) -> Option<About> {
    let id = model.find(symbol.as_str())?;
    let definitions: Vec<Definition> = model.definitions(id).map(Definition::of).collect();
    about(&definitions)
}
