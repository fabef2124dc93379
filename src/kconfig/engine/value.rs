//! Values: three-valued logic, numbers and texts, and assignments of them.

use std::fmt;

/// The value of a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tristate {
    /// Off.
    N,
    /// A module.
    M,
    /// On.
    Y,
}

impl Tristate {
    /// As a `.config` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::N => "n",
            Self::M => "m",
            Self::Y => "y",
        }
    }

    pub(super) fn of(tri: Tri) -> Self {
        match tri {
            N => Self::N,
            M => Self::M,
            _ => Self::Y,
        }
    }
}

impl fmt::Display for Tristate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// [`Tristate`] as a number, to calculate with.
pub(super) type Tri = u8;

pub(super) const N: Tri = 0;
pub(super) const M: Tri = 1;
pub(super) const Y: Tri = 2;

/// The value of a symbol. Its `Display` is the one of a `.config` of Linux, where strings have quotes and escapes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Of a bool or tristate.
    Tristate(Tristate),
    /// Of an int or hex, as it is written: `13`, `-1`, `0xff`, `ff`. Empty when nothing gives it a value.
    Number(String),
    /// Of a string, without quotes and escapes.
    Text(String),
}

impl Value {
    /// The value `y`.
    pub const YES: Self = Self::Tristate(Tristate::Y);
    /// The value `n`.
    pub const NO: Self = Self::Tristate(Tristate::N);
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tristate(tristate) => tristate.fmt(f),
            Self::Number(number) => f.write_str(number),
            Self::Text(text) => f.write_str(&quoted(text)),
        }
    }
}

/// A text in quotes, with escapes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// Is this a number of some type: an int, or a hex with or without its `0x`?
pub(super) fn is_number(text: &str) -> bool {
    is_hex(text) || {
        let digits = text.strip_prefix('-').unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    }
}

pub(super) fn is_int(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all && (digits.len() == 1 || !digits.starts_with('0'))
}

pub(super) fn is_hex(text: &str) -> bool {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = digits.unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What is asked of one symbol.
///
/// The order of assignments counts: of two to one symbol, or to members of one choice, the last holds (in the
/// oldest dialects, the first).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name of the symbol, without `CONFIG_`. One that the tree does not have is passed over.
    pub name: String,
    /// The value. One that the symbol's type does not have is passed over, too. `None` is what a line of a file can
    /// assign that is no value of any type (`CONFIG_X=?`): in the oldest dialects, the choice of such a
    /// symbol is still told of it.
    pub value: Option<Value>,
}

impl Assignment {
    /// An assignment of a value.
    #[must_use]
    pub fn new(name: impl Into<String>, value: Value) -> Self {
        let name = name.into();
        let value = Some(value);
        Self { name, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_in_a_config() {
        for (value, text) in [
            (Value::YES, "y"),
            (Value::Tristate(Tristate::M), "m"),
            (Value::Number("0xff".into()), "0xff"),
            (Value::Text("a \"b\" \\".into()), r#""a \"b\" \\""#),
        ] {
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn numbers_of_all_types_are_numbers() {
        for text in ["0", "-3", "007", "0x1F", "ff", "0XF"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "0x", "-ff", "1k", "5 ", "y"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
