//! The search as a pure state machine: what to try next, what was learnt.
//!
//! A [`Search`] proposes candidates and is told verdicts, in whatever order they come in. It
//! sees no clock, path, thread or random source, so the same calls always give the same
//! state: that is what makes a run resumable ([`replay`]) and testable ([`sim`]).
//!
//! One trial is a kernel build of minutes. An hour of thought is cheap against it, a trial that
//! could have been left out is not.

mod belief;
mod cells;
mod chance;
mod costs;
mod ddmin;
mod depends;
mod dossier;
mod doubt;
mod gbr;
mod groups;
mod halving;
mod in_order;
mod ktest;
mod ledger;
mod one_by_one;
mod posterior;
mod probabilities;
mod rebuilding;
mod referee;
mod replay;
mod sequential;
pub mod sim;
mod split;
mod sweep;

#[cfg(test)]
mod tests;

pub use crate::model::Proof;
pub use ddmin::Ddmin;
pub use depends::Depends;
pub use doubt::Reliability;
pub use in_order::{InOrder, WINDOW};
pub use one_by_one::OneByOne;
pub use probabilities::{Probabilities, Rule};
pub use rebuilding::{Rebuilding, Rebuilt};
pub use referee::Referee;
pub use replay::{Move, ReplayError, Replayed, replay};
pub use split::Split;

use gbr::Progression;
use halving::Halving;
use ktest::ParentsFirst;
use sequential::Sequential;

use crate::model::{
    Candidate, CandidateId, Certify, Confidence, Origin, Phase, Prior, RequestId, RequestSet,
    Verdict,
};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Try this candidate.
    Try(Candidate),
    /// Nothing is useful until one of the candidates in flight is told or withdrawn. Asking
    /// changes nothing.
    Wait,
    /// The search is over. What is still in flight can teach nothing.
    Done,
}

/// What a verdict, or its not coming, changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// [`Search::best`] is another one now.
    pub new_best: bool,
    /// Candidates in flight, in ascending order, that can teach nothing any more. They may be
    /// cancelled (and then [withdrawn](Search::withdraw)) or run to their end. One that stays
    /// in flight is named again each time.
    pub pointless: Vec<CandidateId>,
}

/// How many trials are still to come, those in flight included.
///
/// Both bounds hold as long as nothing surprising happens: every superset of a set that passes
/// passes, no trial stays unresolved, and just the pointless candidates are withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// At least so many.
    pub at_least: u32,
    /// At most so many.
    pub at_most: u32,
    /// So many are expected, from what is known of the requests so far. Between the two bounds.
    pub likely: Option<u32>,
}

/// How much of the best a [`Certificate`] proves to be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Each request was tried alone: the best is minimal.
    Every,
    /// Each leaf was tried alone, and each other request has a needed dependent: the best is minimal if
    /// the oracle is monotone.
    Leaves,
    /// Some requests have no proof.
    Partial,
}

/// For each request of the best that the search was free to remove: why it stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    entries: Vec<(RequestId, Proof)>,
}

impl Certificate {
    /// The requests, in ascending order, each with its proof.
    #[must_use]
    pub fn entries(&self) -> &[(RequestId, Proof)] {
        &self.entries
    }

    /// How much of the best the proofs cover.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let has = |wanted: fn(&Proof) -> bool| self.entries.iter().any(|(_, p)| wanted(p));
        if has(|proof| *proof == Proof::Missing) {
            Coverage::Partial
        } else if has(|proof| matches!(proof, Proof::Implied(_))) {
            Coverage::Leaves
        } else {
            Coverage::Every
        }
    }

    /// Was every request tried alone, and did each of these trials fail? Then the best is minimal: no
    /// single request can be taken away.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.coverage() == Coverage::Every
    }
}

/// A search for the smallest set of requests that passes.
///
/// A search never asks for a set of which it has a verdict or has one coming, and never answers
/// a certificate entry by inference, but by [`Proof::Implied`].
pub trait Search: Send {
    /// What to do next. Called whenever somebody is free to try something.
    fn next(&mut self) -> Step;

    /// The verdict on `id`. In any order.
    ///
    /// # Panics
    /// When `id` is not in flight: a bug of the caller.
    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Told;

    /// `id` was cancelled: no verdict will come. Its set is proposed again, under another id, if
    /// it turns out to be needed.
    ///
    /// # Panics
    /// When `id` is not in flight: a bug of the caller.
    fn withdraw(&mut self, id: CandidateId);

    /// The smallest set that passed so far; at first the start, which is known to pass.
    fn best(&self) -> &RequestSet;

    /// [`Phase::Reducing`] or [`Phase::Certifying`].
    fn phase(&self) -> Phase;

    /// How many trials are still to come.
    fn outlook(&self) -> Outlook;

    /// Why each request of [`best`](Self::best) stays, as far as it is known.
    fn certificate(&self) -> Certificate;

    /// Would it like to [know](Self::learn_depends) what depends on what in the best? Asked after
    /// each call that changed something; whoever can tell should, before the next call.
    fn wants_depends(&self) -> bool {
        false
    }

    /// What depends on what in [`best`](Self::best), as it is now: for the certificate, which begins
    /// with the leaves. [`Depends::none`] if nobody can tell.
    fn learn_depends(&mut self, _depends: &Depends) {}

    /// The start was judged once more, although the search did not ask for that: this came of it.
    fn start_judged(&mut self, verdict: Verdict);

    /// The candidate in flight was built from something else than it was proposed with, by a version that did not
    /// know better. Whoever makes conclusions from that must hear it before the verdict.
    fn built_from(&mut self, _id: CandidateId, _origin: Origin) {}

    /// How far the oracle can be relied on, if it was ever asked twice.
    fn reliability(&self) -> Reliability {
        Reliability::default()
    }

    /// How the answer stands once it is built from an empty tree; none if nobody sees to that.
    fn rebuilt(&self) -> Option<Rebuilt> {
        None
    }
}

/// What trials that are made at the same time compile on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cores {
    /// Each on its own.
    #[default]
    Own,
    /// All on the same, which one that compiles much keeps busy: `split` begins such a trial only when
    /// nothing else is under way.
    Shared,
}

/// What the algorithms can be told. Each takes what it has a use for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Into how many chunks `ddmin` cuts the start at first, at least 2; by default it decides
    /// by the number of requests.
    pub granularity: Option<usize>,
    /// What depends on what, for the algorithms of [`USE_DEPENDS`].
    pub depends: Depends,
    /// By request, others of which [`Self::depends`] says that they go with it, and while of which any is there it
    /// changes nothing (they select it); or empty: there are none. A hint, as that is. `split` takes what is
    /// left of such requests away at once in the end, as no trial is needed to know that this passes.
    pub selectors: Vec<RequestSet>,
    /// How likely each request is needed. `split` begins with what is least likely, of what is as
    /// cheap.
    pub prior: Prior,
    /// About how long a trial takes because this request is removed, by id, in whatever unit; empty:
    /// all the same. `split` begins with what is cheap, and leaves what is not for the smallest
    /// configuration.
    pub cost: Vec<f64>,
    /// Whether trials are in each other's way.
    pub cores: Cores,
    /// What must be tested for the certificate.
    pub certify: Certify,
    /// How often the start was refused before it was accepted: then the oracle errs.
    pub refused: u32,
    /// Sets that are known to fail. In the certificate they have the first ids, in this order.
    pub failed: Vec<RequestSet>,
}

/// There is no algorithm of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no algorithm `{}`; there are: {}", .0.escape_debug(), ALGORITHMS.join(", "))]
pub struct UnknownAlgorithm(pub String);

/// The names that [`by_name`] knows, the default first.
pub const ALGORITHMS: &[&str] = &[
    "split",
    "ddmin",
    "probdd",
    "cdd",
    "ktest",
    "halving",
    "gbr",
    "one-by-one",
];

/// Those of [`ALGORITHMS`] that have a use for [`Options::depends`].
pub const USE_DEPENDS: &[&str] = &["split", "ktest", "halving", "gbr"];

/// The search of this name: over the requests of `start`, which is known to pass, without ever
/// removing those of `fixed`.
///
/// # Errors
/// When there is no algorithm of this name.
///
/// # Panics
/// When `start` and `fixed` belong to two different searches.
pub fn by_name(
    name: &str,
    start: RequestSet,
    fixed: &RequestSet,
    options: Options,
) -> Result<Box<dyn Search>, UnknownAlgorithm> {
    match name {
        "split" => Ok(Box::new(Split::new(start, fixed, options))),
        "ddmin" => Ok(Box::new(Ddmin::new(start, fixed, &options))),
        "probdd" => Ok(Box::new(Probabilities::new(
            start,
            fixed,
            Rule::ProbDd,
            &options,
        ))),
        "cdd" => Ok(Box::new(Probabilities::new(
            start,
            fixed,
            Rule::Cdd,
            &options,
        ))),
        "ktest" => Ok(Box::new(Sequential::<ParentsFirst>::new(
            start, fixed, options,
        ))),
        "halving" => Ok(Box::new(Sequential::<Halving>::new(start, fixed, options))),
        "gbr" => Ok(Box::new(Sequential::<Progression>::new(
            start, fixed, options,
        ))),
        "one-by-one" => Ok(Box::new(OneByOne::new(start, fixed, &options))),
        _ => Err(UnknownAlgorithm(name.to_owned())),
    }
}

/// The same, with verdicts that are doubted: see [`Referee`].
///
/// # Errors
/// When there is no algorithm of this name.
pub fn doubting(
    name: &str,
    start: &RequestSet,
    fixed: &RequestSet,
    options: Options,
    confidence: Confidence,
) -> Result<Referee, UnknownAlgorithm> {
    // Made once here, so that an unknown name is told.
    by_name(name, start.clone(), fixed, options.clone())?;
    let refused = options.refused;
    let (name, fixed) = (name.to_owned(), fixed.clone());
    let make = move |start, failed| {
        let options = Options {
            failed,
            ..options.clone()
        };
        let made = by_name(&name, start, &fixed, options);
        // The name was good a moment ago.
        made.unwrap_or_else(|unknown| unreachable!("{unknown}"))
    };
    Ok(Referee::new(start, confidence, refused, Box::new(make)))
}
