//! The search for a minimal set of requests, as a pure state machine.
//!
//! Given a set that passes and an oracle that judges sets, a [`Search`] finds a subset that still passes and of
//! which no single request can be removed. It proposes candidates ([`Search::ask`]) and receives verdicts
//! ([`Search::tell`]), in any order and from any number of workers. In the end each request that stays has a proof
//! ([`Certificate`]). Nothing here knows about kernels: a request is a number, a verdict may come from anywhere.
//!
//! ```
//! use kbisect::model::{RequestId, RequestSet, Stage, Verdict};
//! use kbisect::search::{Algorithm, Ask, Options};
//!
//! // The oracle accepts the sets that contain the requests 2, 6 and 10.
//! let needed = RequestSet::of(12, [2, 6, 10].map(RequestId));
//! let (start, fixed) = (RequestSet::full(12), RequestSet::empty(12));
//! let mut search = Algorithm::GroupTesting.search(start, &fixed, Options::new());
//! while let Ask::Evaluate(candidate) = search.ask() {
//!     let verdict = match needed.is_subset(&candidate.keep) {
//!         true => Verdict::Pass,
//!         false => Verdict::Fail(Stage::Oracle),
//!     };
//!     search.tell(candidate.id, verdict);
//! }
//! assert_eq!(*search.best(), needed);
//! assert!(search.certificate().is_whole());
//! ```
//!
//! A search uses no clock, path, thread or random source, so the same calls always give the same state. That makes
//! a run resumable ([`replay`]) and testable ([`sim`]). A trial is a kernel build and takes minutes, so a search may
//! compute for milliseconds to save one trial.
//!
//! - [`Algorithm`] has the algorithms, the default first: group testing (F. K. Hwang, "A method for detecting all
//!   defective members in a population by group testing", 1972), delta debugging (A. Zeller, R. Hildebrandt,
//!   "Simplifying and isolating failure-inducing input", 2002), and others, mostly to compare.
//! - [`Options`] has what is known before: dependencies, costs, a prior. Wrong hints cost trials, not the answer.
//! - [`Retesting`] wraps a search for an oracle that errs: it repeats verdicts until they are certain (A. Wald,
//!   "Sequential tests of statistical hypotheses", 1945).
//! - [`Growing`] searches a start that is not known to pass: it first grows a set that does, from the likeliest requests.
//! - [`InOrder`] makes the candidates independent of timing; [`Rebuilding`] has the answer built from an empty tree.

mod algorithm;
mod costs;
mod ddmin;
mod depends;
mod evidence;
mod gbr;
mod group_testing;
mod groups;
mod growing;
mod halving;
mod history;
mod in_order;
mod information;
mod ktest;
mod model_averaging;
mod one_by_one;
mod options;
mod partition;
mod posterior;
mod prevalence;
mod probabilities;
mod rebuilding;
mod replay;
mod retesting;
mod sequential;
pub mod sim;
mod sprt;
mod sweep;

#[cfg(test)]
mod tests;

pub use crate::model::Proof;
pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use depends::Depends;
pub use growing::Growing;
pub use in_order::InOrder;
pub use options::{Cores, Options, Trust};
pub use rebuilding::{Rebuilding, Rebuilt};
pub use replay::{Call, ReplayError, Replayed, replay};
pub use retesting::Retesting;
pub use sprt::Reliability;

use crate::model::{Candidate, CandidateId, Origin, Phase, RequestId, RequestSet, Verdict};

/// The answer to [`Search::ask`]: what the caller has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Ask {
    /// Evaluate this candidate, then [`tell`](Search::tell) its verdict.
    Evaluate(Candidate),
    /// No candidate is useful until one in flight gets its verdict or is withdrawn. Calling
    /// [`Search::ask`] again does not change the state.
    Wait,
    /// The search is over. Verdicts on candidates in flight would change nothing.
    Done,
}

/// The consequences of a verdict for the caller, returned by [`Search::tell`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// Candidates in flight, in ascending order, whose verdicts have become useless. The caller may
    /// cancel them (and then [withdraw](Search::withdraw) them) or let them finish. A candidate that
    /// stays in flight is listed again each time.
    pub pointless: Vec<CandidateId>,
}

/// The number of trials to come, including those in flight.
///
/// Both bounds hold if the oracle is monotone (every superset of a set that passes, passes), no trial
/// stays unresolved, and only useless candidates are withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Lower bound.
    pub at_least: u32,
    /// Upper bound.
    pub at_most: u32,
    /// Expected number, from the verdicts so far. Between the two bounds.
    pub likely: Option<u32>,
}

/// The part of the best that a [`Certificate`] proves to be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Each request was removed alone: the best is minimal.
    Every,
    /// Each leaf was removed alone, and each other request has a needed dependent: the best is minimal if
    /// the oracle is monotone.
    Leaves,
    /// Some requests have no proof.
    Partial,
}

/// The proofs: for each request of the best that was free to be removed, the reason why it stays.
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

    /// The part of the best that the proofs cover.
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

    /// Was every request removed alone, and did each of these trials fail? Then the best is minimal: no
    /// single request can be removed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.coverage() == Coverage::Every
    }
}

/// A search for the smallest set of requests that passes.
///
/// A search never proposes a set whose verdict it has, or will get. It proves each entry of the
/// certificate by a trial; the only exception is [`Proof::Implied`].
pub trait Search: Send {
    /// The next candidate, if there is one. Call it when a worker is idle.
    fn ask(&mut self) -> Ask;

    /// Takes the verdict on `id`. Verdicts may come in any order.
    ///
    /// # Panics
    /// When `id` is not in flight: a bug of the caller.
    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update;

    /// Takes the evidence of a judgement that failed, before the judgement is told: what the oracle or the build said. A
    /// search inside [`Retesting`] hears it at once, and is told a verdict later, or never, or that it passes. It may
    /// change only the order of the candidates to come.
    fn heard(&mut self, evidence: &str);

    /// Takes back `id`, which was cancelled and gets no verdict. If the search needs its set later, it
    /// proposes it again under another id.
    ///
    /// # Panics
    /// When `id` is not in flight: a bug of the caller.
    fn withdraw(&mut self, id: CandidateId);

    /// The smallest set that passed so far. At first it is the start, which is known to pass, unless
    /// [`has_passed`](Self::has_passed) says that it is not.
    fn best(&self) -> &RequestSet;

    /// Has [`best`](Self::best) passed? Only of a search that [grows](Growing) it is not known from the beginning.
    fn has_passed(&self) -> bool {
        true
    }

    /// [`Phase::Reducing`] or [`Phase::Certifying`].
    fn phase(&self) -> Phase;

    /// The number of trials to come.
    fn outlook(&self) -> Outlook;

    /// Why each request of [`best`](Self::best) stays, as far as it is known.
    fn certificate(&self) -> Certificate;

    /// Does the search need the [dependents](Self::learn_depends) in the best? Ask after each call that
    /// changed the state. A caller that knows them passes them on before its next call.
    fn wants_depends(&self) -> bool {
        false
    }

    /// Takes the dependents of each request in the present [`best`](Self::best). The certificate begins
    /// with the leaves. [`Depends::none`] if they are unknown.
    fn learn_depends(&mut self, _depends: &Depends) {}

    /// Takes a verdict on the start that the search did not ask for.
    fn start_judged(&mut self, verdict: Verdict);

    /// Takes the origin of the build of a candidate in flight. In the record of an older version it can differ from
    /// the origin that the search asked for. Call this before `tell`.
    fn built_from(&mut self, _id: CandidateId, _origin: Origin) {}

    /// The reliability of the oracle, as far as sets were judged more than once.
    fn reliability(&self) -> Reliability {
        Reliability::default()
    }

    /// The verdict on the answer built from an empty tree. None if this search does not check that.
    fn rebuilt(&self) -> Option<Rebuilt> {
        None
    }
}
