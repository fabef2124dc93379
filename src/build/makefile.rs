//! The subset of the make language in which Kbuild lists objects.
//!
//! Assignments, conditionals, `include` and the functions that work on words (GNU make manual,
//! "How to Use Variables", "Conditional Parts of Makefiles", "Functions for Transforming Text").
//! Nothing is run: `$(shell)`, `$(call)` and `$(eval)` are empty, rules and recipes are passed
//! over.

use super::make_functions::arguments;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `=`: expanded where it is used.
    Recursive,
    /// `:=`: expanded now.
    Simple,
    /// `+=`
    Append,
    /// `?=`
    Default,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// `ifeq`, or `ifneq` if they must differ.
    Equal(String, String, Wanted),
    /// `ifdef`, or `ifndef`.
    Defined(String, Wanted),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    No,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Assign(String, Operator, String),
    If(Condition),
    ElseIf(Condition),
    Else,
    EndIf,
    Include(String),
}

/// What of a makefile is understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Makefile {
    pub(super) lines: Vec<Line>,
}

impl Makefile {
    pub(super) fn parse(text: &str) -> Self {
        let mut lines = Vec::new();
        let (mut is_after_rule, mut is_defining) = (false, false);
        for line in logical(text) {
            let trimmed = line.trim();
            if is_defining {
                is_defining = trimmed != "endef";
                continue;
            }
            let directive = conditional(trimmed);
            if line.starts_with('\t') && is_after_rule && directive.is_none() {
                continue;
            }
            if let Some(directive) = directive {
                lines.push(directive);
            } else if let Some(rest) =
                word(trimmed, "include").or_else(|| word(trimmed, "-include"))
            {
                lines.push(Line::Include(rest.to_owned()));
            } else if word(trimmed, "define").is_some() {
                is_defining = true;
            } else if let Some(assignment) = assignment(trimmed) {
                is_after_rule = false;
                lines.push(assignment);
            } else if !trimmed.is_empty() {
                is_after_rule = true;
            }
        }
        Self { lines }
    }
}

/// Lines without comments; those that end in a backslash with the next.
fn logical(text: &str) -> impl Iterator<Item = String> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut whole = lines.next()?.to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            let Some(next) = lines.next() else { break };
            whole.push(' ');
            whole.push_str(next.trim_start());
        }
        let comment = whole.match_indices('#').map(|(at, _)| at);
        let mut comment = comment.filter(|at| !whole[..*at].ends_with('\\'));
        if let Some(at) = comment.next() {
            whole.truncate(at);
        }
        Some(whole)
    })
}

/// What follows a word at the beginning of a line.
fn word<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let rest = line.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with([' ', '\t', '('])).then(|| rest.trim())
}

fn conditional(line: &str) -> Option<Line> {
    if word(line, "endif").is_some() {
        return Some(Line::EndIf);
    }
    if let Some(rest) = word(line, "else") {
        return Some(condition(rest).map_or(Line::Else, Line::ElseIf));
    }
    condition(line).map(Line::If)
}

fn condition(line: &str) -> Option<Condition> {
    for (keyword, wanted) in [("ifeq", Wanted::Yes), ("ifneq", Wanted::No)] {
        if let Some(rest) = word(line, keyword) {
            let (left, right) = operands(rest)?;
            return Some(Condition::Equal(left, right, wanted));
        }
    }
    for (keyword, wanted) in [("ifdef", Wanted::Yes), ("ifndef", Wanted::No)] {
        if let Some(rest) = word(line, keyword) {
            return Some(Condition::Defined(rest.to_owned(), wanted));
        }
    }
    None
}

/// `(a,b)`, or `"a" "b"` with either kind of quote.
fn operands(text: &str) -> Option<(String, String)> {
    if let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        let parts = arguments(inner);
        let (first, rest) = parts.split_first()?;
        return Some((first.trim().to_owned(), rest.join(",").trim().to_owned()));
    }
    let quoted = |text: &str| {
        let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (inner, rest) = text[1..].split_once(quote)?;
        Some((inner.to_owned(), rest.trim().to_owned()))
    };
    let (left, rest) = quoted(text)?;
    let (right, _) = quoted(&rest)?;
    Some((left, right))
}

fn assignment(line: &str) -> Option<Line> {
    let mut line = line;
    while let Some(rest) = ["export", "override"].iter().find_map(|w| word(line, w)) {
        line = rest;
    }
    let mut depth = 0_usize;
    for (at, c) in line.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            // A rule, unless it is `:=` or `::=`.
            ':' if depth == 0 => {
                let rest = line[at..].trim_start_matches(':');
                let value = rest.strip_prefix('=')?;
                return Some(assign(&line[..at], Operator::Simple, value));
            }
            '=' if depth == 0 => {
                let (name, value) = (&line[..at], &line[at + 1..]);
                return Some(match name.chars().last() {
                    Some('+') => assign(&name[..at - 1], Operator::Append, value),
                    Some('?') => assign(&name[..at - 1], Operator::Default, value),
                    // What a command says is not known.
                    Some('!') => assign(&name[..at - 1], Operator::Simple, ""),
                    _ => assign(name, Operator::Recursive, value),
                });
            }
            _ => {}
        }
    }
    None
}

fn assign(name: &str, operator: Operator, value: &str) -> Line {
    Line::Assign(
        name.trim().to_owned(),
        operator,
        value.trim_start().to_owned(),
    )
}
