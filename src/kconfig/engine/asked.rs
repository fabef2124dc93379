//! What the user asks for, as `conf` keeps it.

use super::model::{Model, SymId, SymKind};
use super::value::{Assignment, M, N, Tri, Tristate, Value, Y, is_hex, is_int};

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

/// The user's assignments.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    tri: Vec<Option<Tri>>,
    /// Of `tri`, what nobody asked for: the answers of the mode.
    filled: Vec<bool>,
    text: Vec<Option<Box<str>>>,
    chosen: Vec<Option<SymId>>,
    /// Of choices: the most that was asked for a member.
    modes: Vec<Tri>,
    /// The members of choices that something was asked for, in the order of the file.
    members: Vec<SymId>,
}

/// What is asked for one symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct One {
    tri: Option<Tri>,
    filled: bool,
    pub(super) text: Option<Box<str>>,
    chosen: Option<SymId>,
    mode: Tri,
}

impl Asked {
    pub(super) fn tri(&self, id: SymId) -> Option<Tri> {
        self.tri[id.0 as usize]
    }

    /// What was asked for, not what the mode answers for all.
    pub(super) fn by_user(&self, id: SymId) -> Option<Tri> {
        self.tri(id).filter(|_| !self.filled[id.0 as usize])
    }

    pub(super) fn text(&self, id: SymId) -> Option<&str> {
        self.text[id.0 as usize].as_deref()
    }

    /// The members of a choice: the one that was asked for last comes first, those that nothing
    /// was asked for come last.
    pub(super) fn priority(&self, members: &[SymId]) -> Vec<SymId> {
        let mut order = Vec::with_capacity(members.len());
        let asked = self.members.iter().rev().filter(|m| members.contains(m));
        for member in asked.chain(members) {
            if !order.contains(member) {
                order.push(*member);
            }
        }
        order
    }

    pub(super) fn chosen(&self, id: SymId) -> Option<SymId> {
        self.chosen[id.0 as usize]
    }

    fn is_asked(&self, id: SymId) -> bool {
        self.tri(id).is_some() || self.text(id).is_some()
    }

    pub(super) fn forget(&mut self, id: SymId) {
        self.tri[id.0 as usize] = None;
        self.text[id.0 as usize] = None;
    }

    /// No assignments and none at all are not the same for choices.
    pub(super) fn new(model: &Model, assignments: Option<&[Assignment]>) -> Self {
        let mut asked = Self {
            tri: vec![None; model.len()],
            filled: vec![false; model.len()],
            text: vec![None; model.len()],
            chosen: vec![None; model.len()],
            modes: vec![N; model.len()],
            members: Vec::new(),
        };
        let Some(assignments) = assignments else {
            return asked;
        };
        for id in (0..).map(SymId).take(model.len()) {
            asked.tri[id.0 as usize] = unasked(model, id);
        }
        for Assignment { name, value } in assignments {
            if let Some(id) = model.names.get(&**name) {
                asked.set(model, *id, value.as_ref());
            }
        }
        asked
    }

    /// What is asked for one symbol.
    pub(super) fn of(&self, id: SymId) -> One {
        let at = id.0 as usize;
        One {
            tri: self.tri[at],
            filled: self.filled[at],
            text: self.text[at].clone(),
            chosen: self.chosen[at],
            mode: self.modes[at],
        }
    }

    /// Asks for one symbol what was asked for it before.
    pub(super) fn restore(&mut self, id: SymId, one: One) {
        let at = id.0 as usize;
        (self.tri[at], self.filled[at], self.text[at]) = (one.tri, one.filled, one.text);
        (self.chosen[at], self.modes[at]) = (one.chosen, one.mode);
    }

    /// The members of choices that something was asked for, in its order.
    pub(super) fn members(&self) -> &[SymId] {
        &self.members
    }

    pub(super) fn restore_members(&mut self, members: Vec<SymId>) {
        self.members = members;
    }

    /// Asks for these and nothing else of a symbol or, all at once, of a choice and its members. It comes to the
    /// same as if all had been asked for anew.
    pub(super) fn ask_anew<'a>(
        &mut self,
        model: &Model,
        mode: Mode,
        unit: &[SymId],
        assignments: impl Iterator<Item = (SymId, Option<&'a Value>)>,
    ) {
        for id in unit {
            let tri = unasked(model, *id);
            let nothing = One {
                tri,
                filled: false,
                text: None,
                chosen: None,
                mode: N,
            };
            self.restore(*id, nothing);
        }
        self.members.retain(|member| !unit.contains(member));
        for (id, value) in assignments {
            self.set(model, id, value);
        }
        for id in unit {
            self.fill_one(model, mode, *id);
        }
    }

    /// What was asked of the members of a choice, as far as it matters.
    pub(super) fn of_choice(&self, model: &Model, id: SymId) -> impl PartialEq + use<> {
        let members = &model.sym(id).members;
        let tri: Vec<Option<Tri>> = members.iter().map(|m| self.tri(*m)).collect();
        let mode = self.modes[id.0 as usize];
        let order = model.dialect.choice_menus().then(|| self.priority(members));
        (tri, self.tri(id), self.chosen(id), mode, order)
    }

    fn set(&mut self, model: &Model, id: SymId, value: Option<&Value>) {
        let sym = model.sym(id);
        let at = id.0 as usize;
        // The first holds, but choices are told of the others all the same.
        let is_settled = model.dialect.first_holds() && self.is_asked(id);
        match sym.kind {
            SymKind::Bool | SymKind::Tristate => {
                let tri = match value {
                    _ if is_settled => self.tri[at].unwrap_or(N),
                    Some(Value::Tristate(Tristate::M)) if sym.kind == SymKind::Tristate => M,
                    Some(Value::Tristate(Tristate::Y)) => Y,
                    Some(Value::Tristate(Tristate::N)) => N,
                    _ => return,
                };
                self.tri[at] = Some(tri);
                if sym.member_of.is_some() && model.dialect.choice_menus() {
                    self.members.push(id);
                } else if let Some(choice) = sym.member_of {
                    let at = choice.0 as usize;
                    let old = self.modes[at];
                    let again = tri == Y && old != N && model.dialect.first_holds();
                    if tri == Y && !again {
                        self.chosen[at] = Some(id);
                    }
                    self.modes[at] = old.max(tri);
                    // A choice of several and of one at once: what it was asked for is void, for
                    // good.
                    let is_void = self.tri[at].is_none() || tri == M && old == Y || again;
                    self.tri[at] = (!is_void).then_some(self.modes[at]);
                }
            }
            _ if is_settled => {}
            SymKind::String => {
                if let Some(Value::Text(text)) = value {
                    self.text[at] = Some(text.as_str().into());
                }
            }
            SymKind::Int | SymKind::Hex => {
                if let Some(Value::Number(number)) = value
                    && is_number(sym.kind, number)
                {
                    self.text[at] = Some(number.as_str().into());
                }
            }
            SymKind::Unknown => {}
        }
    }

    /// Answers for all symbols that nothing was asked for.
    pub(super) fn fill(&mut self, model: &Model, mode: Mode) {
        for id in (0..).map(SymId).take(model.len()) {
            self.fill_one(model, mode, id);
        }
    }

    fn fill_one(&mut self, model: &Model, mode: Mode, id: SymId) {
        let sym = model.sym(id);
        let answer = match mode {
            Mode::AllNo if sym.yes_in_allno => Y,
            Mode::AllNo => N,
            Mode::AllMod => M,
            Mode::AllYes => Y,
            Mode::AllDef | Mode::OldDef => return,
        };
        if model.dialect.choice_menus() && (sym.choice || sym.member_of.is_some()) {
            return;
        }
        let at = id.0 as usize;
        if sym.kind.is_switch() && self.tri[at].is_none() {
            (self.tri[at], self.filled[at]) = (Some(answer), true);
        }
    }
}

/// What is asked for a symbol before any line of a file: of a choice that is a symbol of its own, nothing to choose.
fn unasked(model: &Model, id: SymId) -> Option<Tri> {
    (model.sym(id).choice && !model.dialect.choice_menus()).then_some(N)
}

/// Is this a number that a symbol of this type takes?
pub(super) fn is_number(kind: SymKind, text: &str) -> bool {
    match kind {
        SymKind::Int => is_int(text),
        SymKind::Hex => is_hex(text),
        _ => false,
    }
}
