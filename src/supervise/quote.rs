//! Words of a shell's command line.

/// `text` as one word of a shell.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:=,@%+-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_go_without_quotes() {
        assert_eq!(quote("O=/t/a-b.c"), "O=/t/a-b.c");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("O=/a b"), "'O=/a b'");
        assert_eq!(quote("it's"), "'it'\\''s'");
    }
}
