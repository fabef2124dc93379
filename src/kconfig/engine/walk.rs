//! A walk over the menu tree, and what a tree says of its symbols.

use super::expr::Expr;
use super::model::{Does, Entry, ExprId, Menu, MenuId, Model, Prop, ROOT, Sym, SymId};

/// An entry of the menu tree: where something stands in the files, and among the menus.
#[derive(Clone, Copy)]
pub struct Node<'m> {
    model: &'m Model,
    id: MenuId,
}

/// What an entry of the menu tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// The main menu, in which everything is.
    Root,
    /// `config` or `menuconfig`: a definition of this symbol, which may have others.
    Symbol(SymId),
    /// `choice`: what can be chosen is below it.
    Choice(SymId),
    /// `menu`
    Menu,
    /// `comment`
    Comment,
    /// `if`: what it is around of is below it.
    If,
}

impl<'m> Node<'m> {
    fn menu(self) -> &'m Menu {
        self.model.menu(self.id)
    }

    fn expr(self, id: Option<ExprId>) -> Option<Expr<'m>> {
        let model = self.model;
        id.map(|id| Expr { model, id })
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> NodeKind {
        match self.menu().entry {
            Entry::Root => NodeKind::Root,
            Entry::Config(symbol) => NodeKind::Symbol(symbol),
            Entry::Choice(symbol) => NodeKind::Choice(symbol),
            Entry::Menu => NodeKind::Menu,
            Entry::Comment => NodeKind::Comment,
            Entry::If => NodeKind::If,
        }
    }

    /// What the user reads: the title of a menu, the text of a comment, the prompt of a symbol or a choice. `None`
    /// for an `if`, and for a definition without a prompt.
    #[must_use]
    pub fn prompt(self) -> Option<&'m str> {
        self.menu().prompt.as_deref()
    }

    /// When the user can see it: a prompt's condition or a menu's, with those of all that is around it.
    /// `None`: always, or never, if there is no [`prompt`](Self::prompt).
    #[must_use]
    pub fn shown_if(self) -> Option<Expr<'m>> {
        match self.menu().entry {
            Entry::Config(symbol) | Entry::Choice(symbol) => {
                let mut prompts = self.model.sym(symbol).prompts();
                let own = prompts.find(|prompt| prompt.menu == self.id);
                self.expr(own.and_then(|prompt| prompt.cond))
            }
            _ => self.expr(self.menu().prompt_cond),
        }
    }

    /// Its `visible if`: when what is in this menu can be seen.
    #[must_use]
    pub fn visible_if(self) -> Option<Expr<'m>> {
        self.expr(self.menu().visible)
    }

    /// What it depends on, with what all that is around it depends on.
    #[must_use]
    pub fn depends(self) -> Option<Expr<'m>> {
        self.expr(self.menu().dep)
    }

    /// Its help text, without the indentation.
    #[must_use]
    pub fn help(self) -> Option<&'m str> {
        self.menu().help.as_deref()
    }

    /// The file that it stands in, from the top of the source tree. Empty when not even the main menu was told
    /// of.
    #[must_use]
    pub fn file(self) -> &'m str {
        let file = self.model.files.get(self.menu().file as usize);
        file.map_or("", |file| file)
    }

    /// The line that it begins in, from 1; 0 for the main menu.
    #[must_use]
    pub fn line(self) -> u32 {
        self.menu().line
    }

    /// The entry that it is in; `None` for the main menu.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        let id = self.menu().parent?;
        Some(Self { id, ..self })
    }

    /// The entries in it, in their order.
    pub fn children(self) -> impl Iterator<Item = Self> + use<'m> {
        let of = move |id: &MenuId| Self { id: *id, ..self };
        self.menu().children.iter().map(of)
    }

    /// The way to it: the titles of the menus and choices around it, from the outermost. The main menu is not
    /// among them.
    #[must_use]
    pub fn path(self) -> Vec<&'m str> {
        let outer = std::iter::successors(self.parent(), |node| node.parent());
        let outer = outer.filter(|node| node.kind() != NodeKind::Root);
        let mut titles: Vec<&str> = outer.filter_map(Self::prompt).collect();
        titles.reverse();
        titles
    }
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {}:{}", self.kind(), self.file(), self.line())
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.model, other.model) && self.id == other.id
    }
}

impl Eq for Node<'_> {}

/// What a line of a definition does for its symbol, and when.
#[derive(Debug, Clone, Copy)]
pub struct Property<'m> {
    /// What it does.
    pub kind: PropertyKind<'m>,
    /// When, with what all that is around it depends on. `None`: always.
    pub condition: Option<Expr<'m>>,
    /// The definition that it belongs to.
    pub node: Node<'m>,
}

/// What a line of a definition does for its symbol.
#[derive(Debug, Clone, Copy)]
pub enum PropertyKind<'m> {
    /// Lets the user set it. (The text is that of the node.)
    Prompt,
    /// Gives it this value if nobody sets it. The first default whose condition holds counts.
    Default(Expr<'m>),
    /// Has this other symbol be at least what this one is, whatever that one depends on.
    Select(SymId),
    /// The same, if nobody sets the other one, and as far as its dependencies allow.
    Imply(SymId),
    /// Keeps a number between two others.
    Range(SymId, SymId),
}

impl Model {
    /// The main menu.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        let (model, id) = (self, ROOT);
        Node { model, id }
    }

    /// All entries of the menu tree in the order of the menus, the main menu first.
    ///
    /// ```
    /// use kbisect::kconfig::engine::{Env, NoShell, NodeKind, parse};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let text = "menu \"Networking\"\nconfig INET\n\tbool \"TCP/IP\"\n\tdepends on NET\nendmenu\n";
    /// std::fs::write(dir.path().join("Kconfig"), text)?;
    /// let env = Env { source: dir.path().to_owned(), ..Env::default() };
    /// let model = parse("Kconfig", &env, &mut NoShell)?;
    /// let inet = model.walk().find(|node| matches!(node.kind(), NodeKind::Symbol(_))).unwrap();
    /// assert_eq!((inet.path(), inet.prompt()), (vec!["Networking"], Some("TCP/IP")));
    /// assert_eq!((inet.file(), inet.line()), ("Kconfig", 2));
    /// assert_eq!(inet.depends().unwrap().to_string(), "NET");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn walk(&self) -> impl Iterator<Item = Node<'_>> {
        let mut left = vec![self.root()];
        std::iter::from_fn(move || {
            let node = left.pop()?;
            let at = left.len();
            left.extend(node.children());
            left[at..].reverse();
            Some(node)
        })
    }

    /// The definitions of a symbol or a choice, in the order in which they were read.
    pub fn definitions(&self, id: SymId) -> impl Iterator<Item = Node<'_>> {
        let is_own = move |menu: &Menu| matches!(menu.entry, Entry::Config(symbol) | Entry::Choice(symbol) if symbol == id);
        let all = self.menus.iter().zip((0..).map(MenuId));
        let own = all.filter(move |(menu, _)| is_own(menu));
        own.map(|(_, id)| Node { model: self, id })
    }

    /// What a symbol depends on, of all its definitions together: any of them will do.
    #[must_use]
    pub fn depends(&self, id: SymId) -> Option<Expr<'_>> {
        self.expr_of(self.sym(id).dir_dep)
    }

    /// Who selects a symbol: a disjunction, with a part `SYMBOL && condition` for each `select`.
    #[must_use]
    pub fn selected_by(&self, id: SymId) -> Option<Expr<'_>> {
        self.expr_of(self.sym(id).rev_dep)
    }

    /// Who implies a symbol, in the same way.
    #[must_use]
    pub fn implied_by(&self, id: SymId) -> Option<Expr<'_>> {
        self.expr_of(self.sym(id).implied)
    }

    /// What the definitions of a symbol say of it, in the order of the files.
    pub fn properties(&self, id: SymId) -> impl Iterator<Item = Property<'_>> {
        self.sym(id).props.iter().map(|prop| self.property(prop))
    }

    fn property<'m>(&'m self, prop: &Prop) -> Property<'m> {
        Property {
            kind: match prop.does {
                Does::Prompt => PropertyKind::Prompt,
                Does::Default(id) => PropertyKind::Default(Expr { model: self, id }),
                Does::Select(other) => PropertyKind::Select(other),
                Does::Imply(other) => PropertyKind::Imply(other),
                Does::Range(low, high) => PropertyKind::Range(low, high),
            },
            condition: self.expr_of(prop.cond),
            node: Node {
                model: self,
                id: prop.menu,
            },
        }
    }

    /// The choice that a symbol is a member of.
    #[must_use]
    pub fn choice_of(&self, id: SymId) -> Option<SymId> {
        self.sym(id).member_of
    }

    /// What can be chosen in a choice, in the order of the menu; nothing for what is none.
    #[must_use]
    pub fn members(&self, choice: SymId) -> &[SymId] {
        let Sym { members, .. } = self.sym(choice);
        members
    }

    fn expr_of(&self, id: Option<ExprId>) -> Option<Expr<'_>> {
        id.map(|id| Expr { model: self, id })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::asked::Mode;
    use super::super::expand::NoShell;
    use super::super::expr::Parts;
    use super::super::parse::{Env, parse};
    use super::super::value::{Assignment, Tristate, Value};
    use super::*;

    fn model(text: &str) -> Model {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Kconfig"), text).unwrap();
        let env = Env {
            source: dir.path().to_owned(),
            ..Env::default()
        };
        parse("Kconfig", &env, &mut NoShell).unwrap()
    }

    const TREE: &str = "mainmenu \"Toy\"\nmenu \"outer\"\n\tdepends on ON\nif EXTRA\nconfig A\n\tbool \"a\" if B\n\tdefault y if C=3\n\tselect W\n\timply D if !B\n\thelp\n\t  What it is.\nendif\ncomment \"a remark\"\nchoice\n\tprompt \"which\"\nconfig ONE\n\tbool \"one\"\nconfig TWO\n\tbool \"two\"\nendchoice\nendmenu\nconfig ON\n\tdef_bool y\nconfig EXTRA\n\tdef_bool y\nconfig B\n\tbool \"b\"\nconfig C\n\tint \"c\"\n\trange 1 5\n\tdefault 3\nconfig D\n\tbool \"d\"\nconfig W\n\tbool\nconfig A\n\tbool \"a again\"\n";

    #[test]
    fn a_walk_sees_everything_in_the_order_of_the_menus() {
        let model = model(TREE);
        let seen: Vec<String> = model
            .walk()
            .map(|node| match node.kind() {
                NodeKind::Symbol(id) => model.name(id).to_owned(),
                kind => format!("{kind:?}").split('(').next().unwrap().to_owned(),
            })
            .collect();
        let expected = "Root Menu If A Comment Choice ONE TWO ON EXTRA B C D W A";
        assert_eq!(seen.join(" "), expected);
        assert_eq!(model.root().prompt(), Some("Toy"));
        assert!(model.root().parent().is_none());
    }

    #[test]
    fn a_definition_is_told_with_its_place_and_its_conditions() {
        let model = model(TREE);
        let find = |name: &str| model.find(name).unwrap();
        let places: Vec<u32> = model.definitions(find("A")).map(Node::line).collect();
        assert_eq!(places, [5, 36]);
        let a = model.definitions(find("A")).next().unwrap();
        assert_eq!((a.file(), a.help()), ("Kconfig", Some("What it is.")));
        assert_eq!(a.depends().unwrap().to_string(), "ON && EXTRA");
        assert_eq!(a.shown_if().unwrap().to_string(), "ON && EXTRA && B");
        let one = model.definitions(find("ONE")).next().unwrap();
        assert_eq!(one.path(), ["outer", "which"]);
        let choice = model.choice_of(find("ONE")).unwrap();
        assert_eq!(model.members(choice), [find("ONE"), find("TWO")]);
        let told: Vec<String> = model
            .properties(find("A"))
            .map(|p| {
                let what = match p.kind {
                    PropertyKind::Prompt => "prompt".to_owned(),
                    PropertyKind::Default(value) => format!("default {value}"),
                    PropertyKind::Select(id) => format!("select {}", model.name(id)),
                    PropertyKind::Imply(id) => format!("imply {}", model.name(id)),
                    PropertyKind::Range(..) => "range".to_owned(),
                };
                let cond = p.condition.map_or(String::new(), |c| format!(" if {c}"));
                format!("{}: {what}{cond}", p.node.line())
            })
            .collect();
        assert_eq!(
            told,
            [
                "5: prompt if ON && EXTRA && B",
                "5: default y if ON && EXTRA && C=3",
                "5: select W if ON && EXTRA",
                "5: imply D if ON && EXTRA && !B",
                "36: prompt",
            ]
        );
        let by = model.selected_by(find("W")).unwrap().to_string();
        assert_eq!(by, "A && ON && EXTRA");
        let by = model.implied_by(find("D")).unwrap().to_string();
        assert_eq!(by, "A && ON && EXTRA && !B");
    }

    #[test]
    fn an_expression_is_taken_apart_and_evaluated() {
        let model = model(TREE);
        let find = |name: &str| model.find(name).unwrap();
        let prompt = model.properties(find("A")).next().unwrap();
        let condition = prompt.condition.unwrap();
        let parts: Vec<String> = condition
            .conjuncts()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(parts, ["ON", "EXTRA", "B"]);
        assert_eq!(condition.disjuncts(), [condition]);
        assert_eq!(condition.symbols(), ["ON", "EXTRA", "B"].map(find));
        let last = condition.conjuncts()[2];
        assert!(matches!(last.parts(), Parts::Symbol(id) if id == find("B")));
        for (asked, value) in [(Value::NO, Tristate::N), (Value::YES, Tristate::Y)] {
            let asked = [Assignment::new("B", asked)];
            let mut state = model.resolve(Mode::AllNo, Some(&asked));
            assert_eq!(state.eval(condition), value);
        }
    }
}
