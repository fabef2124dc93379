//! Reads the expressions of a statement.

use super::error::{Nesting, ParseErrorKind, Result};
use super::lex::{Keyword, Token};
use super::line::Line;
use super::model::{Cmp, Expr, ExprId, Model, SymId};
use super::parse::{DEEPEST, Parser};

impl Parser<'_> {
    pub(super) fn condition(&mut self, line: &mut Line<'_>) -> Result<Option<ExprId>> {
        if line.tokens.peek() != Some(&Token::Keyword(Keyword::If)) {
            return Ok(None);
        }
        line.tokens.next();
        self.expr(line).map(Some)
    }

    pub(super) fn operand(&mut self, line: &mut Line<'_>) -> Result<SymId> {
        match line.tokens.next() {
            Some(Token::Word(name)) => Ok(self.symbol(&name)),
            Some(Token::Quoted(text)) => Ok(self.constant(&text)),
            other => Err(line.unexpected(other, "a symbol")),
        }
    }

    pub(super) fn expr(&mut self, line: &mut Line<'_>) -> Result<ExprId> {
        let mut left = self.and_expr(line)?;
        while line.tokens.next_if_eq(&Token::Or).is_some() {
            let right = self.and_expr(line)?;
            left = self.model.add(Expr::Or(left, right));
        }
        Ok(left)
    }

    fn and_expr(&mut self, line: &mut Line<'_>) -> Result<ExprId> {
        let mut left = self.unary(line)?;
        while line.tokens.next_if_eq(&Token::And).is_some() {
            let right = self.unary(line)?;
            left = self.model.add(Expr::And(left, right));
        }
        Ok(left)
    }

    fn unary(&mut self, line: &mut Line<'_>) -> Result<ExprId> {
        line.depth += 1;
        if line.depth > DEEPEST {
            return Err(line.at.error(ParseErrorKind::TooDeep(Nesting::Expression)));
        }
        let expr = if line.tokens.next_if_eq(&Token::Not).is_some() {
            let inner = self.unary(line)?;
            self.model.add(Expr::Not(inner))
        } else if line.tokens.next_if_eq(&Token::Open).is_some() {
            let inner = self.expr(line)?;
            match line.tokens.next() {
                Some(Token::Close) => inner,
                other => return Err(line.unexpected(other, "`)`")),
            }
        } else {
            let left = self.operand(line)?;
            let cmp = match line.tokens.peek() {
                Some(Token::Eq) => Some(Cmp::Eq),
                Some(Token::Ne) => Some(Cmp::Ne),
                Some(Token::Lt) => Some(Cmp::Lt),
                Some(Token::Le) => Some(Cmp::Le),
                Some(Token::Gt) => Some(Cmp::Gt),
                Some(Token::Ge) => Some(Cmp::Ge),
                _ => None,
            };
            match cmp {
                None => self.model.add(Expr::Sym(left)),
                Some(cmp) => {
                    line.tokens.next();
                    let right = self.operand(line)?;
                    self.model.add(Expr::Cmp(cmp, left, right))
                }
            }
        };
        line.depth -= 1;
        Ok(expr)
    }
}

impl Model {
    /// The expression, which may be there already.
    pub(super) fn add(&mut self, expr: Expr) -> ExprId {
        let exprs = &mut self.exprs;
        *self.interned.entry(expr).or_insert_with(|| {
            // As with entries.
            #[allow(clippy::cast_possible_truncation)]
            let id = ExprId(exprs.len() as u32);
            exprs.push(expr);
            id
        })
    }
}

/// `old && new`, where no expression means yes.
pub(super) fn and(model: &mut Model, old: Option<ExprId>, new: ExprId) -> ExprId {
    match old {
        None => new,
        Some(old) => model.add(Expr::And(old, new)),
    }
}
