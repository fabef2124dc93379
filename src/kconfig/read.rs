//! Reads `.config` files and fragments, as the tree's own `conf` does.

use std::collections::{HashMap, HashSet};

use super::convert;
use super::engine::{self, Dialect, Line, Model, NOT_SET, PREFIX, Says, SymKind};
use super::problem::{Problem, ProblemKind};
use crate::model::{Config, Fragment, Request, Symbol, Value, sanitize_line};

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

    /// How many modules are asked for, as `=m`.
    #[must_use]
    pub fn modules(&self) -> usize {
        let requests = self.fragment.requests().iter();
        requests.filter(|r| r.value == Value::MODULE).count()
    }

    /// Asks for each module as built in.
    pub fn build_modules_in(&mut self) {
        let built_in = |request: &Request| match request.value {
            Value::MODULE => Request {
                symbol: request.symbol.clone(),
                value: Value::YES,
            },
            _ => request.clone(),
        };
        self.fragment = Fragment::new(self.fragment.requests().iter().map(built_in).collect());
    }
}

/// Reads a `.config` or a fragment: `CONFIG_X=value`, `# CONFIG_X is not set`, comments, blank
/// lines. Never fails: what is wrong is told with its line. The types of symbols are not known, so
/// what one does not take is not told, and may hold instead of what it does take.
#[must_use]
pub fn read(bytes: &[u8]) -> Parsed {
    read_as(bytes, Dialect::default(), None)
}

/// The same, as the `conf` of a tree reads it: one of this dialect, with the symbols of `model`.
/// What the fragment comes to is what the file comes to, but for what [`Parsed::problems`] tells.
#[must_use]
pub fn read_as(bytes: &[u8], dialect: Dialect, model: Option<&Model>) -> Parsed {
    let mut found: Vec<Option<(Request, usize)>> = Vec::new();
    let mut places: HashMap<Symbol, usize> = HashMap::new();
    let mut problems = Vec::new();
    let mut again = HashSet::new();
    for line in dialect.lines(bytes) {
        let number = line.number;
        let mut problem = |kind| problems.push(Problem { line: number, kind });
        let request = match assignment(&line, dialect, model) {
            Outcome::Nothing => continue,
            Outcome::Problem(kind) => {
                problem(kind);
                continue;
            }
            Outcome::Assignment(request) => request,
        };
        if let Some(place) = places.get(&request.symbol).copied() {
            let before = found[place].as_ref().map_or(0, |(_, line)| *line);
            again.insert(request.symbol.clone());
            if dialect.first_holds() {
                problem(ProblemKind::Late(request.symbol, before));
                continue;
            }
            problem(ProblemKind::Duplicate(request.symbol.clone(), before));
            // Members of a choice are told apart by their order.
            found[place] = None;
        }
        if !is_plain(&line, &request) {
            problem(ProblemKind::ReadAs(shown(line.text), request.clone()));
        }
        places.insert(request.symbol.clone(), found.len());
        found.push(Some((request, number)));
    }
    let (requests, lines) = found.into_iter().flatten().unzip();
    let fragment = Fragment::new(requests);
    let mut parsed = Parsed {
        fragment,
        lines,
        problems,
    };
    if let Some(model) = model.filter(|_| !again.is_empty()) {
        let text = parsed.fragment.to_string();
        let (asked, kept) = (model.assignments(bytes), model.assignments(text));
        let differ = convert::names(model, model.chosen_otherwise(&asked, &kept));
        parsed
            .problems
            .extend(parsed.contradictions(&differ, &again));
    }
    parsed
}

/// The assignments of a `.config` that Kconfig itself wrote.
#[must_use]
pub fn parse_config(text: &str) -> Config {
    let dialect = Dialect::default();
    let assignment = |line: Line<'_>| match line.says {
        Says::Set { name, value } => {
            // A default can be a value that the type does not have. It is one all the same.
            let value = match said(dialect, value) {
                Said::Value(said) if said.to_string().as_bytes() == value => said,
                _ if value.is_empty() => Value::NO,
                _ => Value::Text(String::from_utf8_lossy(value).into_owned()),
            };
            Some((symbol(name)?, value))
        }
        Says::Unset { name, .. } => Some((symbol(name)?, Value::NO)),
        Says::Nothing | Says::Unexpected => None,
    };
    dialect
        .lines(text.as_bytes())
        .filter_map(assignment)
        .collect()
}

impl Parsed {
    /// Those of the symbols assigned `again` that are among `differ`, as problems.
    fn contradictions(&self, differ: &HashSet<Symbol>, again: &HashSet<Symbol>) -> Vec<Problem> {
        let asked = self.fragment.requests().iter().zip(&self.lines);
        let wrong = asked.filter(|(r, _)| differ.contains(&r.symbol) && again.contains(&r.symbol));
        wrong
            .map(|(request, line)| Problem {
                line: *line,
                kind: ProblemKind::Contradiction(request.symbol.clone()),
            })
            .collect()
    }
}

enum Outcome {
    Nothing,
    Assignment(Request),
    Problem(ProblemKind),
}

fn assignment(line: &Line<'_>, dialect: Dialect, model: Option<&Model>) -> Outcome {
    let (name, said) = match line.says {
        Says::Nothing if looks_unset(line.text) => {
            return Outcome::Problem(ProblemKind::Comment(shown(line.text)));
        }
        Says::Nothing => return Outcome::Nothing,
        Says::Unexpected => {
            let is_indented = line.text.trim_ascii_start().len() < line.text.len();
            let kind = if is_indented {
                ProblemKind::Indented
            } else {
                ProblemKind::Malformed
            };
            return Outcome::Problem(kind(shown(line.text)));
        }
        Says::Set { name, value } => (name, said(dialect, value)),
        Says::Unset { name, .. } => (name, Said::Value(Value::NO)),
    };
    let Some(symbol) = symbol(name) else {
        return Outcome::Problem(ProblemKind::Malformed(shown(line.text)));
    };
    let id = model.and_then(|model| model.find(symbol.as_str()).map(|id| model.kind(id)));
    let kind = id.unwrap_or(SymKind::Unknown);
    match said {
        Said::Value(value) if takes(kind, &value) => Outcome::Assignment(Request { symbol, value }),
        Said::CannotBeHeld if matches!(kind, SymKind::String | SymKind::Unknown) => {
            Outcome::Problem(ProblemKind::NotKept(shown(line.text)))
        }
        Said::Nothing if kind == SymKind::Unknown => {
            Outcome::Problem(ProblemKind::Malformed(shown(line.text)))
        }
        _ => Outcome::Problem(ProblemKind::Refused(shown(line.text), kind.name())),
    }
}

fn takes(kind: SymKind, value: &Value) -> bool {
    kind.takes(&convert::to_engine(value))
}

/// What a right-hand side says, whatever the type of its symbol.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Value(Value),
    /// A string that is none of ours: not UTF-8, or, in a project without escapes, with quotes or
    /// backslashes other than those that escapes would have.
    CannotBeHeld,
    /// No value of any type.
    Nothing,
}

fn said(dialect: Dialect, raw: &[u8]) -> Said {
    match dialect.value(raw) {
        Some(engine::Value::Text(_)) => match dialect.string(raw) {
            Some(text) => held(dialect, &text),
            None => Said::Nothing,
        },
        Some(value) => Said::Value(convert::from_engine(value)),
        None => Said::Nothing,
    }
}

/// A string as a value, which is written with escapes whatever the project.
fn held(dialect: Dialect, text: &[u8]) -> Said {
    let Ok(text) = std::str::from_utf8(text) else {
        return Said::CannotBeHeld;
    };
    if dialect.escapes_strings() {
        return Said::Value(Value::Text(text.to_owned()));
    }
    let mut chars = text.chars();
    let mut out = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    let value = Value::Text(out);
    if value.to_string() == format!("\"{text}\"") {
        Said::Value(value)
    } else {
        Said::CannotBeHeld
    }
}

/// No symbol has `CONFIG_` in its own name: what follows it once is all of it.
fn symbol(name: &[u8]) -> Option<Symbol> {
    let name = std::str::from_utf8(name).ok()?;
    let symbol = Symbol::new(name).ok()?;
    (symbol.as_str() == name).then_some(symbol)
}

fn shown(text: &[u8]) -> String {
    sanitize_line(&String::from_utf8_lossy(text), 120)
}

/// Is this comment most likely meant to switch a symbol off?
fn looks_unset(text: &[u8]) -> bool {
    let is_filler = |b: &u8| *b == b'#' || b.is_ascii_whitespace();
    let start = text.iter().take_while(|b| is_filler(b)).count();
    let has = |part: &[u8]| text.windows(part.len()).any(|w| w == part);
    text[start..].starts_with(PREFIX) && has(NOT_SET)
}

/// Would a person read the line as this request, too?
fn is_plain(line: &Line<'_>, request: &Request) -> bool {
    // What follows a NUL is hidden from C.
    let is_whole = !line.text.contains(&0);
    is_whole
        && match line.says {
            Says::Set { value, .. } => {
                value.trim_ascii_end() == request.value.to_string().as_bytes()
            }
            Says::Unset { tail, .. } => {
                line.text.starts_with(b"# ") && tail.trim_ascii_end().is_empty()
            }
            Says::Nothing | Says::Unexpected => false,
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
            b"# a comment\n\nCONFIG_A=y\r\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=\"x \\\"q\\\" \\\\\"\nCONFIG_E=0xFF\nCONFIG_F=-3\n",
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
        let parsed =
            read(b"CONFIG_A=y\nA=y\nCONFIG_B=?\nCONFIG_A=n\nCONFIG_=y\n\xff\xfe\nCONFIG_C=\"x\n");
        let told: Vec<String> = parsed.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 2: not an assignment: A=y",
                "line 3: not an assignment: CONFIG_B=?",
                "line 4: A again (it is on line 1); this one holds",
                "line 5: not an assignment: CONFIG_=y",
                "line 6: not an assignment: \u{fffd}\u{fffd}",
                "line 7: not an assignment: CONFIG_C=\"x",
            ]
        );
        assert_eq!(text(&parsed.fragment), ["A=n"]);
    }

    #[test]
    fn what_a_person_would_read_otherwise_is_told() {
        let file = b"CONFIG_A=yes\nCONFIG_B=y # text\nCONFIG_C=yCONFIG_D=y\nCONFIG_E=\"box\" # text\nCONFIG_F=ff\n#CONFIG_G is not set\n#  CONFIG_H is not set\n CONFIG_I=y\n# CONFIG_J is not set # tail\n# CONFIG_K=y\nCONFIG_L=y\0x\nCONFIG_CONFIG_M=y\n";
        // As the conf of 6.1.192 does.
        let source = tempfile::tempdir().unwrap();
        std::fs::write(
            source.path().join("confdata.c"),
            "conf_read_simple line[1] != ' ' strncmp(p, \"is not set\", 10) '\\r'",
        )
        .unwrap();
        let dialect = Dialect::of_linux("6.1.192").reading_as(source.path());
        let parsed = read_as(file, dialect, None);
        assert_eq!(
            text(&parsed.fragment),
            ["A=y", "B=y", "C=y", r#"E="box""#, "F=ff", "J=n", "L=y"]
        );
        let told: Vec<String> = parsed.problems.iter().map(ToString::to_string).collect();
        let as_read = |line: usize, request: &str, text: &str| {
            format!("line {line}: counts as {request}, as Kconfig reads it: {text}")
        };
        let comment = |line: usize, text: &str| {
            format!("line {line}: counts for nothing, as it is a comment to Kconfig: {text}")
        };
        assert_eq!(
            told,
            [
                as_read(1, "A=y", "CONFIG_A=yes"),
                as_read(2, "B=y", "CONFIG_B=y # text"),
                as_read(3, "C=y", "CONFIG_C=yCONFIG_D=y"),
                as_read(4, "E=\"box\"", "CONFIG_E=\"box\" # text"),
                comment(6, "#CONFIG_G is not set"),
                comment(7, "# CONFIG_H is not set"),
                "line 8: counts for nothing, as Kconfig ignores a line that begins with a blank: CONFIG_I=y".to_owned(),
                as_read(9, "J=n", "# CONFIG_J is not set # tail"),
                as_read(11, "L=y", "CONFIG_L=y\u{fffd}x"),
                "line 12: not an assignment: CONFIG_CONFIG_M=y".to_owned(),
            ]
        );
        let new = read_as(file, Dialect::of_linux("6.12.0"), None);
        assert_eq!(
            text(&new.fragment),
            ["A=y", "B=y", "C=y", r#"E="box""#, "F=ff", "L=y"]
        );
    }

    #[test]
    fn the_last_assignment_counts_in_its_own_place_and_in_the_oldest_the_first() {
        let file = b"CONFIG_A=y\nCONFIG_B=y\n# CONFIG_A is not set\n";
        assert_eq!(text(&read(file).fragment), ["B=y", "A=n"]);
        let old = read_as(file, Dialect::of_linux("2.6.16"), None);
        assert_eq!(text(&old.fragment), ["A=y", "B=y"]);
        assert_eq!(
            old.problems[0].to_string(),
            "line 3: A again; the one on line 1 holds"
        );
    }

    #[test]
    fn a_string_that_cannot_be_written_again_is_not_held() {
        let text = |t: &str| Said::Value(Value::Text(t.to_owned()));
        let escaped = Dialect::default();
        assert_eq!(said(escaped, br#""a\"b" # text"#), text("a\"b"));
        assert_eq!(said(escaped, br#""a\"#), Said::Nothing);
        assert_eq!(said(escaped, b"\"\xff\""), Said::CannotBeHeld);
        let source = tempfile::tempdir().unwrap();
        let confdata = "conf_read_simple Last char has to be a '\"'";
        std::fs::write(source.path().join("confdata.c"), confdata).unwrap();
        let raw = escaped.reading_as(source.path());
        assert_eq!(said(raw, br#""a\"b""#), text("a\"b"));
        assert_eq!(said(raw, br#"""#), text(""));
        assert_eq!(said(raw, br#""a" # text"#), Said::Nothing);
        assert_eq!(said(raw, br#""a\n""#), Said::CannotBeHeld);
    }

    #[test]
    fn no_two_values_that_kconfig_wrote_are_the_same_config() {
        let print = |text: &str| parse_config(text).fingerprint();
        assert_ne!(print("CONFIG_A=ff\n"), print("CONFIG_A=fe\n"));
        assert_ne!(print("CONFIG_A=1.5\n"), print(""));
        assert_eq!(print("CONFIG_A=\n"), print("# CONFIG_A is not set\n"));
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
