//! What the tests of the Kconfig engine share.

#![allow(dead_code)] // each binary uses a part of it

pub mod random_tree;

use std::collections::BTreeSet;
use std::path::Path;

use kbisect::Result;
use kbisect::kconfig::engine::{
    Assignment, Dialect, Env, Graph, Mode, Model, NoShell, State, Varying, parse,
};
use kbisect::kconfig::parse_failed;

/// Small, and the same everywhere: xorshift64*.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % n
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// What becomes of a file.
pub fn resolve<'m>(model: &'m Model, mode: Mode, text: Option<&str>) -> State<'m> {
    let asked = text.map(|text| model.assignments(text));
    model.resolve(mode, asked.as_deref())
}

pub const MODES: [Mode; 5] = [
    Mode::AllNo,
    Mode::AllYes,
    Mode::AllMod,
    Mode::AllDef,
    Mode::OldDef,
];

/// A tree that asks the shell and the environment nothing.
pub fn parse_tree(source: &Path, dialect: Dialect) -> Result<Model> {
    let env = Env {
        source: source.to_owned(),
        dialect,
        ..Env::default()
    };
    parse("Kconfig", &env, &mut NoShell).map_err(parse_failed)
}

/// What [`compare_changes`] found.
#[derive(Debug, Default)]
pub struct Compared {
    /// Changes of which both ways said the same.
    pub alike: usize,
    /// Changes that were left to the whole way.
    pub left: usize,
    /// Lines of the `.config` that changed.
    pub lines: usize,
}

/// Makes so many changes of 1 to 20 assignments to a resolved tree, and compares what becomes of it with what the
/// tree resolves to as a whole, byte for byte.
///
/// # Panics
/// They differ.
pub fn compare_changes(
    model: &Model,
    graph: &Graph,
    mode: Mode,
    asked: &[Assignment],
    changes: usize,
    random: &mut Random,
) -> Compared {
    let mut compared = Compared::default();
    let one_in = random.one(&[2, 5, 50, 100_000]);
    let mut is_on: Vec<bool> = asked.iter().map(|_| random.below(one_in) > 0).collect();
    let lines = || asked.iter().cloned().zip(is_on.iter().copied());
    let Some(mut varying) = Varying::new(model, graph, mode, lines()) else {
        compared.left = changes;
        return compared;
    };
    let whole = |is_on: &[bool]| {
        let on = asked.iter().zip(is_on).filter(|(_, on)| **on);
        let on: Vec<Assignment> = on.map(|(assignment, _)| assignment.clone()).collect();
        model.resolve(mode, Some(&on)).write()
    };
    let mut before = whole(&is_on);
    assert_eq!(varying.write(), before, "{mode:?}, before any change");
    if asked.is_empty() {
        return compared;
    }
    for _ in 0..changes {
        let most = random.one(&[1, 1, 3, 20]);
        let count = 1 + random.below(most);
        let places: BTreeSet<usize> = (0..count).map(|_| random.below(asked.len())).collect();
        let places: Vec<usize> = places.into_iter().collect();
        let mut then = is_on.clone();
        places.iter().for_each(|place| then[*place] ^= true);
        let Some(changed) = varying.flip(&places) else {
            compared.left += 1;
            assert_eq!(varying.write(), before, "{mode:?}, after nothing");
            continue;
        };
        let told = |place: &usize| format!("{:?} {}", asked[*place], then[*place]);
        let told: Vec<String> = places.iter().map(told).collect();
        let expected = whole(&then);
        assert!(
            varying.write() == expected,
            "{mode:?}, {told:?}:\n{}",
            difference(&varying.write(), &expected)
        );
        // The lines that it names are those that changed.
        let mut named: Vec<&str> = changed.iter().map(|id| model.name(*id)).collect();
        named.sort_unstable();
        assert_eq!(
            named,
            changed_names(&before, &expected),
            "{mode:?}, {told:?}"
        );
        for id in &changed {
            assert!(expected.contains(&varying.line(*id)));
        }
        compared.alike += 1;
        compared.lines += changed.len();
        if random.below(4) == 0 {
            varying.stay();
            (is_on, before) = (then, expected);
        } else {
            varying.undo();
            if random.below(8) == 0 {
                assert_eq!(
                    varying.write(),
                    before,
                    "{mode:?}, after {told:?} was undone"
                );
            }
        }
    }
    compared
}

/// The first lines that differ.
fn difference(ours: &str, theirs: &str) -> String {
    let ours: BTreeSet<&str> = ours.lines().collect();
    let theirs: BTreeSet<&str> = theirs.lines().collect();
    let extra = ours
        .difference(&theirs)
        .take(5)
        .map(|line| format!("+{line}"));
    let missing = theirs
        .difference(&ours)
        .take(5)
        .map(|line| format!("-{line}"));
    extra.chain(missing).collect::<Vec<_>>().join("\n")
}

/// The names of the symbols whose lines differ, in order.
fn changed_names<'a>(a: &'a str, b: &'a str) -> Vec<&'a str> {
    let named = |text: &'a str| -> BTreeSet<(&'a str, &'a str)> {
        let name = |line: &'a str| {
            let rest = line
                .strip_prefix("# CONFIG_")
                .or_else(|| line.strip_prefix("CONFIG_"))?;
            Some((rest.split(['=', ' ']).next()?, line))
        };
        text.lines().filter_map(name).collect()
    };
    let (a, b) = (named(a), named(b));
    let names: BTreeSet<&str> = a.symmetric_difference(&b).map(|(name, _)| *name).collect();
    names.into_iter().collect()
}
