//! Ranges of numbers: what becomes of one that is out of its range.

use super::model::{SymId, SymKind};
use super::number::strtoll;
use super::state::{State, Text};

impl State<'_> {
    pub(super) fn limit_to_range(&mut self, id: SymId) {
        if self.model.kind(id).base().is_none() {
            return;
        }
        let text = self.text_of(id).to_owned();
        let Some(bound) = self.exceeded(id, &text) else {
            return;
        };
        let mut text = self.slot(bound).text;
        if !self.model.dialect.bounds_as_written() {
            let kind = self.model.kind(id);
            let number = self.bound(bound, kind.base().unwrap_or(10));
            let anew = match kind {
                SymKind::Hex => format!("{number:#x}"),
                _ => number.to_string(),
            };
            // There are fewer than symbols.
            #[allow(clippy::cast_possible_truncation)]
            let at = self.anew.len() as u32;
            self.anew.push(anew.into());
            text = Text::Anew(at);
        }
        self.slot_mut(id).text = text;
    }

    /// The bound of its range that `text` as a value of this symbol is beyond, if it is a number.
    pub(super) fn exceeded(&mut self, id: SymId, text: &str) -> Option<SymId> {
        let sym = self.model.sym(id);
        let base = sym.kind.base()?;
        let ((low, high), _) = self.first(sym.ranges())?;
        let number = strtoll(text, base).0;
        if number < self.bound(low, base) {
            Some(low)
        } else if number > self.bound(high, base) {
            Some(high)
        } else {
            None
        }
    }

    fn bound(&mut self, id: SymId, base: u32) -> i64 {
        self.calc(id);
        let base = self.model.kind(id).base().unwrap_or(base);
        strtoll(self.text_of(id), base).0
    }
}
