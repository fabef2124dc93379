//! What symbols take, and where two lists of assignments differ.

use std::collections::HashSet;

use super::assign::{Asked, is_number};
use super::model::{Model, SymId, SymKind};
use super::value::{Assignment, Tristate, Value};

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
    use super::super::dialect::Dialect;
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
}
