//! The grammar of expressions.

use super::builder::Builder;
use super::error::{Nesting, ParseErrorKind, Result};
use super::lex::{Keyword, Token};
use super::line::Line;
use super::model::{Cmp, ExprId, Formula, SymId};

/// Parentheses and negations may not nest deeper than this.
const DEEPEST: usize = 200;

impl Line<'_> {
    pub(super) fn condition(&mut self, to: &mut Builder) -> Result<Option<ExprId>> {
        if self.tokens.peek() != Some(&Token::Keyword(Keyword::If)) {
            return Ok(None);
        }
        self.tokens.next();
        self.expr(to).map(Some)
    }

    pub(super) fn operand(&mut self, to: &mut Builder) -> Result<SymId> {
        match self.tokens.next() {
            Some(Token::Word(name)) => Ok(to.symbol(&name)),
            Some(Token::Quoted(text)) => Ok(to.constant(&text)),
            other => Err(self.unexpected(other, "a symbol")),
        }
    }

    pub(super) fn expr(&mut self, to: &mut Builder) -> Result<ExprId> {
        let mut left = self.and_expr(to)?;
        while self.tokens.next_if_eq(&Token::Or).is_some() {
            let right = self.and_expr(to)?;
            left = to.model.add(Formula::Or(left, right));
        }
        Ok(left)
    }

    fn and_expr(&mut self, to: &mut Builder) -> Result<ExprId> {
        let mut left = self.unary(to)?;
        while self.tokens.next_if_eq(&Token::And).is_some() {
            let right = self.unary(to)?;
            left = to.model.add(Formula::And(left, right));
        }
        Ok(left)
    }

    fn unary(&mut self, to: &mut Builder) -> Result<ExprId> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.at.error(ParseErrorKind::TooDeep(Nesting::Expression)));
        }
        let expr = if self.tokens.next_if_eq(&Token::Not).is_some() {
            let inner = self.unary(to)?;
            to.model.add(Formula::Not(inner))
        } else if self.tokens.next_if_eq(&Token::Open).is_some() {
            let inner = self.expr(to)?;
            match self.tokens.next() {
                Some(Token::Close) => inner,
                other => return Err(self.unexpected(other, "`)`")),
            }
        } else {
            let left = self.operand(to)?;
            let cmp = match self.tokens.peek() {
                Some(Token::Eq) => Some(Cmp::Eq),
                Some(Token::Ne) => Some(Cmp::Ne),
                Some(Token::Lt) => Some(Cmp::Lt),
                Some(Token::Le) => Some(Cmp::Le),
                Some(Token::Gt) => Some(Cmp::Gt),
                Some(Token::Ge) => Some(Cmp::Ge),
                _ => None,
            };
            match cmp {
                None => to.model.add(Formula::Sym(left)),
                Some(cmp) => {
                    self.tokens.next();
                    let right = self.operand(to)?;
                    to.model.add(Formula::Cmp(cmp, left, right))
                }
            }
        };
        self.depth -= 1;
        Ok(expr)
    }
}
