//! The truth of a toy: which configurations are good, for its oracle and for the judge.

use std::collections::BTreeSet;

/// For a script: counts its calls, and has the number of this one in `$calls`. Of two at once each has its own.
pub const CALLS: &str = r#"calls=$(exec 9>>"$toy/state/calls.lock"; flock 9; printf x >>"$toy/state/calls"; wc -c <"$toy/state/calls")"#;

/// A condition on the symbols that are on.
#[derive(Debug, Clone)]
pub enum Rule {
    /// This symbol is on.
    On(String),
    /// The other does not hold.
    Not(Box<Rule>),
    /// Each of them holds.
    All(Vec<Rule>),
    /// One of them holds.
    Any(Vec<Rule>),
    /// At least so many of these symbols are on.
    AtLeast(usize, Vec<String>),
    /// An odd number of these symbols is on.
    Odd(Vec<String>),
}

impl Rule {
    /// This symbol is on.
    pub fn on(name: &str) -> Self {
        Self::On(name.to_owned())
    }

    /// This symbol is off.
    pub fn off(name: &str) -> Self {
        Self::Not(Box::new(Self::on(name)))
    }

    /// All these symbols are on.
    pub fn all(names: &[&str]) -> Self {
        Self::All(names.iter().map(|name| Self::on(name)).collect())
    }

    /// Does it hold where these symbols, and no others, are on?
    pub fn holds(&self, on: &BTreeSet<String>) -> bool {
        let count = |names: &[String]| names.iter().filter(|name| on.contains(*name)).count();
        match self {
            Self::On(name) => on.contains(name),
            Self::Not(rule) => !rule.holds(on),
            Self::All(rules) => rules.iter().all(|rule| rule.holds(on)),
            Self::Any(rules) => rules.iter().any(|rule| rule.holds(on)),
            Self::AtLeast(least, names) => count(names) >= *least,
            Self::Odd(names) => count(names) % 2 == 1,
        }
    }

    /// An oracle that accepts what holds. `twist`, in shell, may change `$verdict`, 0 or 1, before
    /// it is given.
    pub fn script(&self, twist: &str) -> String {
        let rule = self.shell();
        format!(
            r#"#!/bin/sh
toy=${{0%/oracle/*}}
image=$(cat "$KBISECT_IMAGE") || exit 125
on() {{ case $image in *"CONFIG_$1=y"*) return 0;; esac; return 1; }}
count() {{ n=0; for name; do on "$name" && n=$((n + 1)); done; }}
if {rule}; then verdict=0; else verdict=1; fi
{twist}
[ "$verdict" = 0 ] || echo 'the rule does not hold' >"$KBISECT_EVIDENCE"
exit "$verdict"
"#
        )
    }

    fn shell(&self) -> String {
        let joined = |rules: &[Self], by: &str, none: &str| {
            let parts: Vec<String> = rules.iter().map(Self::shell).collect();
            if parts.is_empty() {
                none.to_owned()
            } else {
                format!("{{ {}; }}", parts.join(by))
            }
        };
        match self {
            Self::On(name) => format!("on {name}"),
            Self::Not(rule) => format!("{{ ! {}; }}", rule.shell()),
            Self::All(rules) => joined(rules, " && ", "true"),
            Self::Any(rules) => joined(rules, " || ", "false"),
            Self::AtLeast(least, names) => {
                format!("{{ count {}; [ $n -ge {least} ]; }}", names.join(" "))
            }
            Self::Odd(names) => format!("{{ count {}; [ $((n % 2)) = 1 ]; }}", names.join(" ")),
        }
    }
}
