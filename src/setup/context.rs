//! The context of all set-up steps: the cache folder, where messages go, and cancellation.

use std::path::{Path, PathBuf};

use crate::dirs::cache_dir;
use crate::supervise::{CancelToken, Ended, Log, Spec, run};
use crate::{Error, ErrorKind, Result};

/// Where things are kept, whom to tell, and when to give up.
pub struct Setup<'a> {
    pub(super) cache: PathBuf,
    pub(super) note: &'a mut dyn FnMut(&str),
    pub(super) cancel: &'a CancelToken,
}

impl<'a> Setup<'a> {
    /// With the user's [cache folder](crate::dirs::cache_dir). `note` is told, in one line each, what takes
    /// long.
    ///
    /// # Errors
    /// As for [`cache_dir`].
    pub fn new(note: &'a mut dyn FnMut(&str), cancel: &'a CancelToken) -> Result<Self> {
        Ok(Self {
            cache: cache_dir()?,
            note,
            cancel,
        })
    }

    /// With the cache folder `cache`.
    pub fn at(cache: &Path, note: &'a mut dyn FnMut(&str), cancel: &'a CancelToken) -> Self {
        Self {
            cache: cache.to_owned(),
            note,
            cancel,
        }
    }

    /// The cache folder.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Tells the user what takes long, in one line.
    pub(crate) fn note(&mut self, text: &str) {
        (self.note)(text);
    }

    /// The log of what apt, dpkg and tar said.
    pub(crate) fn log_path(&self) -> PathBuf {
        self.cache.join("setup.log")
    }

    /// [`Self::run`], which is not cancelled: an interrupted dpkg leaves the machine's packages
    /// half configured.
    pub(crate) fn run_to_its_end(&mut self, spec: Spec) -> Result<Ended> {
        self.run_until(spec, &CancelToken::new())
    }

    /// Runs `spec` with its output at the end of the log.
    pub(crate) fn run(&self, spec: Spec) -> Result<Ended> {
        self.run_until(spec, self.cancel)
    }

    pub(super) fn run_until(&self, spec: Spec, cancel: &CancelToken) -> Result<Ended> {
        let ended = run(&spec.log(Log::Append(self.log_path())), cancel)?;
        if self.cancel.is_cancelled() {
            return Err(interrupted());
        }
        Ok(ended)
    }
}

pub(super) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted")
}
