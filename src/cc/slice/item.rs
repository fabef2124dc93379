//! The declarations and definitions that a text consists of.

use super::declaration::{Base, Specifiers};
use super::token::{Kind, Name, Tokens, Word};

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A line for the compiler.
    Pragma,
    /// `_Static_assert`, `asm`: in brackets, from and to.
    Brackets(usize, usize),
    /// A function with its body, from and to; its parameters' bracket.
    Function {
        body: (usize, usize),
        parameters: Option<usize>,
    },
    /// A struct or a union and nothing else: its tag, its body's brackets.
    Record { tag: Name, body: (usize, usize) },
    /// Whatever else is declared.
    Declaration,
}

/// One item.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) begin: usize,
    pub(super) end: usize,
    pub(super) sort: Sort,
    /// Something is made of it, whether anybody mentions it or not; or nobody knows.
    pub(super) is_root: bool,
    /// What it declares, enumerators among them.
    pub(super) names: Vec<Name>,
    /// Tags that are defined in it, each with the place where its body opens.
    pub(super) tags: Vec<(Name, usize)>,
}

/// Attributes by which a declaration makes something.
const MAKING: &[&[u8]] = &[
    b"alias",
    b"__alias__",
    b"used",
    b"__used__",
    b"ifunc",
    b"__ifunc__",
    b"symver",
    b"constructor",
    b"__constructor__",
    b"destructor",
    b"__destructor__",
    b"retain",
    b"__retain__",
];

/// Functions that the compiler may call where nobody mentions them begin so.
const LIBRARY: &[&[u8]] = &[
    b"mem",
    b"str",
    b"bcmp",
    b"__mem",
    b"__stack_chk",
    b"__asan",
    b"__tsan",
];

/// Takes a text apart; nothing when it is not understood.
pub(super) fn items(tokens: &Tokens<'_>) -> Option<Vec<Item>> {
    let mut found = Vec::with_capacity(1 << 14);
    let mut place = 0;
    while place < tokens.len() {
        if tokens.at(place).is(b';') {
            place += 1;
            continue;
        }
        let item = item(tokens, place)?;
        place = item.end;
        found.push(item);
    }
    Some(found)
}

fn item(tokens: &Tokens<'_>, begin: usize) -> Option<Item> {
    let mut item = Item {
        begin,
        end: begin + 1,
        sort: Sort::Pragma,
        is_root: true,
        names: Vec::new(),
        tags: Vec::new(),
    };
    if tokens.at(begin).kind == Kind::Pragma {
        return Some(item);
    }
    let specifiers = tokens.specifiers(begin, tokens.len());
    let (body, end) = extent(tokens, specifiers.next)?;
    item.end = end;
    // What says what it is: without the body, or the semicolon.
    let head = body.unwrap_or(end - 1);
    if let Some(Word::Asm | Word::StaticAssert) = tokens.at(begin).word() {
        let open = (begin..head).find(|place| tokens.at(*place).is(b'('))?;
        item.sort = Sort::Brackets(open + 1, tokens.close(open));
        return Some(item);
    }
    definitions(tokens, &mut item, head);
    let is_special = (begin..head).any(|place| match tokens.at(place).kind {
        Kind::Pragma => true,
        Kind::Name(name) => MAKING.contains(&tokens.spelling(name)),
        _ => false,
    });
    let makes = if let Some(open) = body {
        function(tokens, &mut item, &specifiers, open)
    } else {
        declaration(tokens, &mut item, &specifiers, head)
    };
    item.is_root = is_special || makes;
    Some(item)
}

/// Where a function's body opens, if there is one, and where the item ends, from behind its
/// specifiers.
fn extent(tokens: &Tokens<'_>, mut place: usize) -> Option<(Option<usize>, usize)> {
    let (mut after_brackets, mut has_value) = (false, false);
    while place < tokens.len() {
        let token = tokens.at(place);
        match token.kind {
            Kind::Mark(b';') => return Some((None, place + 1)),
            Kind::Mark(b'{') if after_brackets && !has_value => {
                return Some((Some(place), tokens.close(place) + 1));
            }
            Kind::Mark(b')' | b']' | b'}') => return None,
            Kind::Mark(b'=') => has_value = true,
            _ => {}
        }
        after_brackets = token.is(b'(');
        place = tokens.behind(place);
    }
    None
}

/// A function with a body. Is something made of it?
fn function(tokens: &Tokens<'_>, item: &mut Item, of: &Specifiers, open: usize) -> bool {
    let name = tokens.declarator(of.next, open);
    let brackets = |place: &usize| tokens.at(*place).is(b'(');
    item.sort = Sort::Function {
        body: (open, item.end - 1),
        parameters: name.and_then(|name| (name + 1..open).find(brackets)),
    };
    let Some(name) = name.and_then(|place| tokens.at(place).name()) else {
        return true;
    };
    item.names.push(name);
    // GNU's `extern inline` makes nothing either; C99's, which does, has no `extern` in a header.
    !(of.is_inline && (of.is_static || of.is_extern))
}

/// A declaration without a body. Is something made of it?
fn declaration(tokens: &Tokens<'_>, item: &mut Item, of: &Specifiers, end: usize) -> bool {
    item.sort = Sort::Declaration;
    let begins = tokens.attributes(of.next, end);
    if begins >= end {
        if let (Base::Record(tag), Some(body)) = (of.base, of.body) {
            let body = (body, tokens.close(body));
            item.sort = Sort::Record { tag, body };
        }
        return false;
    }
    let (mut is_prototype, mut is_library) = (true, false);
    for (begin, to) in tokens.declarators(of.next, end) {
        let declarator = tokens.declarator(begin, to);
        let Some((place, name)) = declarator.and_then(|at| Some((at, tokens.at(at).name()?)))
        else {
            return true;
        };
        item.names.push(name);
        is_prototype &= tokens.at(place + 1).is(b'(');
        let spelling = tokens.spelling(name);
        is_library |= LIBRARY.iter().any(|begins| spelling.starts_with(begins));
    }
    let has_value = tokens.find(of.next, end, b"=") < end;
    !of.is_typedef && (is_library || has_value || !(of.is_extern || is_prototype))
}

/// Notes the tags and the enumerators that are defined in an item's head.
fn definitions(tokens: &Tokens<'_>, item: &mut Item, head: usize) {
    let mut place = item.begin;
    while place < head {
        let token = tokens.at(place);
        if !token.is_tag_word() {
            place += 1;
            continue;
        }
        let (tag, next) = tokens.tag(place, head);
        // The attributes may be on either side; what is in there is looked at as well.
        place += 1;
        if next >= head || !tokens.at(next).is(b'{') {
            continue;
        }
        item.tags.extend(tag.map(|tag| (tag, next)));
        if token.is_word(Word::Enum) {
            let close = tokens.close(next);
            let enumerators = tokens.declarators(next + 1, close);
            item.names
                .extend(enumerators.filter_map(|(begin, _)| tokens.at(begin).name()));
            place = close;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, bool) {
        let tokens = Tokens::of(text.as_bytes()).unwrap();
        let items = items(&tokens).unwrap();
        assert_eq!(items.len(), 1, "{text}");
        let item = &items[0];
        assert_eq!(item.end, tokens.len(), "{text}");
        let tags = item.tags.iter().map(|(tag, _)| tag);
        let names = item.names.iter().chain(tags);
        let mut names: Vec<_> = names
            .map(|name| String::from_utf8_lossy(tokens.spelling(*name)).into_owned())
            .collect();
        names.sort();
        (names, item.is_root)
    }

    #[test]
    fn what_only_declares_makes_nothing() {
        for (text, names) in [
            (
                "struct a { int b; struct c { int d; } e; } __attribute__((packed));",
                "a c",
            ),
            ("struct a;", ""),
            ("typedef struct { int b; } a;", "a"),
            ("typedef int (*a)(struct b *);", "a"),
            ("enum a { B = 1, C = sizeof(struct d), };", "B C a"),
            ("extern struct a b, *c;", "b c"),
            ("int a(struct b *c) __attribute__((cold));", "a"),
            ("static inline struct a *b(int c) { return d(c); }", "b"),
            (
                "extern inline __attribute__((gnu_inline)) int a(void) { return 1; }",
                "a",
            ),
        ] {
            assert_eq!(read(text), (words(names), false), "{text}");
        }
    }

    #[test]
    fn what_makes_something_is_a_root() {
        for (text, names) in [
            ("int a;", "a"),
            ("static int a = 3;", "a"),
            ("static const struct a b[] = { { 1 }, };", "b"),
            ("static int a(void) { return 1; }", "a"),
            ("inline int a(void) { return 1; }", "a"),
            ("int (*a)(void);", "a"),
            ("extern typeof(b) a __attribute__((alias(\"b\")));", "a"),
            (
                "static inline __attribute__((used)) int a(void) { return 1; }",
                "a",
            ),
            ("asm(\".globl a\");", ""),
            ("_Static_assert(sizeof(struct a) == 4, \"\");", ""),
            (
                "extern void *memcpy(void *, const void *, unsigned long);",
                "memcpy",
            ),
            ("#pragma pack(1)", ""),
        ] {
            assert_eq!(read(text), (words(names), true), "{text}");
        }
    }

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(Into::into).collect()
    }
}
