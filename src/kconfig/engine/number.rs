//! Numbers in values, read as C does.

use super::model::SymKind;

/// A number in 64 bits.
pub(super) enum Number {
    Signed(i64),
    Unsigned(u64),
}

impl Number {
    pub(super) fn bits(&self) -> u64 {
        match *self {
            // As in a union of both.
            #[allow(clippy::cast_sign_loss)]
            Self::Signed(n) => n as u64,
            Self::Unsigned(n) => n,
        }
    }
}

/// `text` as a number, if the whole of it is one.
pub(super) fn number(text: &str, kind: SymKind) -> Option<Number> {
    match kind {
        SymKind::Bool | SymKind::Tristate => Some(Number::Signed(match text {
            "n" => 0,
            "m" => 1,
            "y" => 2,
            _ => -1,
        })),
        SymKind::Hex => whole(text, 16)
            .map(|(negative, n)| Number::Unsigned(if negative { n.wrapping_neg() } else { n })),
        SymKind::Int => signed(text, 10),
        SymKind::Unknown | SymKind::String => signed(text, 0),
    }
}

fn signed(text: &str, base: u32) -> Option<Number> {
    let (negative, n) = whole(text, base)?;
    let n = i128::from(n) * if negative { -1 } else { 1 };
    i64::try_from(n).ok().map(Number::Signed)
}

/// Sign and amount of a number that takes all of `text`; as C's `strtoull` reads it.
fn whole(text: &str, base: u32) -> Option<(bool, u64)> {
    let (negative, digits, base) = prefix(text, base);
    if digits.is_empty() {
        return None;
    }
    u64::from_str_radix(digits, base)
        .ok()
        .map(|n| (negative, n))
}

/// Sign, digits (and what follows them) and base of a number as C's `strtoll` reads it.
fn prefix(text: &str, base: u32) -> (bool, &str, u32) {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let is_hex = hex.is_some_and(|h| h.starts_with(|c: char| c.is_ascii_hexdigit()));
    let (digits, base) = match (base, hex) {
        (0 | 16, Some(hex)) if is_hex => (hex, 16),
        (0, _) if text.starts_with('0') => (text, 8),
        (0, _) => (text, 10),
        (base, _) => (text, base),
    };
    // A second sign is none.
    if digits.starts_with(['+', '-']) {
        return (negative, "", base);
    }
    (negative, digits, base)
}

/// C's `strtoll`: the number that `text` begins with, and whether there was one.
pub(super) fn strtoll(text: &str, base: u32) -> (i64, bool) {
    let (negative, digits, base) = prefix(text, base);
    let mut n: i128 = 0;
    let mut any = false;
    for digit in digits.chars().map_while(|c| c.to_digit(base)) {
        any = true;
        n = (n * i128::from(base) + i128::from(digit)).min(i128::from(u64::MAX));
    }
    let n = if negative { -n } else { n };
    // Clamped to what fits.
    #[allow(clippy::cast_possible_truncation)]
    let n = n.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
    (n, any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        let cases = [
            ("17", 10, (17, true)),
            ("-3x", 10, (-3, true)),
            ("0x1F", 16, (31, true)),
            ("1F", 16, (31, true)),
            ("0x1f", 0, (31, true)),
            ("010", 0, (8, true)),
            ("0x", 0, (0, true)),
            ("", 10, (0, false)),
            ("--1", 10, (0, false)),
            ("99999999999999999999", 10, (i64::MAX, true)),
        ];
        for (text, base, expected) in cases {
            assert_eq!(strtoll(text, base), expected, "{text}");
        }
    }

    #[test]
    fn only_a_text_that_is_one_number_compares_as_one() {
        assert!(number("12", SymKind::Int).is_some());
        assert!(number("12a", SymKind::Int).is_none());
        assert!(number("", SymKind::Unknown).is_none());
        assert!(number("9223372036854775808", SymKind::Int).is_none());
        assert!(number("0xffffffffffffffff", SymKind::Hex).is_some());
    }
}
