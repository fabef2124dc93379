//! Kconfig symbols and the values that they can take.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a Kconfig symbol, without the `CONFIG_` prefix, as in `EPOLL`.
///
/// Cheap to clone: the name is shared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(Arc<str>);

/// Error: a text that is no symbol name. It is empty, or has a character other than `A-Z a-z 0-9 _`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the name of a Kconfig symbol (letters, digits and `_` only)", .0.escape_debug())]
pub struct InvalidSymbol(pub String);

impl Symbol {
    /// Takes `name` with or without the `CONFIG_` prefix.
    ///
    /// # Errors
    /// When nothing is left, or a character is not one that Kconfig allows in a name.
    pub fn new(name: &str) -> Result<Self, InvalidSymbol> {
        let bare = name.strip_prefix("CONFIG_").unwrap_or(name);
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if bare.is_empty() || !bare.chars().all(allowed) {
            return Err(InvalidSymbol(name.to_owned()));
        }
        Ok(Self(bare.into()))
    }

    /// The name, without `CONFIG_`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Symbol {
    type Err = InvalidSymbol;
    fn from_str(s: &str) -> Result<Self, InvalidSymbol> {
        Self::new(s)
    }
}

impl TryFrom<String> for Symbol {
    type Error = InvalidSymbol;
    fn try_from(s: String) -> Result<Self, InvalidSymbol> {
        Self::new(&s)
    }
}

impl From<Symbol> for String {
    fn from(s: Symbol) -> Self {
        s.0.to_string()
    }
}

/// The value of a bool or tristate symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tristate {
    /// Off: `n`, or `# CONFIG_X is not set`.
    N,
    /// Built as a module.
    M,
    /// Built in.
    Y,
}

/// The value of a symbol, as a `.config` file writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Value {
    /// `y`, `m` or `n`.
    Tristate(Tristate),
    /// An int or hex symbol, in its written form (`13`, `-1`, `0xff`, `ff`).
    Number(String),
    /// A string symbol, without its quotes and escapes.
    Text(String),
}

/// Error: a text that is no Kconfig value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a Kconfig value (y, m, n, a number, 0xHEX or \"text\")", .0.escape_debug())]
pub struct InvalidValue(pub String);

/// The symbol without which a kernel has no modules: `=m` becomes `=y` then.
pub const MODULES: &str = "MODULES";

impl Value {
    /// The value `y`.
    pub const YES: Self = Self::Tristate(Tristate::Y);
    /// The value `m`.
    pub const MODULE: Self = Self::Tristate(Tristate::M);
    /// The value `n`.
    pub const NO: Self = Self::Tristate(Tristate::N);

    /// Is it the same number? Hex and int values can be written in several ways.
    #[must_use]
    pub fn is_same_number(&self, other: &Self) -> bool {
        let number = |v: &Self| match v {
            Self::Number(n) => match n.strip_prefix("0x").or_else(|| n.strip_prefix("0X")) {
                Some(hex) => i128::from_str_radix(hex, 16).ok(),
                None => n.parse::<i128>().ok(),
            },
            _ => None,
        };
        number(self).is_some() && number(self) == number(other)
    }

    /// Is this `n`, that is, a symbol that is off?
    #[must_use]
    pub fn is_no(&self) -> bool {
        *self == Self::NO
    }
}

impl FromStr for Value {
    type Err = InvalidValue;

    /// Reads the right-hand side of a `.config` line.
    fn from_str(s: &str) -> Result<Self, InvalidValue> {
        let wrong = || InvalidValue(s.to_owned());
        match s {
            "y" => return Ok(Self::Tristate(Tristate::Y)),
            "m" => return Ok(Self::Tristate(Tristate::M)),
            "n" => return Ok(Self::Tristate(Tristate::N)),
            _ => {}
        }
        if let Some(rest) = s.strip_prefix('"') {
            let mut text = String::with_capacity(rest.len());
            let mut chars = rest.chars();
            loop {
                match chars.next() {
                    None => return Err(wrong()),
                    Some('"') => break,
                    Some('\\') => text.push(chars.next().ok_or_else(wrong)?),
                    Some(c) => text.push(c),
                }
            }
            return if chars.as_str().is_empty() {
                Ok(Self::Text(text))
            } else {
                Err(wrong())
            };
        }
        let hex = s.strip_prefix("0x").or_else(|| s.strip_prefix("0X"));
        let all = |digits: &str, is_digit: fn(&char) -> bool| {
            !digits.is_empty() && digits.chars().all(|c| is_digit(&c))
        };
        // A hex can be without its `0x`.
        let good = match s.strip_prefix('-') {
            Some(digits) => all(digits, char::is_ascii_digit),
            None => all(hex.unwrap_or(s), char::is_ascii_hexdigit),
        };
        if good {
            Ok(Self::Number(s.to_owned()))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tristate(Tristate::Y) => f.write_str("y"),
            Self::Tristate(Tristate::M) => f.write_str("m"),
            Self::Tristate(Tristate::N) => f.write_str("n"),
            Self::Number(n) => f.write_str(n),
            Self::Text(t) => {
                f.write_str("\"")?;
                for c in t.chars() {
                    if c == '"' || c == '\\' {
                        f.write_str("\\")?;
                    }
                    write!(f, "{c}")?;
                }
                f.write_str("\"")
            }
        }
    }
}

impl TryFrom<String> for Value {
    type Error = InvalidValue;
    fn try_from(s: String) -> Result<Self, InvalidValue> {
        s.parse()
    }
}

impl From<Value> for String {
    fn from(v: Value) -> Self {
        v.to_string()
    }
}
