//! What variables of makefiles stand for: assignments, conditionals, references.

use std::collections::HashMap;
use std::sync::Arc;

use super::make_functions as functions;
use super::make_functions::{each, patsubst};
use super::makefile::{Condition, Line, Makefile, Operator, Wanted};

/// Variables may be defined by each other; by mistake, by themselves.
const DEPTH: usize = 32;

#[derive(Debug, Clone)]
struct Variable {
    text: String,
    is_simple: bool,
}

/// Variables, and where to find others and files that are included.
pub(super) struct Scope<'a> {
    variables: HashMap<String, Variable>,
    outside: &'a dyn Fn(&str) -> Option<String>,
    files: &'a dyn Fn(&str) -> Option<Arc<Makefile>>,
}

impl<'a> Scope<'a> {
    /// `outside` gives the values of variables that no makefile assigns, `files` a makefile by its
    /// path.
    pub(super) fn new(
        outside: &'a dyn Fn(&str) -> Option<String>,
        files: &'a dyn Fn(&str) -> Option<Arc<Makefile>>,
    ) -> Self {
        Self {
            variables: HashMap::new(),
            outside,
            files,
        }
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        let variable = Variable {
            text: value.to_owned(),
            is_simple: true,
        };
        self.variables.insert(name.to_owned(), variable);
    }

    /// The value of a variable; of one that nobody assigned, nothing.
    pub(super) fn value(&self, name: &str) -> String {
        self.look_up(name, 0)
    }

    /// Takes in the assignments of a makefile.
    pub(super) fn run(&mut self, makefile: &Makefile) {
        self.take(makefile, 0);
    }

    /// Takes in its assignments of such variables, whatever they stand under.
    pub(super) fn assign_only(&mut self, makefile: &Makefile, is_wanted: impl Fn(&str) -> bool) {
        for line in &makefile.lines {
            if let Line::Assign(name, operator, value) = line
                && is_wanted(name)
            {
                self.assign(name, *operator, value);
            }
        }
    }

    fn take(&mut self, makefile: &Makefile, depth: usize) {
        /// Of the branches of a conditional.
        #[derive(Clone, Copy, PartialEq)]
        enum Branch {
            Taken,
            NotYet,
            /// An earlier one was, or all of it is passed over.
            Over,
        }
        let mut open: Vec<Branch> = Vec::new();
        for line in &makefile.lines {
            let is_taken = open.iter().all(|branch| *branch == Branch::Taken);
            match line {
                Line::If(condition) => open.push(if !is_taken {
                    Branch::Over
                } else if self.holds(condition) {
                    Branch::Taken
                } else {
                    Branch::NotYet
                }),
                Line::ElseIf(_) | Line::Else => {
                    let next = match (open.last(), line) {
                        (Some(Branch::NotYet), Line::ElseIf(condition))
                            if !self.holds(condition) =>
                        {
                            Branch::NotYet
                        }
                        (Some(Branch::NotYet), _) => Branch::Taken,
                        _ => Branch::Over,
                    };
                    if let Some(last) = open.last_mut() {
                        *last = next;
                    }
                }
                Line::EndIf => {
                    open.pop();
                }
                _ if !is_taken => {}
                Line::Assign(name, operator, value) => self.assign(name, *operator, value),
                Line::Include(paths) => {
                    for path in self.expand(paths, 0).split_whitespace() {
                        if depth < DEPTH
                            && let Some(file) = (self.files)(path)
                        {
                            self.take(&file, depth + 1);
                        }
                    }
                }
            }
        }
    }

    fn holds(&self, condition: &Condition) -> bool {
        let (is, wanted) = match condition {
            Condition::Equal(left, right, wanted) => {
                (self.expand(left, 0) == self.expand(right, 0), wanted)
            }
            Condition::Defined(name, wanted) => {
                let name = self.expand(name, 0);
                let is_empty = match self.variables.get(name.trim()) {
                    Some(variable) => variable.text.is_empty(),
                    None => self.value(name.trim()).is_empty(),
                };
                (!is_empty, wanted)
            }
        };
        is == (*wanted == Wanted::Yes)
    }

    fn assign(&mut self, name: &str, operator: Operator, value: &str) {
        let name = self.expand(name, 0);
        let is_known = self.variables.contains_key(&name) || (self.outside)(&name).is_some();
        match operator {
            Operator::Default if is_known => {}
            Operator::Append if is_known => {
                let was = self.variables.get(&name).cloned();
                let was = was.unwrap_or_else(|| Variable {
                    text: (self.outside)(&name).unwrap_or_default(),
                    is_simple: true,
                });
                let more = if was.is_simple {
                    self.expand(value, 0)
                } else {
                    value.to_owned()
                };
                let variable = Variable {
                    text: format!("{} {more}", was.text),
                    ..was
                };
                self.variables.insert(name, variable);
            }
            Operator::Simple => {
                let value = self.expand(value, 0);
                self.set(&name, &value);
            }
            Operator::Recursive | Operator::Append | Operator::Default => {
                let variable = Variable {
                    text: value.to_owned(),
                    is_simple: false,
                };
                self.variables.insert(name, variable);
            }
        }
    }

    fn look_up(&self, name: &str, depth: usize) -> String {
        match self.variables.get(name) {
            Some(variable) if variable.is_simple => variable.text.clone(),
            Some(variable) => self.expand(&variable.text, depth + 1),
            None => (self.outside)(name).unwrap_or_default(),
        }
    }

    fn expand(&self, text: &str, depth: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let Some(c) = rest.chars().next() else { break };
            match c {
                '(' | '{' => {
                    let Some(end) = closing(rest) else { return out };
                    if depth < DEPTH {
                        out.push_str(&self.reference(&rest[1..end], depth + 1));
                    }
                    rest = &rest[end + 1..];
                }
                '$' => {
                    out.push('$');
                    rest = &rest[1..];
                }
                _ => {
                    // A variable with a name of one character.
                    let (name, after) = rest.split_at(c.len_utf8());
                    if depth < DEPTH {
                        out.push_str(&self.look_up(name, depth));
                    }
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// What stands between the parentheses of `$(...)`.
    fn reference(&self, inner: &str, depth: usize) -> String {
        if let Some((function, rest)) = inner.split_once([' ', '\t'])
            && function
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-')
        {
            return functions::call(function, rest.trim_start(), &|text| {
                self.expand(text, depth)
            });
        }
        let expanded = self.expand(inner, depth);
        if let Some((name, change)) = expanded.split_once(':')
            && let Some((from, to)) = change.split_once('=')
        {
            let value = self.look_up(name, depth);
            let (from, to) = if from.contains('%') {
                (from.to_owned(), to.to_owned())
            } else {
                (format!("%{from}"), format!("%{to}"))
            };
            return each(&value, |word| Some(patsubst(&from, &to, word)));
        }
        self.look_up(expanded.trim(), depth)
    }
}

/// Where the parenthesis closes that `text` begins with.
fn closing(text: &str) -> Option<usize> {
    let open = text.chars().next()?;
    let close = if open == '(' { ')' } else { '}' };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of `obj-y`, with `CONFIG_ON` set.
    fn objects(text: &str) -> String {
        let outside = |name: &str| (name == "CONFIG_ON").then(|| "y".to_owned());
        let more = |path: &str| {
            (path == "more.mk").then(|| Arc::new(Makefile::parse("obj-y += included.o\n")))
        };
        let mut scope = Scope::new(&outside, &more);
        scope.run(&Makefile::parse(text));
        each(&scope.value("obj-y"), |word| Some(word.to_owned()))
    }

    #[test]
    fn lists_are_gathered_from_assignments() {
        let text = "obj-y := a.o \\\n\tb.o # c.o\nobj-$(CONFIG_ON)\t+= d.o\n\
                    obj-$(CONFIG_OFF) += e.o\nobj-y+=f.o\n";
        assert_eq!(objects(text), "a.o b.o d.o f.o");
    }

    #[test]
    fn what_a_variable_is_when_it_is_expanded_counts_for_the_lazy_ones() {
        assert_eq!(objects("A = $(B)\nobj-y = $(A)\nB = b.o\n"), "b.o");
        assert_eq!(objects("A := $(B)\nobj-y = $(A) c.o\nB = b.o\n"), "c.o");
        assert_eq!(objects("A ?= a.o\nA ?= b.o\nobj-y := $A\n"), "a.o");
        assert!(objects("obj-y = $(obj-y) a.o\n").ends_with("a.o a.o"));
    }

    #[test]
    fn conditionals_choose_one_branch() {
        let text = "ifeq ($(CONFIG_ON),y)\nobj-y += a.o\nifdef CONFIG_OFF\nobj-y += b.o\nelse\n\
                    obj-y += c.o\nendif\nelse ifdef CONFIG_ON\nobj-y += d.o\nelse\nobj-y += e.o\n\
                    endif\nifneq \"$(CONFIG_ON)\" 'y'\nobj-y += f.o\nelse ifndef CONFIG_OFF\n\
                    \tobj-y += g.o\nendif\n";
        assert_eq!(objects(text), "a.o c.o g.o");
    }

    #[test]
    fn words_are_worked_on() {
        for (value, result) in [
            ("$(addsuffix .o, a b)", "a.o b.o"),
            ("$(patsubst %.c,%.o,a.c b.h)", "a.o b.h"),
            ("$(sort b.o a.o b.o)", "a.o b.o"),
            ("$(filter-out b.o,a.o b.o c.o)", "a.o c.o"),
            (
                "$(if $(CONFIG_ON),a.o,b.o) $(if $(CONFIG_OFF),c.o,d.o)",
                "a.o d.o",
            ),
            ("$(or $(CONFIG_OFF),$(CONFIG_ON))", "y"),
            ("$(and $(CONFIG_OFF),$(CONFIG_ON))", ""),
            ("$(L:.c=.o) ${L:%.c=x-%}", "l.o x-l"),
            ("$(shell echo a.o)$(call f,x) $$x", "$x"),
            ("$(unfinished", ""),
        ] {
            assert_eq!(
                objects(&format!("L = l.c\nobj-y := {value}\n")),
                result,
                "{value}"
            );
        }
    }

    #[test]
    fn rules_recipes_and_definitions_are_passed_over() {
        let text = "obj-y := a.o\nall: x = 1\n\tobj-y += b.o\ndefine f\nobj-y += c.o\nendef\n\
                    include more.mk gone.mk\n$(obj)/%.o: FORCE ; obj-y = d.o\n\
                    export obj-y += e.o\n";
        assert_eq!(objects(text), "a.o included.o e.o");
    }
}
