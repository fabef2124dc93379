//! What this machine knows of builds: estimates, traces, and the tree that trials begin from.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;

use crate::Result;
use crate::model::{Config, Fingerprint, Forecast, ResolvedConfig, TrialId};
use crate::supervise::CancelToken;
use crate::trace::Activity;
use crate::trial::{TraceFrom, TrialRunner};

/// The place where the best is built. Whatever it cannot tell, a run does without.
pub trait Site {
    /// The tree in which `fingerprint` was built and accepted becomes the one that later trials begin from. Nothing
    /// changes if no tree holds it any more.
    fn promote(&self, fingerprint: Fingerprint);

    /// About how many bytes of disk all build trees together will take; known as soon as
    /// something is built, if at all.
    fn expected_disk(&self) -> Option<u64> {
        None
    }

    /// Learns what builds take from the one of `trial`, of `config`, which an earlier session made and which took
    /// `cpu`. Nothing is learnt if its tree or its notes are gone.
    fn recall(&self, _trial: TrialId, _config: &ResolvedConfig, _cpu: Duration) {}

    /// What it would take to build a config, begun from what was built and promoted last; nothing
    /// if nobody can tell.
    fn forecast(&self, _config: &Config) -> Option<Forecast> {
        None
    }

    /// [`Self::forecast`] of several.
    fn forecasts(&self, configs: &[Config]) -> Vec<Option<Forecast>> {
        configs.iter().map(|config| self.forecast(config)).collect()
    }

    /// What runs of a config, which was built and promoted last: see [`TrialRunner::trace`].
    ///
    /// # Errors
    /// It cannot be told.
    fn trace(
        &self,
        _config: &ResolvedConfig,
        _from: &TraceFrom,
        _cancel: &CancelToken,
    ) -> Result<Option<Activity>> {
        Ok(None)
    }

    /// The objects that are in the image of each config; none if nobody can tell.
    fn objects(&self, configs: &[Config]) -> Vec<BTreeSet<String>> {
        vec![BTreeSet::new(); configs.len()]
    }
}

/// The build trees of this machine.
pub struct LocalSite(Arc<TrialRunner>);

impl LocalSite {
    /// Those that this runner has.
    #[must_use]
    pub fn of(runner: &Arc<TrialRunner>) -> Self {
        Self(Arc::clone(runner))
    }
}

impl Site for LocalSite {
    fn promote(&self, fingerprint: Fingerprint) {
        self.0.trees.promote(fingerprint);
    }

    fn expected_disk(&self) -> Option<u64> {
        Some(self.0.trees.expected_size())
    }

    fn recall(&self, trial: TrialId, config: &ResolvedConfig, cpu: Duration) {
        self.0.recall(trial, config, cpu);
    }

    fn forecast(&self, config: &Config) -> Option<Forecast> {
        self.0.forecast(config)
    }

    fn forecasts(&self, configs: &[Config]) -> Vec<Option<Forecast>> {
        let forecast = |config| self.0.forecast(config);
        configs.par_iter().map(forecast).collect()
    }

    fn trace(
        &self,
        config: &ResolvedConfig,
        from: &TraceFrom,
        cancel: &CancelToken,
    ) -> Result<Option<Activity>> {
        self.0.trace(config, from, cancel)
    }

    fn objects(&self, configs: &[Config]) -> Vec<BTreeSet<String>> {
        let objects = |config| self.0.objects(config);
        configs.par_iter().map(objects).collect()
    }
}
