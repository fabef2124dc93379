//! Problems in the lines of a config file.

use std::fmt;

use crate::model::{Request, Symbol};

/// A line of a file that is not as it should be, or that a person would read otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// What is wrong with a line. Texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// It is no assignment; with the line.
    Malformed(String),
    /// It would be an assignment, but for the blanks that it begins with; with the line.
    Indented(String),
    /// The symbol is of a type that does not take the value; with the line and the type.
    Refused(String, &'static str),
    /// The value is a string that cannot be kept; with the line.
    NotKept(String),
    /// It looks like an assignment, but is a comment; with the line.
    Comment(String),
    /// It is read as this, although there is more in it, or something else; with the line.
    ReadAs(String, Request),
    /// The symbol has a value already, from this earlier line; the later one holds.
    Duplicate(Symbol, usize),
    /// The symbol has a value already, from this earlier line, which holds.
    Late(Symbol, usize),
    /// The symbol is a member of a choice, and assignments to it and to others of the choice
    /// contradict each other so that no one assignment to each comes to the same.
    Contradiction(Symbol),
}

impl ProblemKind {
    /// Does the file ask for something that it does not get?
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_)
                | Self::Indented(_)
                | Self::Refused(..)
                | Self::NotKept(_)
                | Self::Contradiction(_)
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.kind {
            ProblemKind::Malformed(text) => write!(f, "not an assignment: {text}"),
            ProblemKind::Indented(text) => write!(
                f,
                "counts for nothing, as Kconfig ignores a line that begins with a blank: {text}"
            ),
            ProblemKind::Refused(text, kind) => {
                write!(f, "counts for nothing, as no {kind} has this value: {text}")
            }
            ProblemKind::NotKept(text) => write!(
                f,
                "left out, as this string is not UTF-8, or has quotes or backslashes that \
                 kbisect cannot write: {text}"
            ),
            ProblemKind::Comment(text) => {
                write!(
                    f,
                    "counts for nothing, as it is a comment to Kconfig: {text}"
                )
            }
            ProblemKind::ReadAs(text, request) => {
                write!(f, "counts as {request}, as Kconfig reads it: {text}")
            }
            ProblemKind::Duplicate(symbol, before) => {
                write!(f, "{symbol} again (it is on line {before}); this one holds")
            }
            ProblemKind::Late(symbol, before) => {
                write!(f, "{symbol} again; the one on line {before} holds")
            }
            ProblemKind::Contradiction(symbol) => write!(
                f,
                "{symbol} again, in a choice whose members contradict each other; leave one \
                 assignment to each"
            ),
        }
    }
}
