//! Text from outside, made safe to show.

/// `text` without terminal control sequences and with every other control character
/// (newline and tab apart) replaced by U+FFFD.
///
/// Console logs of a guest are hostile: an escape sequence can retitle, recolour or type into
/// a terminal. CSI, OSC and two-character escape sequences go whole; bidirectional overrides,
/// which reorder what a reader sees, go too.
#[must_use]
pub fn sanitize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                // CSI: parameters, then one final character in @..~
                Some('[') => {
                    for c in chars.by_ref() {
                        if ('@'..='~').contains(&c) {
                            break;
                        }
                    }
                }
                // OSC, DCS, SOS, PM, APC: up to BEL or ST
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    while let Some(c) = chars.next() {
                        if c == '\u{7}' {
                            break;
                        }
                        if c == '\u{1b}' {
                            if chars.peek() == Some(&'\\') {
                                chars.next();
                            }
                            break;
                        }
                        // A lost terminator must not eat the rest of the log.
                        if c == '\n' {
                            out.push('\n');
                            break;
                        }
                    }
                }
                // Two-character sequences, and those with one intermediate character.
                Some(' '..='/') => {
                    chars.next();
                }
                _ => {}
            },
            '\r' => {}
            '\n' | '\t' => out.push(c),
            // Unicode's separators of lines and of paragraphs.
            '\u{2028}' | '\u{2029}' => out.push(' '),
            c if c.is_control() => out.push('\u{fffd}'),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c => out.push(c),
        }
    }
    out
}

/// [`sanitize`] for what must stay one line: white space is folded and the text cut after
/// `max` characters.
#[must_use]
pub fn sanitize_line(text: &str, max: usize) -> String {
    let clean = sanitize(text);
    let mut line = String::with_capacity(clean.len().min(max));
    let words = clean.split_whitespace();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.chars().count() > max {
        let mut cut: String = line.chars().take(max.saturating_sub(1)).collect();
        cut.push('…');
        return cut;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_of_lines_is_a_space() {
        assert_eq!(sanitize("one\u{2028}two\u{2029}three"), "one two three");
    }
}
