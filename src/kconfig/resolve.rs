//! What a resolver is: Kconfig, seen from outside.

use crate::Result;
use crate::model::{Fragment, ResolvedConfig};
use crate::supervise::CancelToken;

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

    /// What the user should know since this was asked last.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}
