//! What the makefiles of a source gave before, each for the variables that it had asked for.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// What makefiles gave before, each for the answers that it had asked for: from one configuration to the
/// next few of them change.
#[derive(Debug)]
pub(super) struct Remembered<T>(pub(super) Mutex<HashMap<String, VecDeque<Arc<Given<T>>>>>);

/// What a makefile gave.
#[derive(Debug)]
pub(super) struct Given<T> {
    /// Variables from outside, each with its value.
    pub(super) asked: BTreeMap<String, Option<String>>,
    pub(super) value: T,
}

/// So much is remembered of each makefile, the newest.
const REMEMBERED: usize = 8;

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Remembered<T> {
    /// What the makefile of a folder gives: what it gave when all that it asked for was as it is now, or
    /// what `read` makes of it, which may ask for nothing but by what it is given.
    pub(super) fn get(
        &self,
        folder: &str,
        outside: &dyn Fn(&str) -> Option<String>,
        read: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> T,
    ) -> Arc<Given<T>> {
        // Whoever panicked left whole entries.
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // To compare them takes longer than others should wait.
        let all = lock().get(folder).cloned().unwrap_or_default();
        let holds = |given: &Arc<Given<T>>| {
            let mut asked = given.asked.iter();
            asked.all(|(name, value)| outside(name) == *value)
        };
        if let Some(given) = all.into_iter().find(holds) {
            return given;
        }
        let asked = RefCell::new(BTreeMap::new());
        let value = read(&|name| {
            let value = outside(name);
            asked.borrow_mut().insert(name.to_owned(), value.clone());
            value
        });
        let asked = asked.into_inner();
        let given = Arc::new(Given { asked, value });
        let mut all = lock();
        let of_folder = all.entry(folder.to_owned()).or_default();
        // Another thread may have been as far.
        if !of_folder.iter().any(|other| other.asked == given.asked) {
            of_folder.truncate(REMEMBERED - 1);
            of_folder.push_front(Arc::clone(&given));
        }
        given
    }
}
