//! One statement of a file: its tokens, taken one by one.

use super::error::{ParseError, ParseErrorKind, Place, Result};
use super::lex::{Keyword, Token};

/// The tokens of one statement.
pub(super) struct Line<'a> {
    pub(super) tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    pub(super) at: Place<'a>,
    pub(super) depth: usize,
    /// Is it one of a dialect in which quotes and `on` can be left out?
    pub(super) is_old: bool,
}

impl Line<'_> {
    pub(super) fn unexpected(&self, got: Option<Token>, wanted: &str) -> ParseError {
        let found = match got {
            None => "the end of the line".to_owned(),
            Some(Token::Word(word)) => format!("`{}`", word.escape_debug()),
            Some(Token::Quoted(text)) => format!("\"{}\"", text.escape_debug()),
            Some(Token::Keyword(keyword)) => format!("`{}`", keyword.text()),
            Some(other) => format!("{other:?}"),
        };
        let wanted = wanted.to_owned();
        self.at.error(ParseErrorKind::Unexpected { wanted, found })
    }

    pub(super) fn word(&mut self) -> Result<String> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(self.unexpected(other, "a name")),
        }
    }

    pub(super) fn quoted(&mut self) -> Result<String> {
        match self.tokens.next() {
            Some(Token::Quoted(text)) => Ok(text),
            other => Err(self.unexpected(other, "a text in quotes")),
        }
    }

    /// A text in quotes; in old dialects, a word will do.
    pub(super) fn text(&mut self) -> Result<String> {
        match self.tokens.peek() {
            Some(Token::Word(_)) if self.is_old => self.word(),
            _ => self.quoted(),
        }
    }

    pub(super) fn keyword(&mut self, wanted: Keyword) -> Result<()> {
        match self.tokens.next() {
            Some(Token::Keyword(keyword)) if keyword == wanted => Ok(()),
            other => Err(self.unexpected(other, &format!("`{}`", wanted.text()))),
        }
    }

    pub(super) fn end(&mut self) -> Result<()> {
        match self.tokens.next() {
            None => Ok(()),
            other => Err(self.unexpected(other, "the end of the line")),
        }
    }
}
