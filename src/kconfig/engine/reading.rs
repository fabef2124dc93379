//! Files as assignments, what symbols take of these, and where two lists of them differ.

use std::borrow::Cow;
use std::collections::HashSet;

use super::asked::{Asked, is_number};
use super::dialect::Dialect;
use super::model::{Model, SymId, SymKind};
use super::syntax::{Line, Says};
use super::value::{Assignment, Tristate, Value};

impl Dialect {
    /// The assignments of a `.config` or a fragment, as the `conf` of this dialect reads them
    /// (`conf_read_simple` in its `confdata.c`): `CONFIG_X=value` and `# CONFIG_X is not set`, whatever stands behind
    /// these where it does not care. Other lines are passed over, as `conf` does with or without a warning.
    ///
    /// A string that is not UTF-8 has replacement characters.
    #[must_use]
    pub fn assignments(self, text: &[u8]) -> Vec<Assignment> {
        let assignment = |line: Line<'_>| {
            let (name, value) = match line.says {
                Says::Set { name, value } => (name, self.value(value)),
                Says::Unset { name, .. } => (name, Some(Value::NO)),
                Says::Nothing | Says::Unexpected => return None,
            };
            let name = std::str::from_utf8(name).ok()?.to_owned();
            Some(Assignment { name, value })
        };
        self.lines(text).filter_map(assignment).collect()
    }

    /// The lines of a `.config` or a fragment, each with what `conf` takes it for.
    pub fn lines(self, text: &[u8]) -> impl Iterator<Item = Line<'_>> {
        self.syntax().lines(text)
    }

    /// The value that the right-hand side of an assignment says; `None` if it is none of any type.
    #[must_use]
    pub fn value(self, raw: &[u8]) -> Option<Value> {
        self.syntax().value(raw)
    }

    /// The text of a right-hand side that is a string, byte by byte. `None`: it does not begin or end as a
    /// string does.
    #[must_use]
    pub fn string(self, raw: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.syntax().string(raw)
    }
}

impl SymKind {
    /// As a Kconfig file has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Bool => "bool",
            Self::Tristate => "tristate",
            Self::Int => "int",
            Self::Hex => "hex",
            Self::String => "string",
        }
    }

    /// Can a symbol of this type have this value? What is of no type can.
    #[must_use]
    pub fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Unknown, _)
            | (Self::Tristate, Value::Tristate(_))
            | (Self::Bool, Value::Tristate(Tristate::Y | Tristate::N))
            | (Self::String, Value::Text(_)) => true,
            (_, Value::Number(number)) => is_number(self, number),
            _ => false,
        }
    }
}

impl Model {
    /// The assignments of a `.config` or a fragment, as the `conf` of this tree reads them
    /// ([`Dialect::assignments`](super::Dialect::assignments)).
    #[must_use]
    pub fn assignments(&self, text: impl AsRef<[u8]>) -> Vec<Assignment> {
        self.dialect.assignments(text.as_ref())
    }

    /// Is it one of which a choice chooses?
    #[must_use]
    pub fn is_member(&self, id: SymId) -> bool {
        self.sym(id).member_of.is_some()
    }

    /// The members of choices for which the assignments `a` and `b` do not come to the same. Which
    /// one is chosen depends on more than the last assignment to each.
    #[must_use]
    pub fn chosen_otherwise(&self, a: &[Assignment], b: &[Assignment]) -> HashSet<SymId> {
        let (a, b) = (Asked::new(self, Some(a)), Asked::new(self, Some(b)));
        let choices = self.syms.iter().zip(0..).filter(|(sym, _)| sym.choice);
        let differ = choices.filter(|(_, id)| {
            let of = |asked: &Asked| asked.of_choice(self, SymId(*id));
            of(&a) != of(&b)
        });
        differ.flat_map(|(sym, _)| &sym.members).copied().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_type_takes_its_own_values() {
        use SymKind::{Bool, Hex, Int, String, Tristate, Unknown};
        for (kind, taken, refused) in [
            (Bool, "y n", "m 1 f \"y\""),
            (Tristate, "y m n", "0 \"\""),
            (Int, "0 -3 17", "05 0x5 ff y \"1\""),
            (Hex, "05 0x5 ff 0XFF", "-3 y"),
            (String, "\"\" \"y\"", "y 1"),
            (Unknown, "y 1 \"a\"", ""),
        ] {
            let value = |text: &str| Dialect::default().value(text.as_bytes()).unwrap();
            let takes = |text: &&str| kind.takes(&value(text));
            assert!(taken.split(' ').all(|t| takes(&t)), "{kind:?}");
            assert!(!refused.split_whitespace().any(|t| takes(&t)), "{kind:?}");
        }
    }

    #[test]
    fn a_file_is_read_to_assignments_in_its_order() {
        let file = b"CONFIG_A=yes\n# CONFIG_B is not set\n# text\nCONFIG_C=\"c\"\nCONFIG_D=?\nCONFIG_A=m\n";
        let got: Vec<(String, Option<String>)> = Dialect::default()
            .assignments(file)
            .into_iter()
            .map(|a| (a.name, a.value.map(|v| v.to_string())))
            .collect();
        let expected = [
            ("A", Some("y")),
            ("B", Some("n")),
            ("C", Some("\"c\"")),
            ("D", None),
            ("A", Some("m")),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        assert_eq!(got, expected);
    }
}
