//! The lines of a `.config`, cut and read as `conf` does it, version by version.

use std::borrow::Cow;

use super::value::{Tristate, Value, is_number};

/// How the `conf` of a tree reads a `.config`: `conf_read_simple` in its `confdata.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    gap: Gap,
    not_set: NotSet,
    ends: Ends,
    /// What it reads at once, in bytes: a longer line counts as several.
    buffer: usize,
    /// Of several assignments to one symbol, which holds.
    pub(super) holds: Holds,
    /// How strings are written.
    pub(super) strings: Strings,
}

/// What stands between `#` and `CONFIG_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    Blank,
    /// Any one byte.
    Any,
}

/// What may follow `is not set`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotSet {
    Anything,
    Nothing,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// A newline; a carriage return before it is part of the value.
    Newline,
    /// A newline, and one carriage return before it.
    CarriageReturn,
}

/// Which of several assignments to a symbol holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    First,
    Last,
}

/// How strings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strings {
    /// Quotes and backslashes have a backslash before them.
    Escaped,
    /// Between the first quote and the one that ends the line (U-Boot).
    Raw,
}

impl Syntax {
    /// The one of Linux of this age (6001 is 6.1), as it was released.
    pub(super) const fn aged(age: u32) -> Self {
        let old = age < 3000;
        let new = age >= 6008;
        Self {
            gap: if new { Gap::Blank } else { Gap::Any },
            not_set: if new {
                NotSet::Nothing
            } else {
                NotSet::Anything
            },
            ends: if old {
                Ends::Newline
            } else {
                Ends::CarriageReturn
            },
            buffer: if old { 1023 } else { usize::MAX },
            holds: if old { Holds::First } else { Holds::Last },
            strings: Strings::Escaped,
        }
    }

    /// The same, but for what the text of this `confdata.c` tells: stable versions of Linux and
    /// other projects have parts of later ones.
    pub(super) fn of_source(self, confdata: &str) -> Self {
        let has = |text: &str| confdata.contains(text);
        if !has("conf_read_simple") {
            return self;
        }
        Self {
            gap: if has("line[1] != ' '") || has("line[1]!=' '") {
                Gap::Blank
            } else {
                Gap::Any
            },
            not_set: if has("strncmp(p, \"is not set\"") {
                NotSet::Anything
            } else {
                NotSet::Nothing
            },
            ends: if has("'\\r'") {
                Ends::CarriageReturn
            } else {
                Ends::Newline
            },
            buffer: if has("char line[1024]") {
                1023
            } else {
                usize::MAX
            },
            holds: self.holds,
            strings: if has("Last char has to be a '\"'") {
                Strings::Raw
            } else {
                Strings::Escaped
            },
        }
    }

    /// The lines of a file.
    pub(super) fn lines(self, bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
        let whole = (1..).zip(bytes.split_inclusive(|b| *b == b'\n'));
        let pieces = whole.flat_map(move |(number, line)| {
            line.chunks(self.buffer).map(move |piece| (number, piece))
        });
        pieces.map(move |(number, piece)| {
            let text = self.without_end(piece);
            Line {
                number,
                text,
                says: self.says(text),
            }
        })
    }

    fn without_end(self, line: &[u8]) -> &[u8] {
        match (line.strip_suffix(b"\n"), self.ends) {
            (None, _) => line,
            (Some(line), Ends::Newline) => line,
            (Some(line), Ends::CarriageReturn) => line.strip_suffix(b"\r").unwrap_or(line),
        }
    }

    fn says(self, whole: &[u8]) -> Says<'_> {
        let line = until_nul(whole);
        if line.first() == Some(&b'#') {
            let comment = match self.gap {
                Gap::Blank => line.strip_prefix(b"# "),
                Gap::Any => whole.get(2..).map(until_nul),
            };
            let name = comment.and_then(|c| c.strip_prefix(PREFIX));
            let Some((name, rest)) = name.and_then(|name| split(name, b' ')) else {
                return Says::Nothing;
            };
            return match (rest.strip_prefix(NOT_SET), self.not_set) {
                (Some(tail), NotSet::Anything) => Says::Unset { name, tail },
                (Some(tail @ []), NotSet::Nothing) => Says::Unset { name, tail },
                _ => Says::Nothing,
            };
        }
        if matches!(line.first(), None | Some(b'\r')) {
            return Says::Nothing;
        }
        match line.strip_prefix(PREFIX).and_then(|l| split(l, b'=')) {
            Some((name, value)) => Says::Set { name, value },
            None => Says::Unexpected,
        }
    }

    /// The value that the right-hand side of an assignment says, whatever the type of its symbol. A symbol
    /// of another type takes neither the one nor the other.
    pub(super) fn value(self, raw: &[u8]) -> Option<Value> {
        let text = String::from_utf8_lossy(raw);
        match raw.first()? {
            b'"' => {
                let text = self.string(raw)?;
                Some(Value::Text(String::from_utf8_lossy(&text).into_owned()))
            }
            _ if is_number(&text) => Some(Value::Number(text.into_owned())),
            b'y' => Some(Value::YES),
            b'm' => Some(Value::Tristate(Tristate::M)),
            b'n' => Some(Value::NO),
            _ => None,
        }
    }

    /// A string as `conf` has it then. `None`: it does not begin or end.
    pub(super) fn string(self, raw: &[u8]) -> Option<Cow<'_, [u8]>> {
        let text = raw.strip_prefix(b"\"")?;
        match self.strings {
            // It takes a quote that is alone for both.
            Strings::Raw if text.is_empty() => Some(text.into()),
            Strings::Raw => text.strip_suffix(b"\"").map(Cow::from),
            Strings::Escaped => {
                let mut out = Vec::with_capacity(text.len());
                let mut bytes = text.iter();
                loop {
                    match bytes.next()? {
                        b'"' => return Some(out.into()),
                        b'\\' => out.push(*bytes.next()?),
                        b => out.push(*b),
                    }
                }
            }
        }
    }
}

/// What every name begins with in a `.config`.
pub const PREFIX: &[u8] = b"CONFIG_";
/// What says of a symbol that it is off.
pub const NOT_SET: &[u8] = b"is not set";

/// A line of a `.config`, or what counts as one.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Its number, from 1.
    pub number: usize,
    /// The line without its end.
    pub text: &'a [u8],
    /// What it says.
    pub says: Says<'a>,
}

/// What a line says.
#[derive(Debug, Clone, Copy)]
pub enum Says<'a> {
    /// It is blank or a comment.
    Nothing,
    /// `CONFIG_name=value`
    Set {
        /// The name of the symbol.
        name: &'a [u8],
        /// All that stands behind the `=`.
        value: &'a [u8],
    },
    /// `# CONFIG_name is not set`
    Unset {
        /// The name of the symbol.
        name: &'a [u8],
        /// What follows, and counts for nothing.
        tail: &'a [u8],
    },
    /// It is none of these, and counts for nothing.
    Unexpected,
}

/// As C sees a text.
fn until_nul(line: &[u8]) -> &[u8] {
    line.split(|b| *b == 0).next().unwrap_or_default()
}

fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|b| *b == at)?;
    Some((&text[..end], &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(syntax: Syntax, file: &[u8]) -> Vec<String> {
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let line = |line: Line<'_>| match line.says {
            Says::Nothing => None,
            Says::Set { name, value } => Some(format!("{}={}", text(name), text(value))),
            Says::Unset { name, .. } => Some(format!("{} off", text(name))),
            Says::Unexpected => Some("?".to_owned()),
        };
        syntax.lines(file).filter_map(line).collect()
    }

    #[test]
    fn each_age_cuts_lines_in_its_own_way() {
        let file = b"# CONFIG_A is not settled\n#\tCONFIG_B is not set\r\n#CONFIG_C is not set\n CONFIG_D=y\nCONFIG_E=5\r\n# CONFIG_F is not set\r\nCONFIG_G=1\0CONFIG_H=2\r\nCONFIG_I=3\r";
        let old = texts(Syntax::aged(2006), file);
        let released = texts(Syntax::aged(6001), file);
        let new = texts(Syntax::aged(6008), file);
        assert_eq!(
            old,
            ["A off", "B off", "?", "E=5\r", "F off", "G=1", "I=3\r"]
        );
        assert_eq!(
            released,
            ["A off", "B off", "?", "E=5", "F off", "G=1", "I=3\r"]
        );
        assert_eq!(new, ["?", "E=5", "F off", "G=1", "I=3\r"]);
    }

    #[test]
    fn what_the_source_has_is_more_than_its_version() {
        // As Linux 6.1.192 has it.
        let source =
            "int conf_read_simple( line[1] != ' ' strncmp(p, \"is not set\", 10) *p2 == '\\r'";
        let syntax = Syntax::aged(6001).of_source(source);
        let file = b"#\tCONFIG_A is not set\n# CONFIG_B is not set # text\n";
        assert_eq!(texts(syntax, file), ["B off"]);
        assert_eq!(Syntax::aged(6001).of_source(""), Syntax::aged(6001));
        // As toybox has it.
        let toybox = "conf_read_simple line[1]!=' ' strncmp(p, \"is not set\", 10)";
        let syntax = Syntax::aged(2006).of_source(toybox);
        assert_eq!(texts(syntax, file), ["B off"]);
    }

    #[test]
    fn a_line_that_is_too_long_for_an_old_conf_counts_as_several() {
        let file = [&[b'x'; 1023][..], b"CONFIG_A=y\n"].concat();
        assert_eq!(texts(Syntax::aged(2006), &file), ["?", "A=y"]);
        assert_eq!(texts(Syntax::aged(6001), &file), ["?"]);
    }

    #[test]
    fn strings_end_at_their_quote_or_at_the_end_of_the_line() {
        let text = |t: &str| Some(Value::Text(t.to_owned()));
        let escaped = Syntax::aged(6001);
        assert_eq!(escaped.value(br#""a\"b" # text"#), text("a\"b"));
        assert_eq!(escaped.value(br#""a\n""#), text("an"));
        assert_eq!(escaped.value(br#""a\"#), None);
        assert_eq!(escaped.value(b"\"\xff\""), text("\u{fffd}"));
        let raw = escaped.of_source("conf_read_simple Last char has to be a '\"'");
        assert_eq!(raw.value(br#""a\"b""#), text("a\\\"b"));
        assert_eq!(raw.value(br#"""#), text(""));
        assert_eq!(raw.value(br#""a" # text"#), None);
        assert_eq!(raw.value(br#""a\n""#), text("a\\n"));
    }
}
