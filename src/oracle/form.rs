//! The forms in which an oracle is asked: one, or a quick one and then a full one.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::model::Level;

/// Which forms of an oracle are asked about a kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Forms {
    /// All, the fast one first, until one does not accept.
    #[default]
    Each,
    /// The last, which is the full one if there are two.
    Last,
}

/// One form of an oracle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    /// How guests start. None: the oracle does not say.
    pub(super) level: Option<Level>,
    /// Its folder in a trial.
    pub(super) folder: String,
}

/// The kernels that a fast form rejected, by hashes of their configurations.
#[derive(Debug, Default)]
pub(super) struct Rejected(Mutex<HashSet<blake3::Hash>>);

impl Rejected {
    /// Notes that the fast form rejected the kernel of this config.
    pub(super) fn note(&self, config: &Path) {
        self.with(config, |all, config| {
            all.insert(config);
        });
    }

    /// Did the fast form reject it? That is answered once.
    pub(super) fn take(&self, config: &Path) -> bool {
        self.with(config, |all, config| all.remove(&config))
    }

    fn with<T>(
        &self,
        config: &Path,
        act: impl FnOnce(&mut HashSet<blake3::Hash>, blake3::Hash) -> T,
    ) -> T {
        let config = blake3::hash(&fs::read(config).unwrap_or_default());
        // It is changed in single steps: a panic elsewhere leaves it whole.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut all, config)
    }
}

/// Those forms of the oracle `name` that are to be asked, if its header names these levels; at least one.
pub(super) fn forms(name: &str, levels: Option<&[Level]>, which: Forms) -> Vec<Form> {
    let of = |level| Form {
        level,
        folder: name.to_owned(),
    };
    let mut forms = match levels {
        None => vec![of(None)],
        Some(levels) => levels.iter().map(|level| of(Some(*level))).collect(),
    };
    if let [fast, _] = forms.as_mut_slice() {
        // Each has a measure of its own in the trial of the start.
        fast.folder += "-fast";
    }
    match which {
        Forms::Each => forms,
        Forms::Last => forms.split_off(forms.len() - 1),
    }
}
