//! What becomes of a set of requests when some are left out: the many questions of one base.

use std::sync::Arc;

use super::resolve::{Changes, Resolver, Vary};
use crate::Result;
use crate::model::{Config, Fragment, Request, RequestId, RequestSet};
use crate::supervise::CancelToken;

/// Requests of which some can be left out, for a try or for good, and what becomes of the config.
///
/// It costs what changes where the resolver can [vary](Resolver::vary) these requests, and a whole
/// [`foresee`](Resolver::foresee) a question otherwise.
pub struct Variations<'a> {
    resolver: &'a dyn Resolver,
    cancel: &'a CancelToken,
    requests: &'a [Request],
    left: RequestSet,
    /// What is left resolves to this.
    config: Arc<Config>,
    quick: Option<Box<dyn Vary + 'a>>,
}

impl<'a> Variations<'a> {
    /// Of all of `requests`.
    ///
    /// # Errors
    /// As for [`Resolver::foresee`].
    pub fn new(
        resolver: &'a dyn Resolver,
        requests: &'a [Request],
        cancel: &'a CancelToken,
    ) -> Result<Self> {
        let all = Fragment::new(requests.to_vec());
        Ok(Self {
            resolver,
            cancel,
            requests,
            left: RequestSet::full(requests.len()),
            config: Arc::new(resolver.foresee(&all, cancel)?.config),
            quick: resolver.vary(requests),
        })
    }

    /// The same, to be changed by itself: each thread has one of its own.
    #[must_use]
    pub fn fork(&self) -> Variations<'_> {
        Variations {
            left: self.left.clone(),
            config: Arc::clone(&self.config),
            quick: self.quick.as_ref().map(|quick| quick.fork()),
            ..*self
        }
    }

    /// What is left resolves to this.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What is left, in order.
    #[must_use]
    pub fn left(&self) -> Vec<Request> {
        let left = self.left.iter();
        left.map(|id| self.requests[id.index()].clone()).collect()
    }

    /// The symbols whose values change when these are left out as well, each with its new value.
    ///
    /// # Errors
    /// As for [`Resolver::foresee`].
    pub fn without(&mut self, left_out: &[RequestId]) -> Result<Changes> {
        let (changes, _) = self.leave_out_if(left_out, |_| false)?;
        Ok(changes)
    }

    /// Leaves these out for good, if what then changes is to be so. Returns the changes and whether it did.
    ///
    /// # Errors
    /// As for [`Resolver::foresee`]. Nothing is left out then.
    pub fn leave_out_if(
        &mut self,
        left_out: &[RequestId],
        holds: impl FnOnce(&Changes) -> bool,
    ) -> Result<(Changes, bool)> {
        let left_out: Vec<RequestId> = left_out
            .iter()
            .copied()
            .filter(|id| self.left.contains(*id))
            .collect();
        let quick = self
            .quick
            .as_mut()
            .and_then(|quick| quick.leave_out(&left_out));
        let is_quick = quick.is_some();
        let changes = match quick {
            // A line may come or go, and the value be `n` before and after.
            Some(mut lines) => {
                lines.retain(|(symbol, value)| self.config.get(symbol) != value);
                lines
            }
            None => self.whole(&left_out)?,
        };
        let stays = holds(&changes);
        match self.quick.as_mut().filter(|_| is_quick) {
            Some(quick) if stays => quick.stay(),
            Some(quick) => quick.undo(),
            // It does not know that these are gone.
            None if stays => self.quick = None,
            None => {}
        }
        if stays {
            left_out.iter().for_each(|id| {
                self.left.remove(*id);
            });
            if !changes.is_empty() {
                let before = self
                    .config
                    .iter()
                    .map(|(symbol, value)| (symbol.clone(), value.clone()));
                self.config = Arc::new(before.chain(changes.iter().cloned()).collect());
            }
        }
        Ok((changes, stays))
    }

    fn whole(&self, left_out: &[RequestId]) -> Result<Changes> {
        let mut left = self.left.clone();
        for id in left_out {
            left.remove(*id);
        }
        let requests = left.iter().map(|id| self.requests[id.index()].clone());
        let fragment = Fragment::new(requests.collect());
        let config = self.resolver.foresee(&fragment, self.cancel)?.config;
        let changes = self.config.diff(&config).into_iter();
        Ok(changes
            .map(|(symbol, _, now)| (symbol.clone(), now.clone()))
            .collect())
    }
}
