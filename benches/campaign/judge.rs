//! Is a certified answer true? Found out by brute force, with the tree's own `conf`.

use crate::cases::Case;

/// Which requests of an answer are to be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// Each.
    All,
    /// Each that no other depends on.
    Leaves,
}

/// What is wrong with the answer in the run directory, if anything is.
pub fn fault(case: &Case, needed: Needed) -> Option<String> {
    let (toy, rule) = (&case.toy, &case.rule);
    let answer = toy.answer();
    let on = toy.resolve(&answer);
    if !rule.holds(&on) {
        return Some(format!("{answer:?} does not pass"));
    }
    let config = crate::toy::symbols_on(&toy.read("out/minimal.config"));
    if config != on {
        return Some(format!(
            "minimal.config has {config:?}, the fragment gives {on:?}"
        ));
    }
    let needless = |name: &&String| {
        let mut rest = answer.clone();
        rest.remove(*name);
        // What falls with it is off: so `conf` has it.
        let left = toy.resolve(&rest);
        rule.holds(&left) && (needed == Needed::All || rest.is_subset(&left))
    };
    let needless: Vec<&String> = answer.iter().filter(needless).collect();
    (!needless.is_empty()).then(|| format!("of {answer:?} each of these can go: {needless:?}"))
}
