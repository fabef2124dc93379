//! Options of symbols: which one switches modules, and what old trees have.

use std::collections::HashMap;

use super::builder::Builder;
use super::error::{ParseErrorKind, Result};
use super::lex::{Keyword, Token};
use super::line::Line;
use super::model::{Entry, SymKind};

/// `option modules` and the like, up to Linux 5.15.
pub(super) fn option(
    line: &mut Line<'_>,
    to: &mut Builder,
    variables: &HashMap<String, String>,
) -> Result<()> {
    let what = match line.tokens.next() {
        Some(Token::Keyword(Keyword::Modules)) => "modules".to_owned(),
        Some(Token::Word(word)) => word,
        other => return Err(line.unexpected(other, "an option")),
    };
    match (what.as_str(), to.model.menu(to.entry).entry) {
        ("modules", Entry::Config(sym)) => to.set_modules(sym, line.at),
        ("allnoconfig_y", Entry::Config(sym)) => {
            to.sym_mut(sym).yes_in_allno = true;
            Ok(())
        }
        ("defconfig_list", Entry::Config(sym)) => {
            to.sym_mut(sym).unwritten = true;
            Ok(())
        }
        ("env", Entry::Config(sym)) => {
            match line.tokens.next() {
                Some(Token::Eq) => {}
                other => return Err(line.unexpected(other, "`=`")),
            }
            let name = line.text()?;
            to.sym_mut(sym).unwritten = true;
            if let Some(value) = variables.get(&name) {
                to.default_text(sym, value);
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
pub(super) fn built_in(name: &str, to: &mut Builder, variables: &HashMap<String, String>) {
    let sym = to.symbol(name);
    if let Some(value) = variables.get(name) {
        to.default_text(sym, value);
    }
    let sym = to.sym_mut(sym);
    (sym.kind, sym.unwritten) = (SymKind::String, true);
}
