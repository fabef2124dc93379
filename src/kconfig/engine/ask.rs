//! What the user would be asked, and may answer: the prompts that are visible, and who selects what.

use std::collections::BTreeMap;

use super::super::prompts::Prompt;
use super::super::resolve::Selectors;
use super::eval::{N, State, Y};
use super::model::{Does, SymId};
use crate::model::Symbol;

impl State<'_> {
    /// The visible prompts, as `conf --oldaskconfig` shows them. Names that are not those of
    /// symbols in a `.config` are left out.
    #[must_use]
    pub fn prompts(&mut self) -> BTreeMap<Symbol, Prompt> {
        let ids: Vec<SymId> = self.model.defined().collect();
        let mut found = BTreeMap::new();
        for id in ids {
            if let Some(prompt) = self.prompt(id)
                && let Ok(symbol) = Symbol::new(self.model.name(id))
            {
                found.insert(symbol, prompt);
            }
        }
        found
    }

    /// Who selects what now. Members of a choice are not selected: a `select` does nothing to these.
    #[must_use]
    pub fn selectors(&mut self) -> Selectors {
        let model = self.model;
        let ids: Vec<SymId> = model.defined().collect();
        let mut found = Selectors::new();
        for id in ids {
            if !model.kind(id).is_switch() || self.tri(id) == N {
                continue;
            }
            for prop in &model.sym(id).props {
                if let Does::Select(other) = prop.does
                    && model.sym(other).member_of.is_none()
                    && self.condition(prop.cond) != N
                    && let Ok(by) = Symbol::new(model.name(id))
                    && let Ok(symbol) = Symbol::new(model.name(other))
                {
                    found.entry(symbol).or_default().insert(by);
                }
            }
        }
        found
    }

    /// How far the user can set a symbol; `None` when it is not visible.
    pub fn prompt(&mut self, id: SymId) -> Option<Prompt> {
        self.tri(id);
        if !self.is_visible(id) || self.model.sym(id).choice {
            return None;
        }
        let sym = self.model.sym(id);
        if !sym.kind.is_switch() {
            return Some(Prompt::Settable);
        }
        if let Some(choice) = sym.member_of
            && (self.model.dialect.choice_menus() || self.tri(choice) == Y)
        {
            return Some(Prompt::Member);
        }
        let (rev, _) = self.forced(id);
        Some(match rev {
            _ if !self.is_changeable(id) => Prompt::Forced,
            N => Prompt::Switchable,
            _ => Prompt::Settable,
        })
    }
}
