//! Makes a model of what was parsed: conditions passed down, selects turned round, choices
//! with their members.

use std::collections::HashMap;

use super::builder::{and, both, either};
use super::model::{
    ALWAYS, Cmp, Does, Entry, ExprId, Formula, Hot, MOD, MenuId, Model, NEVER, NO, ROOT, SymId,
    SymKind, YES,
};
use super::stack::deep;

/// Finishes the model.
pub(super) fn finalize(model: &mut Model) {
    spread(model, ROOT);
    dependencies(model);
    reverse(model);
    members(model);
    model.hot = (0..model.syms.len()).map(|i| hot(model, i)).collect();
    model.interned = HashMap::new();
}

/// The parts of a symbol that every evaluation needs.
fn hot(model: &mut Model, at: usize) -> Hot {
    let conditions: Vec<_> = model.syms[at].prompts().map(|p| p.cond).collect();
    let mut shown = None;
    for cond in conditions {
        shown = either(model, shown, Some(cond.unwrap_or(ALWAYS)));
    }
    let sym = &model.syms[at];
    Hot {
        kind: sym.kind,
        choice: sym.choice,
        has_defaults: sym.defaults().next().is_some(),
        member_of: sym.member_of,
        shown: shown.unwrap_or(NEVER),
        dir_dep: sym.dir_dep.unwrap_or(ALWAYS),
        rev_dep: sym.rev_dep.unwrap_or(NEVER),
        implied: sym.implied.unwrap_or(NEVER),
    }
}

/// Passes conditions on to what is within: all of a block holds for its entries, and all of an
/// entry for its properties. A choice stands for itself: its value limits its members.
fn spread(model: &mut Model, menu: MenuId) {
    let children = model.menu(menu).children.clone();
    let around = match model.menu(menu).entry {
        Entry::Choice(sym) => {
            choice_types(model, sym, &children);
            if model.dialect.choice_menus() {
                model.menu(menu).dep
            } else {
                Some(model.add(Formula::Sym(sym)))
            }
        }
        _ => model.menu(menu).dep,
    };
    for child in children {
        let own = model.menu(child).dep.map(|dep| with_modules(model, dep));
        let dep = both(model, around, own);
        model.menus[child.0 as usize].dep = dep;
        match model.menu(child).entry {
            Entry::Config(sym) | Entry::Choice(sym) => {
                for i in 0..model.sym(sym).props.len() {
                    let prop = &model.sym(sym).props[i];
                    if prop.menu != child {
                        continue;
                    }
                    let own = prop.cond.map(|cond| with_modules(model, cond));
                    let cond = both(model, dep, own);
                    model.syms[sym.0 as usize].props[i].cond = cond;
                }
            }
            Entry::Menu | Entry::Comment => model.menus[child.0 as usize].prompt_cond = dep,
            Entry::Root | Entry::If => {}
        }
        deep(|| spread(model, child));
    }
}

/// The type of a choice is that of its first member that has one; members without take it.
fn choice_types(model: &mut Model, choice: SymId, children: &[MenuId]) {
    let syms: Vec<SymId> = children
        .iter()
        .filter_map(|c| match model.menu(*c).entry {
            Entry::Config(sym) => Some(sym),
            _ => None,
        })
        .collect();
    if model.sym(choice).kind == SymKind::Unknown {
        let known = syms.iter().map(|s| model.sym(*s).kind);
        let first = known.into_iter().find(|k| *k != SymKind::Unknown);
        model.syms[choice.0 as usize].kind = first.unwrap_or_default();
    }
    let kind = model.sym(choice).kind;
    for sym in syms {
        let sym = &mut model.syms[sym.0 as usize];
        if sym.kind == SymKind::Unknown {
            sym.kind = kind;
        }
    }
}

/// `m` in a condition means `m && MODULES`.
fn with_modules(model: &mut Model, id: ExprId) -> ExprId {
    deep(|| match model.expr(id) {
        Formula::Sym(MOD) => {
            let modules = model.add(Formula::Sym(model.modules));
            model.add(Formula::And(id, modules))
        }
        Formula::Not(inner) => {
            let new = with_modules(model, inner);
            if new == inner {
                id
            } else {
                model.add(Formula::Not(new))
            }
        }
        Formula::And(a, b) => {
            let (x, y) = (with_modules(model, a), with_modules(model, b));
            if (x, y) == (a, b) {
                id
            } else {
                model.add(Formula::And(x, y))
            }
        }
        Formula::Or(a, b) => {
            let (x, y) = (with_modules(model, a), with_modules(model, b));
            if (x, y) == (a, b) {
                id
            } else {
                model.add(Formula::Or(x, y))
            }
        }
        Formula::Sym(_) | Formula::Cmp(..) => id,
    })
}

/// A symbol's own dependencies are those of any of its entries. One without any does not make
/// the others void: LKC has it so.
fn dependencies(model: &mut Model) {
    for i in 0..model.menus.len() {
        if let Entry::Config(sym) = model.menus[i].entry {
            let dep = model.menus[i].dep;
            let all = either(model, model.sym(sym).dir_dep, dep);
            model.syms[sym.0 as usize].dir_dep = all;
        }
    }
}

/// Finds the members of each choice. An entry that depends on the one before it is not a member
/// but belongs to that one, as in an automatic submenu.
fn members(model: &mut Model) {
    for i in 0..model.menus.len() {
        let Entry::Choice(choice) = model.menus[i].entry else {
            continue;
        };
        // Blocks within the choice only add conditions.
        let mut flat = Vec::new();
        flatten(model, &model.menus[i].children, &mut flat);
        let mut at = 0;
        while at < flat.len() {
            let entry = flat[at];
            at += 1;
            let Entry::Config(sym) = model.menu(entry).entry else {
                continue;
            };
            if model.dialect.submenus_in_choices() {
                at = after_submenu(model, &flat, at);
            }
            join(model, choice, sym, entry);
        }
    }
}

/// Where the entries end that lie below the one before `at`, and below those in turn.
fn after_submenu(model: &Model, flat: &[MenuId], mut at: usize) -> usize {
    let entry = flat[at - 1];
    let Entry::Config(sym) = model.menu(entry).entry else {
        return at;
    };
    while at < flat.len() && is_below(model, entry, sym, flat[at]) {
        at = deep(|| after_submenu(model, flat, at + 1));
    }
    at
}

fn flatten(model: &Model, children: &[MenuId], flat: &mut Vec<MenuId>) {
    deep(|| {
        for child in children {
            match model.menu(*child).entry {
                Entry::If => flatten(model, &model.menu(*child).children, flat),
                _ => flat.push(*child),
            }
        }
    });
}

fn join(model: &mut Model, choice: SymId, sym: SymId, entry: MenuId) {
    if model.sym(sym).member_of.is_some() {
        return;
    }
    // A bool in a choice of tristates is there only when one of them is to be chosen.
    let (outer, inner) = (model.sym(choice).kind, model.sym(sym).kind);
    if outer == SymKind::Tristate && inner != SymKind::Tristate {
        let one = model.add(Formula::Cmp(Cmp::Eq, choice, YES));
        for i in 0..model.sym(sym).props.len() {
            let prop = &model.sym(sym).props[i];
            if prop.menu == entry {
                let cond = both(model, Some(one), prop.cond);
                model.syms[sym.0 as usize].props[i].cond = cond;
            }
        }
    }
    model.syms[sym.0 as usize].member_of = Some(choice);
    model.syms[choice.0 as usize].members.push(sym);
}

/// Does `other` depend on `sym`, whose entry is `entry`, so that it belongs below it?
fn is_below(model: &Model, entry: MenuId, sym: SymId, other: MenuId) -> bool {
    let shown = |menu: MenuId| match model.menu(menu).entry {
        Entry::Config(sym) | Entry::Choice(sym) => {
            let own = model.sym(sym).prompts().find(|p| p.menu == menu);
            own.map_or(model.menu(menu).dep, |p| p.cond)
        }
        _ => model.menu(menu).dep,
    };
    let Some(dep) = shown(other) else {
        return false;
    };
    let mut terms = Vec::new();
    conjuncts(model, dep, &mut terms);
    if !contains(model, dep, sym) {
        return false;
    }
    let needs = |term: &ExprId| match model.expr(*term) {
        Formula::Sym(s) | Formula::Cmp(Cmp::Ne, s, NO) | Formula::Cmp(Cmp::Eq, s, YES | MOD) => {
            s == sym
        }
        _ => false,
    };
    if terms.iter().any(needs) {
        return true;
    }
    // Or it contains it, and depends on all that the symbol itself depends on.
    let mut own = Vec::new();
    let prompt = model.sym(sym).prompts().find(|p| p.menu == entry);
    if let Some(cond) = prompt.and_then(|p| p.cond) {
        conjuncts(model, cond, &mut own);
    }
    own.iter()
        .all(|term| terms.iter().any(|t| same(model, *t, *term)))
}

fn conjuncts(model: &Model, id: ExprId, out: &mut Vec<ExprId>) {
    deep(|| match model.expr(id) {
        Formula::And(a, b) => {
            conjuncts(model, a, out);
            conjuncts(model, b, out);
        }
        _ => out.push(id),
    });
}

fn contains(model: &Model, id: ExprId, sym: SymId) -> bool {
    deep(|| match model.expr(id) {
        Formula::Sym(s) => s == sym,
        Formula::Not(e) => contains(model, e, sym),
        Formula::And(a, b) | Formula::Or(a, b) => {
            contains(model, a, sym) || contains(model, b, sym)
        }
        Formula::Cmp(_, a, b) => a == sym || b == sym,
    })
}

fn same(model: &Model, a: ExprId, b: ExprId) -> bool {
    // Equal ones are one.
    if a == b {
        return true;
    }
    deep(|| match (model.expr(a), model.expr(b)) {
        (Formula::Not(a), Formula::Not(b)) => same(model, a, b),
        (Formula::And(a, b), Formula::And(c, d)) | (Formula::Or(a, b), Formula::Or(c, d)) => {
            (same(model, a, c) && same(model, b, d)) || (same(model, a, d) && same(model, b, c))
        }
        (a, b) => a == b,
    })
}

/// Turns selects and implies round, and makes choices that are not optional choose something.
fn reverse(model: &mut Model) {
    for i in 0..model.menus.len() {
        // An index of an existing entry.
        #[allow(clippy::cast_possible_truncation)]
        let menu = MenuId(i as u32);
        let (Entry::Config(sym) | Entry::Choice(sym)) = model.menu(menu).entry else {
            continue;
        };
        for at in 0..model.sym(sym).props.len() {
            let prop = model.sym(sym).props[at].clone();
            if prop.menu != menu {
                continue;
            }
            match prop.does {
                Does::Select(other) | Does::Imply(other) => {
                    let on = model.add(Formula::Sym(sym));
                    let on = both(model, Some(on), prop.cond);
                    let is_select = matches!(prop.does, Does::Select(_));
                    let target = model.sym(other);
                    let old = if is_select {
                        target.rev_dep
                    } else {
                        target.implied
                    };
                    let all = either(model, old, on);
                    let target = &mut model.syms[other.0 as usize];
                    if is_select {
                        target.rev_dep = all;
                    } else {
                        target.implied = all;
                    }
                }
                Does::Prompt
                    if !model.dialect.choice_menus()
                        && model.sym(sym).choice
                        && !model.sym(sym).optional =>
                {
                    let at_least = model.add(Formula::Sym(MOD));
                    let shown = Some(and(model, prop.cond, at_least));
                    let all = either(model, model.sym(sym).rev_dep, shown);
                    model.syms[sym.0 as usize].rev_dep = all;
                }
                _ => {}
            }
        }
    }
}
