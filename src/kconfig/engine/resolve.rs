//! What becomes of assignments: the way into the evaluation.

use super::asked::{Asked, Mode};
use super::model::Model;
use super::state::State;
use super::value::Assignment;

impl Model {
    /// What becomes of these assignments: those of a fragment for `KCONFIG_ALLCONFIG` or, with
    /// [`Mode::OldDef`], of a `.config` ([`Model::assignments`] reads one). What
    /// `conf` passes over with a warning is passed over. No file at all and one without an assignment
    /// are not the same for choices.
    #[must_use]
    pub fn resolve(&self, mode: Mode, assignments: Option<&[Assignment]>) -> State<'_> {
        let mut asked = Asked::new(self, assignments);
        asked.fill(self, mode);
        let mut state = State::new(self, asked, mode);
        state.calc(self.modules);
        if mode == Mode::OldDef && self.dialect.resets_numbers() {
            state.reset_numbers();
        }
        state
    }
}
