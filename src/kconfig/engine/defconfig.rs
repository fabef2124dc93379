//! Writes a minimal config, byte for byte as `conf --savedefconfig` does.

use super::model::{Entry, SymId, SymKind};
use super::state::State;
use super::value::{M, N, Tri, Y};

impl State<'_> {
    /// The lines that are not as they would be without being asked for.
    #[must_use]
    pub fn write_defconfig(&mut self) -> String {
        self.calc_anew();
        let model = self.model;
        let mut out = String::new();
        let mut done = vec![false; model.len()];
        // In the order of the menus: the order in which entries were read.
        for menu in &model.menus {
            let Entry::Config(sym) = menu.entry else {
                continue;
            };
            if !done[sym.0 as usize] && self.is_written(sym) {
                done[sym.0 as usize] = true;
                if self.is_changeable(sym) && !self.is_default(sym) {
                    self.write_symbol(sym, &mut out);
                }
            }
        }
        out
    }

    fn is_default(&mut self, id: SymId) -> bool {
        let sym = self.model.sym(id);
        let is_same = if sym.kind.is_switch() {
            self.default_tri(id) == self.tri(id)
        } else {
            self.default_text(id) == self.string(id)
        };
        if is_same {
            return true;
        }
        let Some(choice) = sym.member_of else {
            return false;
        };
        let may_be_none = !self.model.dialect.choice_menus()
            && (self.model.sym(choice).optional || sym.kind != SymKind::Bool);
        !may_be_none && self.tri(id) == Y && self.default_member(choice) == Some(id)
    }

    fn default_tri(&mut self, id: SymId) -> Tri {
        let sym = self.model.sym(id);
        let mut tri = self.default_value(id);
        let (rev, implied) = self.forced(id);
        tri = tri.max(rev);
        let no_modules = sym.member_of.is_none() && self.tri(self.model.modules) == N;
        if tri == M && (no_modules || sym.kind == SymKind::Bool) {
            tri = Y;
        }
        tri.max(implied)
    }

    /// The value of the first default that holds, limited by its condition.
    pub(super) fn default_value(&mut self, id: SymId) -> Tri {
        match self.first(self.model.sym(id).defaults()) {
            Some((value, cond)) => self.tri_of(value).min(cond),
            None => N,
        }
    }

    pub(super) fn default_text(&mut self, id: SymId) -> String {
        let default = self.default_source(id);
        let text = default.filter(|text| !self.read(*text).is_empty());
        // Like nothing, an empty one is zero where numbers are.
        let text = text.unwrap_or_else(|| self.nothing(self.model.kind(id)));
        self.read(text).to_owned()
    }
}
