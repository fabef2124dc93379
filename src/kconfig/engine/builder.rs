//! Makes a model piece by piece: symbols, expressions, entries of the menu.

use std::collections::HashMap;

use super::dialect::Dialect;
use super::error::{ParseErrorKind, Place, Result};
use super::model::{
    Does, Entry, ExprId, Formula, Menu, MenuId, Model, NO, Prop, ROOT, Sym, SymId, SymKind, YES,
    value_named,
};

impl Model {
    /// The expression, which may be there already.
    pub(super) fn add(&mut self, expr: Formula) -> ExprId {
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
        Some(old) => model.add(Formula::And(old, new)),
    }
}

/// `a && b`, where no expression means yes.
pub(super) fn both(model: &mut Model, a: Option<ExprId>, b: Option<ExprId>) -> Option<ExprId> {
    match (a, b) {
        (a, None) => a,
        (a, Some(b)) => Some(and(model, a, b)),
    }
}

/// `a || b`, where there may be but one, or none.
pub(super) fn either(model: &mut Model, a: Option<ExprId>, b: Option<ExprId>) -> Option<ExprId> {
    match (a, b) {
        (None, b) => b,
        (a, None) => a,
        (Some(a), Some(b)) => Some(model.add(Formula::Or(a, b))),
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
        project: Box::default(),
        files: Vec::new(),
        messages: Vec::new(),
    };
    // At the places of `NEVER` and `ALWAYS`.
    model.add(Formula::Sym(NO));
    model.add(Formula::Sym(YES));
    model
}

/// A model in the making.
pub(super) struct Builder {
    pub(super) model: Model,
    constants: HashMap<Box<str>, SymId>,
    /// The symbol that switches modules.
    modules: Option<SymId>,
    /// The block that new entries go into.
    pub(super) block: MenuId,
    /// The entry that attributes belong to.
    pub(super) entry: MenuId,
}

impl Builder {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            model: empty(dialect),
            constants: HashMap::new(),
            modules: None,
            block: ROOT,
            entry: ROOT,
        }
    }

    /// What was made. Conditions are not passed down yet.
    pub(super) fn into_model(self) -> Model {
        let mut model = self.model;
        model.modules = self.modules.unwrap_or(NO);
        if model.menus[0].prompt.is_none() {
            model.menus[0].prompt = Some("Main menu".into());
        }
        model
    }

    /// The entry that attributes belong to.
    pub(super) fn entry_mut(&mut self) -> &mut Menu {
        &mut self.model.menus[self.entry.0 as usize]
    }

    pub(super) fn sym_mut(&mut self, id: SymId) -> &mut Sym {
        &mut self.model.syms[id.0 as usize]
    }

    pub(super) fn open(&mut self, entry: Entry, file: u32, line: u32) {
        // An index fits: each entry takes more than a byte of a file.
        #[allow(clippy::cast_possible_truncation)]
        let id = MenuId(self.model.menus.len() as u32);
        let menu = Menu::new(entry, Some(self.block), file, line);
        self.model.menus.push(menu);
        self.model.menus[self.block.0 as usize].children.push(id);
        self.entry = id;
    }

    pub(super) fn depend(&mut self, condition: ExprId) {
        let entry = self.entry.0 as usize;
        let old = self.model.menus[entry].dep;
        self.model.menus[entry].dep = Some(and(&mut self.model, old, condition));
    }

    /// `visible if` of the entry.
    pub(super) fn show_if(&mut self, condition: ExprId) {
        let old = self.model.menu(self.entry).visible;
        self.entry_mut().visible = Some(and(&mut self.model, old, condition));
    }

    /// A prompt of the entry, whose symbol this is.
    pub(super) fn prompt(&mut self, sym: SymId, text: &str, mut cond: Option<ExprId>) {
        // `visible if` of the menus around it.
        let mut around = self.model.menu(self.entry).parent;
        while let Some(menu) = around {
            let menu = self.model.menu(menu);
            around = menu.parent;
            if let Some(visible) = menu.visible {
                cond = Some(and(&mut self.model, cond, visible));
            }
        }
        self.title(text);
        self.add(sym, Does::Prompt, cond);
    }

    /// The text of the entry.
    pub(super) fn title(&mut self, text: &str) {
        self.entry_mut().prompt = Some(text.trim_start().into());
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

    pub(super) fn choice(&mut self, name: Option<&str>) -> SymId {
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

    /// A default of `value`, which stands for itself.
    pub(super) fn default_text(&mut self, sym: SymId, value: &str) {
        let value = self.constant(value);
        let value = self.model.add(Formula::Sym(value));
        self.add(sym, Does::Default(value), None);
    }

    pub(super) fn set_modules(&mut self, sym: SymId, at: Place<'_>) -> Result<()> {
        if self.modules.is_some_and(|old| old != sym) {
            return Err(at.error(ParseErrorKind::SecondModules));
        }
        self.modules = Some(sym);
        Ok(())
    }
}
