//! Lines for people, on the way to whoever watches the run.

use crate::model::Event;

/// Whoever watches a run: called with each event, in order.
pub type Watcher<'a> = dyn FnMut(&Event) + 'a;

/// Tells a line about what is being done or was found.
pub(crate) fn note(tell: &mut Watcher<'_>, text: impl Into<String>) {
    tell(&Event::Note { text: text.into() });
}

/// Tells a line about something that is not as it should be.
pub(crate) fn warn(tell: &mut Watcher<'_>, text: impl Into<String>) {
    tell(&Event::Warning { text: text.into() });
}
