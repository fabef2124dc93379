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

/// `text` in which nothing is markup of XML or HTML, for contents and attributes. A character that XML has no place for
/// becomes U+FFFD.
#[must_use]
pub fn escape_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A cell of a table that no spreadsheet takes for a formula: one that begins like a formula gets a `'` in front.
#[must_use]
pub fn no_formula(cell: String) -> String {
    match cell.starts_with(['=', '+', '-', '@']) {
        true => format!("'{cell}"),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_of_lines_is_a_space() {
        assert_eq!(sanitize("one\u{2028}two\u{2029}three"), "one two three");
    }

    #[test]
    fn nothing_is_markup_in_escaped_text() {
        assert_eq!(
            escape_markup("<a href='x'>\"&\u{1}\u{ffff}\n"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\u{fffd}\u{fffd}\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1", "+1", "-1", "@x"] {
            assert_eq!(no_formula(cell.to_owned()), format!("'{cell}"));
        }
        assert_eq!(no_formula("1=1".to_owned()), "1=1");
    }
}
