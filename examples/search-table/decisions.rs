//! How long the decisions of a search take, on the requests of Debian's configurations.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::depends::{Known, debian};
use crate::growing::thoughts;
use kbisect::model::{CandidateId, Confidence, Origin, Phase, Prior, RequestSet, Verdict};
use kbisect::search::sim::{Rng, Run, Schedule, run};
use kbisect::search::{
    Algorithm, Ask, Certificate, Cores, Depends, Options, Outlook, Rebuilding, Retesting, Search,
    Update,
};

/// How often each run is repeated: the machine may do something else during a call.
const REPEATS: usize = 3;

/// The time of each call of one kind, in order.
type Times = Vec<Duration>;

/// Milliseconds: the mean and the longest.
fn text(times: &[Duration]) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let sum: Duration = times.iter().sum();
    let longest = times.iter().max().copied().unwrap_or_default();
    let mean = millis(sum) / times.len().max(1) as f64;
    format!("{mean:7.2} {:7.2}", millis(longest))
}

/// The shorter time of each call of two equal runs.
fn shorter(one: &[Duration], other: &[Duration]) -> Times {
    let both = one.iter().zip(other);
    both.map(|(one, other)| *one.min(other)).collect()
}

/// A search of which each call is timed.
struct Clocked {
    inner: Box<dyn Search>,
    ask: Times,
    tell: Times,
    outlook: RefCell<Times>,
}

fn timed<T>(times: &mut Times, call: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let value = call();
    times.push(begun.elapsed());
    value
}

impl Search for Clocked {
    fn heard(&mut self, evidence: &str) {
        self.inner.heard(evidence);
    }

    fn ask(&mut self) -> Ask {
        timed(&mut self.ask, || self.inner.ask())
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        timed(&mut self.tell, || self.inner.tell(id, verdict))
    }

    fn withdraw(&mut self, id: CandidateId) {
        timed(&mut self.tell, || self.inner.withdraw(id));
    }

    fn best(&self) -> &RequestSet {
        self.inner.best()
    }

    fn has_passed(&self) -> bool {
        self.inner.has_passed()
    }

    fn phase(&self) -> Phase {
        self.inner.phase()
    }

    fn outlook(&self) -> Outlook {
        timed(&mut self.outlook.borrow_mut(), || self.inner.outlook())
    }

    fn certificate(&self) -> Certificate {
        self.inner.certificate()
    }

    fn wants_depends(&self) -> bool {
        self.inner.wants_depends()
    }

    fn learn_depends(&mut self, depends: &Depends) {
        timed(&mut self.tell, || self.inner.learn_depends(depends));
    }

    fn start_judged(&mut self, verdict: Verdict) {
        self.inner.start_judged(verdict);
    }
}

/// The search of a run with the default settings that does not build its start first.
fn search(known: &Known, case: &Case, prior: Prior) -> (Clocked, Duration) {
    let begun = Instant::now();
    let options = Options::new()
        .depends(known.depends.clone())
        .selectors(known.selectors.clone())
        .cores(Cores::Shared)
        .prior(prior);
    let (full, none) = (RequestSet::full(case.n), RequestSet::empty(case.n));
    let sure = Confidence::default();
    let retesting = Retesting::growing(Algorithm::GroupTesting, &full, &none, options, sure);
    let inner = Rebuilding::new(Box::new(retesting), Some(sure), Origin::Earlier);
    let clocked = Clocked {
        inner: Box::new(inner),
        ask: Times::default(),
        tell: Times::default(),
        outlook: RefCell::default(),
    };
    (clocked, begun.elapsed())
}

/// Milliseconds, in the mean and at most.
pub fn decisions() {
    println!("milliseconds, mean and longest; n requests, k needed");
    println!(
        "depends     n    k workers prior     trials           begin             ask            tell         outlook"
    );
    for known in debian() {
        let n = known.selectors.len();
        for leaves in [10, 40] {
            for workers in [1, 8] {
                for (thought, think) in thoughts() {
                    let mut rng = Rng(1);
                    let case = Case::planted(&known.depends, leaves, &mut rng);
                    let prior = Prior::new(think(&case.needed, &mut rng));
                    let mut trials = 0;
                    let once = || {
                        let (mut search, begin) = search(&known, &case, prior.clone());
                        let schedule = Schedule {
                            depends: known.depends.clone(),
                            ..Schedule::in_order(workers)
                        };
                        let judge = |keep: &RequestSet| case.judge(keep);
                        let look = |search: &dyn Search, _: &Run| {
                            let _ = search.outlook();
                        };
                        trials = run(&mut search, &schedule, judge, look).trials;
                        let answer = (search.best(), search.certificate().is_whole());
                        assert!(answer == (&case.needed, true));
                        [vec![begin], search.ask, search.tell, search.outlook.take()]
                    };
                    let all = std::iter::repeat_with(once)
                        .take(REPEATS)
                        .reduce(|one, other| {
                            std::array::from_fn(|kind| shorter(&one[kind], &other[kind]))
                        });
                    let all = all.unwrap_or_default();
                    let [begin, ask, tell, outlook] = all.each_ref().map(|times| text(times));
                    println!(
                        "{:8} {n:5} {:4} {workers:7} {thought:9} {trials:6} {begin} {ask} {tell} {outlook}",
                        known.name,
                        case.needed.len(),
                    );
                }
            }
        }
    }
}
