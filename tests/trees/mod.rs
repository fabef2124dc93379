//! What the tests of the Kconfig engine share.

use std::path::Path;

use kbisect::Result;
use kbisect::kconfig::engine::{Dialect, Env, Mode, Model, NoShell, State, parse};
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
