//! Which words of a script are the names of programs that it calls: those in the place of a command.

/// What stands before a command.
const BEFORE: &[&str] = &[
    "!", "command", "do", "elif", "else", "env", "eval", "exec", "if", "nice", "nohup", "setsid",
    "sudo", "then", "time", "timeout", "until", "while",
];

/// The words of a line that may be called as programs. Of `#!/usr/bin/env python3` the interpreter.
pub(super) fn commands(line: &str) -> Vec<&str> {
    if let Some(interpreter) = line.strip_prefix("#!") {
        let words = interpreter.split_whitespace();
        return words.filter(|word| is_name(word)).collect();
    }
    if line.trim_start().starts_with('#') {
        return Vec::new();
    }
    let (starts, end) = (starts(line), line.len());
    let ends = starts.iter().skip(1).chain(std::iter::once(&end));
    let parts = starts.iter().zip(ends);
    parts
        .filter_map(|(start, end)| command(&line[*start..*end]))
        .collect()
}

/// Where a command begins in a line: first, behind `|`, `;`, `&`, `(`, `{`, `$(` and a backtick. In double quotes only the
/// last two count, in single quotes none.
fn starts(line: &str) -> Vec<usize> {
    let mut found = vec![0];
    let (mut in_single, mut in_double) = (false, false);
    let mut outer = Vec::new();
    let mut bytes = line.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\'' if !in_double => in_single = !in_single,
            _ if in_single => {}
            b'\\' => {
                bytes.next();
            }
            b'"' => in_double = !in_double,
            b'$' if bytes.next_if(|(_, next)| *next == b'(').is_some() => {
                outer.push(in_double);
                in_double = false;
                found.push(at + 2);
            }
            b'`' => found.push(at + 1),
            _ if in_double => {}
            b')' => in_double = outer.pop().unwrap_or(false),
            b'|' | b';' | b'&' | b'(' | b'{' => found.push(at + 1),
            _ => {}
        }
    }
    found
}

/// The program that is called where `text` begins.
fn command(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace();
    let mut word = words.next()?;
    let mut may_be_option = false;
    loop {
        let is_option = may_be_option
            && (word.starts_with('-') || word.starts_with(|c: char| c.is_ascii_digit()));
        // A value with a blank in it goes on in the next word.
        if word.contains('=') && word.matches(['"', '\'']).count() % 2 == 1 {
            return None;
        }
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| is_name(name));
        if BEFORE.contains(&word) {
            may_be_option = true;
        } else if !is_option && !is_assignment {
            break;
        }
        word = words.next()?;
    }
    // It may be quoted, or the first of a list.
    let word = word.trim_matches(|c: char| !is_inner(c));
    is_name(word).then_some(word)
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(is_inner)
}

fn is_inner(c: char) -> bool {
    c.is_alphanumeric() || "._-+@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_in_the_place_of_a_command_are_called() {
        let all = |line: &str| commands(line).join(" ");
        assert_eq!(all("#!/usr/bin/env python3"), "python3");
        assert_eq!(all("echo \"exit code\""), "echo");
        assert_eq!(all("echo 'a; code' \"b; code\""), "echo");
        assert_eq!(
            all("if ! A=1 one x | two && three; then four; fi"),
            "one two three four fi"
        );
        assert_eq!(all("x=\"$(one \"a b\" | two)\" # c"), "one two");
        assert_eq!(all("timeout -k 5 30 one x || `two`"), "one two");
        assert_eq!(all("  # code"), "");
        assert_eq!(all("out = subprocess.run([\"one\", \"code\"])"), "out one");
        assert_eq!(all("ü | \"é"), "ü é");
    }
}
