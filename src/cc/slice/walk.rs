//! What a piece of code mentions: names, structs by their size, members by their place.

use std::rc::Rc;

use super::declaration::{Base, Depth, Specifiers};
use super::item::{Item, Sort};
use super::kept::{Extent, Fresh, Kept};
use super::record::{Record, Types};
use super::token::{Kind, Name, Tokens, Word};

/// Code that is nested deeper is not looked at.
const MOST_LEVELS: usize = 300;

/// What a value is made of: a struct, and how many pointers are before it. Of what is no struct,
/// and points to none, nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) record: Record,
    pub(super) depth: Depth,
}

/// What a value may be: more than one, where nobody follows what it is.
pub(super) type Values = Vec<Value>;

pub(super) fn join(values: &mut Values, more: Values) {
    for value in more {
        if !values.contains(&value) {
            values.push(value);
        }
    }
}

/// Looks at code and keeps what it mentions.
#[derive(Debug)]
pub(super) struct Walk<'a, 't> {
    pub(super) tokens: &'a Tokens<'t>,
    pub(super) items: &'a [Item],
    pub(super) types: Types,
    pub(super) kept: Kept<'a>,
    /// The variables of the function, the innermost last.
    pub(super) locals: Vec<(Name, Rc<Values>)>,
    level: usize,
    /// Something was not understood.
    pub(super) is_lost: bool,
}

impl<'a, 't> Walk<'a, 't> {
    pub(super) fn new(tokens: &'a Tokens<'t>, items: &'a [Item]) -> Self {
        Self {
            tokens,
            items,
            types: Types::of(tokens, items),
            kept: Kept::of(items),
            locals: Vec::new(),
            level: 0,
            is_lost: false,
        }
    }

    /// Looks at all that matters. False when something was not understood.
    pub(super) fn run(&mut self) -> bool {
        while let Some(fresh) = self.kept.next() {
            self.visit(fresh);
            if self.is_lost {
                return false;
            }
        }
        true
    }

    fn visit(&mut self, fresh: Fresh) {
        self.locals.clear();
        let item = &self.items[fresh.item];
        // What else declares it may say more of it: its section, its alignment.
        for name in &item.names {
            self.kept.name(*name);
        }
        match item.sort {
            Sort::Pragma => {}
            Sort::Brackets(begin, end) => {
                self.expression(begin, end);
            }
            Sort::Function { body, parameters } => {
                self.declaration(item.begin, body.0);
                self.locals.clear();
                if let Some(open) = parameters {
                    self.parameters(open);
                }
                self.block(body.0 + 1, body.1);
            }
            Sort::Record { tag, body } => {
                if fresh.before == Extent::Nothing {
                    self.attributes(item.begin, body.0);
                    self.attributes(body.1 + 1, item.end);
                }
                let Some(members) = self.types.members(self.tokens, Record::Tagged(tag)) else {
                    return;
                };
                let parts = |extent| match extent {
                    Extent::Nothing => 0,
                    Extent::Parts(parts) => parts,
                    Extent::Whole => members.parts.len(),
                };
                let fresh = parts(fresh.before)..parts(fresh.now);
                for (begin, end) in members.parts.get(fresh).unwrap_or_default() {
                    self.declaration(*begin, *end);
                    self.locals.clear();
                }
            }
            Sort::Declaration => self.declaration(item.begin, item.end - 1),
        }
    }

    /// Does something go one level deeper? Not for ever.
    pub(super) fn deeper<T: Default>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        if self.level >= MOST_LEVELS {
            self.is_lost = true;
        }
        if self.is_lost {
            return T::default();
        }
        self.level += 1;
        let found = look(self);
        self.level -= 1;
        found
    }

    /// The size of what these are matters, if it is theirs.
    pub(super) fn sized(&mut self, values: &Values, matters: impl Fn(Depth) -> bool) {
        for value in values.iter().filter(|value| matters(value.depth)) {
            if let Record::Tagged(tag) = value.record {
                self.kept.whole(&self.types, tag);
            }
        }
    }

    /// What something of this base may be.
    pub(super) fn values(&mut self, base: Base, depth: Depth) -> Values {
        let record = match base {
            Base::Record(tag) => Record::Tagged(tag),
            Base::Nameless(open) => Record::Nameless(open),
            Base::Typedef(name) => {
                return match self.types.typedefs.get(&name).copied() {
                    Some((base, more)) => self.deeper(|walk| walk.values(base, depth.plus(more))),
                    None => Values::new(),
                };
            }
            Base::Typeof(begin, end) => {
                let mut values = self.deeper(|walk| walk.type_or_expression(begin, end));
                for value in &mut values {
                    value.depth = value.depth.plus(depth);
                }
                return values;
            }
            Base::Enum(_) | Base::Plain(_) => return Values::new(),
        };
        vec![Value { record, depth }]
    }

    /// What a name stands for here.
    pub(super) fn named(&mut self, name: Name) -> Values {
        if let Some(values) = self.local(name) {
            return (*values).clone();
        }
        match self.types.globals.get(&name).copied() {
            Some((base, depth)) => self.values(base, depth),
            None => Values::new(),
        }
    }

    fn local(&self, name: Name) -> Option<Rc<Values>> {
        let mut locals = self.locals.iter().rev();
        let (_, values) = locals.find(|(local, _)| *local == name)?;
        Some(Rc::clone(values))
    }

    /// Does a type begin here?
    pub(super) fn is_type(&self, place: usize, end: usize) -> bool {
        if place >= end {
            return false;
        }
        match self.tokens.at(place).kind {
            Kind::Word(word) => matches!(
                word,
                Word::Record
                    | Word::Enum
                    | Word::Qualifier
                    | Word::Type(_)
                    | Word::Typeof
                    | Word::AutoType
                    | Word::Typedef
                    | Word::Static
                    | Word::Extern
                    | Word::Inline
            ),
            Kind::Name(name) => {
                self.types.typedefs.contains_key(&name) && self.local(name).is_none()
            }
            _ => false,
        }
    }

    /// What attributes in a range mention.
    pub(super) fn attributes(&mut self, begin: usize, end: usize) {
        let mut place = begin;
        while place < end {
            let next = self.tokens.attributes(place, end);
            for place in place..next {
                let token = self.tokens.at(place);
                if let Some(name) = token.name() {
                    self.kept.name(name);
                } else if token.is_tag_word() {
                    let (tag, _) = self.tokens.tag(place, next);
                    if let Some(tag) = tag {
                        self.kept.whole(&self.types, tag);
                    }
                }
            }
            place = next.max(self.tokens.behind(place));
        }
    }

    /// What specifiers mention. Where all that is declared are pointers to it, the size of a struct
    /// does not matter.
    fn specifiers(&mut self, of: &Specifiers, begin: usize, is_by_value: bool) {
        self.attributes(begin, of.next);
        match of.base {
            Base::Record(tag) if of.body.is_none() && is_by_value => {
                self.kept.whole(&self.types, tag);
            }
            Base::Enum(tag) if of.body.is_none() => self.kept.whole(&self.types, tag),
            Base::Typedef(name) => {
                self.kept.name(name);
                if is_by_value {
                    let values = self.values(of.base, Depth::VALUE);
                    self.sized(&values, Depth::may_be_value);
                }
            }
            Base::Typeof(begin, end) => {
                let values = self.deeper(|walk| walk.type_or_expression(begin, end));
                if is_by_value {
                    self.sized(&values, Depth::may_be_value);
                }
            }
            _ => {}
        }
        if let Some(open) = of.body {
            let close = self.tokens.close(open);
            if matches!(of.base, Base::Record(_) | Base::Nameless(_)) {
                let parts: Vec<_> = self.tokens.declarations(open + 1, close).collect();
                for (begin, end) in parts {
                    let locals = self.locals.len();
                    self.deeper(|walk| walk.declaration(begin, end));
                    self.locals.truncate(locals);
                }
            } else {
                self.expression(open + 1, close);
            }
        }
    }

    /// A declaration without its semicolon. What it declares are variables from here on.
    pub(super) fn declaration(&mut self, begin: usize, end: usize) {
        let tokens = self.tokens;
        if tokens.at(begin).is_word(Word::StaticAssert) {
            self.expression(begin + 1, end);
            return;
        }
        let specifiers = tokens.specifiers(begin, end);
        let declarators: Vec<_> = tokens.declarators(specifiers.next, end).collect();
        let name = |from, to| tokens.declarator(from, to).unwrap_or(from);
        let is_pointer = |&(from, to): &(usize, usize)| {
            (from..=name(from, to)).any(|place| tokens.at(place).is(b'*'))
        };
        // A struct without declarators, in a list of parameters, is one by value. Another name for it
        // is not, if it is not one for several.
        let is_by_value = if specifiers.is_typedef {
            let is_array = |&(from, to): &(usize, usize)| tokens.find(from, to, b"[") < to;
            declarators.iter().any(is_array)
        } else {
            declarators.is_empty() || !declarators.iter().all(is_pointer)
        };
        self.specifiers(&specifiers, begin, is_by_value);
        for (from, to) in declarators {
            let place = tokens.declarator(from, to);
            if let Some(place) = place
                && let Some(name) = tokens.at(place).name()
                && !specifiers.is_typedef
            {
                let values = if specifiers.is_auto {
                    let value = tokens.find(place, to, b"=");
                    self.deeper(|walk| walk.expression(value + 1, to))
                } else {
                    self.values(specifiers.base, tokens.depth(from, place, to))
                };
                self.locals.push((name, Rc::new(values)));
            }
            self.declarator(from, place, to);
        }
    }

    /// What stands in a declarator besides its name: arrays' sizes, parameters, attributes, bits, the
    /// value.
    fn declarator(&mut self, begin: usize, name: Option<usize>, end: usize) {
        let tokens = self.tokens;
        let mut place = begin;
        while place < end {
            let token = tokens.at(place);
            let next = tokens.attributes(place, end);
            if next > place {
                self.attributes(place, next);
                place = next;
            } else if token.is(b'[') {
                self.expression(place + 1, tokens.close(place));
                place = tokens.behind(place);
            } else if token.is(b'(') {
                let close = tokens.close(place);
                if name.is_some_and(|name| place < name && name < close)
                    || matches!(tokens.at(place + 1).kind, Kind::Mark(b'*' | b'('))
                {
                    self.deeper(|walk| walk.declarator(place + 1, name, close));
                } else {
                    let locals = self.locals.len();
                    self.deeper(|walk| walk.parameters(place));
                    self.locals.truncate(locals);
                }
                place = close + 1;
            } else if token.is(b'=') || token.is(b':') {
                self.expression(place + 1, end);
                place = end;
            } else {
                place += 1;
            }
        }
    }

    /// The parameters in the bracket that opens here.
    fn parameters(&mut self, open: usize) {
        let tokens = self.tokens;
        let close = tokens.close(open);
        let mut place = open + 1;
        while place < close {
            let end = tokens.find(place, close, b",");
            if !tokens.at(place).is(b'.') {
                self.declaration(place, end);
            }
            place = end + 1;
        }
    }

    /// The name of a type.
    pub(super) fn type_name(&mut self, begin: usize, end: usize) -> Values {
        let tokens = self.tokens;
        let specifiers = tokens.specifiers(begin, end);
        let (mut stars, mut is_plain) = (0, true);
        for place in specifiers.next..end {
            match tokens.at(place).kind {
                Kind::Mark(b'*') => stars += 1,
                Kind::Mark(b'(' | b'[') => is_plain = false,
                _ => {}
            }
        }
        self.specifiers(&specifiers, begin, stars == 0);
        self.declarator(specifiers.next, None, end);
        let depth = if is_plain {
            Depth::of(stars)
        } else {
            Depth::UNKNOWN
        };
        self.values(specifiers.base, depth)
    }

    pub(super) fn type_or_expression(&mut self, begin: usize, end: usize) -> Values {
        if self.is_type(begin, end) {
            self.type_name(begin, end)
        } else {
            self.expression(begin, end)
        }
    }
}
