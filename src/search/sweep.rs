//! The certificate sweep: every request that is left is removed alone, in a trial of its own.
//! The leaves come first.

use crate::model::{Phase, RequestId, RequestSet, Verdict};

use super::costs::Costs;
use super::depends::Depends;
use super::history::{Chunk, History, Standing, State};
use super::{Ask, Certificate, Proof, Update};

/// Each free request of the best, with the state of the best without it.
fn singles(history: &History) -> Vec<(Chunk, Standing)> {
    let chunks: Vec<Chunk> = history
        .free()
        .iter()
        .map(|id| Chunk {
            first: id,
            last: id,
            len: 1,
        })
        .collect();
    let standings = history.standings(&chunks);
    chunks.into_iter().zip(standings).collect()
}

/// The requests of the best that need a trial of their own: the leaves, and each request without a tested leaf among
/// its dependents.
fn owing(history: &History, depends: &Depends) -> Vec<(RequestId, Standing)> {
    let free = history.free();
    let all = singles(history);
    let failed = failed(&all, &free);
    let is_told = |s: &Standing| matches!(s.exact, Some((_, State::Told(_))));
    let untold = all.iter().filter(|(_, s)| !is_told(s));
    let untold = RequestSet::of(free.capacity(), untold.map(|(c, _)| c.first));
    let owes = |(chunk, standing): &(Chunk, Standing)| {
        let id = chunk.first;
        let carried = depends.carried(id).map(|c| c.intersection(&free));
        let spoken_for = carried.is_some_and(|carried| {
            let leaf = |id: RequestId| untold.contains(id) && depends.is_leaf(id, &free);
            carried.has_any_of(&failed) || !depends.is_leaf(id, &free) && carried.iter().any(leaf)
        });
        !is_told(standing) && !spoken_for
    };
    let owing = all.iter().filter(|single| owes(single));
    owing.map(|(chunk, s)| (chunk.first, *s)).collect()
}

/// The requests whose removal alone failed.
fn failed(singles: &[(Chunk, Standing)], free: &RequestSet) -> RequestSet {
    let failed = |s: &Standing| matches!(s.exact, Some((_, State::Told(Verdict::Fail(_)))));
    let ids = singles.iter().filter(|(_, s)| failed(s));
    RequestSet::of(free.capacity(), ids.map(|(c, _)| c.first))
}

/// The next set to try: first sets of unknown outcome, which may pass, then sets that are only inferred to fail.
pub(super) fn choose(history: &History, depends: &Depends) -> Option<RequestSet> {
    let owing = owing(history, depends);
    let hopeful = owing
        .iter()
        .rev()
        .find(|(_, s)| s.exact.is_none() && !s.inferred);
    let untried = || owing.iter().rev().find(|(_, s)| s.exact.is_none());
    hopeful
        .or_else(untried)
        .map(|(id, _)| history.best().without(*id))
}

/// The next set to try once all leaves are tried or under way: what is cheap to try comes first, and of
/// equal costs what may pass.
fn choose_other(history: &History, costs: &Costs) -> Option<RequestSet> {
    let owing = owing(history, &Depends::none());
    let untried = owing.iter().rev().filter(|(_, s)| s.exact.is_none());
    untried
        .min_by_key(|(id, s)| (costs.tier(*id), s.inferred))
        .map(|(id, _)| history.best().without(*id))
}

/// Are there removals left of which nothing is known?
pub(super) fn has_hope(history: &History) -> bool {
    singles(history).iter().any(|(_, s)| !s.is_spent())
}

/// The number of verdicts that the certificate waits for.
pub(super) fn owed(history: &History, depends: &Depends) -> usize {
    owing(history, depends).len()
}

/// Is the sweep over: every removal tried, nothing else worth a trial or under way?
pub(super) fn is_over(history: &History, depends: &Depends) -> bool {
    owed(history, depends) == 0
        && (history.is_at_floor() || history.merge().is_none())
        && history
            .in_flight()
            .all(|(_, keep)| is_pointless(history, keep, Phase::Certifying))
}

/// Why each request stays, as far as it is known.
pub(super) fn certificate(history: &History, depends: &Depends) -> Certificate {
    let (free, singles) = (history.free(), singles(history));
    let failed = failed(&singles, &free);
    let proof = |id: RequestId, standing: Standing| match standing.exact {
        Some((id, State::Told(Verdict::Fail(_)))) => Proof::Tested(id),
        // It was tried, and nobody knows.
        Some((_, State::Told(_))) => Proof::Missing,
        _ => {
            let carried = depends.carried(id).map(|c| c.intersection(&failed));
            let dependent = carried.and_then(|c| c.iter().next());
            dependent.map_or(Proof::Missing, Proof::Implied)
        }
    };
    let entries = singles
        .into_iter()
        .map(|(c, s)| (c.first, proof(c.first, s)))
        .collect();
    Certificate { entries }
}

/// The next step of the sweep: first unions of what passed side by side, then what is owed.
pub(super) fn step(history: &mut History, depends: &Depends) -> Ask {
    if is_over(history, depends) {
        return Ask::Done;
    }
    match history.merge().or_else(|| choose(history, depends)) {
        Some(keep) => Ask::Evaluate(history.propose(keep)),
        None => Ask::Wait,
    }
}

/// The next step of a sweep in two stages: first the leaves, as [`step`] with `depends` takes them, then
/// each other request.
pub(super) fn step_leaves_first(history: &mut History, depends: &Depends, costs: &Costs) -> Ask {
    if is_over(history, &Depends::none()) {
        return Ask::Done;
    }
    let leaf = history.merge().or_else(|| choose(history, depends));
    match leaf.or_else(|| choose_other(history, costs)) {
        Some(keep) => Ask::Evaluate(history.propose(keep)),
        None => Ask::Wait,
    }
}

/// The consequences of a verdict for the caller.
pub(super) fn update(history: &History, phase: Phase) -> Update {
    let flying = history.in_flight();
    let pointless = flying.filter(|(_, keep)| is_pointless(history, keep, phase));
    Update {
        pointless: pointless.map(|(id, _)| id).collect(),
    }
}

/// Is the verdict on `keep` useless?
///
/// While requests are removed in bulk, a candidate that lies across the best is worth waiting
/// for: its failure says as much of the best as of itself.
fn is_pointless(history: &History, keep: &RequestSet, phase: Phase) -> bool {
    let best = history.best();
    if keep == history.floor() {
        return history.is_at_floor();
    }
    let within = keep.is_subset(best);
    if within && keep.len() + 1 == best.len() {
        return false; // the certificate will want just this one
    }
    best.is_subset(keep)
        || history.is_inferred_to_fail(keep)
        || (phase == Phase::Certifying && !within && keep.len() >= best.len())
}
