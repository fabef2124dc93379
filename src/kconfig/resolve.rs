//! The trait `Resolver`: Kconfig as the other modules see it.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::Prompt;
use crate::Result;
use crate::model::{Fragment, Request, RequestId, ResolvedConfig, Symbol, Value};
use crate::supervise::CancelToken;

/// By symbol, those whose `select` of it holds.
pub type Selectors = BTreeMap<Symbol, BTreeSet<Symbol>>;

/// Symbols, each with the value that it has now.
pub type Changes = Vec<(Symbol, Value)>;

/// A resolved set of requests of which some can be left out, at the cost of what that changes.
pub trait Vary: Send + Sync {
    /// Leaves out these as well. Returns all symbols whose values change, and maybe others, each with its value
    /// (`n` if it has no line). `None`: only the whole tells what becomes of it, and nothing has changed.
    fn leave_out(&mut self, requests: &[RequestId]) -> Option<Changes>;

    /// Brings back what was left out since it last [stayed](Self::stay) so.
    fn undo(&mut self);

    /// Makes it for good.
    fn stay(&mut self);

    /// The same, to be changed by itself.
    fn fork(&self) -> Box<dyn Vary + '_>;
}

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

    /// These requests over the base, to ask many times what becomes of them without some, if that can be told
    /// quickly. [`Variations`](super::Variations) asks it, or else everything anew.
    fn vary(&self, _requests: &[Request]) -> Option<Box<dyn Vary + '_>> {
        None
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
