//! Parallel delta debugging: ddmin, with inference, and a certificate at the end.

use crate::model::{CandidateId, Phase, RequestId, RequestSet, Verdict};

use super::depends::Depends;
use super::history::{Chunk, History, Standing, State};
use super::{Ask, Certificate, Options, Outlook, Search, Update, sweep};

/// The `ddmin` of Zeller and Hildebrandt (2002), made parallel as in picire (Hodován and Kiss).
///
/// The requests that may go are cut into chunks. Each chunk's *complement* (the best without the
/// chunk) is tried; the first that passes becomes the best, and the rest goes on from the chunk
/// after it. When all complements failed the *subsets* (a chunk alone) are tried, then each chunk
/// is halved. When no single request can go, all are tried again for the certificate.
///
/// Differences from the textbook:
/// - Complements come before subsets. With the inference below, two complements that fail answer
///   all subsets for nothing.
/// - While requests are removed, a subset of a set that failed is taken to fail. The certificate
///   never relies on that: the sweep at the end tries every removal for real, and goes on from
///   any that passes.
/// - A chunk is halved in place, and requests are in menu order: a chunk is a cluster of related
///   options, and what is known of a chunk stays known of what is left of it.
/// - It begins with some 2 sqrt(n) chunks, at most 16, instead of two. In a configuration that
///   somebody made on purpose a fifth or so of the requests are needed: halves and quarters nearly
///   always hold one of them, and each such failure costs a kernel.
/// - Chunks are tried from the last to the first. Menu order begins with what is at the heart of
///   a kernel, on which everything depends, and ends with drivers and filesystems, which cost
///   seconds to take away; and what comes later is tried on the smaller kernel.
/// - The set of nothing but the fixed requests is tried first. `ddmin` assumes that it fails.
/// - Workers that a round has nothing for get the halves of chunks whose own verdict is still to
///   come (as C-Reduce does): they will be wanted if it fails, as most do.
/// - Removals that passed side by side are put together, and as that mostly passes, it is not
///   tried alone but with the next chunk gone as well; alone only when that fails twice.
#[derive(Debug)]
pub(super) struct Ddmin {
    history: History,
    phase: Phase,
    /// Cover the free requests of the best, in ascending order.
    chunks: Vec<Chunk>,
    /// The round goes on with the last chunk before here, and wraps around.
    resume_at: RequestId,
}

impl Ddmin {
    /// A search over the requests of `start`, which is known to pass, without ever removing
    /// those of `fixed`.
    #[must_use]
    pub fn new(start: RequestSet, fixed: &RequestSet, options: &Options) -> Self {
        let history = History::new(start, fixed, &options.failed);
        let free: Vec<RequestId> = history.free().iter().collect();
        let pieces = options
            .granularity
            .unwrap_or_else(|| granularity(free.len()));
        let chunks = cut(&free, pieces.max(2));
        let mut search = Self {
            history,
            phase: Phase::Reducing,
            chunks,
            resume_at: LAST,
        };
        search.settle();
        search
    }

    /// Goes to the next round, and to the next phase, when the present one has no more to say.
    fn settle(&mut self) {
        while self.phase == Phase::Reducing && self.is_round_over() {
            if self.chunks.iter().all(|c| c.len == 1) {
                self.phase = Phase::Certifying;
            } else {
                self.chunks = self.halved(&self.chunks);
                self.resume_at = LAST;
            }
        }
    }

    fn is_round_over(&self) -> bool {
        self.history
            .standings(&self.chunks)
            .iter()
            .all(Standing::is_spent)
            && self.history.merge().is_none()
            && self.open_subset().is_none()
            && !self
                .history
                .in_flight()
                .any(|(_, keep)| self.is_awaited_subset(keep))
    }

    /// Is `keep` one of the subsets of this round, with nothing known of it yet?
    fn is_awaited_subset(&self, keep: &RequestSet) -> bool {
        !self.history.is_inferred_to_fail(keep)
            && self.chunks.iter().any(|c| self.alone(c) == *keep)
    }

    /// The members of a chunk.
    fn members(&self, chunk: &Chunk) -> impl Iterator<Item = RequestId> {
        let (first, last) = (chunk.first, chunk.last);
        let is_free = |id: &RequestId| {
            self.history.best().contains(*id) && !self.history.floor().contains(*id)
        };
        (first.0..=last.0).map(RequestId).filter(is_free)
    }

    /// The best without a chunk.
    fn complement(&self, chunk: &Chunk) -> RequestSet {
        let mut keep = self.history.best().clone();
        self.members(chunk).for_each(|id| keep.remove(id));
        keep
    }

    /// A chunk with nothing but what is fixed.
    fn alone(&self, chunk: &Chunk) -> RequestSet {
        let mut keep = self.history.floor().clone();
        self.members(chunk).for_each(|id| keep.insert(id));
        keep
    }

    /// The chunks, each cut into two as far as it can be.
    fn halved(&self, chunks: &[Chunk]) -> Vec<Chunk> {
        chunks
            .iter()
            .flat_map(|c| cut(&self.members(c).collect::<Vec<_>>(), 2))
            .collect()
    }

    /// The chunks, fitted to `base`: what is gone goes, the borders stay.
    fn fitted(&self, base: &RequestSet) -> Vec<Chunk> {
        let free: Vec<RequestId> = base.minus(self.history.floor()).iter().collect();
        let mut borders: Vec<RequestId> = self.chunks.iter().map(|c| c.last).collect();
        // A best that is no subset of the one before can have requests outside all chunks.
        borders.extend(free.last());
        let mut rest = free.as_slice();
        let mut chunks = Vec::new();
        for border in borders {
            let (chunk, after) = rest.split_at(rest.partition_point(|id| *id <= border));
            chunks.extend(cut(chunk, 1));
            rest = after;
        }
        chunks
    }

    /// Fits the chunks to the new best.
    fn refit(&mut self, old: &RequestSet) {
        // Go on after what was removed last, to not come back to what failed a moment ago.
        let gone = old.minus(self.history.best()).iter().next();
        self.resume_at = gone.unwrap_or(LAST);
        self.chunks = self.fitted(self.history.best());
        if let [only] = self.chunks[..] {
            self.chunks = self.halved(&[only]);
        }
    }

    /// The indices of `chunks`, in the order of the round.
    fn round(&self, chunks: &[Chunk]) -> impl Iterator<Item = usize> {
        let from = chunks.partition_point(|c| c.first < self.resume_at);
        (0..from).rev().chain((from..chunks.len()).rev())
    }

    /// The union of removals that passed side by side, with the next chunk removed as well.
    fn leap(&self) -> Option<RequestSet> {
        let mut base = self.history.merged();
        if base == *self.history.best() || self.history.is_inferred_to_fail(&base) {
            return None;
        }
        let chunks = self.fitted(&base);
        let standings = self.history.standings_under(&base, &chunks);
        let failed = |s: &&Standing| matches!(s.exact, Some((_, State::Told(verdict))) if !verdict.is_pass());
        if standings.iter().filter(failed).count() >= LEAPS {
            return None;
        }
        let next = self.round(&chunks).find(|i| standings[*i].is_open())?;
        let gone: Vec<RequestId> = self.members(&chunks[next]).collect();
        gone.into_iter().for_each(|id| base.remove(id));
        Some(base)
    }

    /// The subset to try next, once all complements are answered.
    fn open_subset(&self) -> Option<RequestSet> {
        let open = |keep: &RequestSet| {
            keep != self.history.best()
                && self.history.is_unasked(keep)
                && !self.history.is_inferred_to_fail(keep)
        };
        self.chunks.iter().rev().map(|c| self.alone(c)).find(open)
    }

    /// The next candidate while requests are removed in bulk.
    fn reduce(&self) -> Option<RequestSet> {
        let standings = self.history.standings(&self.chunks);
        if let Some(next) = self.round(&self.chunks).find(|i| standings[*i].is_open()) {
            return Some(self.complement(&self.chunks[next]));
        }
        if standings.iter().all(Standing::is_spent)
            && let Some(keep) = self.open_subset()
        {
            return Some(keep);
        }
        self.speculate(standings)
    }

    /// A candidate that a later round will need unless something passes: halves, then quarters, ... Chunks that
    /// are known to stay come first.
    fn speculate(&self, mut above: Vec<Standing>) -> Option<RequestSet> {
        let mut chunks = self.chunks.clone();
        while chunks.iter().any(|c| c.len > 1) {
            let halves = self.halved(&chunks);
            let standings = self.history.standings(&halves);
            let parent = |half: &Chunk| chunks.partition_point(|c| c.last < half.first);
            let open = || {
                halves
                    .iter()
                    .zip(&standings)
                    .rev()
                    .filter(|(_, s)| s.is_open())
            };
            let sure = open().find(|(half, _)| above[parent(half)].is_spent());
            if let Some((half, _)) = sure.or_else(|| open().next()) {
                return Some(self.complement(half));
            }
            (chunks, above) = (halves, standings);
        }
        None
    }
}

/// Past every request.
const LAST: RequestId = RequestId(u32::MAX);

/// Into how many chunks `n` requests are cut at first.
fn granularity(n: usize) -> usize {
    (2 * n.isqrt()).min(16)
}

/// After so many failures of what was put together it is tried alone: perhaps two removals that
/// pass do not go together.
const LEAPS: usize = 2;

/// Cuts `members` into at most `pieces` contiguous chunks of about one size.
fn cut(members: &[RequestId], pieces: usize) -> Vec<Chunk> {
    let n = members.len();
    let pieces = pieces.min(n);
    (0..pieces)
        .map(|i| {
            // Not empty, since there are no more pieces than members.
            let piece = &members[i * n / pieces..(i + 1) * n / pieces];
            Chunk {
                first: piece[0],
                last: piece[piece.len() - 1],
                len: piece.len(),
            }
        })
        .collect()
}

impl Search for Ddmin {
    fn heard(&mut self, _: &str) {}

    fn ask(&mut self) -> Ask {
        if self.phase == Phase::Certifying && sweep::is_over(&self.history, &Depends::none()) {
            return Ask::Done;
        }
        let floor = self.history.floor();
        let bare =
            (!self.history.is_at_floor() && self.history.is_unasked(floor)).then(|| floor.clone());
        let merge = || self.history.merge();
        let keep = bare.or_else(|| match self.phase {
            Phase::Reducing => self.leap().or_else(merge).or_else(|| self.reduce()),
            _ => merge().or_else(|| sweep::choose(&self.history, &Depends::none())),
        });
        match keep {
            Some(keep) => Ask::Evaluate(self.history.propose(keep)),
            None => Ask::Wait,
        }
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        let old = self.history.best().clone();
        let new_best = self.history.record(id, verdict);
        if new_best && self.phase == Phase::Reducing {
            self.refit(&old);
        }
        self.settle();
        sweep::update(&self.history, self.phase)
    }

    fn withdraw(&mut self, id: CandidateId) {
        self.history.withdraw(id);
        // A candidate that a round waited for may have become pointless in flight.
        self.settle();
    }

    // Each verdict is taken as it comes.
    fn start_judged(&mut self, _: Verdict) {}

    fn best(&self) -> &RequestSet {
        self.history.best()
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn outlook(&self) -> Outlook {
        let owed = sweep::owed(&self.history, &Depends::none());
        let extra = self.history.in_flight().count() + self.history.merges();
        let (at_least, at_most) = if self.phase == Phase::Certifying {
            (owed, owed + extra)
        } else {
            let standings = self.history.standings(&self.chunks);
            // Halving makes a binary tree over each chunk, and each of its nodes fails at most
            // once; the root of a spent one did already.
            let nodes = |(c, s): (&Chunk, &Standing)| 2 * c.len - 1 - usize::from(s.is_spent());
            let tree: usize = self.chunks.iter().zip(&standings).map(nodes).sum();
            // The certificate may have to be made anew for a smaller best, and removals that
            // passed side by side may not go together.
            (1, 1 + tree + 2 * self.history.free().len() + extra)
        };
        Outlook {
            at_least: at_least as u32,
            at_most: at_most as u32,
            likely: None,
        }
    }

    fn certificate(&self) -> Certificate {
        sweep::certificate(&self.history, &Depends::none())
    }
}
