//! The files that an oracle was seen to write beside itself: they are no part of it.
//!
//! What one run has seen is kept in its directory, so that it can go on; another run looks anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::model::sanitize_line;
use crate::{Error, Result};

/// The file in the directory of a run.
const FILE: &str = "oracle-writes.json";

/// Changes with what is in the file.
const VERSION: u32 = 1;

/// The files that oracles were seen to write, by the names of the oracles.
#[derive(Debug, Default)]
pub struct Written {
    path: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<String, BTreeSet<String>>,
    warnings: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    v: u32,
    written: BTreeMap<String, BTreeSet<String>>,
}

impl Written {
    /// What the run in the directory `run` has seen so far; nothing if it does not begin before later.
    #[must_use]
    pub fn of_run(run: &Path) -> Self {
        let path = run.join(FILE);
        // One that cannot be read names nothing: then it is seen again.
        let kept = fs::read(&path).ok();
        let kept: Option<Kept> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let names = kept
            .filter(|kept| kept.v == VERSION)
            .map(|kept| kept.written);
        Self {
            path: Some(path),
            state: Mutex::new(State {
                names: names.unwrap_or_default(),
                warnings: Vec::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is changed in single steps: a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the oracle write this file?
    pub(super) fn has(&self, oracle: &str, file: &str) -> bool {
        let state = self.state();
        state
            .names
            .get(oracle)
            .is_some_and(|names| names.contains(file))
    }

    /// The oracle was seen to write these files when it judged. That is told once.
    ///
    /// # Errors
    /// It cannot be noted.
    pub(super) fn note(&self, oracle: &str, files: &[&str]) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let mut state = self.state();
        let names = state.names.entry(oracle.to_owned()).or_default();
        let new: Vec<&str> = files
            .iter()
            .copied()
            .filter(|file| names.insert((*file).into()))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let new = sanitize_line(&new.join(", "), 300);
        state.warnings.push(format!(
            "the oracle {oracle} writes to {new} when it judges: changes to it are not checked from now \
             on. Oracles should write to $KBISECT_TRIAL"
        ));
        let Some(path) = &self.path else {
            return Ok(());
        };
        let kept = Kept {
            v: VERSION,
            written: state.names.clone(),
        };
        let bytes = serde_json::to_vec(&kept)
            .map_err(|e| Error::failed("cannot note what an oracle writes").because(e))?;
        let beside = path.with_extension("new");
        fs::write(&beside, bytes)
            .and_then(|()| fs::rename(&beside, path))
            .map_err(|e| Error::io("write", path, e))
    }

    /// The user should see this.
    pub(super) fn warn(&self, text: String) {
        self.state().warnings.push(text);
    }

    /// What was not told yet.
    pub(super) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.state().warnings)
    }
}

/// Has it the name of a log? What judges does not go by such a name, as a list of words to look for may.
pub(super) fn is_log(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    let is_known =
        |part: &str| matches!(part, "log" | "logs" | "out" | "err" | "history" | "journal");
    is_known(stem) || name.rsplit(['.', '-', '_']).next().is_some_and(is_known)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_kept_with_the_run_and_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let written = Written::of_run(dir.path());
        written.note("ok", &["log"]).unwrap();
        written.note("ok", &["log"]).unwrap();
        assert_eq!(written.take_warnings().len(), 1);
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert_eq!(text, r#"{"v":1,"written":{"ok":["log"]}}"#);
        let later = Written::of_run(dir.path());
        assert!(later.has("ok", "log") && !later.has("other", "log"));
        fs::write(dir.path().join(FILE), "{").unwrap();
        assert!(!Written::of_run(dir.path()).has("ok", "log"));
    }
}
