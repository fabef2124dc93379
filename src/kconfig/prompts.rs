//! The symbols that the user can set, and those that are forced.

use std::collections::BTreeMap;

use super::engine::Prompt;
use crate::model::Symbol;

/// Reads what `conf --oldaskconfig` writes when it is answered with newlines only. It walks
/// through all visible prompts of a configuration, in menu order:
///
/// ```text
///   Enable eventpoll support (EPOLL) [Y/n/?]
/// Preemption Model
/// > 1. No Forced Preemption (Server) (PREEMPT_NONE)
///   2. Preemptible Kernel (Low-Latency Desktop) (PREEMPT)
/// choice[1-2?]:
/// Kernel log buffer size (16 => 64KB, 17 => 128KB) (LOG_BUF_SHIFT) [17]
/// Namespaces support (NAMESPACES) [Y/?] y
/// ```
///
/// This works with every `conf` there is, back to the 2.6 kernels that BusyBox took it from.
#[must_use]
pub fn parse_prompts(output: &str) -> BTreeMap<Symbol, Prompt> {
    let mut found = BTreeMap::new();
    for line in output.lines() {
        let line = line.trim();
        if line.starts_with('*') {
            continue;
        }
        if let Some(symbol) = member(line) {
            found.insert(symbol, Prompt::Member);
            continue;
        }
        let mut rest = line;
        while let Some((symbol, allowed, after)) = next_prompt(rest) {
            rest = after;
            let prompt = allowing(allowed);
            // Several prompts for one symbol: one that lets it be set is enough.
            let entry = found.entry(symbol).or_insert(prompt);
            if *entry == Prompt::Forced {
                *entry = prompt;
            }
        }
    }
    found
}

/// The first `(SYMBOL) [allowed]` in `line`, and what follows. Old ones print no newline after a
/// prompt that nobody answers at a keyboard, so a line can hold many. The value of a string may
/// look like a prompt itself; that is passed over, because it stands within the brackets.
fn next_prompt(line: &str) -> Option<(Symbol, &str, &str)> {
    for (open, _) in line.match_indices(") [") {
        let name = line[..open].rfind('(').map(|i| &line[i + 1..open]);
        let Some(Ok(symbol)) = name.map(Symbol::new) else {
            continue;
        };
        let (allowed, after) = line[open + 3..].split_once(']')?;
        return Some((symbol, allowed, after));
    }
    None
}

/// `> 1. No Forced Preemption (Server) (PREEMPT_NONE)`, perhaps with ` (NEW)` after it.
fn member(line: &str) -> Option<Symbol> {
    let line = line.strip_prefix('>').unwrap_or(line).trim_start();
    let digits = line.find(|c: char| !c.is_ascii_digit())?;
    if digits == 0 || !line[digits..].starts_with(". ") {
        return None;
    }
    let line = line
        .strip_suffix(" (NEW)")
        .unwrap_or(line)
        .strip_suffix(')')?;
    Symbol::new(&line[line.rfind('(')? + 1..]).ok()
}

/// What the values in brackets allow: `Y/n/?` a switch, `Y/?` one value and the help, `17` a
/// text whose value it is. The current value comes first, as a capital.
fn allowing(allowed: &str) -> Prompt {
    let values = allowed.strip_suffix("/?").unwrap_or(allowed);
    let current = values.chars().next().filter(char::is_ascii_uppercase);
    let is_tristate = current.is_some()
        && values
            .split('/')
            .all(|v| matches!(v, "N" | "M" | "Y" | "n" | "m" | "y"));
    match (is_tristate, values.contains('/')) {
        (false, _) => Prompt::Settable,
        (true, false) => Prompt::Forced,
        (true, true) if values.to_ascii_lowercase().contains('n') => Prompt::Switchable,
        (true, true) => Prompt::Settable,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn prompts(text: &str) -> Vec<(String, Prompt)> {
        parse_prompts(text)
            .into_iter()
            .map(|(s, p)| (s.to_string(), p))
            .collect()
    }

    #[test]
    fn every_kind_of_prompt_is_read() {
        let text = "*\n* General setup\n*\n\
            Local version - append to kernel release (LOCALVERSION) [] \n\
            \x20 Enable eventpoll support (EPOLL) [Y/n/?] \n\
            Kernel log buffer size (16 => 64KB, 17 => 128KB) (LOG_BUF_SHIFT) [17] \n\
            Namespaces support (NAMESPACES) [Y/?] y\n\
            Virtio (VIRTIO_PCI) [M/y/?] (NEW) \n\
            Preemption Model\n\
            > 1. No Forced Preemption (Server) (PREEMPT_NONE)\n\
            \x20 2. Low-Latency (PREEMPT) (NEW)\n\
            choice[1-2?]: \n";
        assert_eq!(
            prompts(text),
            [
                ("EPOLL".to_owned(), Prompt::Switchable),
                ("LOCALVERSION".to_owned(), Prompt::Settable),
                ("LOG_BUF_SHIFT".to_owned(), Prompt::Settable),
                ("NAMESPACES".to_owned(), Prompt::Forced),
                ("PREEMPT".to_owned(), Prompt::Member),
                ("PREEMPT_NONE".to_owned(), Prompt::Member),
                ("VIRTIO_PCI".to_owned(), Prompt::Settable),
            ]
        );
    }

    #[test]
    fn a_value_with_brackets_does_not_confuse_it() {
        assert_eq!(
            prompts("Built-in command (CMDLINE) [x (Y) [z]] \n"),
            [("CMDLINE".to_owned(), Prompt::Settable)]
        );
    }

    #[test]
    fn an_old_conf_writes_many_prompts_into_one_line() {
        assert_eq!(
            prompts(
                "Desktop (DESKTOP) [N/y/?] Size (8 kb) (SIZE) [16] choice[1-2?]: Last (Z) [Y/?] *\n* Menu\n"
            ),
            [
                ("DESKTOP".to_owned(), Prompt::Switchable),
                ("SIZE".to_owned(), Prompt::Settable),
                ("Z".to_owned(), Prompt::Forced),
            ]
        );
    }

    #[test]
    fn a_symbol_with_two_prompts_is_settable_if_one_of_them_lets_it() {
        assert_eq!(
            prompts("One (A) [Y/?] y\nTwo (A) [Y/n/?] \n"),
            [("A".to_owned(), Prompt::Switchable)]
        );
    }

    #[test]
    fn what_a_select_leaves_tells_switches_from_the_rest() {
        let cases = [
            ("Y/n/?", Prompt::Switchable),
            ("N/m/y/?", Prompt::Switchable),
            ("M/n/y/?", Prompt::Switchable),
            ("M/y/?", Prompt::Settable),
            ("Y/m/?", Prompt::Settable),
            ("Y/?", Prompt::Forced),
            ("17", Prompt::Settable),
            ("", Prompt::Settable),
            ("n/a", Prompt::Settable),
            ("/sbin/init", Prompt::Settable),
        ];
        for (allowed, prompt) in cases {
            assert_eq!(allowing(allowed), prompt, "{allowed}");
        }
    }
}
