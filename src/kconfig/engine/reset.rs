//! What reading a `.config` does with numbers that are out of their range: it takes them back.

use super::model::{Model, SymId, SymKind};
use super::state::State;

impl State<'_> {
    /// Takes back what was asked for numbers and is out of their range, in the order in which LKC
    /// goes through its symbols. What was calculated from one before it was taken back stays as
    /// it is: LKC has it so, but for 2.6, which then asks for new values and calculates all anew.
    pub(super) fn reset_numbers(&mut self) {
        let at_once = self.model.dialect.resets_at_once();
        if !at_once {
            self.calc_all();
        }
        let mut any = false;
        for id in numbers(self.model) {
            if at_once {
                self.calculated(id);
            }
            let asked = self.asked.text(id).map(str::to_owned);
            if asked.is_some_and(|text| self.exceeded(id, &text).is_some()) {
                self.asked.forget(id);
                self.invalidate(id);
                any = true;
            }
        }
        if at_once && any {
            self.invalidate_all();
        }
    }
}

/// All numbers, as LKC's table has them: by a hash of the name, the newest first.
fn numbers(model: &Model) -> Vec<SymId> {
    let is_number = |id: &SymId| matches!(model.kind(*id), SymKind::Int | SymKind::Hex);
    let mut ids: Vec<SymId> = model.defined().filter(is_number).collect();
    let hash = |id: &SymId| {
        let bytes = model.name(*id).bytes();
        if model.dialect.resets_at_once() {
            bytes.fold(0, |sum: u32, byte| sum + u32::from(byte)) & 0xff
        } else {
            // FNV-1a.
            let start = 2_166_136_261;
            bytes.fold(start, |hash: u32, byte| {
                (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
            }) % 9973
        }
    };
    ids.sort_by_cached_key(|id| (hash(id), std::cmp::Reverse(*id)));
    ids
}
