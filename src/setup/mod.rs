//! Prepares the machine: what kbisect needs is found, installed, unpacked or made, once.

mod apt;
mod archive;
mod cache;
mod debian;
mod findings;
mod guest;
mod needs;
mod source;

use std::path::{Path, PathBuf};

use crate::places::cache_dir;
pub use archive::Archive;
pub use cache::WorkFolder;
pub use debian::{CloudKernel, install_command};
pub use findings::{Finding, State, findings};
pub use guest::GuestDir;
pub use needs::{BOOT, BUILD, Check, Importance, Need, SOURCE, UNPACK, all, missing};

use crate::Result;
use crate::supervise::{CancelToken, Ended, Log, Spec, run};

/// What is to be on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Programs and packages.
    pub needs: Vec<Need>,
    /// Is the guest wanted, to boot kernels with?
    pub guest: bool,
}

/// Where things are kept, whom to tell, and when to give up.
pub struct Setup<'a> {
    cache: PathBuf,
    note: &'a mut dyn FnMut(&str),
    cancel: &'a CancelToken,
}

impl<'a> Setup<'a> {
    /// With the user's [cache folder](crate::places::cache_dir). `note` is told, in one line each, what takes
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

    fn note(&mut self, text: &str) {
        (self.note)(text);
    }

    /// The log of what apt, dpkg and tar said.
    fn log_path(&self) -> PathBuf {
        self.cache.join("setup.log")
    }

    /// [`Self::run`], which is not cancelled: an interrupted dpkg leaves the machine's packages
    /// half configured.
    fn run_to_its_end(&mut self, spec: Spec) -> Result<Ended> {
        self.run_until(spec, &CancelToken::new())
    }

    /// Runs `spec` with its output at the end of the log.
    fn run(&self, spec: Spec) -> Result<Ended> {
        self.run_until(spec, self.cancel)
    }

    fn run_until(&self, spec: Spec, cancel: &CancelToken) -> Result<Ended> {
        let ended = run(&spec.log(Log::Append(self.log_path())), cancel)?;
        if self.cancel.is_cancelled() {
            return Err(cache::interrupted());
        }
        Ok(ended)
    }
}
