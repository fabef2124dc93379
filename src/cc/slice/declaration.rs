//! What a declaration declares: specifiers, declarators, and the type behind a name.

use super::token::{Kind, Name, Tokens, Word};

/// What a name's type is made of, without the pointers, arrays and functions around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// `struct x`, `union x`
    Record(Name),
    /// A struct without a tag; its body opens at this place.
    Nameless(usize),
    Enum(Name),
    Typedef(Name),
    /// `typeof(...)`: what is in the brackets, from and to.
    Typeof(usize, usize),
    /// No struct is behind it. Its alignment.
    Plain(u8),
}

/// How many pointers and arrays are around a base; more than that is as many as one likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Depth(u8);

impl Depth {
    /// The value itself.
    pub(super) const VALUE: Self = Self(0);
    /// Nobody knows.
    pub(super) const UNKNOWN: Self = Self(u8::MAX);

    pub(super) fn of(levels: usize) -> Self {
        u8::try_from(levels).map_or(Self::UNKNOWN, Self)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Its address.
    pub(super) fn up(self) -> Self {
        self.plus(Self(1))
    }

    /// What it points to; of a value that is no pointer, itself.
    pub(super) fn down(self) -> Self {
        if self == Self::UNKNOWN {
            self
        } else {
            Self(self.0.saturating_sub(1))
        }
    }

    /// May it be the value itself?
    pub(super) fn may_be_value(self) -> bool {
        self == Self::VALUE || self == Self::UNKNOWN
    }

    /// May it point to the value itself?
    pub(super) fn may_be_pointer(self) -> bool {
        self == Self(1) || self == Self::UNKNOWN
    }
}

/// The specifiers at the beginning of a declaration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Specifiers {
    pub(super) base: Base,
    /// Where the first declarator is.
    pub(super) next: usize,
    /// Where the body of the struct or the enum opens that they define.
    pub(super) body: Option<usize>,
    pub(super) is_typedef: bool,
    pub(super) is_static: bool,
    pub(super) is_extern: bool,
    pub(super) is_inline: bool,
    pub(super) is_auto: bool,
}

impl Tokens<'_> {
    /// Behind the attributes (and `asm("name")`) at a place.
    pub(super) fn attributes(&self, mut place: usize, end: usize) -> usize {
        while place < end {
            let is_attribute = matches!(
                self.at(place).word(),
                Some(Word::Attribute | Word::Asm | Word::Alignas)
            );
            if !is_attribute {
                break;
            }
            let mut open = place + 1;
            while self.at(open).is_word(Word::Qualifier) {
                open += 1;
            }
            if open >= end || !self.at(open).is(b'(') {
                break;
            }
            place = self.close(open) + 1;
        }
        place
    }

    /// The tag behind `struct` at this place, and what is behind it and its attributes.
    pub(super) fn tag(&self, place: usize, end: usize) -> (Option<Name>, usize) {
        let place = self.attributes(place + 1, end);
        match self.at(place).name() {
            Some(name) if place < end => (Some(name), self.attributes(place + 1, end)),
            _ => (None, place),
        }
    }

    /// Reads the specifiers at a place.
    pub(super) fn specifiers(&self, mut place: usize, end: usize) -> Specifiers {
        let mut found = Specifiers {
            base: Base::Plain(4),
            next: place,
            body: None,
            is_typedef: false,
            is_static: false,
            is_extern: false,
            is_inline: false,
            is_auto: false,
        };
        let mut has_type = false;
        let mut alignment = 0;
        while place < end {
            let token = self.at(place);
            match token.kind {
                Kind::Word(word @ (Word::Record | Word::Enum)) => {
                    let (tag, next) = self.tag(place, end);
                    place = next;
                    if place < end && self.at(place).is(b'{') {
                        found.body = Some(place);
                    }
                    found.base = match (word, tag, found.body) {
                        (Word::Record, Some(tag), _) => Base::Record(tag),
                        (Word::Enum, Some(tag), _) => Base::Enum(tag),
                        (Word::Record, None, Some(body)) => Base::Nameless(body),
                        _ => Base::Plain(4),
                    };
                    has_type = true;
                    if found.body == Some(place) {
                        place = self.close(place) + 1;
                    }
                    continue;
                }
                Kind::Word(Word::Attribute | Word::Asm | Word::Alignas) => {
                    let next = self.attributes(place, end);
                    if next == place {
                        break;
                    }
                    place = next;
                    continue;
                }
                Kind::Word(Word::Typeof) if self.at(place + 1).is(b'(') => {
                    let close = self.close(place + 1);
                    found.base = Base::Typeof(place + 2, close);
                    has_type = true;
                    place = close + 1;
                    continue;
                }
                Kind::Word(Word::Type(bytes)) => {
                    has_type = true;
                    // `short int`, `long double`, `unsigned char`
                    alignment = alignment.max(bytes);
                }
                Kind::Word(Word::AutoType) => {
                    has_type = true;
                    found.is_auto = true;
                }
                Kind::Word(Word::Typedef) => found.is_typedef = true,
                Kind::Word(Word::Static) => found.is_static = true,
                Kind::Word(Word::Extern) => found.is_extern = true,
                Kind::Word(Word::Inline) => found.is_inline = true,
                Kind::Word(Word::Qualifier | Word::Storage) => {}
                Kind::Name(name) if !has_type => {
                    has_type = true;
                    found.base = Base::Typedef(name);
                }
                _ => break,
            }
            place += 1;
        }
        if alignment > 0 && matches!(found.base, Base::Plain(_)) {
            found.base = Base::Plain(alignment);
        }
        found.next = place;
        found
    }

    /// The place of the name that the declarator here declares; nothing if it has none.
    pub(super) fn declarator(&self, mut place: usize, mut end: usize) -> Option<usize> {
        while place < end {
            let token = self.at(place);
            match token.kind {
                Kind::Mark(b'*') | Kind::Word(Word::Qualifier) => place += 1,
                Kind::Word(Word::Attribute | Word::Asm | Word::Alignas) => {
                    let next = self.attributes(place, end);
                    if next == place {
                        return None;
                    }
                    place = next;
                }
                Kind::Mark(b'(') => {
                    end = self.close(place);
                    place += 1;
                }
                Kind::Name(_) => return Some(place),
                _ => return None,
            }
        }
        None
    }

    /// How deep the declarator in this range, with its name at `name`, goes.
    pub(super) fn depth(&self, mut place: usize, name: usize, end: usize) -> Depth {
        let mut levels = 0;
        while place < name {
            match self.at(place).kind {
                Kind::Mark(b'*') => levels += 1,
                // A pointer to a function or to an array.
                Kind::Mark(b'(') if self.close(place) > name => return Depth::UNKNOWN,
                _ => {}
            }
            place = self.attributes(place, name).max(self.behind(place));
        }
        place = name + 1;
        while place < end && !matches!(self.at(place).kind, Kind::Mark(b'=' | b':')) {
            if self.at(place).is(b'[') {
                levels += 1;
            }
            place = self.behind(place);
        }
        Depth::of(levels)
    }

    /// The declarators between the specifiers and the end of a declaration: each from and to.
    pub(super) fn declarators(
        &self,
        place: usize,
        end: usize,
    ) -> impl Iterator<Item = (usize, usize)> + use<'_> {
        self.split(place, end, b",;")
            .filter(|(begin, to)| begin < to)
    }

    /// The declarations in a range, each from and to, without its semicolon.
    pub(super) fn declarations(
        &self,
        place: usize,
        end: usize,
    ) -> impl Iterator<Item = (usize, usize)> + use<'_> {
        let says = |place: &usize| self.at(*place).kind != Kind::Pragma;
        self.split(place, end, b";")
            .filter_map(move |(begin, to)| Some(((begin..to).find(says)?, to)))
    }

    /// What is between these marks in a range: each from and to.
    fn split(
        &self,
        place: usize,
        end: usize,
        marks: &'static [u8],
    ) -> impl Iterator<Item = (usize, usize)> + use<'_> {
        let mut next = place;
        std::iter::from_fn(move || {
            let begin = next;
            let to = self.find(begin, end, marks);
            next = to + 1;
            (begin < end).then_some((begin, to))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What the first declarator declares: its name, its base, and how deep it is.
    fn read(text: &str) -> (String, Base, Depth) {
        let tokens = Tokens::of(text.as_bytes()).unwrap();
        let found = tokens.specifiers(0, tokens.len());
        let (begin, end) = tokens.declarators(found.next, tokens.len()).next().unwrap();
        let name = tokens.declarator(begin, end).unwrap();
        let spelling = tokens.text(tokens.at(name));
        (
            String::from_utf8_lossy(spelling).into_owned(),
            found.base,
            tokens.depth(begin, name, end),
        )
    }

    #[test]
    fn a_declarator_tells_the_name_and_how_deep_it_is() {
        for (text, name, depth) in [
            ("struct a x", "x", Depth::VALUE),
            ("struct a *x", "x", Depth::of(1)),
            ("struct a **x[3]", "x", Depth::of(3)),
            ("struct a *f(struct b *y)", "f", Depth::of(1)),
            ("struct a *(*f)(int)", "f", Depth::UNKNOWN),
            ("struct a x : 3", "x", Depth::VALUE),
            ("const struct a * const x = y[3]", "x", Depth::of(1)),
            ("struct a __attribute__((aligned(8))) *x", "x", Depth::of(1)),
        ] {
            assert_eq!(
                read(text),
                (name.to_owned(), Base::Record(0), depth),
                "{text}"
            );
        }
    }

    #[test]
    fn specifiers_tell_what_a_type_is_made_of() {
        for (text, base) in [
            ("unsigned short x", Base::Plain(2)),
            ("unsigned x", Base::Plain(4)),
            ("long long x", Base::Plain(8)),
            ("u8 x", Base::Typedef(0)),
            ("static const u8 x", Base::Typedef(0)),
            ("enum a x", Base::Enum(0)),
            ("typeof(*y) x", Base::Typeof(2, 4)),
            ("struct { int a; } x", Base::Nameless(1)),
        ] {
            assert_eq!(read(text).1, base, "{text}");
        }
    }
}
