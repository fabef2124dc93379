//! Why an answer that a search ended with is none.

use crate::journal::RunState;
use crate::lab::{Outcome, Product, fragment_of};
use crate::model::{Origin, Request, RequestSet, Verdict};
use crate::search::{Rebuilt, Reliability};
use crate::{Error, ErrorKind};

/// Why the answer of a search that came to its end is none; nothing if it is one.
pub(crate) fn of_answer(outcome: &Outcome, state: &RunState) -> Option<Error> {
    if outcome.reliability.is_hopeless() {
        return Some(unreliable(&outcome.reliability));
    }
    let left = outcome
        .rebuilt
        .and_then(|rebuilt| leftovers(rebuilt, state));
    left.or_else(|| match outcome.product {
        Product::Other => None,
        Product::Same => Some(same_product()),
        Product::Unknown => Some(not_reproducible()),
    })
}

/// Why an answer is none whose fragment does not ask for all of it, as nobody asks for modules without `MODULES`.
pub(crate) fn of_fragment(requests: &[Request], best: &RequestSet) -> Option<Error> {
    let asked = fragment_of(requests, best);
    let mut left = best.iter().map(|id| &requests[id.index()]);
    let left = left.find(|request| !asked.requests().contains(request))?;
    Some(
        Error::failed(format!(
            "the answer has {left}, and MODULES is not in it: no kernel was built that has both"
        ))
        .hint(
            "start a new run with another --output and --modules builtin, or with --keep MODULES",
        ),
    )
}

/// The answer would be one about nothing.
fn same_product() -> Error {
    Error::failed(
        "the product of the answer is that of the start, byte for byte, although their configurations differ",
    )
    .hint(
        "is `product` in the project right? If it is, none of the options that went makes a difference to it: \
         leave them out of the start",
    )
}

/// Nor could be told whether it is.
fn not_reproducible() -> Error {
    Error::failed(
        "no request is left, and the product is not reproducible: two builds of one configuration differ, so it \
         cannot be told whether it has anything to do with the configuration",
    )
    .hint(
        "is `product` in the project right? If it is, keep the time, and whatever else differs from build to build, out \
         of it; then start a new run with another --output",
    )
}

/// What an answer is worth that was built from an empty tree, once the search is over; none if it holds.
fn leftovers(rebuilt: Rebuilt, state: &RunState) -> Option<Error> {
    // What it said, in the trial that told.
    let evidence = |is_wanted: fn(Verdict) -> bool| {
        let told = state.judged.iter().rev();
        let mut told = told.filter(|judged| judged.candidate.is_some());
        let judgement = told.find_map(|judged| {
            let judgement = &judged.judgement;
            let is_it = judgement.origin == Origin::Empty && is_wanted(judgement.verdict);
            is_it.then_some(judgement)
        })?;
        let why = judgement.evidence.as_ref();
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        Some(format!(" (trial {}{why})", judgement.trial))
    };
    let of = |is_wanted| evidence(is_wanted).unwrap_or_default();
    let left = "builds of this project, or the oracle, leave something in the build tree that later builds use";
    let text = match rebuilt {
        Rebuilt::Holds => return None,
        Rebuilt::Fails => format!(
            "the answer passed in a build tree that went from one configuration to the next, and fails when it is \
             built from an empty build tree{}: {left}",
            of(Verdict::is_fail)
        ),
        // Of a search that is over it is not open.
        Rebuilt::Unresolved | Rebuilt::Open => format!(
            "the answer passed in a build tree that went from one configuration to the next, and built from an empty \
             build tree it gets no clear verdict{}",
            of(|verdict| !verdict.is_pass())
        ),
        Rebuilt::ProofFails => format!(
            "without one of the requests that are left the rest did not build in a build tree that went from one \
             configuration to the next, and from an empty build tree it does{}: {left}",
            of(Verdict::is_pass)
        ),
    };
    Some(Error::new(ErrorKind::Unreliable, text).hint(
        "start a new run with another --output, and --clean-builds; or let the product be linked from what the \
         configuration asks for only, no failed command be ignored, and the oracle write to $KBISECT_TRIAL, not to \
         $KBISECT_BUILD",
    ))
}

/// The oracle answers one way and then another.
fn unreliable(reliability: &Reliability) -> Error {
    let Reliability {
        again,
        differed,
        start_fails,
        risk,
        is_unsure,
        ..
    } = reliability;
    let unsure = match risk.filter(|_| *is_unsure) {
        Some(risk) => format!(
            "; the chance that the answer is wrong is still {:.1} %, even after many repeats",
            100.0 * risk
        ),
        None => String::new(),
    };
    let start = if *start_fails {
        "the start, which passed at first, does not pass reliably; "
    } else {
        ""
    };
    Error::new(
        ErrorKind::Unreliable,
        format!(
            "the oracle is too unreliable: {start}of {again} judgements that were repeats or \
             repeated, {differed} differed from the others on the same configuration ({:.0} %){unsure}",
            100.0 * reliability.rate()
        ),
    )
    .hint(
        "make it answer the same each time (a longer --timeout, fewer trials at once by -j 1, a \
         test that does not race with the boot), then start a new run with another --output; the \
         trials/ folder has what it said each time",
    )
}
