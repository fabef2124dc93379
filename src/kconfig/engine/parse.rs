//! Reads the files of a tree into a model.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::builder::Builder;
use super::cycles::cycles;
use super::dialect::{Dialect, Writer};
use super::error::{Nesting, ParseErrorKind, Place, Result};
use super::expand::{Expander, Shell};
use super::finalize::finalize;
use super::lex::{Keyword, Lexer, Statement, Token};
use super::line::Line;
use super::model::{Does, Entry, MenuId, Model, ROOT, SymKind};
use super::option::{built_in, option};
use super::wildcard::matching;

/// Files may not include each other deeper than this.
const DEEPEST: usize = 200;

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
    /// The name of the project that its LKC was compiled with, where it writes that into a `.config` (toybox).
    pub project: String,
}

/// Reads the tree whose first file is `root`.
///
/// # Errors
/// A file cannot be read, or something in it is not understood, or a symbol depends on itself:
/// with file and line.
pub fn parse(root: &str, env: &Env, shell: &mut dyn Shell) -> Result<Model> {
    let mut parser = Parser {
        to: Builder::new(env.dialect),
        expander: Expander::new(&env.variables, shell),
        env,
        including: Vec::new(),
    };
    if env.dialect.writer() == Writer::BusyBox {
        built_in("KERNELVERSION", &mut parser.to, &env.variables);
    }
    parser.file(root, None)?;
    let mut model = parser.to.into_model();
    model.project = env.project.as_str().into();
    model.messages = parser.expander.messages;
    finalize(&mut model);
    match cycles(&model) {
        None => Ok(model),
        Some(error) => Err(error),
    }
}

struct Parser<'a> {
    to: Builder,
    expander: Expander<'a>,
    env: &'a Env,
    including: Vec<Rc<str>>,
}

/// The file that is being read.
struct File {
    /// Its place among the model's files.
    number: u32,
    /// The block that asks for it: one that it may not end.
    outer: MenuId,
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
        self.to.model.files.push((&*name).into());
        let number = u32::try_from(self.to.model.files.len() - 1)
            .map_err(|_| place.error(ParseErrorKind::TooManyFiles))?;
        self.including.push(Rc::clone(&name));
        let file = File {
            number,
            outer: self.to.block,
        };
        let mut lexer = Lexer::new(&name, &text, self.to.model.dialect);
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
                        is_old: self.to.model.dialect.paths_are_words(),
                    };
                    self.statement(&mut line, &file, &mut lexer)?;
                    line.end()?;
                }
            }
        }
        if self.to.block != file.outer {
            let open = self.to.model.menu(self.to.block);
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

    fn statement(&mut self, line: &mut Line<'_>, file: &File, lexer: &mut Lexer<'_>) -> Result<()> {
        let keyword = match line.tokens.next() {
            Some(Token::Keyword(keyword)) => keyword,
            // As old trees have it.
            Some(Token::Word(word)) if word == "---help---" => Keyword::Help,
            Some(Token::Word(word)) if line.is_old && word == "requires" => Keyword::Depends,
            Some(Token::Word(word)) if line.is_old && word == "enable" => Keyword::Select,
            Some(Token::Word(word)) if word == "option" => {
                return option(line, &mut self.to, &self.env.variables);
            }
            Some(Token::Word(word)) if ["rsource", "osource", "orsource"].contains(&&*word) => {
                return self.include(&word, line);
            }
            other => return Err(line.unexpected(other, "a statement")),
        };
        match keyword {
            Keyword::MainMenu => {
                let text = line.text()?;
                let root = &mut self.to.model.menus[ROOT.0 as usize];
                root.prompt = Some(text.trim_start().into());
                root.file = file.number;
            }
            Keyword::Config | Keyword::MenuConfig => {
                let name = line.word()?;
                let sym = self.to.symbol(&name);
                self.open(Entry::Config(sym), file, line);
            }
            Keyword::Choice => {
                let name = match line.tokens.peek() {
                    Some(Token::Word(_)) => Some(line.word()?),
                    _ => None,
                };
                let sym = self.to.choice(name.as_deref());
                self.open(Entry::Choice(sym), file, line);
                self.to.block = self.to.entry;
            }
            Keyword::Menu => {
                let text = line.text()?;
                self.open(Entry::Menu, file, line);
                self.to.title(&text);
                self.to.block = self.to.entry;
            }
            Keyword::If => {
                let condition = line.expr(&mut self.to)?;
                self.open(Entry::If, file, line);
                self.to.depend(condition);
                self.to.block = self.to.entry;
            }
            Keyword::Comment => {
                let text = line.text()?;
                self.open(Entry::Comment, file, line);
                self.to.title(&text);
            }
            Keyword::EndMenu | Keyword::EndIf | Keyword::EndChoice => {
                self.close(keyword, file, line)?;
            }
            Keyword::Source => {
                let name = line.text()?;
                self.source(&name, line)?;
            }
            Keyword::Help => {
                let help = lexer.help();
                self.to.entry_mut().help = Some(help.into());
            }
            Keyword::Depends => {
                // Old trees leave it out.
                if !line.is_old || line.tokens.peek() == Some(&Token::Keyword(Keyword::On)) {
                    line.keyword(Keyword::On)?;
                }
                let condition = line.expr(&mut self.to)?;
                self.to.depend(condition);
            }
            Keyword::Visible => {
                line.keyword(Keyword::If)?;
                let condition = line.expr(&mut self.to)?;
                self.to.show_if(condition);
            }
            _ => self.attribute(keyword, line)?,
        }
        Ok(())
    }

    fn open(&mut self, entry: Entry, file: &File, line: &Line<'_>) {
        self.to.open(entry, file.number, line.at.line);
    }

    fn close(&mut self, keyword: Keyword, file: &File, line: &Line<'_>) -> Result<()> {
        let block = self.to.model.menu(self.to.block);
        let fits = matches!(
            (keyword, block.entry),
            (Keyword::EndMenu, Entry::Menu)
                | (Keyword::EndIf, Entry::If)
                | (Keyword::EndChoice, Entry::Choice(_))
        );
        if !fits || self.to.block == file.outer {
            let kind = ParseErrorKind::EndsNothing(keyword.text());
            return Err(line.at.error(kind));
        }
        self.to.block = block.parent.unwrap_or(ROOT);
        self.to.entry = self.to.block;
        Ok(())
    }

    /// `source`, which takes wildcards in some copies of LKC. These do not miss a file that is not there.
    fn source(&mut self, name: &str, line: &Line<'_>) -> Result<()> {
        if !self.env.dialect.has_wildcards() {
            return self.file(name, Some(line.at));
        }
        let folders = self.env.build.iter().chain([&self.env.source]);
        let mut found = folders.map(|folder| matching(folder, name));
        for name in found.find(|names| !names.is_empty()).unwrap_or_default() {
            self.file(&name, Some(line.at))?;
        }
        Ok(())
    }

    /// Extensions that Zephyr and others have: relative to the file, and optional.
    fn include(&mut self, word: &str, line: &mut Line<'_>) -> Result<()> {
        let mut name = line.quoted()?;
        if word != "osource" {
            let folder = Path::new(line.at.file).parent().unwrap_or(Path::new(""));
            name = folder.join(name).to_string_lossy().into_owned();
        }
        if word.starts_with('o') && !self.path(&name).exists() {
            return Ok(());
        }
        self.file(&name, Some(line.at))
    }

    /// A line that belongs to the symbol of the entry before it.
    fn attribute(&mut self, keyword: Keyword, line: &mut Line<'_>) -> Result<()> {
        let to = &mut self.to;
        let (Entry::Config(sym) | Entry::Choice(sym)) = to.model.menu(to.entry).entry else {
            let kind = ParseErrorKind::BelongsToNothing(keyword.text());
            return Err(line.at.error(kind));
        };
        match keyword {
            Keyword::Prompt => {
                let text = line.text()?;
                let cond = line.condition(to)?;
                to.prompt(sym, &text, cond);
            }
            Keyword::Bool | Keyword::Tristate | Keyword::Int | Keyword::Hex | Keyword::String => {
                if let Some(Token::Quoted(_) | Token::Word(_)) = line.tokens.peek() {
                    let text = line.text()?;
                    let cond = line.condition(to)?;
                    to.prompt(sym, &text, cond);
                }
            }
            Keyword::Default | Keyword::DefBool | Keyword::DefTristate => {
                let value = line.expr(to)?;
                let cond = line.condition(to)?;
                to.add(sym, Does::Default(value), cond);
            }
            Keyword::Select | Keyword::Imply => {
                let name = line.word()?;
                let other = to.symbol(&name);
                let cond = line.condition(to)?;
                let does = if keyword == Keyword::Select {
                    Does::Select(other)
                } else {
                    Does::Imply(other)
                };
                to.add(sym, does, cond);
            }
            Keyword::Range => {
                let (low, high) = (line.operand(to)?, line.operand(to)?);
                let cond = line.condition(to)?;
                to.add(sym, Does::Range(low, high), cond);
            }
            Keyword::Optional => to.sym_mut(sym).optional = true,
            Keyword::Modules => to.set_modules(sym, line.at)?,
            _ => {
                let kind = ParseErrorKind::Misplaced(keyword.text());
                return Err(line.at.error(kind));
            }
        }
        if let Some(kind) = kind_of(keyword) {
            let sym = to.sym_mut(sym);
            // The first type holds; `conf` warns of another.
            if sym.kind == SymKind::Unknown {
                sym.kind = kind;
            }
        }
        Ok(())
    }
}

/// The type that an attribute gives its symbol.
fn kind_of(keyword: Keyword) -> Option<SymKind> {
    match keyword {
        Keyword::Bool | Keyword::DefBool => Some(SymKind::Bool),
        Keyword::Tristate | Keyword::DefTristate => Some(SymKind::Tristate),
        Keyword::Int => Some(SymKind::Int),
        Keyword::Hex => Some(SymKind::Hex),
        Keyword::String => Some(SymKind::String),
        _ => None,
    }
}
