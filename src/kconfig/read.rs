//! Reads `.config` files and fragments.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::model::{Config, Fragment, Request, Symbol, Value, sanitize_line};

/// A line of a file that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// It is no assignment; with the line, safe to show.
    Malformed(String),
    /// The symbol has a value already, from this earlier line; the later one holds.
    Duplicate(Symbol, usize),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ProblemKind::Malformed(text) => {
                write!(f, "line {}: not an assignment: {text}", self.line)
            }
            ProblemKind::Duplicate(symbol, before) => {
                write!(
                    f,
                    "line {}: {symbol} again (it is on line {before}); this one holds",
                    self.line
                )
            }
        }
    }
}

/// What a file asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The assignments, in order; of several for one symbol the last, in the place of the first.
    pub fragment: Fragment,
    /// The line of each of them, from 1.
    pub lines: Vec<usize>,
    /// Lines that are not as they should be.
    pub problems: Vec<Problem>,
}

impl Parsed {
    /// The symbols that are not among those `known`, each with its line.
    #[must_use]
    pub fn unknown(&self, known: &HashSet<Symbol>) -> Vec<(usize, Symbol)> {
        let asked = self.fragment.requests().iter().zip(&self.lines);
        let unknown = asked.filter(|(request, _)| !known.contains(&request.symbol));
        let with_line = |(request, line): (&Request, &usize)| (*line, request.symbol.clone());
        unknown.map(with_line).collect()
    }
}

/// Reads a `.config` or a fragment: `CONFIG_X=value`, `# CONFIG_X is not set`, comments, blank
/// lines. Never fails: what is wrong is told with its line.
#[must_use]
pub fn read(bytes: &[u8]) -> Parsed {
    let mut requests: Vec<Request> = Vec::new();
    let mut lines = Vec::new();
    let mut places: HashMap<Symbol, usize> = HashMap::new();
    let mut problems = Vec::new();
    for (number, raw) in (1..).zip(bytes.split(|b| *b == b'\n')) {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let request = match std::str::from_utf8(raw).map(assignment) {
            Ok(Line::Nothing) => continue,
            Ok(Line::Assignment(request)) => request,
            Ok(Line::Malformed) | Err(_) => {
                let text = sanitize_line(&String::from_utf8_lossy(raw), 120);
                problems.push(Problem {
                    line: number,
                    kind: ProblemKind::Malformed(text),
                });
                continue;
            }
        };
        if let Some(place) = places.get(&request.symbol) {
            let kind = ProblemKind::Duplicate(request.symbol.clone(), lines[*place]);
            problems.push(Problem { line: number, kind });
            requests[*place] = request;
            lines[*place] = number;
        } else {
            places.insert(request.symbol.clone(), requests.len());
            requests.push(request);
            lines.push(number);
        }
    }
    Parsed {
        fragment: Fragment::new(requests),
        lines,
        problems,
    }
}

/// The assignments of a `.config` that Kconfig itself wrote.
#[must_use]
pub fn parse_config(text: &str) -> Config {
    let mut set = Vec::new();
    for line in text.lines() {
        if let Line::Assignment(Request { symbol, value }) = assignment(line) {
            set.push((symbol, value));
        }
    }
    set.into_iter().collect()
}

enum Line {
    Nothing,
    Assignment(Request),
    Malformed,
}

fn assignment(line: &str) -> Line {
    let line = line.trim();
    if let Some(comment) = line.strip_prefix('#') {
        // Any other comment is just that, even if it begins alike.
        let name = comment
            .trim()
            .strip_prefix("CONFIG_")
            .and_then(|c| c.strip_suffix(" is not set"));
        return match name.map(Symbol::new) {
            Some(Ok(symbol)) => Line::Assignment(Request {
                symbol,
                value: Value::NO,
            }),
            _ => Line::Nothing,
        };
    }
    if line.is_empty() {
        return Line::Nothing;
    }
    let parsed = line
        .strip_prefix("CONFIG_")
        .and_then(|rest| rest.split_once('='))
        .and_then(|(name, value)| Some((Symbol::new(name).ok()?, value.parse().ok()?)));
    match parsed {
        Some((symbol, value)) => Line::Assignment(Request { symbol, value }),
        None => Line::Malformed,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(fragment: &Fragment) -> Vec<String> {
        fragment
            .requests()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn all_kinds_of_lines_are_read() {
        let parsed = read(
            b"# a comment\n\nCONFIG_A=y\r\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=\"x \\\"q\\\" \\\\\"\nCONFIG_E=0xFF\n  CONFIG_F=-3  \n",
        );
        assert_eq!(
            text(&parsed.fragment),
            ["A=y", "B=m", "C=n", r#"D="x \"q\" \\""#, "E=0xFF", "F=-3"]
        );
        assert_eq!(parsed.lines, [3, 4, 5, 6, 7, 8]);
        assert_eq!(parsed.problems, []);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let parsed = read(
            b"CONFIG_A=y\nA=y\nCONFIG_B=maybe\nCONFIG_A=n\nCONFIG_=y\n\xff\xfe\nCONFIG_C=\"x\n",
        );
        let told: Vec<String> = parsed.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 2: not an assignment: A=y",
                "line 3: not an assignment: CONFIG_B=maybe",
                "line 4: A again (it is on line 1); this one holds",
                "line 5: not an assignment: CONFIG_=y",
                "line 6: not an assignment: \u{fffd}\u{fffd}",
                "line 7: not an assignment: CONFIG_C=\"x",
            ]
        );
        assert_eq!(text(&parsed.fragment), ["A=n"]);
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just("y".to_owned()),
            Just("m".to_owned()),
            Just("n".to_owned()),
            "-?[0-9]{1,9}",
            "0x[0-9a-fA-F]{1,8}",
        ]
        .prop_map(|v| v.parse().unwrap())
        .boxed()
        .prop_union("[^\n\r\0]{0,20}".prop_map(Value::Text).boxed())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            requests in proptest::collection::btree_map("[A-Z0-9_]{1,12}", value(), 0..20)
        ) {
            let requests = requests
                .into_iter()
                .map(|(name, value)| Request { symbol: Symbol::new(&name).unwrap(), value })
                // `CONFIG_CONFIG_X` would be ambiguous; Kconfig has no such symbols.
                .filter(|r| !r.symbol.as_str().starts_with("CONFIG_"))
                .collect();
            let fragment = Fragment::new(requests);
            let parsed = read(fragment.to_string().as_bytes());
            prop_assert_eq!(parsed.problems, vec![]);
            prop_assert_eq!(parsed.fragment, fragment);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let parsed = read(&bytes);
            prop_assert_eq!(parsed.fragment.len(), parsed.lines.len());
        }
    }
}
