//! Reads the files of a tree into a model.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::cycles::cycles;
use super::dialect::Dialect;
use super::error::{Nesting, ParseErrorKind, Place, Result};
use super::expand::{Expander, Shell};
use super::expr::and;
use super::finalize::finalize;
use super::lex::{Keyword, Lexer, Statement, Token};
use super::line::Line;
use super::model::{
    Does, Entry, Expr, ExprId, Menu, MenuId, Model, NO, Prop, ROOT, Sym, SymId, SymKind, YES,
    value_named,
};

/// Files may not include each other deeper than this, nor may parentheses nest deeper.
pub(super) const DEEPEST: usize = 200;

/// What a tree is read with.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// The folder that `source` looks in.
    pub source: PathBuf,
    /// A folder that it looks in first, where files are made while the project is configured.
    pub build: Option<PathBuf>,
    /// Whose semantics it has.
    pub dialect: Dialect,
    /// The variables that macros see.
    pub variables: HashMap<String, String>,
}

/// Reads the tree whose first file is `root`.
///
/// # Errors
/// A file cannot be read, or something in it is not understood, or a symbol depends on itself:
/// with file and line.
pub fn parse(root: &str, env: &Env, shell: &mut dyn Shell) -> Result<Model> {
    let mut parser = Parser {
        model: empty(env.dialect),
        constants: HashMap::new(),
        expander: Expander::new(&env.variables, shell),
        env,
        modules: None,
        including: Vec::new(),
        block: ROOT,
        entry: ROOT,
    };
    if env.dialect.is_busybox() {
        parser.built_in("KERNELVERSION");
    }
    parser.file(root, None)?;
    let mut model = parser.model;
    model.messages = parser.expander.messages;
    model.modules = parser.modules.unwrap_or(NO);
    if model.menus[0].prompt.is_none() {
        model.menus[0].prompt = Some("Main menu".into());
    }
    finalize(&mut model);
    match cycles(&model) {
        None => Ok(model),
        Some(error) => Err(error),
    }
}

fn empty(dialect: Dialect) -> Model {
    let constant = |name: &str| Sym {
        name: name.into(),
        kind: SymKind::Tristate,
        ..Sym::default()
    };
    let mut model = Model {
        syms: vec![constant("n"), constant("m"), constant("y")],
        hot: Vec::new(),
        names: HashMap::new(),
        exprs: Vec::new(),
        interned: HashMap::new(),
        menus: vec![Menu::new(Entry::Root, None, 0, 0)],
        modules: NO,
        dialect,
        files: Vec::new(),
        messages: Vec::new(),
    };
    // At the places of `NEVER` and `ALWAYS`.
    model.add(Expr::Sym(NO));
    model.add(Expr::Sym(YES));
    model
}

pub(super) struct Parser<'a> {
    pub(super) model: Model,
    constants: HashMap<Box<str>, SymId>,
    expander: Expander<'a>,
    pub(super) env: &'a Env,
    pub(super) modules: Option<SymId>,
    including: Vec<Rc<str>>,
    /// The block that new entries go into.
    block: MenuId,
    /// The entry that attributes belong to.
    pub(super) entry: MenuId,
}

impl Parser<'_> {
    fn file(&mut self, name: &str, from: Option<Place<'_>>) -> Result<()> {
        let name: Rc<str> = name.into();
        let place = from.unwrap_or(Place {
            file: &name,
            line: 0,
        });
        if self.including.contains(&name) {
            return Err(place.error(ParseErrorKind::IncludesItself(
                name.escape_debug().to_string(),
            )));
        }
        if self.including.len() >= DEEPEST {
            return Err(place.error(ParseErrorKind::TooDeep(Nesting::Files)));
        }
        let path = self.path(&name);
        let bytes = fs::read(&path)
            .map_err(|error| place.error(ParseErrorKind::Unreadable { path, error }))?;
        let text = String::from_utf8_lossy(&bytes);
        self.model.files.push((&*name).into());
        let number = u32::try_from(self.model.files.len() - 1)
            .map_err(|_| place.error(ParseErrorKind::TooManyFiles))?;
        self.including.push(Rc::clone(&name));
        let outer = self.block;
        let mut lexer = Lexer::new(&name, &text, self.model.dialect);
        while let Some(statement) = lexer.statement(&mut self.expander)? {
            let at = Place {
                file: &name,
                line: lexer.statement_line,
            };
            match statement {
                Statement::Assign(name, flavor, value) => {
                    self.expander.assign(&name, flavor, &value, at)?;
                }
                Statement::Tokens(tokens) => {
                    let mut line = Line {
                        tokens: tokens.into_iter().peekable(),
                        at,
                        depth: 0,
                        is_old: self.model.dialect.paths_are_words(),
                    };
                    self.statement(&mut line, number, outer, &mut lexer)?;
                    line.end()?;
                }
            }
        }
        if self.block != outer {
            let open = self.model.menu(self.block);
            return Err(Place {
                file: &name,
                line: open.line,
            }
            .error(ParseErrorKind::NoEnd));
        }
        self.including.pop();
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        let made = self.env.build.iter().map(|folder| folder.join(name));
        let mut made = made.filter(|path| path.is_file());
        made.next().unwrap_or_else(|| self.env.source.join(name))
    }

    fn statement(
        &mut self,
        line: &mut Line<'_>,
        file: u32,
        outer: MenuId,
        lexer: &mut Lexer<'_>,
    ) -> Result<()> {
        let keyword = match line.tokens.next() {
            Some(Token::Keyword(keyword)) => keyword,
            // As old trees have it.
            Some(Token::Word(word)) if word == "---help---" => Keyword::Help,
            Some(Token::Word(word)) if line.is_old && word == "requires" => Keyword::Depends,
            Some(Token::Word(word)) if line.is_old && word == "enable" => Keyword::Select,
            Some(Token::Word(word)) if word == "option" => return self.option(line),
            // Extensions that Zephyr and others have: relative to the file, and optional.
            Some(Token::Word(word)) if ["rsource", "osource", "orsource"].contains(&&*word) => {
                let mut name = line.quoted()?;
                if word != "osource" {
                    let folder = Path::new(line.at.file).parent().unwrap_or(Path::new(""));
                    name = folder.join(name).to_string_lossy().into_owned();
                }
                if word.starts_with('o') && !self.path(&name).exists() {
                    return Ok(());
                }
                return self.file(&name, Some(line.at));
            }
            other => return Err(line.unexpected(other, "a statement")),
        };
        match keyword {
            Keyword::MainMenu => {
                let text = line.text()?;
                self.model.menus[0].prompt = Some(text.trim_start().into());
                self.model.menus[0].file = file;
            }
            Keyword::Config | Keyword::MenuConfig => {
                let name = line.word()?;
                let sym = self.symbol(&name);
                self.open(Entry::Config(sym), file, line.at.line);
            }
            Keyword::Choice => {
                let name = match line.tokens.peek() {
                    Some(Token::Word(_)) => Some(line.word()?),
                    _ => None,
                };
                let sym = self.choice(name.as_deref());
                self.open(Entry::Choice(sym), file, line.at.line);
                self.block = self.entry;
            }
            Keyword::Menu => {
                let text = line.text()?;
                self.open(Entry::Menu, file, line.at.line);
                self.model.menus[self.entry.0 as usize].prompt = Some(text.trim_start().into());
                self.block = self.entry;
            }
            Keyword::If => {
                let condition = self.expr(line)?;
                self.open(Entry::If, file, line.at.line);
                self.depend(condition);
                self.block = self.entry;
            }
            Keyword::Comment => {
                let text = line.text()?;
                self.open(Entry::Comment, file, line.at.line);
                self.model.menus[self.entry.0 as usize].prompt = Some(text.trim_start().into());
            }
            Keyword::EndMenu | Keyword::EndIf | Keyword::EndChoice => {
                let block = self.model.menu(self.block);
                let fits = matches!(
                    (keyword, block.entry),
                    (Keyword::EndMenu, Entry::Menu)
                        | (Keyword::EndIf, Entry::If)
                        | (Keyword::EndChoice, Entry::Choice(_))
                );
                if !fits || self.block == outer {
                    let kind = ParseErrorKind::EndsNothing(keyword.text());
                    return Err(line.at.error(kind));
                }
                self.block = block.parent.unwrap_or(ROOT);
                self.entry = self.block;
            }
            Keyword::Source => {
                let name = line.text()?;
                self.file(&name, Some(line.at))?;
            }
            Keyword::Help => {
                let help = lexer.help();
                self.model.menus[self.entry.0 as usize].help = Some(help.into());
            }
            _ => self.attribute(keyword, line)?,
        }
        Ok(())
    }

    /// A line that belongs to the entry before it.
    fn attribute(&mut self, keyword: Keyword, line: &mut Line<'_>) -> Result<()> {
        let kind = match keyword {
            Keyword::Bool | Keyword::DefBool => Some(SymKind::Bool),
            Keyword::Tristate | Keyword::DefTristate => Some(SymKind::Tristate),
            Keyword::Int => Some(SymKind::Int),
            Keyword::Hex => Some(SymKind::Hex),
            Keyword::String => Some(SymKind::String),
            _ => None,
        };
        match keyword {
            Keyword::Depends => {
                // Old trees leave it out.
                if !line.is_old || line.tokens.peek() == Some(&Token::Keyword(Keyword::On)) {
                    line.keyword(Keyword::On)?;
                }
                let condition = self.expr(line)?;
                self.depend(condition);
                return Ok(());
            }
            Keyword::Visible => {
                line.keyword(Keyword::If)?;
                let condition = self.expr(line)?;
                let entry = self.entry.0 as usize;
                let old = self.model.menus[entry].visible;
                self.model.menus[entry].visible = Some(and(&mut self.model, old, condition));
                return Ok(());
            }
            _ => {}
        }
        let sym = match self.model.menu(self.entry).entry {
            Entry::Config(sym) | Entry::Choice(sym) => sym,
            _ => {
                let kind = ParseErrorKind::BelongsToNothing(keyword.text());
                return Err(line.at.error(kind));
            }
        };
        match keyword {
            Keyword::Prompt => {
                let text = line.text()?;
                self.prompt(sym, &text, line)?;
            }
            Keyword::Bool | Keyword::Tristate | Keyword::Int | Keyword::Hex | Keyword::String => {
                if let Some(Token::Quoted(_) | Token::Word(_)) = line.tokens.peek() {
                    let text = line.text()?;
                    self.prompt(sym, &text, line)?;
                }
            }
            Keyword::Default | Keyword::DefBool | Keyword::DefTristate => {
                let value = self.expr(line)?;
                let cond = self.condition(line)?;
                self.add(sym, Does::Default(value), cond);
            }
            Keyword::Select | Keyword::Imply => {
                let name = line.word()?;
                let other = self.symbol(&name);
                let cond = self.condition(line)?;
                let does = if keyword == Keyword::Select {
                    Does::Select(other)
                } else {
                    Does::Imply(other)
                };
                self.add(sym, does, cond);
            }
            Keyword::Range => {
                let (low, high) = (self.operand(line)?, self.operand(line)?);
                let cond = self.condition(line)?;
                self.add(sym, Does::Range(low, high), cond);
            }
            Keyword::Optional => self.model.syms[sym.0 as usize].optional = true,
            Keyword::Modules => self.set_modules(sym, line.at)?,
            _ => {
                let kind = ParseErrorKind::Misplaced(keyword.text());
                return Err(line.at.error(kind));
            }
        }
        if let Some(kind) = kind {
            let sym = &mut self.model.syms[sym.0 as usize];
            // The first type holds; `conf` warns of another.
            if sym.kind == SymKind::Unknown {
                sym.kind = kind;
            }
        }
        Ok(())
    }

    fn open(&mut self, entry: Entry, file: u32, line: u32) {
        // An index fits: each entry takes more than a byte of a file.
        #[allow(clippy::cast_possible_truncation)]
        let id = MenuId(self.model.menus.len() as u32);
        let menu = Menu::new(entry, Some(self.block), file, line);
        self.model.menus.push(menu);
        self.model.menus[self.block.0 as usize].children.push(id);
        self.entry = id;
    }

    fn depend(&mut self, condition: ExprId) {
        let entry = self.entry.0 as usize;
        let old = self.model.menus[entry].dep;
        self.model.menus[entry].dep = Some(and(&mut self.model, old, condition));
    }

    fn prompt(&mut self, sym: SymId, text: &str, line: &mut Line<'_>) -> Result<()> {
        let mut cond = self.condition(line)?;
        // `visible if` of the menus around it.
        let mut around = self.model.menu(self.entry).parent;
        while let Some(menu) = around {
            let menu = self.model.menu(menu);
            around = menu.parent;
            if let Some(visible) = menu.visible {
                cond = Some(and(&mut self.model, cond, visible));
            }
        }
        self.model.menus[self.entry.0 as usize].prompt = Some(text.trim_start().into());
        self.add(sym, Does::Prompt, cond);
        Ok(())
    }

    pub(super) fn add(&mut self, sym: SymId, does: Does, cond: Option<ExprId>) {
        let menu = self.entry;
        self.model.syms[sym.0 as usize]
            .props
            .push(Prop { does, menu, cond });
    }

    fn new_symbol(&mut self, sym: Sym) -> SymId {
        // As with entries.
        #[allow(clippy::cast_possible_truncation)]
        let id = SymId(self.model.syms.len() as u32);
        self.model.syms.push(sym);
        id
    }

    pub(super) fn symbol(&mut self, name: &str) -> SymId {
        if let Some(id) = self.model.find(name) {
            return id;
        }
        let id = self.new_symbol(Sym {
            name: name.into(),
            ..Sym::default()
        });
        self.model.names.insert(name.into(), id);
        id
    }

    /// What stands in quotes is its own value, whatever symbol has that name.
    pub(super) fn constant(&mut self, text: &str) -> SymId {
        if let Some(id) = value_named(text).or_else(|| self.constants.get(text).copied()) {
            return id;
        }
        let id = self.new_symbol(Sym {
            name: text.into(),
            ..Sym::default()
        });
        self.constants.insert(text.into(), id);
        id
    }

    fn choice(&mut self, name: Option<&str>) -> SymId {
        let same = |id: &SymId| {
            let sym = self.model.sym(*id);
            sym.choice && name.is_some_and(|name| &*sym.name == name)
        };
        let entries = self.model.menus.iter().filter_map(|m| match m.entry {
            Entry::Choice(sym) => Some(sym),
            _ => None,
        });
        if let Some(old) = entries.into_iter().find(same) {
            return old;
        }
        self.new_symbol(Sym {
            name: name.unwrap_or_default().into(),
            choice: true,
            ..Sym::default()
        })
    }
}
