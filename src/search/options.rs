//! The options of a search.

use super::depends::Depends;
use crate::model::{Certify, Prior, RequestSet, Symptom};

/// Which cores simultaneous trials compile on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cores {
    /// Each on its own.
    #[default]
    Own,
    /// All on the same. A full rebuild keeps them all busy, so group testing begins one only when no other trial
    /// runs.
    Shared,
}

/// How far the prior is trusted before the algorithm's first verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// It may as well tell nothing.
    #[default]
    Untested,
    /// Its guess has passed.
    Tested,
}

/// Options of the algorithms. Each algorithm uses those that apply to it.
///
/// ```
/// use kbisect::model::{Certify, RequestId, RequestSet};
/// use kbisect::search::{Depends, Options};
///
/// // Of three requests the last one depends on the first one.
/// let depends = Depends::of_pairs(3, [(RequestId(2), RequestId(0))]);
/// let options = Options::new().depends(depends).certify(Certify::Leaves);
/// assert!(options.cost.is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Into how many chunks `ddmin` cuts the start at first, at least 2; by default it decides
    /// by the number of requests.
    pub granularity: Option<usize>,
    /// The dependents of each request, for the algorithms that [use them](super::Algorithm::uses_depends).
    pub depends: Depends,
    /// For each request, the requests that `select` it. While one of them is present, removing this request
    /// has no effect. Each is also in [`Self::depends`]. Empty: none. A hint, as the dependents are. At the end
    /// `split` removes such requests without a trial, because the configuration stays the same.
    pub selectors: Vec<RequestSet>,
    /// The initial estimate that each request is needed. Among equally cheap requests, `split` begins with the least
    /// likely ones.
    pub prior: Prior,
    /// How far it is trusted.
    pub trust: Trust,
    /// What the evidence of a failed trial may tell ([`Search::heard`](super::Search::heard)). Only a search that
    /// [grows](super::Growing) uses it.
    pub symptoms: Vec<Symptom>,
    /// For each request, the approximate time of a trial without it, in any unit. Empty: all cost the
    /// same. `split` begins with cheap requests, and tests expensive ones when the configuration is small.
    pub cost: Vec<f64>,
    /// The cores of simultaneous trials: do they slow each other down?
    pub cores: Cores,
    /// Which requests must be tested alone for the certificate.
    pub certify: Certify,
    /// The number of times that the start was rejected before it was accepted, or what stands for it in a search that
    /// grows. If it is not 0, the oracle errs.
    pub refused: u32,
    /// Sets that are known to fail. They have the first ids in the certificate, in this order.
    pub failed: Vec<RequestSet>,
}

impl Options {
    /// The defaults: nothing is known beside the start.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`granularity`](#structfield.granularity).
    #[must_use]
    pub fn granularity(mut self, chunks: usize) -> Self {
        self.granularity = Some(chunks);
        self
    }

    /// Sets [`depends`](#structfield.depends).
    #[must_use]
    pub fn depends(mut self, depends: Depends) -> Self {
        self.depends = depends;
        self
    }

    /// Sets [`selectors`](#structfield.selectors).
    #[must_use]
    pub fn selectors(mut self, selectors: Vec<RequestSet>) -> Self {
        self.selectors = selectors;
        self
    }

    /// Sets [`prior`](#structfield.prior).
    #[must_use]
    pub fn prior(mut self, prior: Prior) -> Self {
        self.prior = prior;
        self
    }

    /// Sets [`symptoms`](#structfield.symptoms).
    #[must_use]
    pub fn symptoms(mut self, symptoms: Vec<Symptom>) -> Self {
        self.symptoms = symptoms;
        self
    }

    /// Sets [`trust`](#structfield.trust).
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Sets [`cost`](#structfield.cost).
    #[must_use]
    pub fn cost(mut self, cost: Vec<f64>) -> Self {
        self.cost = cost;
        self
    }

    /// Sets [`cores`](#structfield.cores).
    #[must_use]
    pub fn cores(mut self, cores: Cores) -> Self {
        self.cores = cores;
        self
    }

    /// Sets [`certify`](#structfield.certify).
    #[must_use]
    pub fn certify(mut self, certify: Certify) -> Self {
        self.certify = certify;
        self
    }

    /// Sets [`refused`](#structfield.refused).
    #[must_use]
    pub fn refused(mut self, refused: u32) -> Self {
        self.refused = refused;
        self
    }

    /// Sets [`failed`](#structfield.failed).
    #[must_use]
    pub fn failed(mut self, failed: Vec<RequestSet>) -> Self {
        self.failed = failed;
        self
    }
}
