//! The tree's own `conf` in other modes than its own: what the native engine is compared with, and what adds the
//! defaults of the tree.

use std::fs;

use super::conf::{ASKED, ConfResolver, answer};
use super::engine;
use crate::supervise::CancelToken;
use crate::{Error, Result};

impl ConfResolver {
    /// Runs `conf` in another mode than its own: what the native engine is compared with. The
    /// base is left out of it.
    ///
    /// # Errors
    /// `conf` fails, or does not know the mode.
    pub fn reference(
        &self,
        mode: engine::Mode,
        text: Option<&[u8]>,
        cancel: &CancelToken,
    ) -> Result<String> {
        let dir = self.call_dir()?;
        let (flag, old, file) = match mode {
            engine::Mode::AllNo => ("--allnoconfig", "-n", ASKED),
            engine::Mode::AllYes => ("--allyesconfig", "-y", ASKED),
            engine::Mode::AllMod => ("--allmodconfig", "-m", ASKED),
            engine::Mode::AllDef => ("--alldefconfig", "-d", ASKED),
            engine::Mode::OldDef => ("--olddefconfig", "-o", ".config"),
        };
        let mut spec = self
            .call(dir.path(), &self.with_mode(flag, Some(old)))
            .stdin(self.newlines());
        if let Some(text) = text {
            let file = dir.path().join(file);
            fs::write(&file, text).map_err(|e| Error::io("write", &file, e))?;
            if mode != engine::Mode::OldDef {
                spec = spec.env("KCONFIG_ALLCONFIG", file);
            }
        }
        answer(&spec, dir.path(), ".config", cancel)
    }

    /// What `conf --savedefconfig` makes of a `.config`.
    ///
    /// # Errors
    /// As for [`Self::reference`].
    pub fn reference_defconfig(&self, text: &str, cancel: &CancelToken) -> Result<String> {
        let dir = self.call_dir()?;
        let config = dir.path().join(".config");
        fs::write(&config, text).map_err(|e| Error::io("write", &config, e))?;
        let saved = dir.path().join(ASKED);
        let flag = format!("--savedefconfig={}", saved.display());
        let spec = self.call(dir.path(), &self.with_mode(&flag, None));
        answer(&spec, dir.path(), ASKED, cancel)
    }
}
