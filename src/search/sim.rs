//! Simulated runs of a search, without kernels: for tests, benches and figures.
//!
//! Nothing here builds or boots anything. An oracle is a function of the set of requests, and a
//! schedule decides in which order the candidates in flight come to their end.

use std::collections::VecDeque;

use crate::model::{Candidate, RequestId, RequestSet, Stage, Verdict};

use super::{Move, Search, Step};

/// The verdict of a failed trial.
pub const FAIL: Verdict = Verdict::Fail(Stage::Oracle);

/// SplitMix64: small, seeded, the same everywhere.
#[derive(Debug, Clone)]
pub struct Rng(pub u64);

impl Rng {
    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `n`, which must not be 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number that depends on `seed` and every member of `set`, for arbitrary oracles.
#[must_use]
pub fn hash(set: &RequestSet, seed: u64) -> u64 {
    set.iter()
        .fold(mix(seed), |h, id| mix(h ^ (u64::from(id.0) + 1)))
}

/// `k` of `n` requests, evenly scattered at random.
#[must_use]
pub fn scattered(n: usize, k: usize, rng: &mut Rng) -> RequestSet {
    let mut set = RequestSet::empty(n);
    while set.len() < k.min(n) {
        set.insert(RequestId(rng.below(n) as u32));
    }
    set
}

/// `k` of `n` requests in runs of about `run` that follow each other, as needed options do in a
/// menu.
#[must_use]
pub fn clustered(n: usize, k: usize, run: usize, rng: &mut Rng) -> RequestSet {
    let mut set = RequestSet::empty(n);
    while set.len() < k.min(n) {
        let from = rng.below(n);
        for i in from..(from + run).min(n) {
            if set.len() < k {
                set.insert(RequestId(i as u32));
            }
        }
    }
    set
}

/// An oracle with exactly one minimum: passes what contains `needed`.
pub fn needs(needed: &RequestSet) -> impl FnMut(&RequestSet) -> Verdict + '_ {
    |set| {
        if needed.is_subset(set) {
            Verdict::Pass
        } else {
            FAIL
        }
    }
}

/// In which order trials end, and what else happens.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// How many candidates are tried at a time.
    pub workers: usize,
    /// The order is random, from this seed; without one, first in is first out.
    pub seed: Option<u64>,
    /// One of so many events withdraws a candidate instead of telling its verdict. Needs a
    /// seed.
    pub withdraw_one_in: Option<usize>,
    /// What becomes of a candidate that turns out to be pointless.
    pub pointless: Pointless,
}

/// What becomes of a candidate that turns out to be pointless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointless {
    /// It is withdrawn at once.
    Cancelled,
    /// It runs to its end, and its verdict is told.
    Finished,
}

impl Schedule {
    /// First in, first out; pointless candidates are cancelled.
    #[must_use]
    pub fn in_order(workers: usize) -> Self {
        Self {
            workers,
            seed: None,
            withdraw_one_in: None,
            pointless: Pointless::Cancelled,
        }
    }
}

/// What a simulated run did.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Every call that changed the search.
    pub moves: Vec<Move>,
    /// Verdicts told.
    pub trials: u32,
    /// Candidates cancelled as pointless.
    pub cancelled: u32,
    /// Trials told while requests were removed in bulk, before the certificate.
    pub reducing: u32,
    /// How often some worker found nothing to do.
    pub idle: u32,
}

/// Runs `search` to its end. After each call that changed it `look` sees it.
///
/// # Panics
/// When the search waits for nothing.
pub fn run(
    search: &mut dyn Search,
    schedule: &Schedule,
    mut oracle: impl FnMut(&RequestSet) -> Verdict,
    mut look: impl FnMut(&dyn Search, &Run),
) -> Run {
    let mut rng = Rng(schedule.seed.unwrap_or(0));
    let mut flying: VecDeque<Candidate> = VecDeque::new();
    let mut run = Run::default();
    loop {
        let mut done = false;
        while flying.len() < schedule.workers.max(1) {
            match search.next() {
                Step::Try(candidate) => {
                    run.moves.push(Move::Proposed(candidate.clone()));
                    flying.push_back(candidate);
                    look(search, &run);
                }
                Step::Wait => {
                    run.idle += 1;
                    break;
                }
                Step::Done => {
                    done = true;
                    break;
                }
            }
        }
        if done {
            return run;
        }
        let at = if schedule.seed.is_some() {
            rng.below(flying.len().max(1))
        } else {
            0
        };
        let candidate = flying.remove(at);
        // Documented: a search that waits for nothing would hang a real run.
        let Some(candidate) = candidate else {
            panic!("the search waits for nothing")
        };
        if schedule
            .withdraw_one_in
            .is_some_and(|n| rng.below(n.max(1)) == 0)
        {
            search.withdraw(candidate.id);
            run.moves.push(Move::Withdrawn(candidate.id));
        } else {
            let verdict = oracle(&candidate.keep);
            run.trials += 1;
            run.reducing += u32::from(search.phase() == crate::model::Phase::Reducing);
            run.moves.push(Move::Told(candidate.id, verdict));
            let told = search.tell(candidate.id, verdict);
            if schedule.pointless == Pointless::Cancelled {
                for id in told.pointless {
                    search.withdraw(id);
                    run.moves.push(Move::Withdrawn(id));
                    run.cancelled += 1;
                    flying.retain(|c| c.id != id);
                }
            }
        }
        look(search, &run);
    }
}
