//! Simulated cases: what is needed, what depends on what, what the oracle says.

use std::f64::consts::LN_2;

use kbisect::model::{RequestId, RequestSet, Verdict};
use kbisect::search::Depends;
pub use kbisect::search::sim::scattered;
use kbisect::search::sim::{self, FAIL, Rng, forest};

/// One simulated question.
pub struct Case {
    pub n: usize,
    pub needed: RequestSet,
    /// What depends on something that is gone does not come true.
    pub depends: Depends,
}

impl Case {
    pub fn flat(n: usize, needed: RequestSet) -> Self {
        Self {
            n,
            needed,
            depends: Depends::none(),
        }
    }

    /// So many leaves that nothing depends on are needed, and with them what they depend on.
    pub fn planted(depends: &Depends, leaves: usize, rng: &mut Rng) -> Self {
        let lists = depends.lists();
        let n = lists.len();
        let all: Vec<u32> = (0..n as u32)
            .filter(|id| lists[*id as usize].is_empty())
            .collect();
        let mut needed = RequestSet::empty(n);
        while needed.len() < leaves.min(all.len()) {
            needed.insert(RequestId(all[rng.below(all.len())]));
        }
        Self {
            n,
            needed: depends.needs(&needed, &RequestSet::full(n)),
            depends: depends.clone(),
        }
    }

    /// So many requests are needed, or a few more: leaves at random, and what they depend on.
    pub fn about(depends: &Depends, k: usize, rng: &mut Rng) -> Self {
        let lists = depends.lists();
        let n = lists.len();
        let (full, mut needed) = (RequestSet::full(n), RequestSet::empty(n));
        while needed.len() < k.min(n) {
            let id = rng.below(n);
            if lists[id].is_empty() {
                let leaf = RequestSet::of(n, [RequestId(id as u32)]);
                needed.insert_all(&depends.needs(&leaf, &full));
            }
        }
        Self {
            n,
            needed,
            depends: depends.clone(),
        }
    }

    pub fn judge(&self, set: &RequestSet) -> Verdict {
        let gone = RequestSet::full(self.n).minus(set);
        let fallen = gone.iter().filter_map(|id| self.depends.carried(id));
        let lacks =
            gone.has_any_of(&self.needed) || fallen.into_iter().any(|f| f.has_any_of(&self.needed));
        if lacks { FAIL } else { Verdict::Pass }
    }

    /// The same, or the opposite.
    pub fn err(&self, set: &RequestSet, errs: bool) -> Verdict {
        match (self.judge(set).is_pass(), errs) {
            (true, false) | (false, true) => Verdict::Pass,
            (true, true) | (false, false) => FAIL,
        }
    }
}

/// log2 of the number of sets of `k` of `n`: what no search can do without on average.
pub fn bound(n: usize, k: usize) -> f64 {
    let ways = (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln());
    ways.sum::<f64>() / LN_2
}

type Plant = fn(usize, usize, &mut Rng) -> RequestSet;

/// How needed requests may lie.
pub fn layouts() -> [(&'static str, Plant); 2] {
    [
        ("scattered", scattered),
        ("clustered", |n, k, rng| sim::clustered(n, k, 5, rng)),
    ]
}

/// A forest, and what `kbisect plan` says of Linux 6.1 (`benches/depends`).
pub fn depends_of() -> Vec<(&'static str, Depends)> {
    let real = [
        ("ec2", include_str!("../../benches/depends/ec2.json")),
        (
            "defconfig",
            include_str!("../../benches/depends/defconfig.json"),
        ),
        ("cloud", include_str!("../../benches/depends/cloud.json")),
    ];
    let read = |(name, text)| {
        let value: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
        let lists: Vec<Vec<RequestId>> =
            serde_json::from_value(value["carried"].clone()).expect("lists of numbers");
        let depends = Depends::of_lists(&lists, lists.len()).expect("numbers of requests");
        (name, depends)
    };
    let mut all = vec![("forest", forest(520, &mut Rng(1)))];
    all.extend(real.map(read));
    all
}

type Chances = fn(&RequestSet) -> Vec<f64>;

/// What somebody may think of 520 requests before the search.
pub fn priors() -> [(&'static str, Chances); 6] {
    fn good(needed: &RequestSet) -> Vec<f64> {
        let mut rng = Rng(needed.len() as u64);
        let thought = |id: u32| match (needed.contains(RequestId(id)), rng.below(20)) {
            // A tenth of what is needed looks idle, a twentieth of the rest looks used.
            (true, 0..2) | (false, 1..) => 0.02,
            _ => 0.8,
        };
        (0..needed.capacity() as u32).map(thought).collect()
    }
    [
        ("none", |_| vec![]),
        ("perfect", |needed| {
            let chance = |id: u32| {
                if needed.contains(RequestId(id)) {
                    0.99
                } else {
                    0.001
                }
            };
            (0..needed.capacity() as u32).map(chance).collect()
        }),
        ("good", good),
        ("inverted", |needed| {
            good(needed).iter().map(|c| 1.0 - c).collect()
        }),
        ("shuffled", |needed| {
            let mut chances = good(needed);
            Rng(7).shuffle(&mut chances);
            chances
        }),
        ("all 0.9", |needed| vec![0.9; needed.capacity()]),
    ]
}
