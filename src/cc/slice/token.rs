//! Tokens of preprocessed C, and which bracket closes which.

use memchr::memchr;
use rustc_hash::FxHashMap;

/// The number of a name: the same text has the same one.
pub(super) type Name = u32;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier that is no keyword.
    Name(Name),
    Word(Word),
    /// A number, a string, a character.
    Literal,
    /// One character of punctuation.
    Mark(u8),
    /// `->`
    Arrow,
    /// `++` or `--`
    Step,
    /// A line that begins with `#` and says no place.
    Pragma,
    /// Behind the last.
    End,
}

/// Keywords, as far as they differ here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// `struct`, `union`
    Record,
    Enum,
    Typedef,
    Static,
    Extern,
    Inline,
    /// What else may stand before a type and says nothing of it.
    Storage,
    Attribute,
    Asm,
    Alignas,
    StaticAssert,
    Typeof,
    AutoType,
    Qualifier,
    /// A type of the language, with its alignment in bytes (x86-64).
    Type(u8),
    /// `if`, `while`, `switch`
    Control,
    For,
    /// `do`, `else`, `default`, `break`, `continue`
    Bare,
    Return,
    Case,
    Goto,
    /// `sizeof`, `_Alignof`
    Sizeof,
    Offsetof,
    Generic,
    /// `__func__`: a static variable of the function that it is in.
    Func,
}

const WORDS: &[(&str, Word)] = &[
    ("struct", Word::Record),
    ("union", Word::Record),
    ("enum", Word::Enum),
    ("typedef", Word::Typedef),
    ("static", Word::Static),
    ("extern", Word::Extern),
    ("inline", Word::Inline),
    ("__inline", Word::Inline),
    ("__inline__", Word::Inline),
    ("register", Word::Storage),
    ("__thread", Word::Storage),
    ("_Thread_local", Word::Storage),
    ("_Noreturn", Word::Storage),
    ("auto", Word::Storage),
    ("__extension__", Word::Storage),
    ("__attribute__", Word::Attribute),
    ("__attribute", Word::Attribute),
    ("asm", Word::Asm),
    ("__asm__", Word::Asm),
    ("__asm", Word::Asm),
    ("_Alignas", Word::Alignas),
    ("_Static_assert", Word::StaticAssert),
    ("typeof", Word::Typeof),
    ("__typeof__", Word::Typeof),
    ("__typeof", Word::Typeof),
    ("__auto_type", Word::AutoType),
    ("const", Word::Qualifier),
    ("__const", Word::Qualifier),
    ("__const__", Word::Qualifier),
    ("volatile", Word::Qualifier),
    ("__volatile__", Word::Qualifier),
    ("__volatile", Word::Qualifier),
    ("restrict", Word::Qualifier),
    ("__restrict", Word::Qualifier),
    ("__restrict__", Word::Qualifier),
    ("__seg_gs", Word::Qualifier),
    ("__seg_fs", Word::Qualifier),
    ("void", Word::Type(0)),
    ("_Bool", Word::Type(1)),
    ("char", Word::Type(1)),
    ("short", Word::Type(2)),
    ("int", Word::Type(0)),
    ("unsigned", Word::Type(0)),
    ("signed", Word::Type(0)),
    ("__signed__", Word::Type(0)),
    ("float", Word::Type(4)),
    ("long", Word::Type(8)),
    ("double", Word::Type(8)),
    ("__builtin_va_list", Word::Type(8)),
    ("__int128", Word::Type(16)),
    ("__float128", Word::Type(16)),
    ("_Complex", Word::Type(8)),
    ("if", Word::Control),
    ("while", Word::Control),
    ("switch", Word::Control),
    ("for", Word::For),
    ("do", Word::Bare),
    ("else", Word::Bare),
    ("default", Word::Bare),
    ("break", Word::Bare),
    ("continue", Word::Bare),
    ("return", Word::Return),
    ("case", Word::Case),
    ("goto", Word::Goto),
    ("sizeof", Word::Sizeof),
    ("_Alignof", Word::Sizeof),
    ("__alignof__", Word::Sizeof),
    ("__alignof", Word::Sizeof),
    ("__builtin_offsetof", Word::Offsetof),
    ("_Generic", Word::Generic),
    ("__func__", Word::Func),
    ("__FUNCTION__", Word::Func),
    ("__PRETTY_FUNCTION__", Word::Func),
];

/// One token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    start: u32,
    end: u32,
}

impl Token {
    pub(super) fn is(self, mark: u8) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub(super) fn word(self) -> Option<Word> {
        match self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn name(self) -> Option<Name> {
        match self.kind {
            Kind::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn is_word(self, word: Word) -> bool {
        self.kind == Kind::Word(word)
    }

    /// `struct`, `union` or `enum`.
    pub(super) fn is_tag_word(self) -> bool {
        matches!(self.kind, Kind::Word(Word::Record | Word::Enum))
    }

    fn opens(self) -> bool {
        matches!(self.kind, Kind::Mark(b'(' | b'[' | b'{'))
    }
}

/// A text in tokens. Whatever brackets there are match.
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    text: &'t [u8],
    /// With one more behind the last.
    all: Vec<Token>,
    /// Of a bracket: the place of the other one.
    other: Vec<u32>,
    /// The text of each name.
    names: Vec<&'t [u8]>,
    known: FxHashMap<&'t [u8], Kind>,
}

impl<'t> Tokens<'t> {
    /// Nothing when it is no C: a bracket or a quote is open.
    pub(super) fn of(text: &'t [u8]) -> Option<Self> {
        // Places fit.
        u32::try_from(text.len()).ok()?;
        let mut lexer = Lexer {
            text,
            at: 0,
            all: Vec::with_capacity(text.len() / 4),
            other: Vec::with_capacity(text.len() / 4),
            open: Vec::new(),
            known: FxHashMap::default(),
            names: Vec::new(),
        };
        for (word, kind) in WORDS {
            lexer.known.insert(word.as_bytes(), Kind::Word(*kind));
        }
        lexer.run()?;
        lexer.open.is_empty().then_some(Self {
            text,
            all: lexer.all,
            other: lexer.other,
            names: lexer.names,
            known: lexer.known,
        })
    }

    pub(super) fn len(&self) -> usize {
        // The one behind the last is no token.
        self.all.len() - 1
    }

    /// The number of a name, if the text has it.
    pub(super) fn name_of(&self, spelling: &[u8]) -> Option<Name> {
        match self.known.get(spelling) {
            Some(Kind::Name(name)) => Some(*name),
            _ => None,
        }
    }

    /// What is at a place, or the end.
    pub(super) fn at(&self, place: usize) -> Token {
        self.all[place.min(self.len())]
    }

    /// The text of a token.
    pub(super) fn text(&self, token: Token) -> &'t [u8] {
        &self.text[token.start as usize..token.end as usize]
    }

    /// The text of a name.
    pub(super) fn spelling(&self, name: Name) -> &'t [u8] {
        self.names[name as usize]
    }

    /// The place of the bracket that closes the one at this place.
    pub(super) fn close(&self, place: usize) -> usize {
        self.other[place] as usize
    }

    /// Behind what is at a place: a token, or all that is in the bracket there.
    pub(super) fn behind(&self, place: usize) -> usize {
        if self.at(place).opens() {
            self.close(place) + 1
        } else {
            place + 1
        }
    }

    /// The place of the first of these marks in a range that is in no bracket, or the range's end.
    pub(super) fn find(&self, mut place: usize, end: usize, marks: &[u8]) -> usize {
        while place < end {
            if let Kind::Mark(mark) = self.at(place).kind
                && marks.contains(&mark)
            {
                return place;
            }
            place = self.behind(place);
        }
        end
    }
}

/// What may be in an identifier.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 128
}

struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    all: Vec<Token>,
    other: Vec<u32>,
    open: Vec<(u32, u8)>,
    known: FxHashMap<&'t [u8], Kind>,
    names: Vec<&'t [u8]>,
}

impl Lexer<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: Kind, start: usize) {
        // The text is no longer than that.
        let (start, end) = (start as u32, self.at as u32);
        self.all.push(Token { kind, start, end });
        self.other.push(0);
    }

    fn run(&mut self) -> Option<()> {
        let mut begins_line = true;
        while self.at < self.text.len() {
            let start = self.at;
            match self.byte(0) {
                b'\n' => {
                    begins_line = true;
                    self.at += 1;
                    continue;
                }
                b' ' | b'\t' | b'\r' | 11 | 12 => {
                    self.at += 1;
                    continue;
                }
                b'#' if begins_line => {
                    let rest = &self.text[start..];
                    self.at += memchr(b'\n', rest).unwrap_or(rest.len());
                    let line = &self.text[start + 1..self.at];
                    let first = line.iter().find(|byte| **byte != b' ');
                    if !first.is_some_and(u8::is_ascii_digit) {
                        self.push(Kind::Pragma, start);
                    }
                    continue;
                }
                b'"' | b'\'' => self.quoted(start)?,
                byte if byte.is_ascii_digit()
                    || (byte == b'.' && self.byte(1).is_ascii_digit()) =>
                {
                    self.number(start);
                }
                byte if is_part(byte) => self.word(start)?,
                byte => self.mark(start, byte)?,
            }
            begins_line = false;
        }
        self.push(Kind::End, self.at);
        Some(())
    }

    fn quoted(&mut self, start: usize) -> Option<()> {
        let quote = self.byte(0);
        self.at += 1;
        while self.at < self.text.len() && self.byte(0) != quote {
            self.at += if self.byte(0) == b'\\' { 2 } else { 1 };
        }
        if self.at >= self.text.len() {
            return None;
        }
        self.at += 1;
        self.push(Kind::Literal, start);
        Some(())
    }

    fn number(&mut self, start: usize) {
        let is_hex = self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X');
        self.at += 1;
        loop {
            let byte = self.byte(0);
            let last = self.text[self.at - 1];
            let is_exponent =
                matches!(last, b'p' | b'P') || (!is_hex && matches!(last, b'e' | b'E'));
            if !(is_part(byte) || byte == b'.' || (matches!(byte, b'+' | b'-') && is_exponent)) {
                break;
            }
            self.at += 1;
        }
        self.push(Kind::Literal, start);
    }

    fn word(&mut self, start: usize) -> Option<()> {
        while is_part(self.byte(0)) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        if matches!(self.byte(0), b'"' | b'\'') && matches!(word, b"L" | b"u" | b"U" | b"u8") {
            return self.quoted(start);
        }
        let kind = match self.known.get(word) {
            Some(kind) => *kind,
            None => {
                // No more names than bytes.
                let kind = Kind::Name(self.names.len() as u32);
                self.names.push(word);
                self.known.insert(word, kind);
                kind
            }
        };
        self.push(kind, start);
        Some(())
    }

    fn mark(&mut self, start: usize, byte: u8) -> Option<()> {
        let kind = match (byte, self.byte(1)) {
            (b'-', b'>') => Kind::Arrow,
            (b'+', b'+') | (b'-', b'-') => Kind::Step,
            _ => Kind::Mark(byte),
        };
        self.at += if kind == Kind::Mark(byte) { 1 } else { 2 };
        // No more tokens than bytes.
        let here = self.all.len() as u32;
        self.push(kind, start);
        match byte {
            b'(' | b'[' | b'{' => self.open.push((here, byte)),
            b')' | b']' | b'}' => {
                let (there, opened) = self.open.pop()?;
                if !matches!((opened, byte), (b'(', b')') | (b'[', b']') | (b'{', b'}')) {
                    return None;
                }
                self.other[there as usize] = here;
                self.other[here as usize] = there;
            }
            _ => {}
        }
        Some(())
    }
}
