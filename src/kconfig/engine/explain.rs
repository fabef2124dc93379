//! Explains a symbol: what it is, why it has its value, what belongs to it.

use serde::Serialize;

use super::expr::Expr;
use super::model::{SymId, SymKind};
use super::state::State;
use super::value::{self, N, Tristate};
use super::walk::{Node, Property, PropertyKind};

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

impl Explanation {
    /// Has it a prompt anywhere? Without one nobody sets it: its value follows from others.
    #[must_use]
    pub fn has_prompt(&self) -> bool {
        self.definitions.iter().any(|at| at.prompt.is_some())
    }
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
        let choice = model.choice_of(id).map_or(&[][..], |c| model.members(c));
        let others = choice.iter().filter(|m| **m != id);
        let selects = model.properties(id).filter_map(|p| match p.kind {
            PropertyKind::Select(other) => Some(model.name(other).to_owned()),
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
            definitions: model.definitions(id).map(Definition::of).collect(),
            needs: self.terms(model.depends(id), Join::And),
            hidden_by: self.hidden_by(id),
            selected_by: self.terms(model.selected_by(id), Join::Or),
            implied_by: self.terms(model.implied_by(id), Join::Or),
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
        let is_prompt = |p: &Property<'_>| matches!(p.kind, PropertyKind::Prompt);
        for prompt in model.properties(id).filter(is_prompt) {
            let terms = self.terms(prompt.condition, Join::And).into_iter();
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
            return match self.who(model.selected_by(id)) {
                by if asked < value && !by.is_empty() => Why::Selected { by },
                _ => Why::Limited {
                    asked: Tristate::of(asked).to_string(),
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
                by: self.who(model.selected_by(id)),
            },
            _ if implied >= value => Why::Implied {
                by: self.who(model.implied_by(id)),
            },
            default => default.unwrap_or(Why::Nothing),
        }
    }

    /// Those parts of a condition that hold.
    fn who(&mut self, cond: Option<Expr<'_>>) -> Vec<String> {
        let terms = self.terms(cond, Join::Or).into_iter();
        terms.filter(|t| t.value != "n").map(|t| t.text).collect()
    }

    fn default_of(&mut self, id: SymId) -> Option<Why> {
        let model = self.model;
        let (value, _) = self.first(model.sym(id).defaults())?;
        if model.kind(id).is_switch() && self.tri_of(value) == N {
            return None;
        }
        let value = Expr { model, id: value }.to_string();
        Some(Why::Default { value })
    }

    /// The parts of a condition, with what each is now.
    fn terms(&mut self, cond: Option<Expr<'_>>, join: Join) -> Vec<Term> {
        let parts = match (cond, join) {
            (None, _) => Vec::new(),
            (Some(cond), Join::And) => cond.conjuncts(),
            (Some(cond), Join::Or) => cond.disjuncts(),
        };
        let mut terms: Vec<Term> = Vec::new();
        for part in parts {
            let text = part.to_string();
            if terms.iter().all(|t| t.text != text) {
                let value = self.eval(part).as_str();
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    And,
    Or,
}

impl Definition {
    /// What a node of the menu tree says.
    #[must_use]
    pub fn of(node: Node<'_>) -> Self {
        Self {
            file: node.file().to_owned(),
            line: node.line(),
            prompt: node.prompt().map(str::to_owned),
            help: node.help().map(str::to_owned),
            menus: node.path().into_iter().map(str::to_owned).collect(),
        }
    }
}
