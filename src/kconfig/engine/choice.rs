//! Which member of a choice is chosen.

use super::model::{Formula, SymId};
use super::state::{NONE, State};
use super::value::{N, Y};

impl State<'_> {
    /// Chooses in a choice that is a menu: sets all its members that are visible.
    pub(super) fn choose_in_menu(&mut self, choice: SymId) {
        let sym = self.model.sym(choice);
        let order = self.asked.priority(&sym.members);
        let mut chosen = None;
        for member in &order {
            self.calc_visible(*member);
            if self.slot(*member).visible != N && self.asked.tri(*member) == Some(Y) {
                chosen = Some(*member);
                break;
            }
        }
        let visible = |state: &Self, member: SymId| state.slot(member).visible != N;
        let chosen = chosen
            .or_else(|| {
                let default = self.default_member(choice);
                default.filter(|member| self.asked.tri(*member) != Some(N))
            })
            .or_else(|| {
                let free = |m: &&SymId| visible(self, **m) && self.asked.tri(**m).is_none();
                sym.members.iter().find(free).copied()
            })
            // All are unwanted: the one that was so first.
            .or_else(|| order.iter().rev().find(|m| visible(self, **m)).copied());
        for member in &sym.members {
            let value = self.slot_mut(*member);
            if value.visible != N {
                value.tri = if chosen == Some(*member) { Y } else { N };
                (value.valid, value.write) = (true, true);
            }
        }
    }

    /// Who is chosen in a choice where nothing was asked for.
    pub(super) fn default_member(&mut self, choice: SymId) -> Option<SymId> {
        let sym = self.model.sym(choice);
        for (value, cond) in sym.defaults() {
            if self.condition(cond) != N
                && let Formula::Sym(member) = self.model.expr(value)
                && self.slot(member).visible != N
            {
                return Some(member);
            }
        }
        let visible = |member: &&SymId| self.slot(**member).visible != N;
        sym.members.iter().find(visible).copied()
    }

    /// Who is chosen in a choice; `NONE` when nobody can be.
    pub(super) fn calc_choice(&mut self, id: SymId) -> SymId {
        let sym = self.model.sym(id);
        for member in &sym.members {
            self.calc_visible(*member);
            if self.slot(*member).visible != N && self.asked.tri(*member).is_none() {
                self.unsettled.push(id);
            }
        }
        if let Some(chosen) = self.asked.chosen(id)
            && self.slot(chosen).visible != N
        {
            return chosen;
        }
        self.default_member(id).unwrap_or(NONE)
    }
}
