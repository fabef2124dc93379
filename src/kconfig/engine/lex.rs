//! Splits a Kconfig file into statements of tokens.

use super::dialect::Dialect;
use super::error::{ParseErrorKind, Place, Result};
use super::expand::{Expander, Flavor};

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// An unquoted word that is no keyword; macros in it are expanded.
    Word(String),
    Quoted(String),
    Keyword(Keyword),
    Or,
    And,
    Not,
    Open,
    Close,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

macro_rules! keywords {
    ($($variant:ident $text:literal,)*) => {
        /// A word with a meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Keyword { $($variant,)* }

        impl Keyword {
            fn of(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)*
                    // As old trees have it.
                    "boolean" => Some(Self::Bool),
                    "def_boolean" => Some(Self::DefBool),
                    _ => None,
                }
            }

            pub(super) fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

keywords! {
    Bool "bool", Choice "choice", Comment "comment", Config "config", DefBool "def_bool",
    DefTristate "def_tristate", Default "default", Depends "depends", EndChoice "endchoice",
    EndIf "endif", EndMenu "endmenu", Help "help", Hex "hex", If "if", Imply "imply", Int "int",
    MainMenu "mainmenu", Menu "menu", MenuConfig "menuconfig", Modules "modules", On "on",
    Optional "optional", Prompt "prompt", Range "range", Select "select", Source "source",
    String "string", Tristate "tristate", Visible "visible",
}

/// A statement: the tokens of one logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    Tokens(Vec<Token>),
    Assign(String, Flavor, String),
}

/// Reads one file.
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// The number of the line that is being read.
    line: u32,
    file: &'t str,
    dialect: Dialect,
    /// The number of the line that the statement begins in.
    pub(super) statement_line: u32,
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

impl<'t> Lexer<'t> {
    pub(super) fn new(file: &'t str, text: &'t str, dialect: Dialect) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            file,
            dialect,
            statement_line: 1,
        }
    }

    pub(super) fn place(&self) -> Place<'t> {
        Place {
            file: self.file,
            line: self.line,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn is_word(&self, byte: u8) -> bool {
        is_word(byte) || self.dialect.paths_are_words() && matches!(byte, b'/' | b'.')
    }

    /// The rest of the line.
    fn rest(&self) -> &'t str {
        let rest = &self.text[self.at..];
        &rest[..rest.find('\n').unwrap_or(rest.len())]
    }

    /// The next statement; `None` at the end of the file.
    pub(super) fn statement(&mut self, expander: &mut Expander<'_>) -> Result<Option<Statement>> {
        let mut tokens = Vec::new();
        loop {
            let Some(byte) = self.peek() else {
                return Ok((!tokens.is_empty()).then_some(Statement::Tokens(tokens)));
            };
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    if !tokens.is_empty() {
                        return Ok(Some(Statement::Tokens(tokens)));
                    }
                    continue;
                }
                b'#' => {
                    self.at += self.rest().len();
                    continue;
                }
                b' ' | b'\t' | b'\r' => {
                    self.at += 1;
                    continue;
                }
                b'\\' if self.text.as_bytes().get(self.at + 1) == Some(&b'\n') => {
                    self.at += 2;
                    self.line += 1;
                    continue;
                }
                _ => {}
            }
            if tokens.is_empty() {
                self.statement_line = self.line;
            }
            if let [Token::Word(name)] = tokens.as_slice()
                && self.dialect.has_macros()
                && let Some((flavor, length)) = self.assignment()
            {
                self.at += length;
                let value = self.rest().trim_start_matches([' ', '\t']).to_owned();
                self.at += self.rest().len();
                return Ok(Some(Statement::Assign(name.clone(), flavor, value)));
            }
            if let Some(token) = self.token(byte, expander)? {
                tokens.push(token);
            }
        }
    }

    fn assignment(&self) -> Option<(Flavor, usize)> {
        let rest = self.rest();
        [
            (":=", Flavor::Simple),
            ("+=", Flavor::Append),
            ("=", Flavor::Recursive),
        ]
        .into_iter()
        .find(|(text, _)| rest.starts_with(text))
        .map(|(text, flavor)| (flavor, text.len()))
    }

    fn token(&mut self, byte: u8, expander: &mut Expander<'_>) -> Result<Option<Token>> {
        let two = |second: u8| self.text.as_bytes().get(self.at + 1) == Some(&second);
        let (token, length) = match byte {
            b'|' if two(b'|') => (Token::Or, 2),
            b'&' if two(b'&') => (Token::And, 2),
            b'!' if two(b'=') => (Token::Ne, 2),
            b'!' => (Token::Not, 1),
            b'<' if two(b'=') => (Token::Le, 2),
            b'<' => (Token::Lt, 1),
            b'>' if two(b'=') => (Token::Ge, 2),
            b'>' => (Token::Gt, 1),
            b'=' => (Token::Eq, 1),
            b'(' => (Token::Open, 1),
            b')' => (Token::Close, 1),
            b'"' | b'\'' => return self.quoted(byte, expander).map(Some),
            _ if self.is_word(byte) || byte == b'$' => return self.word(expander),
            // They passed over it in silence.
            _ if !self.dialect.has_macros() => {
                self.at += self.rest().chars().next().map_or(1, char::len_utf8);
                return Ok(None);
            }
            _ => {
                let character = self.rest().chars().next().unwrap_or('?');
                return Err(self.place().error(ParseErrorKind::Character(character)));
            }
        };
        self.at += length;
        Ok(Some(token))
    }

    fn word(&mut self, expander: &mut Expander<'_>) -> Result<Option<Token>> {
        let rest = self.rest();
        let length = rest
            .bytes()
            .position(|b| !self.is_word(b) && b != b'$')
            .unwrap_or(rest.len());
        let plain = &rest[..length];
        if !plain.contains('$') || !self.dialect.has_macros() {
            self.at += length;
            return Ok(Some(
                Keyword::of(plain).map_or_else(|| Token::Word(plain.to_owned()), Token::Keyword),
            ));
        }
        let (word, length) = expander.token(rest, self.place())?;
        self.at += length;
        Ok((!word.is_empty()).then_some(Token::Word(word)))
    }

    fn quoted(&mut self, quote: u8, expander: &mut Expander<'_>) -> Result<Token> {
        let mut out = String::new();
        self.at += 1;
        loop {
            let rest = self.rest();
            let plain = rest
                .bytes()
                .position(|b| matches!(b, b'$' | b'\\' | b'"' | b'\''))
                .unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            let rest = &rest[plain..];
            match rest.bytes().next() {
                // A string ends with its line, whatever it lacks.
                None => return Ok(Token::Quoted(out)),
                Some(b'$') if self.dialect.has_macros() => {
                    let (expansion, length) = expander.dollar(&rest[1..], &[], self.place())?;
                    out.push_str(&expansion);
                    self.at += 1 + length;
                }
                Some(b'\\') => {
                    let escaped = rest[1..].chars().next();
                    out.extend(escaped);
                    self.at += 1 + escaped.map_or(0, char::len_utf8);
                }
                Some(byte) => {
                    self.at += 1;
                    if byte == quote {
                        return Ok(Token::Quoted(out));
                    }
                    out.push(char::from(byte));
                }
            }
        }
    }

    /// Reads a help text, which stands after a `help` line: the lines that are indented at least
    /// as much as its first one, and blank ones.
    pub(super) fn help(&mut self) -> String {
        let mut out = String::new();
        let mut first = None;
        let mut is_first_line = true;
        while self.at < self.text.len() {
            let line = self.rest();
            let body = line.trim_start_matches([' ', '\t']);
            if body.trim_end().is_empty() {
                out.push('\n');
            } else {
                let indent = width(&line[..line.len() - body.len()]);
                // A text that begins at the margin goes on to the next line that does.
                let ends = match first {
                    None => indent == 0 && !is_first_line,
                    Some(first) => indent < first || indent == 0,
                };
                if ends {
                    break;
                }
                let first = if indent == 0 {
                    0
                } else {
                    *first.get_or_insert(indent)
                };
                out.extend(std::iter::repeat_n(' ', indent - first));
                out.push_str(body.trim_end_matches([' ', '\t']));
                out.push('\n');
            }
            is_first_line = false;
            self.at += line.len();
            if self.at < self.text.len() {
                self.at += 1;
                self.line += 1;
            }
        }
        out.truncate(out.trim_end().len());
        out
    }
}

/// How far an indentation reaches, with tabs of eight columns.
fn width(indent: &str) -> usize {
    indent.bytes().fold(
        0,
        |at, byte| {
            if byte == b'\t' { (at & !7) + 8 } else { at + 1 }
        },
    )
}
