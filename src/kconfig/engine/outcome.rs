//! The values of a resolved tree, with their types.

use super::model::{SymId, SymKind};
use super::state::State;
use super::value::{Tristate, Value};
use super::walk::NodeKind;

impl State<'_> {
    /// The value of a symbol, whether there is a line for it in the `.config` or not. Of one that is used but
    /// nowhere defined it is its name, as a text.
    pub fn value(&mut self, id: SymId) -> Value {
        self.calc(id);
        match self.model.kind(id) {
            SymKind::Bool | SymKind::Tristate => Value::Tristate(Tristate::of(self.slot(id).tri)),
            SymKind::Int | SymKind::Hex => Value::Number(self.string(id).to_owned()),
            SymKind::String | SymKind::Unknown => Value::Text(self.string(id).to_owned()),
        }
    }

    /// Is there a line for a symbol in the `.config`?
    pub fn has_line(&mut self, id: SymId) -> bool {
        self.is_written(id)
    }

    /// The symbols that the `.config` has a line for, each with its value, in the order of the menus.
    ///
    /// [`write`](Self::write) says the same as text. (A `conf` of BusyBox writes a line for all others as well.)
    pub fn values(&mut self) -> Vec<(SymId, Value)> {
        let model = self.model;
        let mut told = vec![false; model.len()];
        let mut found = Vec::new();
        for node in model.walk() {
            if let NodeKind::Symbol(id) = node.kind()
                && self.is_written(id)
                && !std::mem::replace(&mut told[id.0 as usize], true)
            {
                found.push((id, self.value(id)));
            }
        }
        found
    }
}
