//! What becomes of a resolved tree when a few assignments come or go: only what they reach is calculated.
//!
//! It comes to what [`Model::resolve`] makes of the assignments that are then on, byte for byte. Where that cannot
//! be promised, it says so, and the whole is to be resolved:
//!
//! - in a tree with a symbol whose value depends on who asks for it first (a member of a choice that another
//!   member of the same choice depends on, a range whose bound has a range in turn that goes back to it);
//! - where reading a `.config` takes a number back that is out of its range ([`Mode::OldDef`] in the dialects up to
//!   Linux 6.7).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::asked::{Asked, Mode, One};
use super::dialect::Writer;
use super::graph::{Graph, Part, unit, unit_of};
use super::model::{Entry, ExprId, Formula, Model, SymId, SymKind};
use super::state::{Slot, State, Text, UNKNOWN};
use super::value::{Assignment, Tri, Value};

/// A resolved tree, and assignments of which each is on or off.
///
/// ```
/// use kbisect::kconfig::engine::{Assignment, Env, Graph, Mode, NoShell, Value, Varying, parse};
///
/// let dir = tempfile::tempdir()?;
/// std::fs::write(
///     dir.path().join("Kconfig"),
///     "config NET\n\tbool \"Networking\"\n\nconfig INET\n\tbool \"TCP/IP\"\n\tdepends on NET\n",
/// )?;
/// let env = Env { source: dir.path().to_owned(), ..Env::default() };
/// let model = parse("Kconfig", &env, &mut NoShell)?;
/// let graph = Graph::of(&model);
///
/// let asked = ["NET", "INET"].map(|name| (Assignment::new(name, Value::YES), true));
/// let mut varying = Varying::new(&model, &graph, Mode::AllNo, asked).unwrap();
/// let changed = varying.flip(&[0]).unwrap();
/// let names: Vec<&str> = changed.iter().map(|id| model.name(*id)).collect();
/// assert_eq!(names, ["NET", "INET"]);
/// assert_eq!(varying.line(changed[0]), "# CONFIG_NET is not set\n");
/// assert_eq!(varying.line(changed[1]), "");
/// varying.undo();
/// assert_eq!(varying.line(changed[1]), "CONFIG_INET=y\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Varying<'m> {
    graph: &'m Graph,
    lines: Arc<Lines>,
    is_on: Vec<bool>,
    state: State<'m>,
    due: Due,
    /// What is to be done to come back to where it was, the last first.
    undo: Vec<Undo>,
    /// What the state had by then.
    was: Was,
    /// Which flip this is, and by symbol, in which its value changed last.
    flip: u32,
    changed: Vec<u32>,
}

/// The assignments, and where those of each symbol are.
#[derive(Debug)]
struct Lines {
    lines: Vec<(SymId, Option<Value>)>,
    /// By line of the caller: its place among these, if the tree has its symbol.
    places: Vec<Option<u32>>,
    /// By the symbol that stands for it.
    of_unit: HashMap<SymId, Vec<u32>>,
    /// By symbol: can there be a line for it?
    has_entry: Vec<bool>,
}

#[derive(Debug, Clone)]
enum Undo {
    Line(u32),
    Asked(SymId, One),
    Members(Vec<SymId>),
    Slot(SymId, Slot),
    Memo(ExprId, Tri),
}

#[derive(Debug, Clone, Copy)]
struct Was {
    modules: Tri,
    anew: usize,
    unsettled: usize,
}

impl Was {
    fn of(state: &State<'_>) -> Self {
        Self {
            modules: state.modules,
            anew: state.anew.len(),
            unsettled: state.unsettled.len(),
        }
    }
}

impl<'m> Varying<'m> {
    /// Resolves those of `assignments` that are on, in their order. `None`: it must be asked of the
    /// [whole](Model::resolve).
    #[must_use]
    pub fn new(
        model: &'m Model,
        graph: &'m Graph,
        mode: Mode,
        assignments: impl IntoIterator<Item = (Assignment, bool)>,
    ) -> Option<Self> {
        if graph.is_entangled() {
            return None;
        }
        let mut lines = Lines {
            lines: Vec::new(),
            places: Vec::new(),
            of_unit: HashMap::new(),
            has_entry: vec![false; model.len()],
        };
        for menu in &model.menus {
            if let Entry::Config(id) = menu.entry {
                lines.has_entry[id.0 as usize] = true;
            }
        }
        let mut is_on = Vec::new();
        let mut asked = Vec::new();
        for (assignment, on) in assignments {
            let id = model.names.get(&*assignment.name).copied();
            // There are fewer than 2^32 lines.
            #[allow(clippy::cast_possible_truncation)]
            let place = lines.lines.len() as u32;
            lines.places.push(id.map(|_| place));
            if let Some(id) = id {
                lines
                    .of_unit
                    .entry(unit_of(model, id))
                    .or_default()
                    .push(place);
                lines.lines.push((id, assignment.value.clone()));
                is_on.push(on);
            }
            if on {
                asked.push(assignment);
            }
        }
        let mut asked = Asked::new(model, Some(&asked));
        asked.fill(model, mode);
        let mut state = State::new(model, asked, mode);
        state.calc(model.modules);
        state.calc_all();
        for part in (0..graph.len()).flat_map(|at| graph.parts(at)) {
            match part {
                Part::Expr(id) => {
                    state.tri_of(id);
                }
                Part::Unit(id) if takes_back(&mut state, id) => return None,
                Part::Unit(_) => {}
            }
        }
        Some(Self {
            graph,
            lines: Arc::new(lines),
            is_on,
            was: Was::of(&state),
            due: Due::new(graph.len()),
            undo: Vec::new(),
            flip: 0,
            changed: vec![0; model.len()],
            state,
        })
    }

    /// Turns assignments on that are off, and off that are on, by their places. Those of unknown symbols do nothing.
    /// Returns the symbols of which the line in the `.config` is not what it was, in no order. `None`: what becomes
    /// of it must be asked of the whole, and all is as it was before.
    ///
    /// # Panics
    /// A place is none of an assignment.
    pub fn flip(&mut self, places: &[usize]) -> Option<Vec<SymId>> {
        self.flip += 1;
        let began = (self.undo.len(), Was::of(&self.state));
        let mut units = BTreeSet::new();
        for place in places.iter().filter_map(|place| self.lines.places[*place]) {
            self.is_on[place as usize] ^= true;
            self.undo.push(Undo::Line(place));
            let (id, _) = self.lines.lines[place as usize];
            units.insert(unit_of(self.state.model, id));
        }
        let mut texts = HashMap::new();
        for id in units {
            if self.ask_anew(id, &mut texts) {
                self.due.insert(self.graph.component(Part::Unit(id)));
            }
        }
        let mut changed = Vec::new();
        while let Some(component) = self.due.take_first() {
            if !self.calc(component, &texts, &mut changed) {
                self.due.clear();
                self.back_to(began.0, began.1);
                return None;
            }
        }
        Some(changed)
    }

    /// Goes back to where it was when it was made, or to where it last [stayed](Self::stay).
    pub fn undo(&mut self) {
        self.back_to(0, self.was);
    }

    /// Makes of what it is now what [`Self::undo`] goes back to.
    pub fn stay(&mut self) {
        self.undo.clear();
        self.was = Was::of(&self.state);
    }

    /// The line of a symbol in the `.config`; empty if there is none.
    #[must_use]
    pub fn line(&self, id: SymId) -> String {
        let mut out = String::new();
        if self.has_line(id, self.state.slot(id)) {
            self.state.write_symbol(id, &mut out);
        }
        out
    }

    /// The `.config`.
    #[must_use]
    pub fn write(&mut self) -> String {
        self.state.write()
    }

    fn has_line(&self, id: SymId, slot: &Slot) -> bool {
        let model = self.state.model;
        model.sym(id).kind != SymKind::Unknown
            && self.lines.has_entry[id.0 as usize]
            && (slot.write || model.dialect.writer() != Writer::Linux)
    }

    /// Asks for what is on now. Is it something else than before?
    fn ask_anew(&mut self, id: SymId, texts: &mut HashMap<SymId, Option<Box<str>>>) -> bool {
        let model = self.state.model;
        let ids: Vec<SymId> = unit(model, id).collect();
        let before: Vec<One> = ids.iter().map(|id| self.state.asked.of(*id)).collect();
        let members = self.state.asked.members().to_vec();
        let of_unit = self.lines.of_unit.get(&id).into_iter().flatten();
        let on = of_unit.filter(|place| self.is_on[**place as usize]);
        let assignments = on.map(|place| {
            let (id, value) = &self.lines.lines[*place as usize];
            (*id, value.as_ref())
        });
        self.state
            .asked
            .ask_anew(model, self.state.mode, &ids, assignments);
        let mut is_other = false;
        for (id, before) in ids.into_iter().zip(before) {
            let now = self.state.asked.of(id);
            if now == before {
                continue;
            }
            is_other = true;
            if now.text != before.text {
                texts.insert(id, before.text.clone());
            }
            self.undo.push(Undo::Asked(id, before));
        }
        if self.state.asked.members() != members {
            is_other |= model.dialect.choice_menus();
            self.undo.push(Undo::Members(members));
        }
        is_other
    }

    /// Calculates a component anew, and has those done as well that depend on it. `false`: it cannot.
    fn calc(&mut self, component: usize, texts: &Texts, changed: &mut Vec<SymId>) -> bool {
        let graph = self.graph;
        let mut exprs = Vec::new();
        let mut of_units = None;
        for part in graph.parts(component) {
            match part {
                Part::Unit(id) => of_units = Some(id),
                Part::Expr(id) => {
                    let before = self.state.memo[id.0 as usize];
                    self.state.memo[id.0 as usize] = UNKNOWN;
                    exprs.push((id, before));
                }
            }
        }
        // Where there is one, it is what the expressions ask for: a choice.
        if let Some(id) = of_units
            && !self.calc_unit(id, texts, changed)
        {
            for (id, before) in exprs {
                self.undo.push(Undo::Memo(id, before));
            }
            return false;
        }
        for (id, before) in exprs {
            let now = self.state.tri_of(id);
            let is_other = match self.state.model.expr(id) {
                // Its value is not remembered, that of the symbol is.
                Formula::Sym(symbol) => self.changed[symbol.0 as usize] == self.flip,
                _ => now != before,
            };
            if before != self.state.memo[id.0 as usize] {
                self.undo.push(Undo::Memo(id, before));
            }
            if is_other {
                self.due.extend(graph.dependents(Part::Expr(id)));
            }
        }
        true
    }

    fn calc_unit(&mut self, id: SymId, texts: &Texts, changed: &mut Vec<SymId>) -> bool {
        let model = self.state.model;
        let before: Vec<(SymId, Slot)> = unit(model, id)
            .map(|id| (id, *self.state.slot(id)))
            .collect();
        for (id, slot) in &before {
            self.undo.push(Undo::Slot(*id, *slot));
            *self.state.slot_mut(*id) = Slot::BLANK;
        }
        for (id, _) in &before {
            self.state.calc(*id);
        }
        let mut is_other = false;
        for (id, slot) in before {
            if takes_back(&mut self.state, id) {
                return false;
            }
            let now = *self.state.slot(id);
            let differ = self.differ(id, &slot, &now, texts);
            // Others may have the same text, and where it is, it is not any more.
            let has_moved = slot.text != now.text
                || matches!(slot.text, Text::Asked(of) if texts.contains_key(&of));
            if differ != Differ::No || has_moved {
                is_other = true;
                self.changed[id.0 as usize] = self.flip;
            }
            let (had, has) = (self.has_line(id, &slot), self.has_line(id, &now));
            if had != has || has && differ == Differ::InLine {
                changed.push(id);
            }
        }
        if is_other {
            self.due.extend(self.graph.dependents(Part::Unit(id)));
        }
        true
    }

    /// Is the value another one?
    fn differ(&self, id: SymId, before: &Slot, now: &Slot, texts: &Texts) -> Differ {
        let model = self.state.model;
        let kind = model.kind(id);
        if kind.is_switch() {
            return if before.tri == now.tri {
                Differ::No
            } else {
                Differ::InLine
            };
        }
        let was = match before.text {
            Text::Asked(of) if texts.contains_key(&of) => texts[&of].as_deref().unwrap_or(""),
            text => self.state.read(text),
        };
        let is = self.state.read(now.text);
        // Old ones write no number as zero.
        let shows_zero = kind != SymKind::String && model.dialect.writer() != Writer::Linux;
        let is_zero = |text: &str| shows_zero && (text.is_empty() || text == "0");
        match was == is {
            true => Differ::No,
            false if is_zero(was) && is_zero(is) => Differ::InValue,
            false => Differ::InLine,
        }
    }

    fn back_to(&mut self, length: usize, was: Was) {
        while self.undo.len() > length {
            match self.undo.pop() {
                Some(Undo::Line(place)) => self.is_on[place as usize] ^= true,
                Some(Undo::Asked(id, one)) => self.state.asked.restore(id, one),
                Some(Undo::Members(members)) => self.state.asked.restore_members(members),
                Some(Undo::Slot(id, slot)) => *self.state.slot_mut(id) = slot,
                Some(Undo::Memo(id, tri)) => self.state.memo[id.0 as usize] = tri,
                None => {}
            }
        }
        self.state.modules = was.modules;
        self.state.anew.truncate(was.anew);
        self.state.unsettled.truncate(was.unsettled);
    }
}

/// How a symbol differs from what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Differ {
    No,
    /// In its value, which is written alike.
    InValue,
    /// In its line, if it has one.
    InLine,
}

/// What was asked for, of the symbols of which another text is asked for now.
type Texts = HashMap<SymId, Option<Box<str>>>;

/// Does reading a `.config` take back what was asked for a number, which is out of its range?
fn takes_back(state: &mut State<'_>, id: SymId) -> bool {
    let model = state.model;
    if state.mode != Mode::OldDef
        || !model.dialect.resets_numbers()
        || model.kind(id).base().is_none()
    {
        return false;
    }
    let asked = state.asked.text(id).map(str::to_owned);
    asked.is_some_and(|text| state.exceeded(id, &text).is_some())
}

/// Components that are to be calculated, a bit for each.
#[derive(Debug, Clone)]
struct Due {
    bits: Vec<u64>,
    /// No word before this one has any.
    first: usize,
}

impl Due {
    fn new(components: usize) -> Self {
        Self {
            bits: vec![0; components.div_ceil(64)],
            first: components.div_ceil(64),
        }
    }

    fn insert(&mut self, component: usize) {
        self.bits[component / 64] |= 1 << (component % 64);
        self.first = self.first.min(component / 64);
    }

    fn extend(&mut self, components: impl Iterator<Item = usize>) {
        components.for_each(|component| self.insert(component));
    }

    fn take_first(&mut self) -> Option<usize> {
        let words = self.bits.get(self.first..)?;
        let Some(skipped) = words.iter().position(|word| *word != 0) else {
            self.first = self.bits.len();
            return None;
        };
        self.first += skipped;
        let word = &mut self.bits[self.first];
        let bit = word.trailing_zeros() as usize;
        *word &= *word - 1;
        Some(self.first * 64 + bit)
    }

    fn clear(&mut self) {
        self.bits.fill(0);
        self.first = self.bits.len();
    }
}
