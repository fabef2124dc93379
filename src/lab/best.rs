//! The config of the best: the one that was judged, whoever wrote to the files of the run since.

use std::fs;

use super::state::Lab;
use super::store::{BEST_CONFIG, fragment_of, write_best};
use crate::journal::RunDir;
use crate::kconfig::parse_config;
use crate::model::{Event, Judgement, RequestSet, ResolvedConfig};
use crate::trial::CONFIG;
use crate::{Error, Result};

/// Kconfig contradicts itself.
pub(super) fn another_config() -> Error {
    Error::failed("Kconfig makes another configuration of the same requests than it did before").hint(
        "the source, or a program that its Kconfig calls, gives other answers now: put it back as it was \
         and `kbisect resume`, or start a new run with another --output",
    )
}

impl Lab<'_> {
    /// The config that was judged, if it is still there, and whole.
    #[must_use]
    pub fn config_of(&self, judgement: &Judgement) -> Option<String> {
        let path = RunDir::trial_dir(self.dir.path(), judgement.trial).join(CONFIG);
        let text = fs::read_to_string(path).ok()?;
        (parse_config(&text).fingerprint() == judgement.fingerprint).then_some(text)
    }

    /// Puts the config of a trial that passed back, if somebody took it away.
    pub(super) fn restore_config(
        &self,
        judgement: &Judgement,
        config: &ResolvedConfig,
    ) -> Result<()> {
        if judgement.verdict.is_pass() && self.config_of(judgement).is_none() {
            let dir = RunDir::trial_dir(self.dir.path(), judgement.trial);
            let path = dir.join(CONFIG);
            fs::create_dir_all(&dir)
                .and_then(|()| fs::write(&path, &config.text))
                .map_err(|e| Error::io("write", &path, e))?;
        }
        Ok(())
    }

    /// Writes the files of the best, `best`, and returns the judgement by which it passed, if it was judged.
    /// A config that its trial does not have any more, or not whole, is resolved anew.
    ///
    /// # Errors
    /// They cannot be written; Kconfig fails, or makes another config than the one that was judged.
    pub fn write_best(&self, best: &RequestSet) -> Result<Option<Judgement>> {
        let passed = self.cache.fingerprint(best);
        let passed = passed.and_then(|fingerprint| self.cache.passed(&fingerprint).cloned());
        let text = match passed.as_ref().and_then(|passed| self.config_of(passed)) {
            Some(text) => text,
            None => {
                let config = self.resolve_again(best)?;
                if let Some(passed) = &passed {
                    self.restore_config(passed, &config)?;
                }
                config.text
            }
        };
        let fragment = fragment_of(self.requests, best);
        write_best(self.dir, &text, self.header, &fragment)?;
        Ok(passed)
    }

    /// The same at the end, when the best is the answer: its config, which is resolved anew in any case.
    pub(super) fn write_answer(&mut self, best: &RequestSet) -> Result<ResolvedConfig> {
        let config = self.resolve_again(best)?;
        let path = self.dir.path().join(BEST_CONFIG);
        let is_same = |bytes: Vec<u8>| {
            parse_config(&String::from_utf8_lossy(&bytes)).fingerprint() == config.fingerprint
        };
        if !fs::read(&path).is_ok_and(is_same) {
            let text = format!(
                "another program wrote to {}: it is written anew",
                path.display()
            );
            self.emit(&Event::Warning { text });
        }
        let fragment = fragment_of(self.requests, best);
        write_best(self.dir, &config.text, self.header, &fragment)?;
        Ok(config)
    }

    /// Resolves a set of requests, which may have been resolved before.
    ///
    /// # Errors
    /// Kconfig fails, or makes another config than it did before.
    pub fn resolve_again(&self, keep: &RequestSet) -> Result<ResolvedConfig> {
        let config = (self.resolve)(&fragment_of(self.requests, keep))?;
        match self.cache.fingerprint(keep) {
            Some(judged) if judged != config.fingerprint => Err(another_config()),
            _ => Ok(config),
        }
    }
}
