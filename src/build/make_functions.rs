//! The functions of make that work on words (GNU make manual, "Functions for Transforming Text").

/// The result of `$(name rest)`, with the arguments in `rest` not expanded yet; of a function that is not known,
/// nothing.
pub(super) fn call(name: &str, rest: &str, expand: &dyn Fn(&str) -> String) -> String {
    let call = Call {
        parts: arguments(rest),
        expand,
    };
    on_words(name, &call)
        .or_else(|| on_lists(name, &call))
        .or_else(|| conditional(name, &call))
        .unwrap_or_default()
}

/// The arguments of a call.
struct Call<'c> {
    parts: Vec<&'c str>,
    expand: &'c dyn Fn(&str) -> String,
}

impl Call<'_> {
    /// An argument by its number; one that is missing is empty.
    fn argument(&self, at: usize) -> String {
        let part = self.parts.get(at);
        part.map_or_else(String::new, |part| (self.expand)(part))
    }

    /// The last argument, which takes all of the rest, commas included.
    fn last(&self, at: usize) -> String {
        let rest = self.parts.get(at..).unwrap_or_default().join(",");
        (self.expand)(&rest)
    }

    fn arguments(&self) -> impl Iterator<Item = String> {
        (0..self.parts.len()).map(|at| self.argument(at))
    }
}

/// Functions that change, keep or drop each word.
fn on_words(name: &str, call: &Call<'_>) -> Option<String> {
    let matches_any =
        |patterns: &str, word: &str| patterns.split_whitespace().any(|p| stem(p, word).is_some());
    Some(match name {
        "strip" => each(&call.last(0), |word| Some(word.to_owned())),
        "filter" => {
            let patterns = call.argument(0);
            each(&call.last(1), |word| {
                matches_any(&patterns, word).then(|| word.to_owned())
            })
        }
        "filter-out" => {
            let patterns = call.argument(0);
            each(&call.last(1), |word| {
                (!matches_any(&patterns, word)).then(|| word.to_owned())
            })
        }
        "patsubst" => {
            let (from, to) = (call.argument(0), call.argument(1));
            each(&call.last(2), |word| {
                Some(patsubst(from.trim(), to.trim(), word))
            })
        }
        "addprefix" => {
            let prefix = call.argument(0);
            each(&call.last(1), |word| Some(format!("{prefix}{word}")))
        }
        "addsuffix" => {
            let suffix = call.argument(0);
            each(&call.last(1), |word| Some(format!("{word}{suffix}")))
        }
        "basename" => each(&call.last(0), |word| {
            let base = word.rsplit_once('.').map_or(word, |(base, _)| base);
            Some(base.to_owned())
        }),
        "notdir" => each(&call.last(0), |word| {
            let name = word.rsplit_once('/').map_or(word, |(_, name)| name);
            Some(name.to_owned())
        }),
        "dir" => each(&call.last(0), |word| {
            let folder = word.rsplit_once('/').map(|(folder, _)| folder);
            Some(folder.map_or("./".to_owned(), |folder| format!("{folder}/")))
        }),
        _ => return None,
    })
}

/// Functions of a whole text or list.
fn on_lists(name: &str, call: &Call<'_>) -> Option<String> {
    let word = |word: Option<&str>| word.unwrap_or_default().to_owned();
    Some(match name {
        "subst" => match call.argument(0) {
            from if from.is_empty() => call.last(2),
            from => call.last(2).replace(&from, &call.argument(1)),
        },
        "findstring" => {
            let wanted = call.argument(0);
            match call.last(1).contains(&wanted) {
                true => wanted,
                false => String::new(),
            }
        }
        "firstword" => word(call.last(0).split_whitespace().next()),
        "lastword" => word(call.last(0).split_whitespace().last()),
        "words" => call.last(0).split_whitespace().count().to_string(),
        "sort" => {
            let text = call.last(0);
            let mut words: Vec<&str> = text.split_whitespace().collect();
            words.sort_unstable();
            words.dedup();
            words.join(" ")
        }
        _ => return None,
    })
}

/// Functions that choose one of their arguments.
fn conditional(name: &str, call: &Call<'_>) -> Option<String> {
    Some(match name {
        "if" if call.argument(0).trim().is_empty() => call.last(2),
        "if" => call.argument(1),
        "or" => {
            let mut values = call.arguments();
            values.find(|value| !value.is_empty()).unwrap_or_default()
        }
        "and" => {
            let values: Vec<String> = call.arguments().collect();
            match values.iter().any(String::is_empty) {
                true => String::new(),
                false => values.last().cloned().unwrap_or_default(),
            }
        }
        _ => return None,
    })
}

/// Cuts at the commas that are in no parentheses.
pub(super) fn arguments(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut begin) = (0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

/// The words that `change` makes of those in `text`.
pub(super) fn each(text: &str, change: impl Fn(&str) -> Option<String>) -> String {
    let words: Vec<String> = text.split_whitespace().filter_map(change).collect();
    words.join(" ")
}

/// What `%` stands for when the pattern is the word.
fn stem<'w>(pattern: &str, word: &'w str) -> Option<&'w str> {
    match pattern.split_once('%') {
        None => (pattern == word).then_some(""),
        Some((before, after)) => word.strip_prefix(before)?.strip_suffix(after),
    }
}

/// The word with its stem in `to`, if `from` matches it.
pub(super) fn patsubst(from: &str, to: &str, word: &str) -> String {
    stem(from, word).map_or_else(|| word.to_owned(), |stem| to.replacen('%', stem, 1))
}
