//! Finds symbols that depend on themselves: no value of theirs would be right.
//!
//! They are strongly connected components of the graph of symbols and expressions. What counts as
//! dependence is what LKC looks at in `sym_check_deps`, which refuses such trees, too.

use std::collections::{HashMap, VecDeque};

use super::components::components;
use super::error::{ParseError, ParseErrorKind};
use super::model::{Does, ExprId, Formula, Model, SymId};

/// How one symbol depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    DependsOn,
    IsSelectedBy,
    IsImpliedBy,
    Default,
    Visibility,
}

impl How {
    fn text(self) -> &'static str {
        match self {
            Self::DependsOn => "depends on",
            Self::IsSelectedBy => "is selected by",
            Self::IsImpliedBy => "is implied by",
            Self::Default => "has a default with",
            Self::Visibility => "is visible depending on",
        }
    }
}

/// The cycles, each as a sentence, if there are any.
pub(super) fn cycles(model: &Model) -> Option<ParseError> {
    let graph = Graph { model };
    let mut told = Vec::new();
    for component in components(graph.len(), |node, out| graph.next(node, out)) {
        let mut symbols = component.iter().filter_map(|node| graph.symbol(*node));
        let Some(first) = symbols.next() else {
            continue;
        };
        // A choice and its members are one: they depend on each other by their nature.
        let is_choice = model.sym(first).choice;
        let others = symbols.next().is_some();
        let is_cycle = others || !is_choice && component.len() > 1;
        if is_cycle && let Some(text) = graph.tell(first) {
            told.push((text, model.place(first)));
        }
    }
    told.sort_unstable();
    let (file, line) = told.first()?.1.unwrap_or(("", 0));
    Some(ParseError {
        file: file.to_owned(),
        line,
        kind: ParseErrorKind::Recursive(told.into_iter().map(|(text, _)| text).collect()),
    })
}

/// Symbols come first, then expressions.
struct Graph<'m> {
    model: &'m Model,
}

impl Graph<'_> {
    fn len(&self) -> usize {
        self.model.syms.len() + self.model.exprs.len()
    }

    fn symbol(&self, node: usize) -> Option<SymId> {
        let id = u32::try_from(node).ok()?;
        (node < self.model.syms.len()).then_some(SymId(id))
    }

    /// A member of a choice stands at its choice.
    fn of_symbol(&self, id: SymId) -> usize {
        self.model.sym(id).member_of.unwrap_or(id).0 as usize
    }

    fn of_expr(&self, id: ExprId) -> usize {
        self.model.syms.len() + id.0 as usize
    }

    /// What the value of a symbol rests on; of a choice, its members as well.
    fn conditions(&self, id: SymId) -> Vec<(SymId, How, ExprId)> {
        let mut all = Vec::new();
        let members = &self.model.sym(id).members;
        for id in members.iter().copied().chain([id]) {
            let sym = self.model.sym(id);
            let mut add = |how, expr: Option<ExprId>| all.extend(expr.map(|e| (id, how, e)));
            add(How::DependsOn, sym.dir_dep);
            add(How::IsSelectedBy, sym.rev_dep);
            add(How::IsImpliedBy, sym.implied);
            for prop in &sym.props {
                match prop.does {
                    Does::Select(_) | Does::Imply(_) => {}
                    Does::Default(value) => {
                        add(How::Default, prop.cond);
                        // The text of another symbol may be its own by way of a range.
                        if sym.kind.is_switch() && !sym.choice {
                            add(How::Default, Some(value));
                        }
                    }
                    Does::Prompt | Does::Range(..) => add(How::Visibility, prop.cond),
                }
            }
        }
        all
    }

    fn next(&self, node: usize, out: &mut Vec<usize>) {
        out.clear();
        if let Some(id) = self.symbol(node) {
            let conditions = self.conditions(id).into_iter();
            out.extend(conditions.map(|(_, _, expr)| self.of_expr(expr)));
            return;
        }
        match self.model.exprs[node - self.model.syms.len()] {
            Formula::Sym(a) => out.push(self.of_symbol(a)),
            Formula::Not(a) => out.push(self.of_expr(a)),
            Formula::And(a, b) | Formula::Or(a, b) => {
                out.extend([self.of_expr(a), self.of_expr(b)]);
            }
            Formula::Cmp(_, a, b) => out.extend([self.of_symbol(a), self.of_symbol(b)]),
        }
    }

    /// The shortest way from a symbol back to itself, in words.
    fn tell(&self, start: SymId) -> Option<String> {
        /// Where a node was reached from; for a symbol's condition, whose and how.
        type Step = (usize, Option<(SymId, How)>);
        let start = start.0 as usize;
        let mut from: HashMap<usize, Step> = HashMap::new();
        let mut queue = VecDeque::from([start]);
        let mut next = Vec::new();
        'search: while let Some(node) = queue.pop_front() {
            let steps: Vec<(usize, Option<(SymId, How)>)> = match self.symbol(node) {
                Some(id) => {
                    let conditions = self.conditions(id).into_iter();
                    let step = |(id, how, expr)| (self.of_expr(expr), Some((id, how)));
                    conditions.map(step).collect()
                }
                None => {
                    self.next(node, &mut next);
                    next.iter().map(|n| (*n, None)).collect()
                }
            };
            for (to, how) in steps {
                if let std::collections::hash_map::Entry::Vacant(entry) = from.entry(to) {
                    entry.insert((node, how));
                    if to == start {
                        break 'search;
                    }
                    queue.push_back(to);
                }
            }
        }
        let mut links = Vec::new();
        let mut at = start;
        loop {
            let (before, how) = *from.get(&at)?;
            links.extend(how);
            at = before;
            if at == start {
                break;
            }
        }
        links.reverse();
        let mut text = self.name(links.first()?.0);
        for (i, (_, how)) in links.iter().enumerate() {
            let (target, _) = links[(i + 1) % links.len()];
            let joint = if i == 0 { "" } else { ", which" };
            text += &format!("{joint} {} {}", how.text(), self.name(target));
        }
        Some(text)
    }

    /// The name of a symbol and where it is defined.
    fn name(&self, id: SymId) -> String {
        let name = match self.model.name(id) {
            "" => "a choice",
            name => name,
        };
        match self.model.place(id) {
            Some((file, line)) => format!("{name} ({file}:{line})"),
            None => name.to_owned(),
        }
    }
}
