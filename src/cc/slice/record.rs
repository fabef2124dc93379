//! What is known of the structs of a text: their members, and how they are aligned.

use std::collections::BTreeSet;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::declaration::{Base, Depth};
use super::item::{Item, Sort};
use super::token::{Name, Tokens};

/// So many typedefs are followed in one struct.
const MOST_TYPEDEFS: usize = 10_000;

/// A struct or a union: one with a tag, or the one whose body opens at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Record {
    Tagged(Name),
    Nameless(usize),
}

/// One member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// The number of the declaration that it is in.
    pub(super) part: usize,
    pub(super) base: Base,
    pub(super) depth: Depth,
}

/// What is in a struct.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// Its declarations, each from and to; one may have several members, or a struct with more.
    pub(super) parts: Vec<(usize, usize)>,
    /// Of each declaration: how far one must know the struct to know where a member in it is. What
    /// a field of bits is read with depends on the fields behind it.
    pub(super) known_with: Vec<usize>,
    pub(super) of: FxHashMap<Name, Member>,
}

/// The types that names stand for.
#[derive(Debug, Default)]
pub(super) struct Types {
    pub(super) typedefs: FxHashMap<Name, (Base, Depth)>,
    /// Functions and variables outside of functions.
    pub(super) globals: FxHashMap<Name, (Base, Depth)>,
    /// Of each tag: the item that defines it, and where its body opens.
    pub(super) tags: FxHashMap<Name, (usize, usize)>,
    members: FxHashMap<Record, Option<Rc<Members>>>,
}

impl Types {
    pub(super) fn of(tokens: &Tokens<'_>, items: &[Item]) -> Self {
        let mut types = Self::default();
        for (number, item) in items.iter().enumerate() {
            for (tag, body) in &item.tags {
                types.tags.insert(*tag, (number, *body));
            }
            let end = match item.sort {
                Sort::Function { body, .. } => body.0,
                Sort::Declaration => item.end - 1,
                _ => continue,
            };
            let specifiers = tokens.specifiers(item.begin, end);
            for (begin, to) in tokens.declarators(specifiers.next, end) {
                let Some(place) = tokens.declarator(begin, to) else {
                    continue;
                };
                let Some(name) = tokens.at(place).name() else {
                    continue;
                };
                let depth = tokens.depth(begin, place, to);
                let known = if specifiers.is_typedef {
                    &mut types.typedefs
                } else {
                    &mut types.globals
                };
                // The first: a second one says the same, maybe by itself.
                known.entry(name).or_insert((specifiers.base, depth));
            }
        }
        types
    }

    /// The members of a struct, if it is defined.
    pub(super) fn members(&mut self, tokens: &Tokens<'_>, of: Record) -> Option<Rc<Members>> {
        if let Some(known) = self.members.get(&of) {
            return known.clone();
        }
        let open = match of {
            Record::Tagged(tag) => self.tags.get(&tag).map(|(_, open)| *open),
            Record::Nameless(open) => Some(open),
        };
        let found = open.map(|open| {
            let mut members = Members::default();
            members.read(tokens, open + 1, tokens.close(open), None);
            members.find_bits(tokens);
            Rc::new(members)
        });
        self.members.insert(of, found.clone());
        found
    }

    /// How the struct whose body is in this range is aligned, as far as it depends on what is in
    /// there: in bytes, and all that its attributes say of it.
    pub(super) fn alignment<'t>(
        &self,
        tokens: &Tokens<'t>,
        body: (usize, usize),
    ) -> (u8, BTreeSet<Vec<&'t [u8]>>) {
        let mut found = Alignment {
            types: self,
            tokens,
            seen: FxHashSet::default(),
            typedefs: 0,
            natural: 1,
            explicit: BTreeSet::new(),
        };
        found.read(body.0, body.1);
        (found.natural, found.explicit)
    }
}

impl Members {
    fn read(&mut self, tokens: &Tokens<'_>, begin: usize, end: usize, within: Option<usize>) {
        for (begin, end) in tokens.declarations(begin, end) {
            let part = within.unwrap_or_else(|| {
                self.parts.push((begin, end));
                self.parts.len() - 1
            });
            let specifiers = tokens.specifiers(begin, end);
            let mut has_members = false;
            for (from, to) in tokens.declarators(specifiers.next, end) {
                let Some(place) = tokens.declarator(from, to) else {
                    // Bits without a name.
                    has_members |= tokens.at(from).is(b':');
                    continue;
                };
                let Some(name) = tokens.at(place).name() else {
                    continue;
                };
                has_members = true;
                let member = Member {
                    part,
                    base: specifiers.base,
                    depth: tokens.depth(from, place, to),
                };
                self.of.insert(name, member);
            }
            // What is in a struct without a name is in this one.
            if let (false, Some(open)) = (has_members, specifiers.body) {
                self.read(tokens, open + 1, tokens.close(open), Some(part));
            }
        }
    }

    fn find_bits(&mut self, tokens: &Tokens<'_>) {
        let bits = |(begin, end): &(usize, usize)| tokens.find(*begin, *end, b":") < *end;
        let mut known_with: Vec<usize> = (0..self.parts.len()).collect();
        for (part, next) in (1..self.parts.len()).enumerate().rev() {
            if bits(&self.parts[part]) {
                // To the first behind the run.
                known_with[part] = if bits(&self.parts[next]) {
                    known_with[next]
                } else {
                    next
                };
            }
        }
        self.known_with = known_with;
    }
}

struct Alignment<'a, 't> {
    types: &'a Types,
    tokens: &'a Tokens<'t>,
    seen: FxHashSet<usize>,
    /// How many were followed: they may go in a circle.
    typedefs: usize,
    natural: u8,
    explicit: BTreeSet<Vec<&'t [u8]>>,
}

impl Alignment<'_, '_> {
    /// All that is declared in a range by value.
    fn read(&mut self, begin: usize, end: usize) {
        if !self.seen.insert(begin) {
            return;
        }
        let tokens = self.tokens;
        let mut place = begin;
        while place < end {
            let next = tokens.attributes(place, end);
            if next == place {
                place += 1;
                continue;
            }
            let texts = (place..next).map(|at| tokens.text(tokens.at(at)));
            self.explicit.insert(texts.collect());
            place = next;
        }
        for (begin, end) in tokens.declarations(begin, end) {
            let specifiers = tokens.specifiers(begin, end);
            let is_pointer =
                |(from, to): (usize, usize)| (from..to).any(|place| tokens.at(place).is(b'*'));
            let mut declarators = tokens.declarators(specifiers.next, end).peekable();
            let has_none = declarators.peek().is_none();
            let (mut by_value, mut pointers) = (has_none, false);
            for declarator in declarators {
                if is_pointer(declarator) {
                    pointers = true;
                } else {
                    by_value = true;
                }
            }
            if pointers {
                self.natural = self.natural.max(8);
            }
            if by_value {
                self.base(specifiers.base);
            }
        }
    }

    fn base(&mut self, base: Base) {
        let tokens = self.tokens;
        match base {
            Base::Plain(bytes) => self.natural = self.natural.max(bytes),
            Base::Enum(_) => self.natural = self.natural.max(4),
            // Whatever it is: no less is aligned by nature.
            Base::Typeof(..) => self.natural = self.natural.max(16),
            Base::Nameless(open) => self.read(open + 1, tokens.close(open)),
            Base::Record(tag) => {
                if let Some((_, open)) = self.types.tags.get(&tag) {
                    self.read(open + 1, tokens.close(*open));
                }
            }
            Base::Typedef(name) => match self.types.typedefs.get(&name) {
                Some((base, depth)) if depth.may_be_value() && self.typedefs < MOST_TYPEDEFS => {
                    self.typedefs += 1;
                    self.base(*base);
                }
                _ => self.natural = self.natural.max(8),
            },
        }
    }
}
