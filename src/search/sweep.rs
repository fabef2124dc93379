//! The certificate sweep: every request that is left, taken away alone, in a trial of its own.

use crate::model::{RequestSet, Verdict};

use super::ledger::{Chunk, Ledger, Standing, State};
use super::{Certificate, Proof};

/// Each free request of the best, with what is known of the best without it.
fn singles(ledger: &Ledger) -> Vec<(Chunk, Standing)> {
    let chunks: Vec<Chunk> = ledger
        .free()
        .iter()
        .map(|id| Chunk {
            first: id,
            last: id,
            len: 1,
        })
        .collect();
    let standings = ledger.standings(&chunks);
    chunks.into_iter().zip(standings).collect()
}

/// The next set to try: first those of which nothing is known, for they may pass, then those
/// that are only inferred to fail.
pub(super) fn choose(ledger: &Ledger) -> Option<RequestSet> {
    let singles = singles(ledger);
    let hopeful = singles
        .iter()
        .rev()
        .find(|(_, s)| s.exact.is_none() && !s.inferred);
    let untried = || singles.iter().rev().find(|(_, s)| s.exact.is_none());
    hopeful
        .or_else(untried)
        .map(|(chunk, _)| ledger.best().without(chunk.first))
}

/// Are there removals left of which nothing is known?
pub(super) fn has_hope(ledger: &Ledger) -> bool {
    singles(ledger).iter().any(|(_, s)| !s.is_spent())
}

/// How many verdicts the certificate waits for.
pub(super) fn owed(ledger: &Ledger) -> usize {
    let told = |s: &Standing| matches!(s.exact, Some((_, State::Told(_))));
    singles(ledger).iter().filter(|(_, s)| !told(s)).count()
}

/// Is the sweep over: every removal tried, nothing else worth a trial or under way?
pub(super) fn is_over(ledger: &Ledger) -> bool {
    owed(ledger) == 0
        && (ledger.is_at_floor() || ledger.merge().is_none())
        && ledger
            .in_flight()
            .all(|(_, keep)| is_pointless(ledger, keep, true))
}

/// Why each request stays, as far as it is known.
pub(super) fn certificate(ledger: &Ledger) -> Certificate {
    let proof = |standing: Standing| match standing.exact {
        Some((id, State::Told(Verdict::Fail(_)))) => Proof::Tested(id),
        _ => Proof::Missing,
    };
    let entries = singles(ledger)
        .into_iter()
        .map(|(c, s)| (c.first, proof(s)))
        .collect();
    Certificate { entries }
}

/// Can the verdict on `keep` teach nothing?
///
/// While requests are removed in bulk, a candidate that lies across the best is worth waiting
/// for: its failure says as much of the best as of itself.
pub(super) fn is_pointless(ledger: &Ledger, keep: &RequestSet, certifying: bool) -> bool {
    let best = ledger.best();
    if keep == ledger.floor() {
        return ledger.is_at_floor();
    }
    let within = keep.is_subset(best);
    if within && keep.len() + 1 == best.len() {
        return false; // the certificate will want just this one
    }
    best.is_subset(keep)
        || ledger.is_inferred_to_fail(keep)
        || (certifying && !within && keep.len() >= best.len())
}
