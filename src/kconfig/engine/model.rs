//! A parsed tree: symbols, their properties, expressions, menu entries.

use std::collections::HashMap;

use super::dialect::Dialect;
use super::expand::Message;

/// A symbol of a [`Model`]: its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymId(pub(super) u32);

/// An expression: its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ExprId(pub(super) u32);

/// A menu entry: its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct MenuId(pub(super) u32);

/// The constants, in each model at these places.
pub(super) const NO: SymId = SymId(0);
pub(super) const MOD: SymId = SymId(1);
pub(super) const YES: SymId = SymId(2);

/// The expressions that are just a constant, in each model at these places.
pub(super) const NEVER: ExprId = ExprId(0);
pub(super) const ALWAYS: ExprId = ExprId(1);

/// The constant of this name, in quotes or not.
pub(super) fn value_named(name: &str) -> Option<SymId> {
    match name {
        "n" => Some(NO),
        "m" => Some(MOD),
        "y" => Some(YES),
        _ => None,
    }
}

/// The type of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SymKind {
    /// Used, but nowhere defined: a constant whose value is its name.
    #[default]
    Unknown,
    /// `bool`
    Bool,
    /// `tristate`
    Tristate,
    /// `int`
    Int,
    /// `hex`
    Hex,
    /// `string`
    String,
}

impl SymKind {
    /// Is its value one of `n`, `m`, `y`?
    pub(super) fn is_switch(self) -> bool {
        matches!(self, Self::Bool | Self::Tristate)
    }

    /// The base that its numbers are written in.
    pub(super) fn base(self) -> Option<u32> {
        match self {
            Self::Int => Some(10),
            Self::Hex => Some(16),
            _ => None,
        }
    }
}

/// How two symbols are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cmp {
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// An expression, its parts by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Formula {
    Sym(SymId),
    Not(ExprId),
    And(ExprId, ExprId),
    Or(ExprId, ExprId),
    Cmp(Cmp, SymId, SymId),
}

/// What a property does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Does {
    /// Lets the user set the symbol.
    Prompt,
    Default(ExprId),
    Select(SymId),
    Imply(SymId),
    Range(SymId, SymId),
}

/// A property of a symbol.
#[derive(Debug, Clone)]
pub(super) struct Prop {
    pub(super) does: Does,
    /// The entry that it stands in.
    pub(super) menu: MenuId,
    /// Its condition, that of all that is around it included, once the model is finished.
    pub(super) cond: Option<ExprId>,
}

#[derive(Debug, Default)]
pub(super) struct Sym {
    /// Empty for an unnamed choice.
    pub(super) name: Box<str>,
    pub(super) kind: SymKind,
    pub(super) props: Vec<Prop>,
    /// Is it a choice?
    pub(super) choice: bool,
    /// For a choice: may nothing be chosen?
    pub(super) optional: bool,
    /// Is there never a line for it? (`option env`, `option defconfig_list`)
    pub(super) unwritten: bool,
    /// `option allnoconfig_y`
    pub(super) yes_in_allno: bool,
    /// For a choice: what can be chosen, in order.
    pub(super) members: Vec<SymId>,
    /// For a member of a choice: which one.
    pub(super) member_of: Option<SymId>,
    /// All entries' dependencies, any of which will do.
    pub(super) dir_dep: Option<ExprId>,
    /// Who selects it.
    pub(super) rev_dep: Option<ExprId>,
    /// Who implies it.
    pub(super) implied: Option<ExprId>,
}

impl Sym {
    pub(super) fn defaults(&self) -> impl Iterator<Item = (ExprId, Option<ExprId>)> + '_ {
        self.props.iter().filter_map(|p| match p.does {
            Does::Default(value) => Some((value, p.cond)),
            _ => None,
        })
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = ((SymId, SymId), Option<ExprId>)> + '_ {
        self.props.iter().filter_map(|p| match p.does {
            Does::Range(low, high) => Some(((low, high), p.cond)),
            _ => None,
        })
    }

    pub(super) fn prompts(&self) -> impl Iterator<Item = &Prop> {
        self.props.iter().filter(|p| p.does == Does::Prompt)
    }
}

/// What an entry of the menu tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Root,
    Config(SymId),
    Choice(SymId),
    Menu,
    Comment,
    If,
}

/// An entry of the menu tree.
#[derive(Debug)]
pub(super) struct Menu {
    pub(super) entry: Entry,
    pub(super) parent: Option<MenuId>,
    pub(super) children: Vec<MenuId>,
    /// Menus, comments, configs: the text shown.
    pub(super) prompt: Option<Box<str>>,
    /// Menus and comments: when they are shown. (A config's is with its symbol.)
    pub(super) prompt_cond: Option<ExprId>,
    /// `visible if`
    pub(super) visible: Option<ExprId>,
    /// `depends on`, that of all that is around it included, once the model is finished.
    pub(super) dep: Option<ExprId>,
    pub(super) file: u32,
    pub(super) line: u32,
    pub(super) help: Option<Box<str>>,
}

impl Menu {
    pub(super) fn new(entry: Entry, parent: Option<MenuId>, file: u32, line: u32) -> Self {
        Self {
            entry,
            parent,
            children: Vec::new(),
            prompt: None,
            prompt_cond: None,
            visible: None,
            dep: None,
            file,
            line,
            help: None,
        }
    }
}

/// What an evaluation asks of every symbol, close together: reading it is most of the work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hot {
    pub(super) kind: SymKind,
    pub(super) choice: bool,
    pub(super) has_defaults: bool,
    pub(super) member_of: Option<SymId>,
    /// When any of its prompts is shown.
    pub(super) shown: ExprId,
    pub(super) dir_dep: ExprId,
    pub(super) rev_dep: ExprId,
    pub(super) implied: ExprId,
}

/// A tree of Kconfig files, parsed.
#[derive(Debug)]
pub struct Model {
    pub(super) syms: Vec<Sym>,
    /// Of each symbol, once the model is finished.
    pub(super) hot: Vec<Hot>,
    /// Symbols that are not constants, by name.
    pub(super) names: HashMap<Box<str>, SymId>,
    pub(super) exprs: Vec<Formula>,
    /// Where each expression is, while the model is made: equal ones are one and the same.
    pub(super) interned: HashMap<Formula, ExprId>,
    pub(super) menus: Vec<Menu>,
    pub(super) modules: SymId,
    pub(super) dialect: Dialect,
    /// The project's name, where its LKC writes it.
    pub(super) project: Box<str>,
    pub(super) files: Vec<Box<str>>,
    pub(super) messages: Vec<Message>,
}

pub(super) const ROOT: MenuId = MenuId(0);

impl Model {
    pub(super) fn sym(&self, id: SymId) -> &Sym {
        &self.syms[id.0 as usize]
    }

    pub(super) fn hot(&self, id: SymId) -> &Hot {
        &self.hot[id.0 as usize]
    }

    pub(super) fn expr(&self, id: ExprId) -> Formula {
        self.exprs[id.0 as usize]
    }

    pub(super) fn menu(&self, id: MenuId) -> &Menu {
        &self.menus[id.0 as usize]
    }

    /// Whose semantics it has.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The number of symbols, constants and choices included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.syms.len()
    }

    /// Is there nothing in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.syms.is_empty()
    }

    /// The symbol of this name, whether it is defined or only used.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<SymId> {
        value_named(name).or_else(|| self.names.get(name).copied())
    }

    /// The name of a symbol; empty for a choice without one.
    #[must_use]
    pub fn name(&self, id: SymId) -> &str {
        &self.sym(id).name
    }

    /// The type of a symbol.
    #[must_use]
    pub fn kind(&self, id: SymId) -> SymKind {
        self.sym(id).kind
    }

    /// The names of the files that were read, relative to the source unless they begin with `/`.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(AsRef::as_ref)
    }

    /// What the files told by `$(info ...)` and `$(warning-if ...)` while they were read.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Where a symbol is defined first: file and line.
    #[must_use]
    pub fn place(&self, id: SymId) -> Option<(&str, u32)> {
        let here = |m: &&Menu| matches!(m.entry, Entry::Config(s) | Entry::Choice(s) if s == id);
        let menu = self.menus.iter().find(here)?;
        Some((&self.files[menu.file as usize], menu.line))
    }

    /// All symbols that are defined, in no order.
    pub fn defined(&self) -> impl Iterator<Item = SymId> + '_ {
        let defined = |id: &SymId| self.sym(*id).kind != SymKind::Unknown;
        self.names.values().copied().filter(defined)
    }
}
