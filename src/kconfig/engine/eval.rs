//! Evaluates a model: which value each symbol gets from what the user asks for.

use super::assign::Asked;
use super::deep;
use super::model::{Cmp, Expr, ExprId, MOD, Model, NO, SymId, SymKind, YES};
use super::number::{Number, number, strtoll};
use super::value::{Assignment, M, N, Tri, Y};

/// What becomes of symbols that nothing is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are answered with no, as `conf --allnoconfig` does.
    AllNo,
    /// With yes: `--allyesconfig`.
    AllYes,
    /// With `m`, where that can be: `--allmodconfig`.
    AllMod,
    /// They take their defaults: `--alldefconfig`.
    AllDef,
    /// The same, and numbers that are out of their range are asked for in vain:
    /// `--olddefconfig`.
    OldDef,
}

/// Where the text of a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Empty,
    /// `0`
    Zero,
    /// `0x0`
    HexZero,
    /// The name of a symbol: constants are symbols.
    Name(SymId),
    /// What the user asked of a symbol.
    Asked(SymId),
    /// A number that was written anew: its place among these.
    Anew(u32),
}

/// An expression that was not evaluated yet, or is not to be remembered.
const UNKNOWN: Tri = 3;

/// Nothing is chosen.
pub(super) const NONE: SymId = SymId(u32::MAX);

#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) valid: bool,
    /// Is it being calculated?
    open: bool,
    pub(super) write: bool,
    pub(super) tri: Tri,
    pub(super) visible: Tri,
    pub(super) dir: Tri,
    pub(super) rev: Tri,
    pub(super) implied: Tri,
    pub(super) text: Text,
    pub(super) chosen: SymId,
}

/// The values of all symbols of a model.
#[derive(Debug)]
pub struct State<'m> {
    pub(super) model: &'m Model,
    pub(super) asked: Asked,
    mode: Mode,
    modules: Tri,
    values: Vec<Value>,
    /// The values of expressions: a whole menu shares the condition around it.
    memo: Vec<Tri>,
    /// How many symbols are being calculated.
    open: u32,
    /// Was one of these asked for its value? What it said may not be its last word, so nothing
    /// that may rest on it is remembered.
    in_circle: bool,
    /// Choices with a member that is shown and that nothing was asked for: what was asked for the
    /// choice itself does not hold for a second calculation.
    pub(super) unsettled: Vec<SymId>,
    /// Numbers that were written anew.
    anew: Vec<Box<str>>,
}

impl Model {
    /// What becomes of these assignments: those of a fragment for `KCONFIG_ALLCONFIG` or, with
    /// [`Mode::OldDef`], of a `.config` ([`Model::assignments`] reads one). What
    /// `conf` passes over with a warning is passed over. No file at all and one without an assignment
    /// are not the same for choices.
    #[must_use]
    pub fn resolve(&self, mode: Mode, assignments: Option<&[Assignment]>) -> State<'_> {
        let mut asked = Asked::new(self, assignments);
        asked.fill(self, mode);
        let value = Value {
            valid: false,
            open: false,
            write: false,
            tri: N,
            visible: N,
            dir: N,
            rev: N,
            implied: N,
            text: Text::Empty,
            chosen: NONE,
        };
        let mut state = State {
            model: self,
            asked,
            mode,
            modules: N,
            values: vec![value; self.len()],
            memo: vec![UNKNOWN; self.exprs.len()],
            open: 0,
            in_circle: false,
            unsettled: Vec::new(),
            anew: Vec::new(),
        };
        for (constant, tri) in [(NO, N), (MOD, M), (YES, Y)] {
            let value = &mut state.values[constant.0 as usize];
            (value.valid, value.tri, value.text) = (true, tri, Text::Name(constant));
        }
        state.calc(self.modules);
        if mode == Mode::OldDef && self.dialect.resets_numbers() {
            state.reset_numbers();
        }
        state
    }
}

impl<'m> State<'m> {
    /// The model whose values these are.
    #[must_use]
    pub fn model(&self) -> &'m Model {
        self.model
    }
}

impl State<'_> {
    pub(super) fn value(&self, id: SymId) -> &Value {
        &self.values[id.0 as usize]
    }

    pub(super) fn value_mut(&mut self, id: SymId) -> &mut Value {
        &mut self.values[id.0 as usize]
    }

    /// Can the user set the symbol? It must have been calculated.
    pub(super) fn is_visible(&self, id: SymId) -> bool {
        self.value(id).visible != N
    }

    /// Is one of its choice chosen, so that the symbol is it or not?
    pub(super) fn is_chosen_from(&self, id: SymId) -> bool {
        let visible = self.value(id).visible;
        visible == Y || visible != N && !self.is_old()
    }

    /// Can the user change the symbol? It must have been calculated.
    pub(super) fn is_changeable(&self, id: SymId) -> bool {
        self.value(id).visible > self.value(id).rev
    }

    /// Does a select make more of a symbol than what it depends on allows? It must have been
    /// calculated.
    pub(super) fn is_overridden(&self, id: SymId) -> bool {
        let value = self.value(id);
        self.model.sym(id).member_of.is_none() && value.dir < value.rev
    }

    /// What selects and implies make of a symbol at least. It must have been calculated.
    pub(super) fn forced(&self, id: SymId) -> (Tri, Tri) {
        (self.value(id).rev, self.value(id).implied)
    }

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

    /// Has a symbol calculated again when it is asked for next.
    pub(super) fn invalidate(&mut self, id: SymId) {
        self.value_mut(id).valid = false;
        self.memo.fill(UNKNOWN);
    }

    pub(super) fn invalidate_all(&mut self) {
        for value in &mut self.values {
            value.valid = false;
        }
        for constant in [NO, MOD, YES] {
            self.value_mut(constant).valid = true;
        }
        self.memo.fill(UNKNOWN);
        self.calc(self.model.modules);
    }

    /// Is a line written for the symbol? Calculates it.
    pub(super) fn is_written(&mut self, id: SymId) -> bool {
        self.calc(id);
        self.value(id).write
    }

    pub(super) fn tri(&mut self, id: SymId) -> Tri {
        self.calc(id);
        self.value(id).tri
    }

    /// The type for now: without modules there are no tristates, and of a choice one is chosen.
    fn kind(&self, id: SymId) -> SymKind {
        let sym = self.model.hot(id);
        if sym.kind == SymKind::Tristate
            && (self.modules == N
                || (self.is_old() && sym.member_of.is_some() && self.value(id).visible == Y))
        {
            return SymKind::Bool;
        }
        sym.kind
    }

    fn calc(&mut self, id: SymId) {
        let value = self.value_mut(id);
        if !value.valid {
            value.open = true;
            self.open += 1;
            deep(|| self.calc_now(id));
            self.value_mut(id).open = false;
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
            if self.value(id).valid {
                return;
            }
        }
        self.value_mut(id).valid = true;
        if sym.kind == SymKind::Unknown {
            self.value_mut(id).text = Text::Name(id);
            return;
        }
        self.value_mut(id).write = false;
        self.calc_visible(id);
        // What somebody sees who comes back here in a circle.
        let nothing = self.nothing(sym.kind);
        let value = self.value_mut(id);
        (value.tri, value.text, value.chosen) = (N, nothing, NONE);
        let mut write = value.visible != N;
        let visible = value.visible;
        match self.kind(id) {
            SymKind::Bool | SymKind::Tristate => {
                let tri = self.calc_tri(id, visible, &mut write);
                self.value_mut(id).tri = tri;
            }
            _ => {
                let text = self.calc_text(id, visible, &mut write);
                self.value_mut(id).text = text;
            }
        }
        self.value_mut(id).write |= write;
        if self.is_old() && sym.choice && self.value(id).tri == Y {
            let chosen = self.calc_choice(id);
            self.value_mut(id).chosen = chosen;
            if chosen == NONE {
                self.value_mut(id).tri = N;
            }
        }
        self.limit_to_range(id);
        if id == model.modules {
            self.modules = self.value(id).tri;
        }
        if sym.choice {
            if self.value(id).write {
                for member in &model.sym(id).members {
                    let member = self.value_mut(*member);
                    member.write |= member.visible != N;
                }
            }
            self.value_mut(id).write = false;
        }
        if model.sym(id).unwritten {
            self.value_mut(id).write = false;
        }
    }

    fn calc_tri(&mut self, id: SymId, visible: Tri, write: &mut bool) -> Tri {
        let sym = self.model.hot(id);
        let mut tri = N;
        if let (Some(choice), false) = (sym.member_of, self.is_old()) {
            self.choose_in_menu(choice);
            tri = self.value(id).tri;
        } else if let (Some(choice), Y) = (sym.member_of, visible) {
            tri = if self.value(choice).chosen == id {
                Y
            } else {
                N
            };
        } else {
            if let (Some(asked), true) = (self.asked.tri(id), visible != N) {
                tri = asked.min(visible);
            } else {
                *write |= self.value(id).rev != N;
                if !sym.choice {
                    tri = self.calc_default(id, visible, write);
                }
            }
            tri = tri.max(self.value(id).rev);
        }
        let dialect = self.model.dialect;
        let is_y = !dialect.weak_imply() && self.value(id).implied == Y;
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
            tri = self.eval(value);
            tri = match dialect.loose_defaults() {
                false => tri.min(cond),
                true if visible.max(self.value(id).rev) != N => tri.min(visible),
                true => tri,
            };
            *write |= tri != N || dialect.writes_all_defaults();
        }
        let Value { implied, dir, .. } = *self.value(id);
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
        let Expr::Sym(from) = self.model.expr(value) else {
            return None;
        };
        self.calc(from);
        Some(self.value(from).text)
    }

    fn is_old(&self) -> bool {
        !self.model.dialect.choice_menus()
    }

    /// The text of a symbol that nothing gives a value. Switches always have this one: somebody
    /// may take it for a string.
    pub(super) fn nothing(&self, kind: SymKind) -> Text {
        match (kind, self.model.dialect.zero_numbers()) {
            (SymKind::Int, true) => Text::Zero,
            (SymKind::Hex, true) => Text::HexZero,
            (SymKind::Bool | SymKind::Tristate, _) => Text::Name(NO),
            _ => Text::Empty,
        }
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
        let mut tri = self.eval(sym.shown);
        if tri == M {
            // Only `y` can be chosen where one is to be chosen.
            let hides = self.is_old() && !self.model.dialect.writes_all_defaults();
            let one = |choice| hides && self.value(choice).tri == Y;
            if sym.kind == SymKind::Tristate && sym.member_of.is_some_and(one) {
                tri = N;
            } else if sym.kind != SymKind::Tristate || self.modules == N {
                tri = Y;
            }
        }
        self.value_mut(id).visible = tri;
        if sym.member_of.is_some() {
            return;
        }
        let (dir, rev) = (self.eval(sym.dir_dep), self.eval(sym.rev_dep));
        let implied = match dir {
            N if !self.model.dialect.weak_imply() => N,
            _ => self.eval(sym.implied),
        };
        let is_bool = self.kind(id) == SymKind::Bool;
        let limit = |tri| if tri == M && is_bool { Y } else { tri };
        let value = self.value_mut(id);
        (value.dir, value.rev, value.implied) = (limit(dir), limit(rev), limit(implied));
    }

    fn limit_to_range(&mut self, id: SymId) {
        if self.model.kind(id).base().is_none() {
            return;
        }
        let text = self.text_of(id).to_owned();
        let Some(bound) = self.exceeded(id, &text) else {
            return;
        };
        let mut text = self.value(bound).text;
        if !self.model.dialect.bounds_as_written() {
            let kind = self.model.kind(id);
            let number = self.bound(bound, kind.base().unwrap_or(10));
            let anew = match kind {
                SymKind::Hex => format!("{number:#x}"),
                _ => number.to_string(),
            };
            // There are fewer than symbols.
            #[allow(clippy::cast_possible_truncation)]
            let at = self.anew.len() as u32;
            self.anew.push(anew.into());
            text = Text::Anew(at);
        }
        self.value_mut(id).text = text;
    }

    /// The bound of its range that `text` as a value of this symbol is beyond, if it is a number.
    pub(super) fn exceeded(&mut self, id: SymId, text: &str) -> Option<SymId> {
        let sym = self.model.sym(id);
        let base = sym.kind.base()?;
        let ((low, high), _) = self.first(sym.ranges())?;
        let number = strtoll(text, base).0;
        if number < self.bound(low, base) {
            Some(low)
        } else if number > self.bound(high, base) {
            Some(high)
        } else {
            None
        }
    }

    fn bound(&mut self, id: SymId, base: u32) -> i64 {
        self.calc(id);
        let base = self.model.kind(id).base().unwrap_or(base);
        strtoll(self.text_of(id), base).0
    }

    pub(super) fn condition(&mut self, cond: Option<ExprId>) -> Tri {
        cond.map_or(Y, |e| self.eval(e))
    }

    pub(super) fn eval(&mut self, id: ExprId) -> Tri {
        let known = self.memo[id.0 as usize];
        if known != UNKNOWN {
            return known;
        }
        let tri = match self.model.expr(id) {
            Expr::Sym(sym) => return self.tri(sym),
            Expr::Not(e) => Y - self.eval(e),
            Expr::And(a, b) => {
                let a = deep(|| self.eval(a));
                if a == N { N } else { a.min(self.eval(b)) }
            }
            Expr::Or(a, b) => {
                let a = deep(|| self.eval(a));
                if a == Y { Y } else { a.max(self.eval(b)) }
            }
            Expr::Cmp(cmp, a, b) => {
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

    /// The value as text, of whatever type it is. It must have been calculated.
    pub(super) fn string(&self, id: SymId) -> &str {
        match self.model.sym(id).kind {
            SymKind::Bool | SymKind::Tristate => match self.value(id).tri {
                N => "n",
                M => "m",
                _ => "y",
            },
            _ => self.text_of(id),
        }
    }

    fn text_of(&self, id: SymId) -> &str {
        self.read(self.value(id).text)
    }

    pub(super) fn read(&self, text: Text) -> &str {
        match text {
            Text::Empty => "",
            Text::Zero => "0",
            Text::HexZero => "0x0",
            Text::Name(of) => self.model.name(of),
            Text::Asked(of) => self.asked.text(of).unwrap_or(""),
            Text::Anew(at) => &self.anew[at as usize],
        }
    }
}
