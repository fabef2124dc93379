//! Evaluates a model: which value each symbol gets from what the user asks for.

use super::asked::Mode;
use super::model::{Cmp, ExprId, Formula, MOD, NO, SymId, SymKind, YES};
use super::number::{Number, number};
use super::stack::deep;
use super::state::{NONE, Slot, State, Text, UNKNOWN};
use super::value::{M, N, Tri, Y};

impl State<'_> {
    /// Calculates everything once more, as it is asked for now.
    pub(super) fn calc_anew(&mut self) {
        self.calc_all();
        for choice in std::mem::take(&mut self.unsettled) {
            self.asked.forget(choice);
        }
        self.invalidate_all();
    }

    pub(super) fn calc_all(&mut self) {
        for id in (0..).map(SymId).take(self.model.len()) {
            self.calc(id);
        }
    }

    pub(super) fn invalidate_all(&mut self) {
        for value in &mut self.slots {
            value.valid = false;
        }
        for constant in [NO, MOD, YES] {
            self.slot_mut(constant).valid = true;
        }
        self.memo.fill(UNKNOWN);
        self.calc(self.model.modules);
    }

    /// Is a line written for the symbol? Calculates it.
    pub(super) fn is_written(&mut self, id: SymId) -> bool {
        self.calc(id);
        self.slot(id).write
    }

    pub(super) fn tri(&mut self, id: SymId) -> Tri {
        self.calc(id);
        self.slot(id).tri
    }

    pub(super) fn calc(&mut self, id: SymId) {
        let value = self.slot_mut(id);
        if !value.valid {
            value.open = true;
            self.open += 1;
            deep(|| self.calc_now(id));
            self.slot_mut(id).open = false;
            self.open -= 1;
            if self.open == 0 {
                self.in_circle = false;
            }
        } else if value.open {
            self.in_circle = true;
        }
    }

    fn calc_now(&mut self, id: SymId) {
        let model = self.model;
        let sym = model.hot(id);
        if let (Some(choice), true) = (sym.member_of, self.is_old() && self.mode != Mode::OldDef) {
            self.calc(choice);
            if self.slot(id).valid {
                return;
            }
        }
        self.slot_mut(id).valid = true;
        if sym.kind == SymKind::Unknown {
            self.slot_mut(id).text = Text::Name(id);
            return;
        }
        self.slot_mut(id).write = false;
        self.calc_visible(id);
        // What somebody sees who comes back here in a circle.
        let nothing = self.nothing(sym.kind);
        let value = self.slot_mut(id);
        (value.tri, value.text, value.chosen) = (N, nothing, NONE);
        let mut write = value.visible != N;
        let visible = value.visible;
        match self.kind(id) {
            SymKind::Bool | SymKind::Tristate => {
                let tri = self.calc_tri(id, visible, &mut write);
                self.slot_mut(id).tri = tri;
            }
            _ => {
                let text = self.calc_text(id, visible, &mut write);
                self.slot_mut(id).text = text;
            }
        }
        self.slot_mut(id).write |= write;
        if self.is_old() && sym.choice && self.slot(id).tri == Y {
            let chosen = self.calc_choice(id);
            self.slot_mut(id).chosen = chosen;
            if chosen == NONE {
                self.slot_mut(id).tri = N;
            }
        }
        self.limit_to_range(id);
        if id == model.modules {
            self.modules = self.slot(id).tri;
        }
        if sym.choice {
            if self.slot(id).write {
                for member in &model.sym(id).members {
                    let member = self.slot_mut(*member);
                    member.write |= member.visible != N;
                }
            }
            self.slot_mut(id).write = false;
        }
        if model.sym(id).unwritten {
            self.slot_mut(id).write = false;
        }
    }

    fn calc_tri(&mut self, id: SymId, visible: Tri, write: &mut bool) -> Tri {
        let sym = self.model.hot(id);
        let mut tri = N;
        if let (Some(choice), false) = (sym.member_of, self.is_old()) {
            self.choose_in_menu(choice);
            tri = self.slot(id).tri;
        } else if let (Some(choice), Y) = (sym.member_of, visible) {
            tri = if self.slot(choice).chosen == id { Y } else { N };
        } else {
            if let (Some(asked), true) = (self.asked.tri(id), visible != N) {
                tri = asked.min(visible);
            } else {
                *write |= self.slot(id).rev != N;
                if !sym.choice {
                    tri = self.calc_default(id, visible, write);
                }
            }
            tri = tri.max(self.slot(id).rev);
        }
        let dialect = self.model.dialect;
        let is_y = !dialect.weak_imply() && self.slot(id).implied == Y;
        if tri == M && (self.kind(id) == SymKind::Bool || is_y) {
            tri = Y;
        }
        tri
    }

    /// What a switch is that nobody asked for.
    fn calc_default(&mut self, id: SymId, visible: Tri, write: &mut bool) -> Tri {
        let dialect = self.model.dialect;
        let mut tri = N;
        if self.model.hot(id).has_defaults
            && let Some((value, cond)) = self.first(self.model.sym(id).defaults())
        {
            tri = self.tri_of(value);
            tri = match dialect.loose_defaults() {
                false => tri.min(cond),
                true if visible.max(self.slot(id).rev) != N => tri.min(visible),
                true => tri,
            };
            *write |= tri != N || dialect.writes_all_defaults();
        }
        let Slot { implied, dir, .. } = *self.slot(id);
        if implied != N {
            *write = true;
            tri = tri.max(implied);
            if dialect.weak_imply() {
                tri = tri.min(dir);
            }
        }
        tri
    }

    fn calc_text(&mut self, id: SymId, visible: Tri, write: &mut bool) -> Text {
        let sym = self.model.sym(id);
        if visible != N && self.asked.text(id).is_some() {
            return Text::Asked(id);
        }
        let default = self.default_source(id);
        *write |= default.is_some();
        default.unwrap_or_else(|| self.nothing(sym.kind))
    }

    /// The text of the first default that holds.
    pub(super) fn default_source(&mut self, id: SymId) -> Option<Text> {
        let (value, _) = self.first(self.model.sym(id).defaults())?;
        let Formula::Sym(from) = self.model.expr(value) else {
            return None;
        };
        self.calc(from);
        Some(self.slot(from).text)
    }

    /// The first whose condition holds, and how far it holds.
    pub(super) fn first<'m, T>(
        &mut self,
        mut all: impl Iterator<Item = (T, Option<ExprId>)> + 'm,
    ) -> Option<(T, Tri)> {
        all.find_map(|(what, cond)| {
            let holds = self.condition(cond);
            (holds != N).then_some((what, holds))
        })
    }

    pub(super) fn calc_visible(&mut self, id: SymId) {
        let sym = self.model.hot(id);
        let mut tri = self.tri_of(sym.shown);
        if tri == M {
            // Only `y` can be chosen where one is to be chosen.
            let hides = self.is_old() && !self.model.dialect.writes_all_defaults();
            let one = |choice| hides && self.slot(choice).tri == Y;
            if sym.kind == SymKind::Tristate && sym.member_of.is_some_and(one) {
                tri = N;
            } else if sym.kind != SymKind::Tristate || self.modules == N {
                tri = Y;
            }
        }
        self.slot_mut(id).visible = tri;
        if sym.member_of.is_some() {
            return;
        }
        let (dir, rev) = (self.tri_of(sym.dir_dep), self.tri_of(sym.rev_dep));
        let implied = match dir {
            N if !self.model.dialect.weak_imply() => N,
            _ => self.tri_of(sym.implied),
        };
        let is_bool = self.kind(id) == SymKind::Bool;
        let limit = |tri| if tri == M && is_bool { Y } else { tri };
        let value = self.slot_mut(id);
        (value.dir, value.rev, value.implied) = (limit(dir), limit(rev), limit(implied));
    }

    pub(super) fn condition(&mut self, cond: Option<ExprId>) -> Tri {
        cond.map_or(Y, |e| self.tri_of(e))
    }

    pub(super) fn tri_of(&mut self, id: ExprId) -> Tri {
        let known = self.memo[id.0 as usize];
        if known != UNKNOWN {
            return known;
        }
        let tri = match self.model.expr(id) {
            Formula::Sym(sym) => return self.tri(sym),
            Formula::Not(e) => Y - self.tri_of(e),
            Formula::And(a, b) => {
                let a = deep(|| self.tri_of(a));
                if a == N { N } else { a.min(self.tri_of(b)) }
            }
            Formula::Or(a, b) => {
                let a = deep(|| self.tri_of(a));
                if a == Y { Y } else { a.max(self.tri_of(b)) }
            }
            Formula::Cmp(cmp, a, b) => {
                let order = self.compare(a, b);
                let holds = match cmp {
                    Cmp::Eq => order.is_eq(),
                    Cmp::Ne => order.is_ne(),
                    Cmp::Lt => order.is_lt(),
                    Cmp::Le => order.is_le(),
                    Cmp::Gt => order.is_gt(),
                    Cmp::Ge => order.is_ge(),
                };
                if holds { Y } else { N }
            }
        };
        if !self.in_circle {
            self.memo[id.0 as usize] = tri;
        }
        tri
    }

    fn compare(&mut self, a: SymId, b: SymId) -> std::cmp::Ordering {
        self.calc(a);
        self.calc(b);
        let (x, y) = (self.string(a), self.string(b));
        let (kind_a, kind_b) = (self.model.sym(a).kind, self.model.sym(b).kind);
        if self.model.dialect.compares_numbers()
            && (kind_a != SymKind::String || kind_b != SymKind::String)
        {
            match (number(x, kind_a), number(y, kind_b)) {
                (Some(Number::Signed(x)), Some(Number::Signed(y))) => return x.cmp(&y),
                (Some(x), Some(y)) => return x.bits().cmp(&y.bits()),
                _ => {}
            }
        }
        x.as_bytes().cmp(y.as_bytes())
    }

    /// The same, and calculates it.
    pub(super) fn calculated(&mut self, id: SymId) -> &str {
        self.calc(id);
        self.string(id)
    }
}
