//! The history of candidates and verdicts, shared by all algorithms.

use std::collections::{BTreeSet, HashMap};

use crate::model::{Candidate, CandidateId, Origin, RequestId, RequestSet, Stage, Verdict};

/// The state of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    InFlight,
    Told(Verdict),
    Withdrawn,
}

/// The requests of the best that a candidate lacks. It changes only with a new best, so it is computed once.
#[derive(Debug, Clone, Copy)]
struct Gap {
    first: RequestId,
    last: RequestId,
    len: usize,
    /// The candidate is a subset of the best.
    within: bool,
}

#[derive(Debug)]
struct Entry {
    keep: RequestSet,
    state: State,
    /// None when it lacks nothing.
    gap: Option<Gap>,
}

/// Some of the best's free requests that follow each other.
///
/// The trial that a chunk stands for is its complement: the best without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub first: RequestId,
    pub last: RequestId,
    /// How many there are: at least 1.
    pub len: usize,
}

/// The state of the best without a chunk. It never passed: it would be the best then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Just this set was asked, and not withdrawn.
    pub exact: Option<(CandidateId, State)>,
    /// A larger set failed; so this one will, if the oracle is monotone.
    pub inferred: bool,
    /// A larger set is in flight, and likely to fail.
    pub shadowed: bool,
}

impl Standing {
    /// Neither known nor about to be known.
    pub fn is_open(&self) -> bool {
        self.exact.is_none() && !self.inferred && !self.shadowed
    }

    /// It will not be asked: it failed, or would, or gave no verdict.
    pub fn is_spent(&self) -> bool {
        self.inferred || matches!(self.exact, Some((_, State::Told(_))))
    }
}

/// The requests of `base` that `keep` lacks.
fn gap(base: &RequestSet, keep: &RequestSet) -> Option<Gap> {
    let lacking = base.minus(keep);
    let (first, last) = (lacking.iter().next()?, lacking.iter().next_back()?);
    Some(Gap {
        first,
        last,
        len: lacking.len(),
        within: keep.is_subset(base),
    })
}

/// All candidates with their verdicts, and the best.
#[derive(Debug)]
pub(super) struct History {
    fixed: RequestSet,
    best: RequestSet,
    /// Indexed by candidate id.
    entries: Vec<Entry>,
    /// The last candidate that asked for a set. Only ever looked up in, never iterated.
    asked: HashMap<RequestSet, CandidateId>,
    in_flight: BTreeSet<CandidateId>,
    /// Sets that passed and are not supersets of the best: what they and the best have in common
    /// is worth a trial.
    merges: Vec<RequestSet>,
}

impl History {
    /// `start` passes. `failed` is known to fail: the first ids are those of its sets.
    pub fn new(start: RequestSet, fixed: &RequestSet, failed: &[RequestSet]) -> Self {
        let mut history = Self {
            // A fixed request that is not in the start has no effect.
            fixed: fixed.intersection(&start),
            best: start,
            entries: Vec::new(),
            asked: HashMap::new(),
            in_flight: BTreeSet::new(),
            merges: Vec::new(),
        };
        for keep in failed {
            let id = history.propose(keep.clone()).id;
            history.land(id, State::Told(Verdict::Fail(Stage::Oracle)));
        }
        history
    }

    pub fn best(&self) -> &RequestSet {
        &self.best
    }

    /// The smallest set that there could be: nothing but what must stay.
    pub fn floor(&self) -> &RequestSet {
        &self.fixed
    }

    /// The requests of the best that may be removed.
    pub fn free(&self) -> RequestSet {
        self.best.minus(&self.fixed)
    }

    /// Is there nothing left to remove?
    pub fn is_at_floor(&self) -> bool {
        self.best == self.fixed
    }

    pub fn in_flight(&self) -> impl Iterator<Item = (CandidateId, &RequestSet)> {
        self.in_flight
            .iter()
            .map(|id| (*id, &self.entries[id.0 as usize].keep))
    }

    /// The set of a candidate.
    pub fn keep(&self, id: CandidateId) -> &RequestSet {
        &self.entries[id.0 as usize].keep
    }

    /// Every candidate's set, and what became of it.
    pub fn entries(&self) -> impl Iterator<Item = (&RequestSet, State)> {
        self.entries.iter().map(|e| (&e.keep, e.state))
    }

    /// The best with as much of what passed beside it gone as is not known to fail: what most
    /// likely passes, though it was not tried.
    pub fn hoped(&self) -> RequestSet {
        let mut base = self.best.clone();
        for other in &self.merges {
            let both = base.intersection(other);
            let told = matches!(self.state(&both), Some(State::Told(_)));
            if both != base && !told && !self.is_inferred_to_fail(&both) {
                base = both;
            }
        }
        base
    }

    pub fn propose(&mut self, keep: RequestSet) -> Candidate {
        // A run makes some hundreds of trials, nowhere near 2^32.
        let id = CandidateId(self.entries.len() as u32);
        self.asked.insert(keep.clone(), id);
        self.in_flight.insert(id);
        let gap = self.gap(&keep);
        self.entries.push(Entry {
            keep: keep.clone(),
            state: State::InFlight,
            gap,
        });
        Candidate {
            id,
            keep,
            round: 0,
            origin: Origin::Earlier,
        }
    }

    /// Takes a verdict in. Says whether there is a new best.
    pub fn record(&mut self, id: CandidateId, verdict: Verdict) -> bool {
        self.land(id, State::Told(verdict));
        let keep = &self.entries[id.0 as usize].keep;
        let new_best = verdict.is_pass() && keep.len() < self.best.len();
        if new_best {
            let old = std::mem::replace(&mut self.best, keep.clone());
            self.merges.push(old);
            for i in 0..self.entries.len() {
                self.entries[i].gap = self.gap(&self.entries[i].keep);
            }
        } else if verdict.is_pass() {
            self.merges.push(keep.clone());
        }
        let mut merges = std::mem::take(&mut self.merges);
        merges.retain(|other| {
            let both = self.best.intersection(other);
            both != self.best && !matches!(self.state(&both), Some(State::Told(_)))
        });
        self.merges = merges;
        new_best
    }

    pub fn withdraw(&mut self, id: CandidateId) {
        self.land(id, State::Withdrawn);
    }

    fn land(&mut self, id: CandidateId, state: State) {
        assert!(
            self.in_flight.remove(&id),
            "candidate {id} is not in flight"
        );
        self.entries[id.0 as usize].state = state;
    }

    fn gap(&self, keep: &RequestSet) -> Option<Gap> {
        gap(&self.best, keep)
    }

    fn state(&self, keep: &RequestSet) -> Option<State> {
        self.asked
            .get(keep)
            .map(|id| self.entries[id.0 as usize].state)
    }

    /// The verdict on just this set, if there is one.
    pub fn verdict(&self, keep: &RequestSet) -> Option<Verdict> {
        match self.state(keep) {
            Some(State::Told(verdict)) => Some(verdict),
            _ => None,
        }
    }

    /// Is there neither a verdict on just this set nor one coming?
    pub fn is_unasked(&self, keep: &RequestSet) -> bool {
        matches!(self.state(keep), None | Some(State::Withdrawn))
    }

    /// Did a superset of `keep` fail? If the oracle is monotone, `keep` fails too.
    ///
    /// A failed set that contains the best has itself shown the oracle not to be monotone, and
    /// counts no more: inference is revocable. Unresolved trials teach nothing.
    pub fn is_inferred_to_fail(&self, keep: &RequestSet) -> bool {
        self.entries.iter().any(|e| {
            matches!(e.state, State::Told(Verdict::Fail(_)))
                && e.gap.is_some()
                && keep.is_subset(&e.keep)
        })
    }

    /// The intersection of the best with all sets that passed beside it; the best itself if there are none.
    pub fn merged(&self) -> RequestSet {
        self.merges
            .iter()
            .fold(self.best.clone(), |all, other| all.intersection(other))
    }

    /// An untried intersection of the best with sets that passed beside it: first with all of them, then with each.
    pub fn merge(&self) -> Option<RequestSet> {
        let all = self.merged();
        if self.state(&all) == Some(State::InFlight) {
            return None;
        }
        let each = self
            .merges
            .iter()
            .map(|other| self.best.intersection(other));
        std::iter::once(all).chain(each).find(|keep| {
            *keep != self.best && self.is_unasked(keep) && !self.is_inferred_to_fail(keep)
        })
    }

    /// The number of such intersections that may still be tried.
    pub fn merges(&self) -> usize {
        self.merges.len()
    }

    /// The state of the best without each of the chunks. They must be in ascending order,
    /// must not overlap, and hold every free request of the best.
    ///
    /// Since chunks are contiguous, a candidate that lacks something of the best lies within
    /// one of them just when the first and the last request that it lacks do.
    pub fn standings(&self, chunks: &[Chunk]) -> Vec<Standing> {
        self.weigh(chunks, |entry| entry.gap)
    }

    /// [`Self::standings`] for a set that may become the best: [`Self::merged`].
    pub fn standings_under(&self, base: &RequestSet, chunks: &[Chunk]) -> Vec<Standing> {
        self.weigh(chunks, |entry| gap(base, &entry.keep))
    }

    fn weigh(&self, chunks: &[Chunk], gap: impl Fn(&Entry) -> Option<Gap>) -> Vec<Standing> {
        let mut standings = vec![Standing::default(); chunks.len()];
        for (i, entry) in self.entries.iter().enumerate() {
            if matches!(entry.state, State::Withdrawn | State::Told(Verdict::Pass)) {
                continue;
            }
            let Some(gap) = gap(entry) else { continue };
            let at = chunks.partition_point(|c| c.last < gap.first);
            let Some(chunk) = chunks.get(at) else {
                continue;
            };
            if gap.first < chunk.first || gap.last > chunk.last {
                continue;
            }
            let standing = &mut standings[at];
            if gap.within && gap.len == chunk.len {
                standing.exact = Some((CandidateId(i as u32), entry.state));
            }
            match entry.state {
                State::Told(Verdict::Fail(_)) => standing.inferred = true,
                State::InFlight => standing.shadowed = true,
                _ => {}
            }
        }
        standings
    }
}
