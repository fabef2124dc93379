//! What each algorithm needs, on simulated oracles: `cargo run --release --example search-table`,
//! with the names of the tables that are wanted (`flat`, `depends`, `costs`, `prior`, `flaky`, `flips`,
//! `growing`, `distributions`, `decisions`, `trace`, `ec2`).
#![allow(clippy::print_stdout)]

mod case;
mod decisions;
#[path = "../../benches/depends/mod.rs"]
mod depends;
mod ec2;
mod flips;
mod growing;

use case::{Case, bound, depends_of, layouts};
use kbisect::model::{Confidence, Prior, RequestId, RequestSet};
use kbisect::search::sim::{Rng, Timed, Work, run_timed};
use kbisect::search::{Algorithm, Options, Retesting, Search};

/// Of how many runs the figures are means.
const RUNS: u64 = 20;

fn main() {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let tables: [(&str, fn()); 11] = [
        ("flat", flat),
        ("depends", depends),
        ("costs", costs),
        ("prior", prior),
        ("flaky", flaky),
        ("flips", flips::flips),
        ("growing", growing::growing),
        ("distributions", growing::distributions),
        ("decisions", decisions::decisions),
        ("trace", ec2::guesses),
        ("ec2", ec2::worlds),
    ];
    for (name, table) in tables {
        if only.is_empty() || only.iter().any(|o| o == name) {
            println!("== {name}");
            table();
        }
    }
}

/// Sums over runs, to be shown as means.
#[derive(Default)]
struct Sum {
    runs: f64,
    trials: f64,
    reducing: f64,
    time: f64,
    busy: f64,
    /// Each run's.
    foreseen: Vec<f64>,
}

impl Sum {
    fn add(&mut self, timed: &Timed) {
        self.runs += 1.0;
        self.trials += f64::from(timed.trials);
        self.reducing += f64::from(timed.reducing);
        self.time += timed.time;
        self.busy += timed.busy;
        self.foreseen.push(timed.foreseen);
    }

    /// Search, certificate, time, use of the workers in percent.
    fn text(&self) -> String {
        format!(
            "{:7.1} {:6.1} {:8.1} {:5.0} %",
            self.reducing / self.runs,
            (self.trials - self.reducing) / self.runs,
            self.time / self.runs,
            100.0 * self.busy / self.runs,
        )
    }

    /// The median and the worst error of the estimate, half way, in percent.
    fn estimate(&self) -> String {
        let mut errors: Vec<f64> = self.foreseen.iter().map(|f| (f - 1.0).abs()).collect();
        errors.sort_by(f64::total_cmp);
        let last = errors.last().copied().unwrap_or_default();
        let median = errors.get(errors.len() / 2).copied().unwrap_or_default();
        format!("{:4.0} % {:4.0} %", 100.0 * median, 100.0 * last)
    }
}

fn one(_: &RequestSet, _: &RequestSet) -> Work {
    Work::alone(1.0)
}

/// So many workers, each with a core of its own.
fn own(workers: usize) -> (usize, f64) {
    (workers, workers as f64)
}

fn new(algorithm: Algorithm, case: &Case, options: Options) -> Box<dyn Search> {
    let full = RequestSet::full(case.n);
    algorithm.search(full, &RequestSet::empty(case.n), options)
}

/// Runs that find what is needed, or it is a bug.
fn mean(
    algorithm: Algorithm,
    workers: usize,
    case: impl Fn(u64) -> Case,
    options: impl Fn(&Case) -> Options,
    time: impl Fn(&Case, &RequestSet, &RequestSet) -> Work,
) -> Sum {
    let mut sum = Sum::default();
    for seed in 0..RUNS {
        let case = case(seed);
        let mut search = new(algorithm, &case, options(&case));
        let cost = |best: &RequestSet, keep: &RequestSet| time(&case, best, keep);
        let tail = case.needed.len();
        let oracle = |set: &RequestSet| case.judge(set);
        let timed = run_timed(
            &mut *search,
            own(workers),
            tail,
            &case.depends,
            oracle,
            cost,
        );
        assert!(case.judge(search.best()).is_pass() && search.certificate().is_whole());
        sum.add(&timed);
    }
    sum
}

fn flat() {
    println!(
        "    n    k  layout     workers  algorithm    bound  search   cert.     time   busy  estimate: median, worst error"
    );
    for (n, k) in [
        (50, 1),
        (60, 11),
        (60, 30),
        (520, 5),
        (520, 30),
        (520, 60),
        (520, 120),
        (520, 260),
        (3000, 60),
        (10_000, 100),
    ] {
        for (layout, plant) in layouts() {
            for workers in [1, 2, 4, 8, 16, 64] {
                for algorithm in Algorithm::ALL {
                    // Two take a trial a request; all but three are sequential.
                    if algorithm == Algorithm::OneByOne && n > 100
                        || algorithm == Algorithm::Ktest && n >= 3000
                        || ![
                            Algorithm::GroupTesting,
                            Algorithm::Ddmin,
                            Algorithm::OneByOne,
                        ]
                        .contains(&algorithm)
                            && workers > 1
                        || n >= 3000 && algorithm != Algorithm::GroupTesting && workers > 8
                    {
                        continue;
                    }
                    let case = |seed| Case::flat(n, plant(n, k, &mut Rng(seed)));
                    let sum = mean(
                        algorithm,
                        workers,
                        case,
                        |_| Options::new(),
                        |_, b, s| one(b, s),
                    );
                    println!(
                        "{n:5} {k:4}  {layout:10} {workers:6}  {algorithm:11} {:6.0} {}  {}",
                        bound(n, k),
                        sum.text(),
                        sum.estimate(),
                    );
                }
            }
        }
    }
}

/// Needs planted among requests that depend on each other: leaves, and what they depend on.
fn depends() {
    println!(
        "requests  of          needed  bound  workers  algorithm         search   cert.     time   busy"
    );
    for (of, depends) in depends_of() {
        let all = depends.lists().iter().filter(|of| of.is_empty()).count();
        for leaves in [5, 20] {
            for workers in [1, 8] {
                for (algorithm, told) in [
                    (Algorithm::GroupTesting, true),
                    (Algorithm::GroupTesting, false),
                    (Algorithm::Ktest, true),
                    (Algorithm::Halving, true),
                    (Algorithm::Gbr, true),
                    (Algorithm::Ddmin, false),
                ] {
                    if workers > 1
                        && ![Algorithm::GroupTesting, Algorithm::Ddmin].contains(&algorithm)
                    {
                        continue;
                    }
                    let case = |seed| Case::planted(&depends, leaves, &mut Rng(seed));
                    let options = |case: &Case| match told {
                        true => Options::new().depends(case.depends.clone()),
                        false => Options::new(),
                    };
                    let sum = mean(algorithm, workers, case, options, |_, b, s| one(b, s));
                    let needed =
                        (0..RUNS).map(|s| case(s).needed.len()).sum::<usize>() as u64 / RUNS;
                    let how = if told { "" } else { " (flat)" };
                    println!(
                        "{:8}  {of:10} {needed:7} {:6.0} {workers:8}  {:16} {}",
                        case(0).n,
                        bound(all, leaves),
                        format!("{algorithm}{how}"),
                        sum.text()
                    );
                }
            }
        }
    }
}

/// A leaf takes 10 s, each core option 30 s more, a whole build at most 300 s more.
fn costs() {
    println!("    n    k  workers  algorithm         search   cert.     time   busy");
    let is_core = |id: RequestId| id.0 % 10 == 3;
    let each = |id: RequestId| if is_core(id) { 30.0 } else { 0.0 };
    for (n, k) in [(60, 11), (520, 30)] {
        for workers in [1, 2, 8] {
            for (algorithm, told) in [
                (Algorithm::GroupTesting, true),
                (Algorithm::GroupTesting, false),
                (Algorithm::Ddmin, false),
            ] {
                let case = |seed| Case::flat(n, case::scattered(n, k, &mut Rng(seed)));
                let options = |case: &Case| {
                    let ids = (0..case.n as u32).map(RequestId);
                    let cost = ids.map(|id| 10.0 + each(id)).collect();
                    if told {
                        Options::new().cost(cost)
                    } else {
                        Options::new()
                    }
                };
                let time = |_: &Case, best: &RequestSet, keep: &RequestSet| {
                    let gone = best.minus(keep);
                    Work::alone(10.0 + gone.iter().map(each).sum::<f64>().min(300.0))
                };
                let sum = mean(algorithm, workers, case, options, time);
                let how = if told { " (costs)" } else { "" };
                println!(
                    "{n:5} {k:4} {workers:8}  {:16} {}",
                    format!("{algorithm}{how}"),
                    sum.text()
                );
            }
        }
    }
}

/// What a prior saves, and what a wrong one costs.
fn prior() {
    println!("    n    k  workers  prior        search   cert.     time   busy");
    for workers in [1, 8] {
        for (what, chances) in case::priors() {
            let case = |seed| Case::flat(520, case::scattered(520, 30, &mut Rng(seed)));
            let options = |case: &Case| {
                let prior = Prior::new(chances(&case.needed));
                Options::new().prior(prior)
            };
            let sum = mean(
                Algorithm::GroupTesting,
                workers,
                case,
                options,
                |_, b, s| one(b, s),
            );
            println!("  520   30 {workers:8}  {what:10} {}", sum.text());
        }
    }
}

/// An oracle that errs, both ways, at a rate.
fn flaky() {
    println!("    n    k  errs  workers  doubted  right  too small  too large  gave up   trials");
    for percent in [0, 1, 2, 5, 10, 20, 35, 50] {
        for workers in [1, 8] {
            for doubted in [true, false] {
                let (mut right, mut small, mut large, mut gave_up, mut trials) = (0, 0, 0, 0, 0);
                for seed in 0..2 * RUNS {
                    let mut rng = Rng(seed);
                    let case = Case::flat(100, case::scattered(100, 10, &mut rng));
                    let full = RequestSet::full(case.n);
                    let none = RequestSet::empty(case.n);
                    let mut search: Box<dyn Search> = if doubted {
                        let confidence = Confidence::default();
                        Box::new(Retesting::new(
                            Algorithm::GroupTesting,
                            &full,
                            &none,
                            Options::new(),
                            confidence,
                        ))
                    } else {
                        new(Algorithm::GroupTesting, &case, Options::new())
                    };
                    let oracle = |set: &RequestSet| case.err(set, rng.below(100) < percent);
                    let timed =
                        run_timed(&mut *search, own(workers), 10, &case.depends, oracle, one);
                    trials += timed.trials;
                    if search.reliability().is_hopeless() {
                        gave_up += 1;
                    } else if search.best() == &case.needed {
                        right += 1;
                    } else if case.needed.is_subset(search.best()) {
                        large += 1;
                    } else {
                        small += 1;
                    }
                }
                println!(
                    "  100   10 {percent:3} % {workers:8}  {:7} {right:6} {small:10} {large:10} {gave_up:8} {:8.1}",
                    if doubted { "yes" } else { "no" },
                    f64::from(trials) / (2 * RUNS) as f64
                );
            }
        }
    }
}
