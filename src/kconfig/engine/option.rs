//! Options of symbols: which one switches modules, and what old trees have.

use super::error::{ParseErrorKind, Place, Result};
use super::lex::{Keyword, Token};
use super::line::Line;
use super::model::{Does, Entry, Expr, SymId, SymKind};
use super::parse::Parser;

impl Parser<'_> {
    /// `option modules` and the like, up to Linux 5.15.
    pub(super) fn option(&mut self, line: &mut Line<'_>) -> Result<()> {
        let what = match line.tokens.next() {
            Some(Token::Keyword(Keyword::Modules)) => "modules".to_owned(),
            Some(Token::Word(word)) => word,
            other => return Err(line.unexpected(other, "an option")),
        };
        match (what.as_str(), self.model.menu(self.entry).entry) {
            ("modules", Entry::Config(sym)) => self.set_modules(sym, line.at),
            ("allnoconfig_y", Entry::Config(sym)) => {
                self.model.syms[sym.0 as usize].yes_in_allno = true;
                Ok(())
            }
            ("defconfig_list", Entry::Config(sym)) => {
                self.model.syms[sym.0 as usize].unwritten = true;
                Ok(())
            }
            ("env", Entry::Config(sym)) => {
                match line.tokens.next() {
                    Some(Token::Eq) => {}
                    other => return Err(line.unexpected(other, "`=`")),
                }
                let name = line.text()?;
                self.model.syms[sym.0 as usize].unwritten = true;
                if let Some(value) = self.env.variables.get(&name) {
                    let value = self.constant(value);
                    let value = self.model.add(Expr::Sym(value));
                    self.add(sym, Does::Default(value), None);
                }
                Ok(())
            }
            _ => {
                let what = what.escape_debug().to_string();
                Err(line.at.error(ParseErrorKind::UnknownOption(what)))
            }
        }
    }

    /// A symbol that LKC itself defined in 2.6, with the value of the variable of that name.
    pub(super) fn built_in(&mut self, name: &str) {
        let sym = self.symbol(name);
        if let Some(value) = self.env.variables.get(name) {
            let value = self.constant(value);
            let value = self.model.add(Expr::Sym(value));
            self.add(sym, Does::Default(value), None);
        }
        let sym = &mut self.model.syms[sym.0 as usize];
        (sym.kind, sym.unwritten) = (SymKind::String, true);
    }

    pub(super) fn set_modules(&mut self, sym: SymId, at: Place<'_>) -> Result<()> {
        if self.modules.is_some_and(|old| old != sym) {
            return Err(at.error(ParseErrorKind::SecondModules));
        }
        self.modules = Some(sym);
        Ok(())
    }
}
