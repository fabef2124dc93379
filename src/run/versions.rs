//! A start that was written for another version of the source: the symbols that only one of the two has.

use std::collections::HashSet;

use super::lists::{few, list_unknown};
use super::tell::{Watcher, note, warn};
use crate::kconfig::Parsed;
use crate::kconfig::engine::{Mode, Model, Prompt};
use crate::model::{Symbol, count, near};

/// So many are named.
const FEW: usize = 3;

/// Warns of symbols that the source does not have (`known` are those that it has), with their lines in the file
/// `name`: of some in one line, as a whole `.config` of another version has hundreds.
pub(crate) fn tell_absent(
    tell: &mut Watcher<'_>,
    name: &str,
    absent: &[(usize, Symbol)],
    parsed: &Parsed,
    known: &HashSet<Symbol>,
) {
    if absent.len() <= FEW {
        list_unknown(tell, name, absent, known);
        return;
    }
    // What is off is off in this source as well.
    let asked = parsed.fragment.requests().iter();
    let set: HashSet<&Symbol> = asked
        .filter(|r| !r.value.is_no())
        .map(|r| &r.symbol)
        .collect();
    let is_on = |(_, symbol): &&(usize, Symbol)| set.contains(symbol);
    let (on, off): (Vec<_>, Vec<_>) = absent.iter().partition(is_on);
    let text = |(line, symbol): &(usize, Symbol)| {
        let near = near(symbol.as_str(), known.iter().map(Symbol::as_str));
        match near.as_slice() {
            [] => format!("{symbol} (line {line})"),
            near => format!(
                "{symbol} (line {line}; did you mean {}?)",
                near.join(" or ")
            ),
        }
    };
    let named: Vec<String> = on
        .iter()
        .chain(&off)
        .take(FEW)
        .map(|one| text(one))
        .collect();
    warn(
        tell,
        format!(
            "{name}: {} of its symbols are not in this source for this architecture, {} of them set: {}, and {} more",
            absent.len(),
            on.len(),
            named.join(", "),
            absent.len() - named.len(),
        ),
    );
}

/// Tells of symbols that can be set in the `.config` of this text, which `parsed` comes to with the defaults of the
/// tree, and that it does not mention: they are new in this source, or were hidden where it was written.
pub(crate) fn tell_new(
    tell: &mut Watcher<'_>,
    name: &str,
    parsed: &Parsed,
    model: &Model,
    text: &str,
) {
    let new = new_symbols(parsed, model, text);
    if new.is_empty() {
        return;
    }
    note(
        tell,
        format!(
            "start: {name}: {} of this source can be set and {} not in it: there the defaults hold ({})",
            count(new.len(), "symbol"),
            if new.len() == 1 { "is" } else { "are" },
            few(&new, FEW),
        ),
    );
}

/// Their names, in the order in which the source names them first.
fn new_symbols(parsed: &Parsed, model: &Model, text: &str) -> Vec<String> {
    let mut state = model.resolve(Mode::OldDef, Some(&model.assignments(text)));
    let can_be_set = state.prompts().into_iter();
    let can_be_set = can_be_set.filter(|(_, prompt)| *prompt != Prompt::Forced);
    let asked = parsed.fragment.requests().iter();
    let mentioned: HashSet<&str> = asked.map(|r| r.symbol.as_str()).collect();
    let names = can_be_set.map(|(id, _)| model.name(id));
    let new = names.filter(|name| !mentioned.contains(name));
    new.map(str::to_owned).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kconfig::engine::{Env, NoShell, parse};
    use crate::kconfig::read;
    use crate::model::Event;

    fn told(tell: impl FnOnce(&mut Watcher<'_>)) -> Vec<String> {
        let mut told = Vec::new();
        tell(&mut |event: &Event| match event {
            Event::Note { text } | Event::Warning { text } => told.push(text.clone()),
            _ => {}
        });
        told
    }

    fn absent(text: &str) -> Vec<String> {
        let known: HashSet<Symbol> = [Symbol::new("SERIAL_8250").unwrap()].into();
        let parsed = read(text.as_bytes());
        let absent = parsed.unknown(&known);
        told(|tell| tell_absent(tell, "old", &absent, &parsed, &known))
    }

    #[test]
    fn many_absent_symbols_are_told_in_one_line_and_those_that_are_set_first() {
        let text = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_SERIAL_8250=y\nCONFIG_SERIAL_8251=y\n\
                    # CONFIG_C is not set\nCONFIG_D=m\n";
        assert_eq!(
            absent(text),
            [
                "old: 5 of its symbols are not in this source for this architecture, 3 of them set: A (line 1), \
              SERIAL_8251 (line 4; did you mean SERIAL_8250?), D (line 6), and 2 more"
            ]
        );
    }

    #[test]
    fn a_few_absent_symbols_have_a_line_each() {
        let told = absent("CONFIG_A=y\nCONFIG_SERIAL_8251=y\n");
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[1].ends_with("did you mean SERIAL_8250?"), "{told:?}");
    }

    fn new(text: &str) -> Vec<String> {
        let kconfig = "config OLD\n\tbool \"old\"\nconfig NEW\n\tbool \"new\"\n\tdefault y\n\
                       config HIDDEN\n\tbool \"hidden\"\n\tdepends on OLD\nconfig SILENT\n\tbool\n\tdefault y\n\
                       config FORCED\n\tbool \"forced\"\nconfig SELECTS\n\tbool \"selects\"\n\tselect FORCED\n";
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Kconfig"), kconfig).unwrap();
        let env = Env {
            source: dir.path().to_owned(),
            ..Env::default()
        };
        let model = parse("Kconfig", &env, &mut NoShell).unwrap();
        let parsed = read(text.as_bytes());
        told(|tell| tell_new(tell, "old", &parsed, &model, text))
    }

    #[test]
    fn what_can_be_set_and_is_not_mentioned_is_new() {
        let one = "start: old: 1 symbol of this source can be set and is not in it: there the defaults hold (NEW)";
        // Neither what has no prompt, nor what is hidden or forced.
        assert_eq!(new("# CONFIG_OLD is not set\nCONFIG_SELECTS=y\n"), [one]);
        let four = new("");
        assert!(
            four[0].ends_with("(OLD, NEW, FORCED and 1 more)"),
            "{four:?}"
        );
        let all = "CONFIG_OLD=y\nCONFIG_NEW=y\nCONFIG_HIDDEN=y\nCONFIG_SELECTS=y\n";
        assert_eq!(new(all), [""; 0]);
    }
}
