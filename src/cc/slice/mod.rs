//! What the compiler makes an object of: the part of a preprocessed text that can matter.
//!
//! Most of what a kernel's source includes is not used by it. When a CONFIG symbol changes a struct
//! that every file sees (a field of `task_struct`), every file is compiled anew, and most objects
//! come out as they were: in the EC2 set without `POSIX_TIMERS` 658 of 775. So a text is cut down,
//! before it is hashed, to
//!
//! - what makes something: functions that are not `inline`, variables, `asm`, static assertions;
//! - whatever these mention, and whatever that mentions in turn: declarations, types, enumerators,
//!   inline functions;
//! - of a struct that is only pointed to, and of which only some members are reached, its
//!   declarations up to the last of these, that there are more, and how the whole is aligned. The
//!   rest of it cannot matter where its size is not asked for, nothing of this type is defined,
//!   copied, counted on from or indexed.
//!
//! Two texts that are equal so far give the same object. What is assumed besides: that what was
//! left out still compiles, without a warning (it did when the object was made, around the same
//! rest); and that the compiler does what C says of what nobody uses. Where types do not tell what
//! can be an alias (`-fno-strict-aliasing`), nothing but that rests on them. A text that is not
//! understood to the end is not cut.
//!
//! It is an experiment, off unless [`super::SLICE`] is set. Known to be taken for equal and not to be:
//! a tag that is first named in a list of parameters; the end of a range `[a ... B]`; alignment that is
//! said outside of a struct's braces; a struct given back by value through a pointer to a function; the
//! result of a call through a function's type; `sizeof` of a type that a function defines for itself.
//!
//! The idea, for Clang's syntax trees: Dietrich, Rothberg, Füracker, Ziegler, Lohmann, "cHash:
//! Detection of Redundant Compilations via AST Hashing", USENIX ATC 2017. What is new here are
//! structs in part, which is what the kernel needs, and that it works before the compiler, for any.

mod declaration;
mod expression;
mod item;
mod kept;
mod record;
mod statement;
#[cfg(test)]
mod tests;
mod token;
mod walk;

use item::{Item, Sort};
use kept::Extent;
use record::Record;
use token::{Tokens, Word};
use walk::Walk;

/// What matters of a preprocessed text, in an order and a form of its own; nothing when it is not
/// understood.
pub(super) fn slice(text: &[u8]) -> Option<Vec<u8>> {
    let tokens = Tokens::of(text)?;
    let items = item::items(&tokens)?;
    let mut walk = Walk::new(&tokens, &items);
    walk.run().then(|| Slice::of(walk))
}

/// Stands for what was left out of a struct. No token begins so.
const CUT: &[u8] = b"\0cut";

struct Slice<'a, 't> {
    walk: Walk<'a, 't>,
    text: Vec<u8>,
}

impl<'a, 't> Slice<'a, 't> {
    fn of(walk: Walk<'a, 't>) -> Vec<u8> {
        let items: &'a [Item] = walk.items;
        let mut slice = Self {
            walk,
            text: Vec::new(),
        };
        // GCC numbers the static variables of all functions in one row, used or not, and has the
        // numbers in their symbols.
        let mut statics: u32 = 0;
        for (number, item) in items.iter().enumerate() {
            let own = slice.statics(item);
            let extent = slice.walk.kept.extent(number);
            if extent != Extent::Nothing {
                if own > 0 {
                    slice.text.extend(statics.to_le_bytes());
                }
                slice.add(item, extent);
            }
            statics += own;
        }
        slice.text
    }

    /// How many static variables a function has.
    fn statics(&self, item: &Item) -> u32 {
        let Sort::Function { body, .. } = item.sort else {
            return 0;
        };
        let is_static = |place: &usize| {
            let word = self.walk.tokens.at(*place).word();
            matches!(word, Some(Word::Static | Word::Func))
        };
        // Far fewer than bytes in the text.
        (body.0..body.1).filter(is_static).count() as u32
    }

    fn add(&mut self, item: &Item, extent: Extent) {
        let tokens = self.walk.tokens;
        if let (Extent::Parts(parts), Sort::Record { tag, body }) = (extent, item.sort)
            && let Some(members) = self.walk.types.members(tokens, Record::Tagged(tag))
            && parts < members.parts.len()
        {
            let last = parts
                .checked_sub(1)
                .and_then(|last| members.parts.get(last));
            self.tokens(item.begin, last.map_or(body.0 + 1, |(_, end)| *end));
            self.text.extend(CUT);
            let inside = (body.0 + 1, body.1);
            let (natural, explicit) = self.walk.types.alignment(tokens, inside);
            self.text.push(natural);
            for attribute in explicit {
                attribute.iter().for_each(|part| self.part(part));
            }
            self.tokens(body.1, item.end);
        } else {
            self.tokens(item.begin, item.end);
        }
    }

    fn tokens(&mut self, begin: usize, end: usize) {
        let tokens = self.walk.tokens;
        for place in begin..end {
            self.part(tokens.text(tokens.at(place)));
        }
    }

    fn part(&mut self, text: &[u8]) {
        self.text.extend(text);
        self.text.push(0);
    }
}
