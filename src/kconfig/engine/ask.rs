//! What the user would be asked, and may answer: the prompts that are visible, and who selects what.

use super::model::{Does, SymId};
use super::state::State;
use super::value::{N, Y};

/// How far the user can set a symbol whose prompt is visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// To off, among others: a bool or tristate that nothing selects.
    Switchable,
    /// To several values, of which none is off: a string, a number, a tristate that is selected
    /// as a module.
    Settable,
    /// The prompt is there, but a `select` leaves one value only.
    Forced,
    /// It is a member of a choice.
    Member,
}

impl State<'_> {
    /// The symbols whose prompts are visible, in the order of their ids: what `conf --oldaskconfig` asks.
    #[must_use]
    pub fn prompts(&mut self) -> Vec<(SymId, Prompt)> {
        let mut ids: Vec<SymId> = self.model.defined().collect();
        ids.sort_unstable();
        let prompt = |id| self.prompt(id).map(|prompt| (id, prompt));
        ids.into_iter().filter_map(prompt).collect()
    }

    /// The `select`s that hold now, in the order of their ids: a symbol, and one that it selects. Members of a
    /// choice are not selected: a `select` does nothing to these.
    #[must_use]
    pub fn selects(&mut self) -> Vec<(SymId, SymId)> {
        let model = self.model;
        let mut ids: Vec<SymId> = model.defined().collect();
        ids.sort_unstable();
        let mut found = Vec::new();
        for id in ids {
            if !model.kind(id).is_switch() || self.tri(id) == N {
                continue;
            }
            for prop in &model.sym(id).props {
                if let Does::Select(other) = prop.does
                    && model.sym(other).member_of.is_none()
                    && self.condition(prop.cond) != N
                {
                    found.push((id, other));
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
