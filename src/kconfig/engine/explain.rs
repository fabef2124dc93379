//! Explains a symbol: what it is, why it has its value, what belongs to it.

use std::fmt::Write;

use serde::Serialize;

use super::model::{
    Cmp, Does, Entry, ExprId, Formula, Menu, Model, Prop, SymId, SymKind, value_named,
};
use super::stack::deep;
use super::state::State;
use super::value::{self, M, N, Tri, is_number};

/// What is known of a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Its name.
    pub symbol: String,
    /// `bool`, `tristate`, `int`, `hex`, `string`.
    pub kind: &'static str,
    /// Its value, as in a `.config`.
    pub value: String,
    /// Is there a line for it in the `.config`?
    pub written: bool,
    /// Where the value comes from.
    pub why: Why,
    /// Is it on though what it depends on is off, because a select overrides that? A select does
    /// not look at what the selected symbol needs.
    pub overridden: bool,
    /// Can the user set it now?
    pub visible: bool,
    /// Where it is defined.
    pub definitions: Vec<Definition>,
    /// What it depends on, of all its definitions together, and what each part is now.
    pub needs: Vec<Term>,
    /// What is missing for the user to set it: parts of its prompts' conditions. Empty when it
    /// can be set, or has no prompt.
    pub hidden_by: Vec<Term>,
    /// Who selects it, and whether that is so now.
    pub selected_by: Vec<Term>,
    /// Who implies it.
    pub implied_by: Vec<Term>,
    /// What it selects.
    pub selects: Vec<String>,
    /// The choice that it is a member of: the other members.
    pub choice: Vec<String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Why {
    /// It was asked for.
    Requested,
    /// What was asked for cannot be: this is what became of it.
    Limited {
        /// What was asked for.
        asked: String,
    },
    /// Its default.
    Default {
        /// As the file has it.
        value: String,
    },
    /// Others select it.
    Selected {
        /// Who.
        by: Vec<String>,
    },
    /// Others imply it.
    Implied {
        /// Who.
        by: Vec<String>,
    },
    /// It is the one that is chosen of its choice.
    Chosen,
    /// Another one is.
    NotChosen,
    /// Nothing sets it.
    Nothing,
}

/// A condition and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Term {
    /// As Kconfig writes it.
    pub text: String,
    /// `n`, `m` or `y`.
    pub value: &'static str,
}

/// One place that defines a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// The file, from the top of the source tree.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What the user is asked there.
    pub prompt: Option<String>,
    /// The help text.
    pub help: Option<String>,
    /// The menus that it is in, from the outermost.
    pub menus: Vec<String>,
}

impl State<'_> {
    /// Explains a symbol; `None` when nothing defines it.
    pub fn explain(&mut self, id: SymId) -> Option<Explanation> {
        let model = self.model;
        if model.kind(id) == SymKind::Unknown {
            return None;
        }
        let written = self.is_written(id);
        let sym = model.sym(id);
        let choice = sym.member_of.map_or(&[][..], |c| &model.sym(c).members);
        let others = choice.iter().filter(|m| **m != id);
        let selects = sym.props.iter().filter_map(|p| match p.does {
            Does::Select(other) => Some(model.name(other).to_owned()),
            _ => None,
        });
        Some(Explanation {
            symbol: model.name(id).to_owned(),
            kind: sym.kind.name(),
            value: quoted(sym.kind, self.string(id)),
            written,
            why: self.why(id),
            overridden: self.is_overridden(id),
            visible: self.is_visible(id),
            definitions: model.definitions(id),
            needs: self.terms(sym.dir_dep, Join::And),
            hidden_by: self.hidden_by(id),
            selected_by: self.terms(sym.rev_dep, Join::Or),
            implied_by: self.terms(sym.implied, Join::Or),
            selects: selects.collect(),
            choice: others.map(|m| model.name(*m).to_owned()).collect(),
        })
    }

    fn hidden_by(&mut self, id: SymId) -> Vec<Term> {
        let mut missing: Vec<Term> = Vec::new();
        if self.is_visible(id) {
            return missing;
        }
        let model = self.model;
        for prompt in model.sym(id).prompts() {
            let terms = self.terms(prompt.cond, Join::And).into_iter();
            for term in terms.filter(|t| t.value == "n") {
                if !missing.contains(&term) {
                    missing.push(term);
                }
            }
        }
        missing
    }

    fn why(&mut self, id: SymId) -> Why {
        let model = self.model;
        let sym = model.sym(id);
        let visible = self.is_visible(id);
        if !sym.kind.is_switch() {
            let now = self.string(id).to_owned();
            let asked = self.asked.text(id).filter(|_| visible).map(str::to_owned);
            return match asked {
                Some(asked) if asked == now => Why::Requested,
                Some(asked) => Why::Limited {
                    asked: quoted(sym.kind, &asked),
                },
                None => match self.default_of(id) {
                    // Its range moved it.
                    Some(Why::Default { value }) if self.default_text(id) != now => {
                        Why::Limited { asked: value }
                    }
                    default => default.unwrap_or(Why::Nothing),
                },
            };
        }
        let value = self.tri(id);
        if sym.member_of.is_some() && self.is_chosen_from(id) {
            return if value == N {
                Why::NotChosen
            } else {
                Why::Chosen
            };
        }
        if let Some(asked) = self.asked.by_user(id).filter(|_| visible) {
            if asked == value {
                return Why::Requested;
            }
            return match self.who(sym.rev_dep) {
                by if asked < value && !by.is_empty() => Why::Selected { by },
                _ => Why::Limited {
                    asked: word(asked).to_owned(),
                },
            };
        }
        if value == N {
            return Why::Nothing;
        }
        // The strongest comes last, and each only if it is enough for the value.
        let (rev, implied) = self.forced(id);
        let default = self.default_of(id);
        match default {
            Some(default) if self.default_value(id) >= value => default,
            _ if rev >= value => Why::Selected {
                by: self.who(sym.rev_dep),
            },
            _ if implied >= value => Why::Implied {
                by: self.who(sym.implied),
            },
            default => default.unwrap_or(Why::Nothing),
        }
    }

    /// Those parts of a condition that hold.
    fn who(&mut self, cond: Option<ExprId>) -> Vec<String> {
        let terms = self.terms(cond, Join::Or).into_iter();
        terms.filter(|t| t.value != "n").map(|t| t.text).collect()
    }

    fn default_of(&mut self, id: SymId) -> Option<Why> {
        let defaults = self.model.sym(id).defaults();
        let (value, _) = self.first(defaults)?;
        if self.model.kind(id).is_switch() && self.eval(value) == N {
            return None;
        }
        Some(Why::Default {
            value: self.model.text(value),
        })
    }

    /// The parts of a condition, with what each is now.
    fn terms(&mut self, cond: Option<ExprId>, join: Join) -> Vec<Term> {
        let mut parts = Vec::new();
        if let Some(cond) = cond {
            self.model.split(cond, join, &mut parts);
        }
        let mut terms: Vec<Term> = Vec::new();
        for part in parts {
            let text = self.model.text(part);
            if terms.iter().all(|t| t.text != text) {
                let value = word(self.eval(part));
                terms.push(Term { text, value });
            }
        }
        terms
    }
}

/// A value as a `.config` has it.
fn quoted(kind: SymKind, text: &str) -> String {
    match kind {
        SymKind::String => value::quoted(text),
        _ => text.to_owned(),
    }
}

fn word(tri: Tri) -> &'static str {
    match tri {
        N => "n",
        M => "m",
        _ => "y",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    And,
    Or,
}

impl Model {
    fn definitions(&self, id: SymId) -> Vec<Definition> {
        let of = |menu: &&Menu| menu.entry == Entry::Config(id);
        let menus = self.menus.iter().filter(of);
        menus
            .map(|menu| Definition {
                file: self.files[menu.file as usize].to_string(),
                line: menu.line,
                prompt: menu.prompt.as_deref().map(str::to_owned),
                help: menu.help.as_deref().map(str::to_owned),
                menus: self.around(menu),
            })
            .collect()
    }

    fn around(&self, menu: &Menu) -> Vec<String> {
        let mut titles = Vec::new();
        let mut next = menu.parent;
        while let Some(outer) = next.map(|id| self.menu(id)) {
            if outer.entry != Entry::Root {
                titles.extend(outer.prompt.as_deref().map(str::to_owned));
            }
            next = outer.parent;
        }
        titles.reverse();
        titles
    }

    fn split(&self, id: ExprId, join: Join, out: &mut Vec<ExprId>) {
        deep(|| match (self.expr(id), join) {
            (Formula::And(a, b), Join::And) | (Formula::Or(a, b), Join::Or) => {
                self.split(a, join, out);
                self.split(b, join, out);
            }
            _ => out.push(id),
        });
    }

    /// An expression as Kconfig writes it.
    pub(super) fn text(&self, id: ExprId) -> String {
        let mut out = String::new();
        self.write_expr(id, 0, &mut out);
        out
    }

    fn write_expr(&self, id: ExprId, binding: u8, out: &mut String) {
        deep(|| {
            let mut pair = |a, b, mine: u8, sign: &str| {
                let open = binding > mine;
                out.push_str(if open { "(" } else { "" });
                self.write_expr(a, mine, out);
                out.push_str(sign);
                self.write_expr(b, mine, out);
                out.push_str(if open { ")" } else { "" });
            };
            match self.expr(id) {
                Formula::And(a, b) => pair(a, b, 1, " && "),
                Formula::Or(a, b) => pair(a, b, 0, " || "),
                Formula::Not(e) => {
                    out.push('!');
                    self.write_expr(e, 2, out);
                }
                Formula::Sym(sym) => self.write_operand(sym, out),
                Formula::Cmp(cmp, a, b) => {
                    self.write_operand(a, out);
                    out.push_str(match cmp {
                        Cmp::Eq => "=",
                        Cmp::Ne => "!=",
                        Cmp::Lt => "<",
                        Cmp::Le => "<=",
                        Cmp::Gt => ">",
                        Cmp::Ge => ">=",
                    });
                    self.write_operand(b, out);
                }
            }
        });
    }

    fn write_operand(&self, id: SymId, out: &mut String) {
        let name = self.name(id);
        if self.sym(id).choice && name.is_empty() {
            let prompt = self.sym(id).prompts().next();
            let title = prompt.and_then(|p: &Prop| self.menu(p.menu).prompt.as_deref());
            // Writing to a String does not fail.
            let _ = write!(out, "<choice: {}>", title.unwrap_or_default());
        } else {
            // What stands in quotes has no name that a file could mean. Switches and numbers are
            // the same without.
            let is_plain = value_named(name).is_some() || is_number(name);
            let is_named = self.sym(id).choice || self.names.get(name) == Some(&id);
            if is_named || is_plain {
                out.push_str(name);
            } else {
                out.push_str(&value::quoted(name));
            }
        }
    }
}
