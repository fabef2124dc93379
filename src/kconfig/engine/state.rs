//! The values of all symbols: where they are kept, and what is read off them.

use super::asked::{Asked, Mode};
use super::model::{MOD, Model, NO, SymId, SymKind, YES};
use super::value::{M, N, Tri, Y};

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
pub(super) const UNKNOWN: Tri = 3;

/// Nothing is chosen.
pub(super) const NONE: SymId = SymId(u32::MAX);

/// The value of a symbol, and what it was made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) valid: bool,
    /// Is it being calculated?
    pub(super) open: bool,
    pub(super) write: bool,
    pub(super) tri: Tri,
    pub(super) visible: Tri,
    pub(super) dir: Tri,
    pub(super) rev: Tri,
    pub(super) implied: Tri,
    pub(super) text: Text,
    pub(super) chosen: SymId,
}

impl Slot {
    /// Of a symbol that was never calculated.
    pub(super) const BLANK: Self = Self {
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
}

/// The values of all symbols of a model.
#[derive(Debug, Clone)]
pub struct State<'m> {
    pub(super) model: &'m Model,
    pub(super) asked: Asked,
    pub(super) mode: Mode,
    pub(super) modules: Tri,
    pub(super) slots: Vec<Slot>,
    /// The values of expressions: a whole menu shares the condition around it.
    pub(super) memo: Vec<Tri>,
    /// How many symbols are being calculated.
    pub(super) open: u32,
    /// Was one of these asked for its value? What it said may not be its last word, so nothing
    /// that may rest on it is remembered.
    pub(super) in_circle: bool,
    /// Choices with a member that is shown and that nothing was asked for: what was asked for the
    /// choice itself does not hold for a second calculation.
    pub(super) unsettled: Vec<SymId>,
    /// Numbers that were written anew.
    pub(super) anew: Vec<Box<str>>,
}

impl<'m> State<'m> {
    /// Nothing is calculated yet, but for the constants.
    pub(super) fn new(model: &'m Model, asked: Asked, mode: Mode) -> Self {
        let mut state = Self {
            model,
            asked,
            mode,
            modules: N,
            slots: vec![Slot::BLANK; model.len()],
            memo: vec![UNKNOWN; model.exprs.len()],
            open: 0,
            in_circle: false,
            unsettled: Vec::new(),
            anew: Vec::new(),
        };
        for (constant, tri) in [(NO, N), (MOD, M), (YES, Y)] {
            let slot = state.slot_mut(constant);
            (slot.valid, slot.tri, slot.text) = (true, tri, Text::Name(constant));
        }
        state
    }

    /// The model whose values these are.
    #[must_use]
    pub fn model(&self) -> &'m Model {
        self.model
    }
}

impl State<'_> {
    pub(super) fn slot(&self, id: SymId) -> &Slot {
        &self.slots[id.0 as usize]
    }

    pub(super) fn slot_mut(&mut self, id: SymId) -> &mut Slot {
        &mut self.slots[id.0 as usize]
    }

    /// Can the user set the symbol? It must have been calculated.
    pub(super) fn is_visible(&self, id: SymId) -> bool {
        self.slot(id).visible != N
    }

    /// Is one of its choice chosen, so that the symbol is it or not?
    pub(super) fn is_chosen_from(&self, id: SymId) -> bool {
        let visible = self.slot(id).visible;
        visible == Y || visible != N && !self.is_old()
    }

    /// Can the user change the symbol? It must have been calculated.
    pub(super) fn is_changeable(&self, id: SymId) -> bool {
        self.slot(id).visible > self.slot(id).rev
    }

    /// Does a select make more of a symbol than what it depends on allows? It must have been
    /// calculated.
    pub(super) fn is_overridden(&self, id: SymId) -> bool {
        let value = self.slot(id);
        self.model.sym(id).member_of.is_none() && value.dir < value.rev
    }

    /// What selects and implies make of a symbol at least. It must have been calculated.
    pub(super) fn forced(&self, id: SymId) -> (Tri, Tri) {
        (self.slot(id).rev, self.slot(id).implied)
    }

    /// The type for now: without modules there are no tristates, and of a choice one is chosen.
    pub(super) fn kind(&self, id: SymId) -> SymKind {
        let sym = self.model.hot(id);
        if sym.kind == SymKind::Tristate
            && (self.modules == N
                || (self.is_old() && sym.member_of.is_some() && self.slot(id).visible == Y))
        {
            return SymKind::Bool;
        }
        sym.kind
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

    /// Has a symbol calculated again when it is asked for next.
    pub(super) fn invalidate(&mut self, id: SymId) {
        self.slot_mut(id).valid = false;
        self.memo.fill(UNKNOWN);
    }

    /// The value as text, of whatever type it is. It must have been calculated.
    pub(super) fn string(&self, id: SymId) -> &str {
        match self.model.sym(id).kind {
            SymKind::Bool | SymKind::Tristate => match self.slot(id).tri {
                N => "n",
                M => "m",
                _ => "y",
            },
            _ => self.text_of(id),
        }
    }

    pub(super) fn text_of(&self, id: SymId) -> &str {
        self.read(self.slot(id).text)
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

    pub(super) fn is_old(&self) -> bool {
        !self.model.dialect.choice_menus()
    }
}
