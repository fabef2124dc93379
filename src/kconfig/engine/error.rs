//! Why a tree cannot be read.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// An error of the program that embeds the engine, as its [`Shell`](super::Shell) returns it.
pub type ShellError = Box<dyn std::error::Error + Send + Sync>;

/// Why a tree cannot be read, and where.
///
/// ```
/// use kbisect::kconfig::engine::{Env, NoShell, ParseErrorKind, parse};
///
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("Kconfig"), "config NET\n\tbool \"Net\" iff INET\n")?;
/// let env = Env { source: dir.path().to_owned(), ..Env::default() };
/// let error = parse("Kconfig", &env, &mut NoShell).unwrap_err();
/// assert_eq!(error.to_string(), "Kconfig:2: expected the end of the line, found `iff`");
/// assert_eq!((error.file.as_str(), error.line), ("Kconfig", 2));
/// assert!(matches!(error.kind, ParseErrorKind::Unexpected { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {kind}")]
pub struct ParseError {
    /// The file, as the tree names it.
    pub file: String,
    /// The line, from 1; 0 when no line asks for the file that is wrong.
    pub line: u32,
    /// What is wrong there.
    pub kind: ParseErrorKind,
}

/// What is wrong with a tree. Texts of the tree are escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// A file that this line asks for, or the first one, cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file asks for itself, directly or through others.
    #[error("`{0}` includes itself")]
    IncludesItself(String),
    /// Something nests deeper than any real tree has it.
    #[error("{0}")]
    TooDeep(Nesting),
    /// There are more files than can be counted.
    #[error("too many files")]
    TooManyFiles,
    /// Another word or sign should stand here.
    #[error("expected {wanted}, found {found}")]
    Unexpected {
        /// What should.
        wanted: String,
        /// What does.
        found: String,
    },
    /// A character that begins no word and no sign.
    #[error("unexpected character `{}`", .0.escape_debug())]
    Character(char),
    /// A `menu`, `if` or `choice` whose end is not in its file.
    #[error("this block has no end")]
    NoEnd,
    /// An `endmenu`, `endif` or `endchoice` whose beginning is not in its file.
    #[error("`{0}` ends nothing that began in this file")]
    EndsNothing(&'static str),
    /// An attribute without an entry that it could belong to.
    #[error("`{0}` belongs to no symbol")]
    BelongsToNothing(&'static str),
    /// A keyword that does not begin a statement.
    #[error("`{0}` cannot stand here")]
    Misplaced(&'static str),
    /// An `option` that there is not.
    #[error("`option {0}` is not known here")]
    UnknownOption(String),
    /// A second symbol is to switch modules.
    #[error("there is an option for modules already")]
    SecondModules,
    /// A macro is used wrongly, or has no end.
    #[error("{0}")]
    Macro(String),
    /// What the file itself tells, by `$(error-if ...)`.
    #[error("{0}")]
    Told(String),
    /// A command for `$(shell ...)` cannot be run.
    #[error("cannot run `{command}`: {error}")]
    Shell {
        /// The command.
        command: String,
        /// Why not: the error of the [`Shell`](super::Shell).
        error: ShellError,
    },
    /// Symbols depend on themselves: no value of theirs would be right. One sentence a cycle, with the way
    /// round; there is at least one.
    #[error("recursive dependency: {}", .0.join("; "))]
    Recursive(Vec<String>),
}

/// What nests too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// Files that include files.
    Files,
    /// The parentheses and negations of an expression.
    Expression,
    /// Macros within macros.
    Macros,
}

impl fmt::Display for Nesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files => "files include each other too deep",
            Self::Expression => "the expression nests too deep",
            Self::Macros => "expressions nest too deep",
        })
    }
}

/// The result of reading something.
pub(super) type Result<T> = std::result::Result<T, ParseError>;

/// A place in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    pub(super) line: u32,
}

impl Place<'_> {
    pub(super) fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError {
            file: self.file.to_owned(),
            line: self.line,
            kind,
        }
    }

    /// The error of a macro.
    pub(super) fn wrong(&self, what: impl fmt::Display) -> ParseError {
        self.error(ParseErrorKind::Macro(what.to_string()))
    }
}
