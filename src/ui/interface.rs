//! The trait that all user interfaces implement.

use crate::model::Event;

/// Somebody who is told what happens.
pub trait Ui {
    /// Something happened.
    fn event(&mut self, event: &Event);

    /// Nothing more will: what is left on the screen is for good.
    fn finish(&mut self) {}
}
