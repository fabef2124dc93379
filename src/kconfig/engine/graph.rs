//! What a change reaches: for each symbol and each expression, those whose values are made of it.
//!
//! [`State::calc`](super::State) reads values where it needs them. This is the same, turned round and with
//! every read that there may be: of conditions (prompts, dependencies, selects, implies, defaults, ranges), of
//! the symbols that defaults and ranges name, of a choice by its members and back, and of `MODULES` by every
//! tristate. The graph's strongly connected components, in the order of their dependencies, are what is
//! calculated one after the other ([`components`]).

use super::components::components;
use super::model::{Does, ExprId, Formula, Model, SymId, SymKind, value_named};

/// What is calculated at once: a symbol, or a choice and its members, or an expression, or a choice with the
/// expressions that its own members' prompts and it make of each other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// By the symbol that stands for it: of a choice and its members, the choice.
    Unit(SymId),
    Expr(ExprId),
}

/// Who depends on whom in a [`Model`]: what is needed to calculate only what a change reaches
/// ([`Varying`](super::Varying)). It takes some ten milliseconds to make of a kernel's, and serves for all
/// questions.
#[derive(Debug)]
pub struct Graph {
    symbols: usize,
    /// By node: its component. What it depends on comes before it.
    component: Vec<u32>,
    /// The nodes, component by component, and where each begins.
    nodes: Vec<u32>,
    begins: Vec<u32>,
    /// The components that depend on each node, node by node, and where each begins.
    dependents: Vec<u32>,
    dependents_begin: Vec<u32>,
    /// Is there a symbol whose value depends on who asks for it first?
    is_entangled: bool,
}

impl Graph {
    /// That of a model.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let symbols = model.syms.len();
        let reads = Reads { model };
        let components = components(reads.len(), |node, out| reads.of(node, out));
        let mut graph = Self {
            symbols,
            component: vec![0; reads.len()],
            nodes: Vec::with_capacity(reads.len()),
            begins: Vec::with_capacity(components.len() + 1),
            dependents: Vec::new(),
            dependents_begin: Vec::new(),
            is_entangled: false,
        };
        for (at, component) in components.iter().enumerate() {
            graph.begins.push(index(graph.nodes.len()));
            for node in component {
                graph.component[*node] = index(at);
                graph.nodes.push(index(*node));
            }
        }
        graph.begins.push(index(graph.nodes.len()));
        graph.turn_round(&reads);
        let mut read = Vec::new();
        graph.is_entangled = components
            .iter()
            .any(|component| reads.is_entangled(component, &mut read));
        graph
    }

    fn turn_round(&mut self, reads: &Reads<'_>) {
        let (mut pairs, mut read) = (Vec::new(), Vec::new());
        for node in 0..reads.len() {
            reads.of(node, &mut read);
            let to = self.component[node];
            // Within a component all is calculated anyway.
            let others = read.iter().filter(|from| self.component[**from] != to);
            pairs.extend(others.map(|from| (index(*from), to)));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut at = 0;
        for node in 0..reads.len() {
            self.dependents_begin.push(index(at));
            at += pairs[at..]
                .iter()
                .take_while(|(from, _)| *from == index(node))
                .count();
        }
        self.dependents_begin.push(index(at));
        self.dependents = pairs.into_iter().map(|(_, to)| to).collect();
    }

    /// Is there a symbol whose value depends on who asks for it first? Then nothing but the whole, in its own
    /// order, tells what becomes of anything.
    pub(super) fn is_entangled(&self) -> bool {
        self.is_entangled
    }

    /// The number of components.
    pub(super) fn len(&self) -> usize {
        self.begins.len() - 1
    }

    /// The parts of a component.
    pub(super) fn parts(&self, component: usize) -> impl Iterator<Item = Part> + '_ {
        let nodes = self.begins[component] as usize..self.begins[component + 1] as usize;
        self.nodes[nodes].iter().map(|node| self.part(*node))
    }

    fn part(&self, node: u32) -> Part {
        match (node as usize).checked_sub(self.symbols) {
            None => Part::Unit(SymId(node)),
            Some(at) => Part::Expr(ExprId(index(at))),
        }
    }

    fn node(&self, part: Part) -> usize {
        match part {
            Part::Unit(symbol) => symbol.0 as usize,
            Part::Expr(expr) => self.symbols + expr.0 as usize,
        }
    }

    /// The component of a part.
    pub(super) fn component(&self, part: Part) -> usize {
        self.component[self.node(part)] as usize
    }

    /// The components that depend on a part.
    pub(super) fn dependents(&self, part: Part) -> impl Iterator<Item = usize> + '_ {
        let node = self.node(part);
        let all = self.dependents_begin[node] as usize..self.dependents_begin[node + 1] as usize;
        self.dependents[all].iter().map(|at| *at as usize)
    }
}

/// An index of nodes or of edges, both of which are counted in 32 bits.
#[allow(clippy::cast_possible_truncation)]
fn index(at: usize) -> u32 {
    at as u32
}

/// The symbol that stands for a symbol: its choice, or itself.
pub(super) fn unit_of(model: &Model, id: SymId) -> SymId {
    model.sym(id).member_of.unwrap_or(id)
}

/// The symbols that are calculated with one that stands for itself, in the order in which they are.
pub(super) fn unit(model: &Model, id: SymId) -> impl Iterator<Item = SymId> + '_ {
    std::iter::once(id).chain(model.sym(id).members.iter().copied())
}

/// Who reads what. Symbols come first, then expressions; members stand at their choice.
struct Reads<'m> {
    model: &'m Model,
}

impl Reads<'_> {
    fn len(&self) -> usize {
        self.model.syms.len() + self.model.exprs.len()
    }

    fn expr(&self, id: ExprId) -> usize {
        self.model.syms.len() + id.0 as usize
    }

    fn symbol(&self, id: SymId) -> usize {
        unit_of(self.model, id).0 as usize
    }

    fn of(&self, node: usize, out: &mut Vec<usize>) {
        out.clear();
        if let Some(at) = node.checked_sub(self.model.syms.len()) {
            match self.model.exprs[at] {
                Formula::Sym(a) => out.push(self.symbol(a)),
                Formula::Not(a) => out.push(self.expr(a)),
                Formula::And(a, b) | Formula::Or(a, b) => out.extend([self.expr(a), self.expr(b)]),
                Formula::Cmp(_, a, b) => out.extend([self.symbol(a), self.symbol(b)]),
            }
            return;
        }
        let id = SymId(index(node));
        // A constant is never calculated, a member with its choice.
        if value_named(self.model.name(id)) != Some(id) && self.model.sym(id).member_of.is_none() {
            unit(self.model, id).for_each(|id| self.of_symbol(id, out));
        }
    }

    fn of_symbol(&self, id: SymId, out: &mut Vec<usize>) {
        let model = self.model;
        let (sym, hot) = (model.sym(id), model.hot(id));
        out.push(self.expr(hot.shown));
        // Nobody selects a member.
        if sym.member_of.is_none() {
            let own = [hot.dir_dep, hot.rev_dep, hot.implied];
            out.extend(own.map(|expr| self.expr(expr)));
        }
        if sym.kind == SymKind::Tristate {
            out.push(self.symbol(model.modules));
        }
        for prop in &sym.props {
            match prop.does {
                Does::Default(value) => {
                    out.extend(prop.cond.map(|cond| self.expr(cond)));
                    match model.expr(value) {
                        // A choice looks only whether that member is visible.
                        Formula::Sym(_) if sym.choice => {}
                        Formula::Sym(from) if !sym.kind.is_switch() => out.push(self.symbol(from)),
                        _ => out.push(self.expr(value)),
                    }
                }
                Does::Range(low, high) => {
                    out.extend(prop.cond.map(|cond| self.expr(cond)));
                    out.extend([self.symbol(low), self.symbol(high)]);
                }
                Does::Prompt | Does::Select(_) | Does::Imply(_) => {}
            }
        }
    }

    /// Does the value of something in this component depend on where the calculation begins? Not if it is a
    /// choice of which the members' prompts ask for the value: it comes first, whoever asks.
    fn is_entangled(&self, component: &[usize], read: &mut Vec<usize>) -> bool {
        let model = self.model;
        let mut units = component.iter().filter(|node| **node < model.syms.len());
        let Some(unit_node) = units.next().copied() else {
            // No expression contains itself.
            return component.len() > 1;
        };
        self.of(unit_node, read);
        if units.next().is_some() || read.contains(&unit_node) {
            return true;
        }
        let id = SymId(index(unit_node));
        let is_member = |of: &SymId| model.sym(*of).member_of == Some(id);
        // The texts of members that are chosen by another one's calculation are not made.
        let has_text =
            |of: &SymId| !model.dialect.choice_menus() || model.sym(*of).member_of.is_none();
        let (is_choice, is_switch) = (model.sym(id).choice, model.kind(id).is_switch());
        let reads_what_may_not_be_there = model.sym(id).props.iter().any(|prop| match prop.does {
            Does::Default(value) => match model.expr(value) {
                // Is it visible? Of one that is no member nobody has found out.
                Formula::Sym(from) if is_choice => !is_member(&from),
                Formula::Sym(from) if !is_switch => !has_text(&from),
                _ => false,
            },
            Does::Range(low, high) => !has_text(&low) || !has_text(&high),
            Does::Prompt | Does::Select(_) | Does::Imply(_) => false,
        });
        let names_member = |node: &usize| match node.checked_sub(model.syms.len()) {
            None => false,
            Some(at) => match model.exprs[at] {
                Formula::Sym(a) => is_member(&a),
                Formula::Cmp(_, a, b) => is_member(&a) || is_member(&b),
                Formula::Not(_) | Formula::And(..) | Formula::Or(..) => false,
            },
        };
        let is_clean_choice =
            is_choice && !model.dialect.choice_menus() && !component.iter().any(names_member);
        reads_what_may_not_be_there || component.len() > 1 && !is_clean_choice
    }
}
