//! What it costs and saves not to build the start first.

use crate::case::{Case, depends_of};
use crate::depends::debian;
use kbisect::model::{Prior, RequestId, RequestSet, Verdict};
use kbisect::search::sim::{FAIL, Rng, Run, Schedule, forest, run};
use kbisect::search::{Algorithm, Depends, Growing, Options, Search};

/// Of how many runs the figures are means.
const RUNS: u64 = 5;

/// Trials, the sum of the sizes of what was built, and the largest of these; sizes as shares of the start.
#[derive(Default, Clone, Copy)]
struct Cost {
    trials: f64,
    sizes: f64,
    largest: f64,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.trials += other.trials;
        self.sizes += other.sizes;
        self.largest += other.largest;
    }

    fn short(self) -> String {
        let mean = |sum: f64| sum / RUNS as f64;
        format!("{:6.1} {:5.1}", mean(self.trials), mean(self.sizes))
    }

    fn text(self) -> String {
        let mean = |sum: f64| sum / RUNS as f64;
        format!(
            "{:6.1} {:6.1} {:5.2}",
            mean(self.trials),
            mean(self.sizes),
            mean(self.largest)
        )
    }
}

/// Runs a search to its end, and finds what is needed, or it is a bug.
fn cost(search: &mut dyn Search, case: &Case, workers: usize) -> Cost {
    let schedule = Schedule {
        depends: case.depends.clone(),
        ..Schedule::in_order(workers)
    };
    let mut cost = Cost::default();
    let judge = |keep: &RequestSet| {
        let size = keep.len() as f64 / case.n as f64;
        cost.trials += 1.0;
        cost.sizes += size;
        cost.largest = cost.largest.max(size);
        case.judge(keep)
    };
    let _: Run = run(search, &schedule, judge, |_, _| ());
    assert!(*search.best() == case.needed && search.certificate().is_whole());
    cost
}

/// All prefixes of the order of chances, each closed under dependencies.
fn prefixes(prior: &Prior, depends: &Depends, n: usize) -> Vec<RequestSet> {
    let full = RequestSet::full(n);
    let mut order: Vec<RequestId> = full.iter().collect();
    let chance = |id: &RequestId| prior.of(*id).unwrap_or(0.0);
    order.sort_by(|a, b| chance(b).total_cmp(&chance(a)));
    let mut have = RequestSet::empty(n);
    let mut all = vec![have.clone()];
    for id in order {
        if !have.contains(id) {
            have = have.union(&depends.needs(&RequestSet::of(n, [id]), &full));
            all.push(have.clone());
        }
    }
    all
}

/// If the smallest prefix that passes were looked for by bisection, before the algorithm begins: on one worker.
fn bisected(case: &Case, options: &Options) -> Cost {
    let (full, none) = (RequestSet::full(case.n), RequestSet::empty(case.n));
    let algorithm = Algorithm::GroupTesting;
    let mut lengths = Vec::new();
    let mut growing = Growing::new(algorithm, &full, &none, options.clone());
    let note = |keep: &RequestSet| -> Verdict {
        lengths.push(keep.clone());
        FAIL
    };
    run(&mut growing, &Schedule::in_order(1), note, |_, _| ());
    let mut cost = Cost::default();
    let mut judge = |keep: &RequestSet| {
        let size = keep.len() as f64 / case.n as f64;
        cost.add(Cost {
            trials: 1.0,
            sizes: size,
            largest: 0.0,
        });
        cost.largest = cost.largest.max(size);
        case.judge(keep).is_pass()
    };
    let all = prefixes(&options.prior, &options.depends, case.n);
    let (mut low, mut high) = (0, all.len() - 1);
    for keep in &lengths {
        let at = all.iter().position(|prefix| prefix == keep).unwrap_or(high);
        if judge(keep) {
            high = at;
            break;
        }
        low = at;
    }
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        match judge(&all[middle]) {
            true => high = middle,
            false => low = middle,
        }
    }
    let options = Options::failed(options.clone(), vec![all[low].clone()]);
    let mut rest = algorithm.search(all[high].clone(), &none, options);
    let rest = self::cost(&mut *rest, case, 1);
    let largest = cost.largest.max(rest.largest);
    cost.add(rest);
    Cost { largest, ..cost }
}

pub type Thought = fn(&RequestSet, &mut Rng) -> Vec<f64>;

/// What somebody may think of the requests.
pub fn thoughts() -> [(&'static str, Thought); 5] {
    fn good(needed: &RequestSet, rng: &mut Rng) -> Vec<f64> {
        let thought = |id: u32| match (needed.contains(RequestId(id)), rng.below(20)) {
            (true, 0..2) | (false, 1..) => 0.02,
            _ => 0.8,
        };
        (0..needed.capacity() as u32).map(thought).collect()
    }
    [
        ("perfect", |needed, _| {
            let ids = (0..needed.capacity() as u32).map(RequestId);
            ids.map(|id| if needed.contains(id) { 0.9 } else { 0.03 })
                .collect()
        }),
        ("good", good),
        ("none", |_, _| vec![]),
        ("shuffled", |needed, rng| {
            let mut chances = good(needed, rng);
            rng.shuffle(&mut chances);
            chances
        }),
        ("inverted", |needed, rng| {
            good(needed, rng).iter().map(|c| 1.0 - c).collect()
        }),
    ]
}

/// From a start that is judged first, and passes.
fn start_first(algorithm: Algorithm, case: &Case, options: &Options, workers: usize) -> Cost {
    let (full, none) = (RequestSet::full(case.n), RequestSet::empty(case.n));
    let mut search = algorithm.search(full, &none, options.clone());
    let mut cost = cost(&mut *search, case, workers);
    cost.trials += 1.0;
    cost.sizes += 1.0;
    Cost {
        largest: 1.0,
        ..cost
    }
}

/// Debian's configurations: start first, guess first, and generalized binary reduction.
pub fn distributions() {
    println!("for each: trials, sum of sizes built, the largest if it is not the start");
    println!(
        "            n   k prior     gbr, 1 worker   start first, 1 worker, 2, 8           guess first, 1 worker, 2, 8"
    );
    for known in debian() {
        let n = known.selectors.len();
        for k in [10, 30, 60] {
            for (thought, think) in thoughts() {
                let mut sums = [Cost::default(); 7];
                let mut needed = 0;
                for seed in 0..RUNS {
                    let mut rng = Rng(seed);
                    let case = Case::about(&known.depends, k, &mut rng);
                    needed += case.needed.len();
                    let options = Options::new()
                        .prior(Prior::new(think(&case.needed, &mut rng)))
                        .selectors(known.selectors.clone())
                        .depends(known.depends.clone());
                    let (full, none) = (RequestSet::full(n), RequestSet::empty(n));
                    sums[0].add(start_first(Algorithm::Gbr, &case, &options, 1));
                    for (at, workers) in [1, 2, 8].into_iter().enumerate() {
                        let split = Algorithm::GroupTesting;
                        sums[1 + at].add(start_first(split, &case, &options, workers));
                        let mut grown = Growing::new(split, &full, &none, options.clone());
                        sums[4 + at].add(cost(&mut grown, &case, workers));
                    }
                }
                let first: Vec<String> = sums[..4].iter().map(|c| c.short()).collect();
                let grown: Vec<String> = sums[4..].iter().map(|c| c.text()).collect();
                let k = needed as f64 / RUNS as f64;
                println!(
                    "{:8} {n:5} {k:3.0} {thought:9} {}  {}",
                    known.name,
                    first.join(" "),
                    grown.join(" ")
                );
            }
        }
    }
}

/// Start first, and guess first.
pub fn growing() {
    println!("for each: trials, sum of sizes built, the largest; sizes in starts");
    println!(
        "depends       n    k workers prior       start first          guess first          bisected, then"
    );
    let mut rng = Rng(1);
    let mut all = vec![
        ("forest", forest(100, &mut rng)),
        ("forest", forest(1000, &mut rng)),
    ];
    let real = depends_of().into_iter();
    all.extend(real.filter(|(name, _)| *name != "forest"));
    for (name, depends) in all {
        let n = depends.lists().len();
        for workers in [1, 4] {
            for (thought, think) in thoughts() {
                let mut sums = [Cost::default(); 3];
                let mut k = 0;
                for seed in 0..RUNS {
                    let mut rng = Rng(seed);
                    let case = Case::planted(&depends, (n / 40).clamp(3, 20), &mut rng);
                    k += case.needed.len();
                    let options = Options::new()
                        .prior(Prior::new(think(&case.needed, &mut rng)))
                        .depends(depends.clone());
                    let (full, none) = (RequestSet::full(n), RequestSet::empty(n));
                    let algorithm = Algorithm::GroupTesting;
                    sums[0].add(start_first(algorithm, &case, &options, workers));
                    let mut grown = Growing::new(algorithm, &full, &none, options.clone());
                    sums[1].add(cost(&mut grown, &case, workers));
                    if workers == 1 {
                        sums[2].add(bisected(&case, &options));
                    }
                }
                let [first, grown, bisected] = sums.map(Cost::text);
                let bisected = if workers == 1 { &*bisected } else { "" };
                let k = k as f64 / RUNS as f64;
                println!(
                    "{name:9} {n:5} {k:4.0} {workers:7} {thought:9} {first} {grown} {bisected}"
                );
            }
        }
    }
}
