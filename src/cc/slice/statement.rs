//! Statements: which variables there are where.

use std::rc::Rc;

use super::declaration::Base;
use super::token::{Kind, Word};
use super::walk::{Values, Walk, join};

impl Walk<'_, '_> {
    /// What is in braces.
    pub(super) fn block(&mut self, begin: usize, end: usize) -> Values {
        let locals = self.locals.len();
        let last = self.deeper(|walk| walk.statements(begin, end));
        self.locals.truncate(locals);
        last
    }

    /// Returns what the last one gives, if it is an expression.
    fn statements(&mut self, begin: usize, end: usize) -> Values {
        let tokens = self.tokens;
        let mut last = Values::new();
        let mut place = begin;
        while place < end && !self.is_lost {
            let token = tokens.at(place);
            if token.is(b';') || token.kind == Kind::Pragma {
                place += 1;
                continue;
            }
            last = Values::new();
            place = match token.kind {
                Kind::Mark(b'{') => {
                    self.block(place + 1, tokens.close(place));
                    tokens.behind(place)
                }
                Kind::Word(Word::Control) => {
                    let next = tokens.behind(place + 1);
                    self.expression(place + 1, next);
                    next
                }
                Kind::Word(Word::For) => {
                    let next = tokens.behind(place + 1);
                    self.head(place + 2, next - 1);
                    next
                }
                Kind::Word(Word::Case) => {
                    let colon = self.colon(place, end);
                    self.expression(place + 1, colon);
                    colon + 1
                }
                Kind::Word(Word::Bare) => {
                    let is_label = tokens.at(place + 1).is(b':');
                    place + if is_label { 2 } else { 1 }
                }
                Kind::Name(_) if tokens.at(place + 1).is(b':') => place + 2,
                _ => {
                    let to = tokens.find(place, end, b";");
                    match token.word() {
                        // To a label, or to a value.
                        Some(Word::Goto) => {
                            if tokens.at(place + 1).is(b'*') {
                                self.expression(place + 1, to);
                            }
                        }
                        Some(Word::Return) => {
                            self.expression(place + 1, to);
                        }
                        Some(Word::Asm) => {
                            let open = tokens.find(place, to, b"(");
                            self.expression(open, to);
                        }
                        _ if self.is_declaration(place, to) => {
                            // Types are known by their names, wherever they are.
                            let of = tokens.specifiers(place, to);
                            let is_new = of.body.is_some() && matches!(of.base, Base::Record(_));
                            self.is_lost |= of.is_typedef || is_new;
                            self.declaration(place, to);
                        }
                        _ => last = self.expression(place, to),
                    }
                    to + 1
                }
            };
        }
        last
    }

    /// The colon of a `case`; those of `?:` come in pairs.
    fn colon(&self, begin: usize, end: usize) -> usize {
        let mut open = 0;
        let mut place = begin;
        loop {
            place = self.tokens.find(place, end, b"?:");
            if place >= end {
                return end;
            }
            if self.tokens.at(place).is(b'?') {
                open += 1;
            } else if open == 0 {
                return place;
            } else {
                open -= 1;
            }
            place += 1;
        }
    }

    fn is_declaration(&self, begin: usize, end: usize) -> bool {
        let tokens = self.tokens;
        let mut place = begin;
        while tokens.at(place).is_word(Word::Storage) {
            place += 1;
        }
        let behind = tokens.attributes(place, end);
        if behind > place {
            return behind < end && self.is_declaration(behind, end);
        }
        if tokens.at(place).is_word(Word::StaticAssert) {
            return true;
        }
        if !self.is_type(place, end) {
            return false;
        }
        // A name is a type where something is declared to be of it.
        let next = tokens.at(place + 1);
        tokens.at(place).name().is_none()
            || next.name().is_some()
            || next.is(b'*')
            || matches!(
                next.word(),
                Some(Word::Qualifier | Word::Attribute | Word::Static | Word::Storage)
            )
    }

    /// What is in the brackets of a `for`.
    fn head(&mut self, begin: usize, end: usize) {
        let to = self.tokens.find(begin, end, b";");
        if self.is_declaration(begin, to) {
            let locals = self.locals.len();
            self.declaration(begin, to);
            // They end with the loop, whose end nobody looks for: from here on the name may stand
            // for either.
            for at in locals..self.locals.len() {
                let (name, values) = self.locals[at].clone();
                let inner = self.locals.split_off(locals);
                let mut both = self.named(name);
                self.locals.extend(inner);
                join(&mut both, (*values).clone());
                self.locals[at].1 = Rc::new(both);
            }
        } else {
            self.expression(begin, to);
        }
        self.expression(to + 1, end);
    }
}
