//! Simulated runs of a search, without kernels. For tests, benches and tables of figures only: nothing here
//! is promised to stay as it is.
//!
//! An oracle is a function of the set of requests. A schedule decides in which order the candidates in flight
//! end.

use std::collections::VecDeque;

use crate::model::{Candidate, RequestId, RequestSet, Stage, Verdict};

use super::{Ask, Call, Depends, Search};

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

    /// Puts these in another order, each with the same chance.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for i in (1..all.len()).rev() {
            all.swap(i, self.below(i + 1));
        }
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

/// A forest of `n` requests: three of four depend on one that is not far before them.
#[must_use]
pub fn forest(n: usize, rng: &mut Rng) -> Depends {
    let mut pairs = Vec::new();
    for id in 1..n as u32 {
        if rng.below(4) > 0 {
            let parent = id - 1 - rng.below((id as usize).min(20)) as u32;
            pairs.push((RequestId(id), RequestId(parent)));
        }
    }
    Depends::of_pairs(n, pairs)
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

/// The order in which trials end, and other events.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The number of candidates that are tried at a time.
    pub workers: usize,
    /// The order is random, from this seed; without one, first in is first out.
    pub seed: Option<u64>,
    /// One of so many events withdraws a candidate instead of telling its verdict. Needs a
    /// seed.
    pub withdraw_one_in: Option<usize>,
    /// The treatment of a candidate that turns out to be pointless.
    pub pointless: Pointless,
    /// The dependents that a search which wants them is told.
    pub depends: Depends,
}

/// The treatment of a candidate that turns out to be pointless.
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
            depends: Depends::none(),
        }
    }
}

/// The record of a simulated run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Every call that changed the search.
    pub calls: Vec<Call>,
    /// Verdicts told.
    pub trials: u32,
    /// Candidates cancelled as pointless.
    pub cancelled: u32,
    /// Trials told while requests were removed in bulk, before the certificate.
    pub reducing: u32,
    /// The number of times that a worker found nothing to do.
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
    look: impl FnMut(&dyn Search, &Run),
) -> Run {
    run_in_lab(search, schedule, |candidate| oracle(&candidate.keep), look)
}

/// [`run`] with verdicts that may depend on more than the requests: on earlier builds, or on the tree that the
/// candidate is built from.
///
/// # Panics
/// When the search waits for nothing.
pub fn run_in_lab(
    search: &mut dyn Search,
    schedule: &Schedule,
    lab: impl FnMut(&Candidate) -> Verdict,
    look: impl FnMut(&dyn Search, &Run),
) -> Run {
    go_on_in_lab(search, Vec::new(), schedule, lab, look)
}

/// [`run_in_lab`] for a replayed search with these candidates in flight.
///
/// # Panics
/// When the search waits for nothing.
pub fn go_on_in_lab(
    search: &mut dyn Search,
    in_flight: Vec<Candidate>,
    schedule: &Schedule,
    mut lab: impl FnMut(&Candidate) -> Verdict,
    mut look: impl FnMut(&dyn Search, &Run),
) -> Run {
    let mut rng = Rng(schedule.seed.unwrap_or(0));
    let mut flying: VecDeque<Candidate> = in_flight.into();
    let mut run = Run::default();
    loop {
        while search.wants_depends() {
            search.learn_depends(&schedule.depends);
            run.calls.push(Call::Learnt(schedule.depends.clone()));
        }
        let mut done = false;
        while flying.len() < schedule.workers.max(1) {
            match search.ask() {
                Ask::Evaluate(candidate) => {
                    run.calls.push(Call::Proposed(candidate.clone()));
                    flying.push_back(candidate);
                    look(search, &run);
                }
                Ask::Wait => {
                    run.idle += 1;
                    break;
                }
                Ask::Done => {
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
            run.calls.push(Call::Withdrawn(candidate.id));
        } else {
            let verdict = lab(&candidate);
            run.trials += 1;
            run.reducing += u32::from(search.phase() == crate::model::Phase::Reducing);
            run.calls.push(Call::Told(candidate.id, verdict));
            let told = search.tell(candidate.id, verdict);
            if schedule.pointless == Pointless::Cancelled {
                for id in told.pointless {
                    search.withdraw(id);
                    run.calls.push(Call::Withdrawn(id));
                    run.cancelled += 1;
                    flying.retain(|c| c.id != id);
                }
            }
        }
        look(search, &run);
    }
}

/// The work of a trial, in any unit of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Work {
    /// The first part, which all free cores share: compiling.
    pub spread: f64,
    /// The second part, on one core: linking and booting.
    pub alone: f64,
}

impl Work {
    /// A trial of this duration, whatever runs beside it.
    #[must_use]
    pub fn alone(time: f64) -> Self {
        Self {
            spread: 0.0,
            alone: time,
        }
    }
}

/// The result of a simulated run with durations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timed {
    /// Verdicts told.
    pub trials: u32,
    /// Of these, while requests were removed in bulk.
    pub reducing: u32,
    /// From the beginning to the end, in what a trial's time is given in.
    pub time: f64,
    /// The share of the workers' time that was used, from 0 to 1, before the last `tail` trials.
    pub busy: f64,
    /// At half of the trials: the expected number of trials to come, divided by the actual one.
    pub foreseen: f64,
}

/// A trial under way.
struct Flight {
    left: Work,
    candidate: Candidate,
}

/// Lets them work until the first of them is at its end. How long that takes, and which it is.
///
/// Each that is still compiling gets its share of the cores that the others leave to it.
fn work(flying: &mut [Flight], cores: f64) -> Option<(f64, usize)> {
    let mut passed = 0.0;
    loop {
        let spread = flying.iter().filter(|f| f.left.spread > 0.0).count();
        let alone = (flying.len() - spread) as f64;
        let one = (cores / flying.len().max(1) as f64).min(1.0);
        let share = ((cores - one * alone) / spread.max(1) as f64).max(one);
        let ends = |f: &Flight| match f.left.spread > 0.0 {
            true => f.left.spread / share,
            false => f.left.alone / one,
        };
        let first = (0..flying.len()).min_by(|a, b| {
            let (a, b) = (&flying[*a], &flying[*b]);
            ends(a)
                .total_cmp(&ends(b))
                .then(a.candidate.id.cmp(&b.candidate.id))
        })?;
        let time = ends(&flying[first]);
        let is_over = flying[first].left.spread <= 0.0;
        for (at, flight) in flying.iter_mut().enumerate() {
            if flight.left.spread > 0.0 {
                let left = flight.left.spread - time * share;
                // Its part is over, whatever was lost by rounding.
                flight.left.spread = if at == first { 0.0 } else { left.max(0.0) };
            } else {
                flight.left.alone = (flight.left.alone - time * one).max(0.0);
            }
        }
        passed += time;
        if is_over {
            return Some((passed, first));
        }
    }
}

/// Runs `search` to its end on so many workers, which share so many cores. A trial takes
/// `time(best, keep)`; one that becomes pointless is cancelled at once. For [`Timed::busy`], the
/// last `tail` trials do not count. `depends` is what depends on what, for a search that would like
/// to know.
///
/// # Panics
/// When the search waits for nothing.
pub fn run_timed(
    search: &mut dyn Search,
    (workers, cores): (usize, f64),
    tail: usize,
    depends: &Depends,
    mut oracle: impl FnMut(&RequestSet) -> Verdict,
    mut time: impl FnMut(&RequestSet, &RequestSet) -> Work,
) -> Timed {
    let (mut now, mut used) = (0.0, 0.0);
    let mut flying: Vec<Flight> = Vec::new();
    // After each trial: when it ended, what was used until then, how many more were expected.
    let mut told = Vec::new();
    let mut timed = Timed::default();
    loop {
        while search.wants_depends() {
            search.learn_depends(depends);
        }
        let mut is_over = false;
        while flying.len() < workers.max(1) && !is_over {
            match search.ask() {
                Ask::Evaluate(candidate) => flying.push(Flight {
                    left: time(search.best(), &candidate.keep),
                    candidate,
                }),
                Ask::Wait => break,
                Ask::Done => is_over = true,
            }
        }
        if is_over {
            break;
        }
        let busy = flying.len() as f64;
        let Some((passed, first)) = work(&mut flying, cores) else {
            panic!("the search waits for nothing")
        };
        used += passed * busy;
        now += passed;
        let Flight { candidate, .. } = flying.swap_remove(first);
        timed.trials += 1;
        timed.reducing += u32::from(search.phase() == crate::model::Phase::Reducing);
        let verdict = oracle(&candidate.keep);
        for id in search.tell(candidate.id, verdict).pointless {
            search.withdraw(id);
            flying.retain(|flight| flight.candidate.id != id);
        }
        told.push((now, used, search.outlook().likely.unwrap_or(0)));
    }
    timed.time = now;
    if let Some((then, used, _)) = told.get(told.len().saturating_sub(tail + 1)) {
        timed.busy = if *then > 0.0 {
            used / (then * workers as f64)
        } else {
            1.0
        };
    }
    let half = told.len() / 2;
    if let Some((_, _, likely)) = told.get(half) {
        timed.foreseen = f64::from(*likely) / (told.len() - half - 1).max(1) as f64;
    }
    timed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CandidateId, Origin};

    fn flights(works: &[(f64, f64)]) -> Vec<Flight> {
        let flight = |(id, work): (u32, &(f64, f64))| Flight {
            left: Work {
                spread: work.0,
                alone: work.1,
            },
            candidate: Candidate {
                id: CandidateId(id),
                keep: RequestSet::empty(1),
                round: 0,
                origin: Origin::Earlier,
            },
        };
        (0..).zip(works).map(flight).collect()
    }

    #[test]
    fn trials_share_the_cores_while_they_compile_and_one_core_each_after_that() {
        let ends = |works: &[(f64, f64)], cores| work(&mut flights(works), cores);
        assert_eq!(ends(&[], 2.0), None);
        assert_eq!(ends(&[(20.0, 3.0)], 2.0), Some((13.0, 0)));
        // Beside one that boots there is one core left to compile on.
        let mut both = flights(&[(20.0, 3.0), (0.0, 8.0)]);
        assert_eq!(work(&mut both, 2.0), Some((8.0, 1)));
        both.remove(1);
        assert_eq!(work(&mut both, 2.0), Some((6.0 + 3.0, 0)));
        assert_eq!(ends(&[(20.0, 3.0), (20.0, 3.0)], 2.0), Some((23.0, 0)));
        // Three that boot on two cores take half as long again.
        assert_eq!(ends(&[(0.0, 4.0); 3], 2.0), Some((6.0, 0)));
    }
}
