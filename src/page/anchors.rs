//! The places of the page that links lead to.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use minijinja::HtmlEscape;

use crate::model::{Request, sanitize};
use crate::report::{Details, Reason};

/// A list of the page in which a symbol can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// The requests of the answer.
    Options,
    /// The lines of the answer's config.
    Lines,
    /// The requests that were removed.
    Removed,
    /// The lines of the start that are no requests.
    Free,
}

/// Which symbols and trials are in which list.
pub(super) struct Anchors {
    options: HashSet<String>,
    lines: HashSet<String>,
    removed: HashSet<String>,
    free: HashSet<String>,
    trials: HashSet<u32>,
    /// The options that trials without them prove to be needed.
    proved: HashMap<u32, Vec<String>>,
}

impl Anchors {
    pub(super) fn new(details: &Details) -> Self {
        let name = |request: &Request| request.symbol.to_string();
        let mut proved: HashMap<u32, Vec<String>> = HashMap::new();
        for option in &details.options {
            if let Reason::Needed { trial, .. } = option.reason {
                proved
                    .entry(trial.0)
                    .or_default()
                    .push(name(&option.request));
            }
        }
        Self {
            options: details.options.iter().map(|o| name(&o.request)).collect(),
            lines: details.lines.iter().map(|l| name(&l.request)).collect(),
            removed: details.removed.iter().map(|r| name(&r.request)).collect(),
            free: details.free.iter().map(|f| name(&f.request)).collect(),
            trials: details.trials.iter().map(|t| t.trial.0).collect(),
            proved,
        }
    }

    /// The list that explains `symbol` best.
    fn home(&self, symbol: &str) -> Option<List> {
        let lists = [
            (List::Options, &self.options),
            (List::Lines, &self.lines),
            (List::Removed, &self.removed),
            (List::Free, &self.free),
        ];
        let found = lists.into_iter().find(|(_, set)| set.contains(symbol));
        found.map(|(list, _)| list)
    }

    /// The id of the entry of `symbol` in `list`: `CONFIG_` and its name, where it is explained best.
    pub(super) fn id(&self, list: List, symbol: &str) -> String {
        if self.home(symbol) == Some(list) {
            return format!("CONFIG_{symbol}");
        }
        let prefix = match list {
            List::Options => "option",
            List::Lines => "line",
            List::Removed => "removed",
            List::Free => "free",
        };
        format!("{prefix}-{symbol}")
    }

    /// `text` as HTML, with a link at each symbol of the page.
    pub(super) fn linked(&self, text: &str) -> String {
        let text = sanitize(text);
        let mut out = String::with_capacity(text.len());
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let symbol = word.strip_prefix("CONFIG_").unwrap_or(word);
            // Writing to a String does not fail.
            let _ = match self.home(symbol) {
                Some(_) => write!(out, "<a href=\"#CONFIG_{symbol}\">{word}</a>"),
                None => write!(out, "{}", HtmlEscape(word)),
            };
            let next = after.find(is_of_name).unwrap_or(after.len());
            let (between, after) = after.split_at(next);
            let _ = write!(out, "{}", HtmlEscape(between));
            rest = after;
        }
        out
    }

    /// A link to a trial, with its number as the text; the number alone, if the page does not have the trial.
    pub(super) fn trial(&self, trial: u32) -> String {
        match self.trials.contains(&trial) {
            true => format!("<a href=\"#trial-{trial}\">{trial}</a>"),
            false => trial.to_string(),
        }
    }

    /// Links to the options that a trial proves to be needed; nothing if there are none.
    pub(super) fn proves(&self, trial: u32) -> String {
        let Some(symbols) = self.proved.get(&trial) else {
            return String::new();
        };
        let links: Vec<String> = symbols.iter().map(|symbol| self.linked(symbol)).collect();
        format!("without {}: ", links.join(", "))
    }
}
