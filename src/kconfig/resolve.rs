//! The trait `Resolver`: Kconfig as the other modules see it.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::Prompt;
use crate::Result;
use crate::model::{Fragment, ResolvedConfig, Symbol};
use crate::supervise::CancelToken;

/// By symbol, those whose `select` of it holds.
pub type Selectors = BTreeMap<Symbol, BTreeSet<Symbol>>;

/// Says what Kconfig makes of base + fragment. Used by several threads at once.
pub trait Resolver: Send + Sync {
    /// Resolves `fragment` over the base that the resolver was made with.
    ///
    /// # Errors
    /// Kconfig fails, or was [cancelled](crate::ErrorKind::Interrupted). That a request is not
    /// met is no error: compare what results.
    fn resolve(&self, fragment: &Fragment, cancel: &CancelToken) -> Result<ResolvedConfig>;

    /// The same, quickly, perhaps without a check: for questions of which nothing is built.
    ///
    /// # Errors
    /// As for [`Self::resolve`].
    fn foresee(&self, fragment: &Fragment, cancel: &CancelToken) -> Result<ResolvedConfig> {
        self.resolve(fragment, cancel)
    }

    /// Which prompts are visible in `config`, if that can be told quickly.
    fn foresee_prompts(&self, _config: &ResolvedConfig) -> Option<BTreeMap<Symbol, Prompt>> {
        None
    }

    /// Who selects what in `config`, if that can be told quickly.
    fn foresee_selectors(&self, _config: &ResolvedConfig) -> Option<Selectors> {
        None
    }

    /// What the user should know since this was asked last.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}
