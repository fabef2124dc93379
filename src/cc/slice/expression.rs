//! Expressions: which members are reached, and where the size of a struct matters.

use super::declaration::{Base, Depth};
use super::token::{Kind, Name, Word};
use super::walk::{Values, Walk, join};

/// Functions of the compiler that take types, or give what they are given.
const MIXED: &[&[u8]] = &[
    b"__builtin_choose_expr",
    b"__builtin_types_compatible_p",
    b"__builtin_va_arg",
    b"__builtin_has_attribute",
];

/// What the compiler calls a function of the library by.
const BUILTIN: &[u8] = b"__builtin_";

impl Walk<'_, '_> {
    /// An expression, or several, in whatever order they stand in a range: what any of their operands
    /// may be.
    pub(super) fn expression(&mut self, begin: usize, end: usize) -> Values {
        self.deeper(|walk| walk.operands(begin, end))
    }

    fn operands(&mut self, begin: usize, end: usize) -> Values {
        let tokens = self.tokens;
        let mut found = Values::new();
        let mut place = begin;
        // Was there a sum's sign before it?
        let mut is_sum = false;
        while place < end && !self.is_lost {
            match tokens.at(place).kind {
                Kind::Mark(b'{' | b'[') => {
                    self.expression(place + 1, tokens.close(place));
                    place = tokens.behind(place);
                    continue;
                }
                // The member that a value is for, or three of them: `1 ... 3`.
                Kind::Mark(b'.') => {
                    place += 1;
                    if tokens.at(place).name().is_some() {
                        place += 1;
                    }
                    continue;
                }
                Kind::Mark(b'(' | b'*' | b'&' | b'+' | b'-' | b'!' | b'~') => {}
                Kind::Mark(_) | Kind::Pragma => {
                    is_sum = false;
                    place += 1;
                    continue;
                }
                _ => {}
            }
            let (next, values) = self.operand(place, end);
            place = next.max(place + 1);
            let sign = tokens.at(place);
            let is_summed = place < end && (sign.is(b'+') || sign.is(b'-'));
            if is_sum || is_summed {
                self.sized(&values, Depth::may_be_pointer);
            }
            join(&mut found, values);
            is_sum = is_summed;
            // The operator behind it, which may have two signs, or three (`<<=`).
            if place < end
                && let Kind::Mark(mark) = sign.kind
                && !matches!(mark, b'(' | b'{' | b'[')
            {
                place += 1;
                if tokens.at(place).is(mark) && b"&|<>=".contains(&mark) {
                    place += 1;
                }
                if tokens.at(place).is(b'=') {
                    place += 1;
                }
            }
        }
        found
    }

    /// An operand with what is before and behind it: where it ends, and what it may be.
    fn operand(&mut self, place: usize, end: usize) -> (usize, Values) {
        if place >= end {
            return (place, Values::new());
        }
        self.deeper(|walk| walk.prefixed(place, end))
    }

    fn prefixed(&mut self, place: usize, end: usize) -> (usize, Values) {
        let tokens = self.tokens;
        let next = tokens.at(place + 1);
        match tokens.at(place).kind {
            Kind::Mark(b'*') => {
                let (to, values) = self.operand(place + 1, end);
                (to, self.pointed_to(values))
            }
            // The address of a label.
            Kind::Mark(b'&') if next.is(b'&') && place + 2 < end => (place + 3, Values::new()),
            Kind::Mark(b'&') => {
                let (to, mut values) = self.operand(place + 1, end);
                for value in &mut values {
                    value.depth = value.depth.up();
                }
                (to, values)
            }
            Kind::Mark(b'+' | b'-') | Kind::Step => {
                let (to, values) = self.operand(place + 1, end);
                self.sized(&values, Depth::may_be_pointer);
                (to, values)
            }
            Kind::Mark(b'!' | b'~') => (self.operand(place + 1, end).0, Values::new()),
            Kind::Word(Word::Storage) => self.operand(place + 1, end),
            Kind::Word(Word::Sizeof) => {
                let is_type = next.is(b'(') && self.is_type(place + 2, end);
                let (to, values) = if is_type {
                    let close = tokens.close(place + 1);
                    (close + 1, self.type_name(place + 2, close))
                } else {
                    self.operand(place + 1, end)
                };
                self.sized(&values, Depth::may_be_value);
                (to, Values::new())
            }
            Kind::Word(Word::Offsetof) if next.is(b'(') => {
                self.offset(place + 2, tokens.close(place + 1));
                (tokens.behind(place + 1), Values::new())
            }
            Kind::Mark(b'(') if self.is_type(place + 1, end) => self.cast(place, end),
            _ => self.primary(place, end),
        }
    }

    /// A value in brackets of another type, or one that is made there.
    fn cast(&mut self, place: usize, end: usize) -> (usize, Values) {
        let tokens = self.tokens;
        let close = tokens.close(place);
        let values = self.type_name(place + 1, close);
        if tokens.at(close + 1).is(b'{') && close + 1 < end {
            self.sized(&values, Depth::may_be_value);
            self.expression(close + 2, tokens.close(close + 1));
            return self.selected(tokens.behind(close + 1), end, values);
        }
        let (to, _) = self.operand(close + 1, end);
        (to, values)
    }

    /// `__builtin_offsetof`: a type and the way to a member.
    fn offset(&mut self, begin: usize, end: usize) {
        let tokens = self.tokens;
        let comma = tokens.find(begin, end, b",");
        let of = tokens.specifiers(begin, comma);
        let mut values = match of.base {
            Base::Record(_) if of.body.is_none() => self.values(of.base, Depth::VALUE),
            _ => self.type_name(begin, comma),
        };
        let mut place = comma + 1;
        while place < end {
            if let Some(name) = tokens.at(place).name() {
                values = self.member(&values, name);
            } else if tokens.at(place).is(b'[') {
                self.expression(place + 1, tokens.close(place));
                values = self.pointed_to(values);
            }
            place = tokens.behind(place);
        }
    }

    fn primary(&mut self, place: usize, end: usize) -> (usize, Values) {
        let tokens = self.tokens;
        let token = tokens.at(place);
        let close = || tokens.close(place + 1);
        let has_brackets = place + 1 < end && tokens.at(place + 1).is(b'(');
        match token.kind {
            Kind::Mark(b'(') => {
                let close = tokens.close(place);
                let values = if tokens.at(place + 1).is(b'{') {
                    self.block(place + 2, tokens.close(place + 1))
                } else if tokens.at(place + 1).is(b'*') && tokens.at(close + 1).is(b'.') {
                    // `(*x).y` is `x->y`.
                    self.expression(place + 2, close)
                } else {
                    self.expression(place + 1, close)
                };
                self.selected(close + 1, end, values)
            }
            Kind::Name(name) => {
                self.kept.name(name);
                let spelling = tokens.spelling(name);
                if MIXED.contains(&spelling) && has_brackets {
                    let values = self.mixed(place + 2, close());
                    return self.selected(close() + 1, end, values);
                }
                if let Some(function) = spelling.strip_prefix(BUILTIN)
                    && let Some(function) = tokens.name_of(function)
                {
                    self.kept.name(function);
                }
                let values = self.named(name);
                self.selected(place + 1, end, values)
            }
            Kind::Word(Word::Generic) if has_brackets => {
                let values = self.mixed(place + 2, close());
                self.selected(close() + 1, end, values)
            }
            Kind::Word(Word::Attribute | Word::Asm | Word::Alignas) => {
                let next = tokens.attributes(place, end).max(place + 1);
                self.attributes(place, next);
                (next, Values::new())
            }
            // A type among values: of something that is no function.
            Kind::Word(_) if self.is_type(place, end) => {
                let to = tokens.find(place, end, b",:");
                let values = self.type_name(place, to);
                self.sized(&values, Depth::may_be_value);
                (to, Values::new())
            }
            _ => self.selected(place + 1, end, Values::new()),
        }
    }

    /// Types and expressions, with commas and colons between them.
    fn mixed(&mut self, begin: usize, end: usize) -> Values {
        let mut found = Values::new();
        let mut place = begin;
        while place < end {
            let to = self.tokens.find(place, end, b",:");
            let values = self.deeper(|walk| walk.type_or_expression(place, to));
            join(&mut found, values);
            place = to + 1;
        }
        found
    }

    /// What is behind a value: members, elements, calls.
    fn selected(&mut self, mut place: usize, end: usize, mut values: Values) -> (usize, Values) {
        let tokens = self.tokens;
        while place < end && !self.is_lost {
            match tokens.at(place).kind {
                Kind::Mark(b'.') | Kind::Arrow => {
                    let Some(name) = tokens.at(place + 1).name() else {
                        break;
                    };
                    values = self.member(&values, name);
                    place += 2;
                }
                Kind::Mark(b'[') => {
                    self.expression(place + 1, tokens.close(place));
                    values = self.pointed_to(values);
                    place = tokens.behind(place);
                }
                Kind::Mark(b'(') => {
                    self.expression(place + 1, tokens.close(place));
                    place = tokens.behind(place);
                }
                Kind::Step => {
                    self.sized(&values, Depth::may_be_pointer);
                    place += 1;
                }
                _ => break,
            }
        }
        (place, values)
    }

    /// What these point to: as a whole, so that its size matters.
    fn pointed_to(&mut self, mut values: Values) -> Values {
        self.sized(&values, |depth| {
            depth.may_be_pointer() || depth.may_be_value()
        });
        for value in &mut values {
            value.depth = value.depth.down();
        }
        values
    }

    /// A member of any of these.
    fn member(&mut self, of: &Values, name: Name) -> Values {
        let mut found = Values::new();
        let mut is_known = false;
        for value in of {
            let Some(members) = self.types.members(self.tokens, value.record) else {
                continue;
            };
            if let Some(member) = members.of.get(&name) {
                is_known |= self
                    .kept
                    .member(&mut self.types, self.tokens, value.record, name);
                let values = self.values(member.base, member.depth);
                join(&mut found, values);
            }
        }
        // Whose it is must be known.
        self.is_lost |= !is_known;
        found
    }
}
