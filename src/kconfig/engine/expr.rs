//! Expressions of a tree, to be shown, taken apart and evaluated.

use std::fmt::{self, Write};

use super::model::{Cmp, ExprId, Formula, Model, SymId, value_named};
use super::stack::deep;
use super::state::State;
use super::value::{Tristate, is_number, quoted};

/// An expression of a [`Model`]: a condition, or the value of a default.
///
/// Its `Display` is as Kconfig writes it. [`State::eval`] says what it is in a resolved tree.
#[derive(Clone, Copy)]
pub struct Expr<'m> {
    pub(super) model: &'m Model,
    pub(super) id: ExprId,
}

/// What an expression consists of.
#[derive(Debug, Clone, Copy)]
pub enum Parts<'m> {
    /// The value of a symbol; a constant is a symbol, too.
    Symbol(SymId),
    /// `!a`
    Not(Expr<'m>),
    /// `a && b`
    And(Expr<'m>, Expr<'m>),
    /// `a || b`
    Or(Expr<'m>, Expr<'m>),
    /// `A=B`, `A<B` and the like: `y` or `n`.
    Compare(Cmp, SymId, SymId),
}

impl<'m> Expr<'m> {
    /// What it consists of.
    #[must_use]
    pub fn parts(self) -> Parts<'m> {
        let of = |id| Expr { id, ..self };
        match self.model.expr(self.id) {
            Formula::Sym(symbol) => Parts::Symbol(symbol),
            Formula::Not(a) => Parts::Not(of(a)),
            Formula::And(a, b) => Parts::And(of(a), of(b)),
            Formula::Or(a, b) => Parts::Or(of(a), of(b)),
            Formula::Cmp(cmp, a, b) => Parts::Compare(cmp, a, b),
        }
    }

    /// What it is the conjunction of, from left to right: of `A && (B || C) && D` three. It holds as far as all do.
    #[must_use]
    pub fn conjuncts(self) -> Vec<Self> {
        let mut found = Vec::new();
        self.split(&mut found, |parts| match parts {
            Parts::And(a, b) => Some((a, b)),
            _ => None,
        });
        found
    }

    /// What it is the disjunction of, from left to right. It holds as far as any does.
    #[must_use]
    pub fn disjuncts(self) -> Vec<Self> {
        let mut found = Vec::new();
        self.split(&mut found, |parts| match parts {
            Parts::Or(a, b) => Some((a, b)),
            _ => None,
        });
        found
    }

    /// The symbols in it, each as often as it stands there; constants as well.
    #[must_use]
    pub fn symbols(self) -> Vec<SymId> {
        fn collect(expr: Expr<'_>, found: &mut Vec<SymId>) {
            deep(|| match expr.parts() {
                Parts::Symbol(symbol) => found.push(symbol),
                Parts::Not(a) => collect(a, found),
                Parts::And(a, b) | Parts::Or(a, b) => {
                    collect(a, found);
                    collect(b, found);
                }
                Parts::Compare(_, a, b) => found.extend([a, b]),
            });
        }
        let mut found = Vec::new();
        collect(self, &mut found);
        found
    }

    fn split(self, out: &mut Vec<Self>, pair: fn(Parts<'m>) -> Option<(Self, Self)>) {
        deep(|| match pair(self.parts()) {
            Some((a, b)) => {
                a.split(out, pair);
                b.split(out, pair);
            }
            None => out.push(self),
        });
    }

    fn write(self, binding: u8, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        deep(|| {
            let mut pair = |a: Self, b: Self, mine: u8, sign: &str| {
                let open = binding > mine;
                out.write_str(if open { "(" } else { "" })?;
                a.write(mine, out)?;
                out.write_str(sign)?;
                b.write(mine, out)?;
                out.write_str(if open { ")" } else { "" })
            };
            match self.parts() {
                Parts::And(a, b) => pair(a, b, 1, " && "),
                Parts::Or(a, b) => pair(a, b, 0, " || "),
                Parts::Not(a) => {
                    out.write_char('!')?;
                    a.write(2, out)
                }
                Parts::Symbol(symbol) => write_operand(self.model, symbol, out),
                Parts::Compare(cmp, a, b) => {
                    write_operand(self.model, a, out)?;
                    write!(out, "{cmp}")?;
                    write_operand(self.model, b, out)
                }
            }
        })
    }
}

fn write_operand(model: &Model, id: SymId, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = model.name(id);
    if model.sym(id).choice && name.is_empty() {
        let prompt = model.sym(id).prompts().next();
        let title = prompt.and_then(|p| model.menu(p.menu).prompt.as_deref());
        return write!(out, "<choice: {}>", title.unwrap_or_default());
    }
    // What stands in quotes has no name that a file could mean. Switches and numbers are
    // the same without.
    let is_plain = value_named(name).is_some() || is_number(name);
    let is_named = model.sym(id).choice || model.names.get(name) == Some(&id);
    if is_named || is_plain {
        out.write_str(name)
    } else {
        out.write_str(&quoted(name))
    }
}

impl fmt::Display for Expr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(0, f)
    }
}

impl fmt::Debug for Expr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({self})")
    }
}

impl PartialEq for Expr<'_> {
    /// Is it the same expression of the same model? Equal ones are one and the same there.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.model, other.model) && self.id == other.id
    }
}

impl Eq for Expr<'_> {}

impl fmt::Display for Cmp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        })
    }
}

impl State<'_> {
    /// What an expression of the same model is now.
    ///
    /// # Panics
    /// It may when the expression is one of another model.
    pub fn eval(&mut self, expr: Expr<'_>) -> Tristate {
        Tristate::of(self.tri_of(expr.id))
    }
}
