//! What it costs to go from one configuration of a kernel to the next, in five ways, on a recorded
//! sequence of trials: `cargo run --release --example switch-cost -- [WAYS] [TRIALS] [SEQUENCE]`.
//!
//! WAYS are some of `clean,make,ccache,trees,cache` (all, if nothing is said); `ccache` needs ccache
//! installed. TRIALS says which trials of `benches/sequence.txt` are made: so many from the first, or those
//! from one to another (`8..20`, both included); all, if nothing is said. SEQUENCE is another file of this
//! kind. The folder in `KBISECT_SWITCH_COST` (a temporary one) holds the trees and the caches, which begin
//! empty. What is on standard error is each trial. With `cache` each build is foretold as well. After the
//! last trial each way but `clean` goes back to the first one, and builds that again with nothing changed.
//!
//! An *input* is what a compiler is given, preprocessed, with its options: no way can compile less often than
//! there are different ones. They are counted in the object cache; what goes past it (assembler, the vdso,
//! the boot wrapper) is not among them.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used)]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kbisect::build::{Built, Cost, Forecasts, Kbuild, Launcher, MakePlan, TreePool, build};
use kbisect::cc::{LAUNCHER, Means, Store, identity};
use kbisect::kconfig::{ConfResolver, Project, Resolver, known_symbols, parse_config};
use kbisect::model::{Fragment, Origin, Request, ResolvedConfig, Symbol, Value, WorkerId};
use kbisect::setup::{BUILD, SOURCE, Setup};
use kbisect::supervise::{CancelToken, JobServer};

const SEQUENCE: &str = include_str!("../../benches/sequence.txt");

/// A trial that was made once.
struct Recorded {
    passed: bool,
    config: ResolvedConfig,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From nothing each time.
    Clean,
    /// One tree, whatever was in it before.
    Make,
    /// The same through ccache.
    Ccache,
    /// From the best tree each time.
    Trees,
    /// The same, through the object cache.
    Cache,
}

const WAYS: [(&str, Way, &str); 5] = [
    ("clean", Way::Clean, "a clean build each time"),
    ("make", Way::Make, "incremental make in one tree"),
    (
        "ccache",
        Way::Ccache,
        "incremental make in one tree, ccache",
    ),
    ("trees", Way::Trees, "from the best tree"),
    ("cache", Way::Cache, "from the best tree, object cache"),
];

struct Bench {
    plan: MakePlan,
    folder: PathBuf,
    jobs: JobServer,
    cancel: CancelToken,
    toolchain: String,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let ways = args
        .next()
        .unwrap_or_else(|| WAYS.map(|(name, ..)| name).join(","));
    let ways: HashSet<&str> = ways.split(',').collect();
    let trials = args.next().unwrap_or_else(|| "1..".to_owned());
    let sequence = args.next().map_or_else(
        || SEQUENCE.to_owned(),
        |path| fs::read_to_string(path).unwrap(),
    );
    let (first, last) = trials.split_once("..").unwrap_or(("1", &trials));
    let first: usize = first.parse().unwrap();
    let last: usize = match last {
        "" => usize::MAX,
        last => last.parse().unwrap(),
    };
    let cancel = CancelToken::new();
    let mut note = |text: &str| println!("# {text}");
    let mut setup = Setup::new(&mut note, &cancel).unwrap();
    setup.ensure(BUILD).unwrap();
    setup.ensure(SOURCE).unwrap();
    let source = setup.kernel_source().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("KBISECT_SWITCH_COST")
        .map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    fs::create_dir_all(&folder).unwrap();
    let project = Project::linux("x86_64").unwrap();
    let conf = ConfResolver::build(&source, &project, &folder.join("conf"), &cancel).unwrap();
    let known = known_symbols(&source).unwrap();
    let base = project
        .base_fragment(&|symbol| known.contains(symbol))
        .unwrap();
    let conf = conf.over(base, &known);
    let recorded: Vec<Recorded> = sequence
        .lines()
        .filter(|line| !line.starts_with('#'))
        .take(last)
        .skip(first - 1)
        .map(|line| {
            let mut words = line.split(' ');
            let passed = words.next() == Some("pass");
            let request = |name| Request {
                symbol: Symbol::new(name).unwrap(),
                value: Value::YES,
            };
            let fragment = Fragment::new(words.map(request).collect());
            let config = conf.resolve(&fragment, &cancel).unwrap();
            Recorded { passed, config }
        })
        .collect();
    let args = project.make_args.iter().chain(&project.targets);
    let bench = Bench {
        plan: MakePlan {
            source,
            args: args.map(Into::into).collect(),
            output_variable: project.output_variable.clone(),
            modules: None,
            env: project.make_env().chain(conf.build_env()).collect(),
            product: project.product.clone(),
            config: ".config".into(),
            limit: Duration::from_secs(7200),
            launcher: None,
        },
        folder,
        jobs: JobServer::new(std::thread::available_parallelism().unwrap()).unwrap(),
        toolchain: identity("gcc", &cancel).unwrap(),
        cancel,
    };
    println!("| way | trials | objects | compiled | CPU time | wall time |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (_, way, name) in WAYS.iter().filter(|(name, ..)| ways.contains(name)) {
        let (mut cpu, mut wall) = (Duration::ZERO, Duration::ZERO);
        let (mut objects, mut compiled) = (0, 0);
        let done = bench.run(*way, &recorded, |at, cost, synced| {
            let what = match at.checked_sub(recorded.len()) {
                None => (first + at).to_string(),
                Some(0) => "back to the first".to_owned(),
                Some(_) => "nothing changed".to_owned(),
            };
            show(&format!("{name}, {what}"), cost, synced);
        });
        for (cost, synced) in &done[..recorded.len()] {
            cpu += cost.cpu;
            wall += cost.wall + *synced;
            objects += cost.objects;
            compiled += cost.compiled();
        }
        println!(
            "| {name} | {} | {objects} | {} | {} s | {} s |",
            recorded.len(),
            match way {
                Way::Ccache => bench.misses(),
                _ => compiled.to_string(),
            },
            cpu.as_secs(),
            wall.as_secs(),
        );
        if *way == Way::Cache {
            bench.show_inputs(&done);
        }
    }
}

/// One trial, on standard error.
fn show(what: &str, cost: &Cost, synced: Duration) {
    let launcher: Duration = cost.notes.iter().map(|note| note.cpu).sum();
    eprintln!(
        "{what}: {} objects, {} compiled, {:.1} s of CPU time ({:.1} s in the launcher), {:.1} s and {:.1} s for its tree",
        cost.objects,
        cost.compiled(),
        cost.cpu.as_secs_f64(),
        launcher.as_secs_f64(),
        cost.wall.as_secs_f64(),
        synced.as_secs_f64(),
    );
}

impl Bench {
    /// Each trial's cost, and what it took to make its tree ready; after those recorded the ones at the end.
    fn run(
        &self,
        way: Way,
        recorded: &[Recorded],
        show: impl Fn(usize, &Cost, Duration),
    ) -> Vec<(Cost, Duration)> {
        let root = self.folder.join("trees");
        let _ = fs::remove_dir_all(&root);
        let pool = TreePool::open(&root, 1, None).unwrap();
        let mut plan = self.plan.clone();
        plan.launcher = self.launcher(way);
        let single = root.join("tree-one");
        let forecasts = Forecasts::new(Kbuild::new(&plan.source, "x86_64"));
        let mut foretold = Vec::new();
        let mut best = usize::MAX;
        let mut costs = Vec::new();
        let again = if way == Way::Clean { 0 } else { 2 };
        let after = std::iter::repeat_n(&recorded[0], again);
        for (at, trial) in recorded.iter().chain(after).enumerate() {
            let began = std::time::Instant::now();
            let make = |tree: &Path| {
                let synced = began.elapsed();
                let log = self.folder.join("build.log");
                let (config, jobs) = (&trial.config, &self.jobs);
                let (built, cost) =
                    build(&plan, tree, config, jobs, &log, &self.cancel, &mut |_| {}).unwrap();
                assert!(matches!(built, Built::Product(_)), "{built:?}");
                (cost, synced)
            };
            let worker = WorkerId(0);
            let cost = match way {
                Way::Clean | Way::Make | Way::Ccache => {
                    if way == Way::Clean {
                        let _ = fs::remove_dir_all(&single);
                    }
                    fs::create_dir_all(&single).unwrap();
                    make(&single)
                }
                Way::Trees | Way::Cache => {
                    let config = &trial.config.config;
                    let cost = pool.with_tree(
                        worker,
                        trial.config.fingerprint,
                        Origin::Earlier,
                        &self.cancel,
                        |tree, _| {
                            let asked = std::time::Instant::now();
                            let from = fs::read_to_string(tree.path().join(".config"));
                            let from = from.ok().filter(|_| way == Way::Cache);
                            let forecast = from.and_then(|text| {
                                forecasts.predict(tree.path(), &parse_config(&text), config)
                            });
                            let asked = asked.elapsed();
                            let (cost, synced) = make(tree.path());
                            let product = self.plan.product_in(tree.path())?;
                            tree.built(trial.config.fingerprint, &product)?;
                            forecasts.learn(tree.path(), config, &cost.notes, cost.cpu);
                            if let Some(forecast) = forecast {
                                let took = cost.cpu.as_secs_f64();
                                let error = (forecast.cpu.as_secs_f64() - took).abs() / took;
                                foretold.push((error, asked));
                            }
                            // That is counted by itself.
                            Ok((cost, synced.saturating_sub(asked)))
                        },
                    );
                    cost.unwrap().unwrap()
                }
            };
            // As a run does: what passed and is no larger is what the next begin from. And in the end the first,
            // so that nothing changes the last time.
            let smaller = trial.passed && trial.config.config.len() <= best;
            if smaller || at >= recorded.len() {
                best = trial.config.config.len();
                if matches!(way, Way::Trees | Way::Cache) {
                    pool.accepted(worker, trial.config.fingerprint);
                    pool.promote(trial.config.fingerprint);
                }
            }
            show(at, &cost.0, cost.1);
            costs.push(cost);
        }
        if !foretold.is_empty() {
            let middle = foretold.len() / 2;
            foretold.sort_by_key(|(_, asked)| *asked);
            let (median, most) = (foretold[middle].1, foretold[foretold.len() - 1].1);
            foretold.sort_by(|a, b| a.0.total_cmp(&b.0));
            eprintln!(
                "foretold {} times: {:.0} % off, in {:.1} ms (medians), {:.1} ms at most",
                foretold.len(),
                100.0 * foretold[middle].0,
                1e3 * median.as_secs_f64(),
                1e3 * most.as_secs_f64(),
            );
        }
        costs
    }

    /// How often ccache had the compiler run; what a build asks it beforehand is among these.
    fn misses(&self) -> String {
        let stats = std::process::Command::new("ccache")
            .arg("--print-stats")
            .env("CCACHE_DIR", self.cache())
            .output()
            .unwrap();
        let stats = String::from_utf8(stats.stdout).unwrap();
        let misses = stats
            .lines()
            .find_map(|line| line.strip_prefix("cache_miss\t"));
        misses.unwrap().to_owned()
    }

    /// Compilations against the lower bound.
    fn show_inputs(&self, done: &[(Cost, Duration)]) {
        let all = || done.iter().map(|(cost, _)| cost);
        let notes = || all().flat_map(|cost| &cost.notes);
        let with = |means| notes().filter(|note| note.means == means).count();
        let compiled = with(Means::Compiled);
        let made: usize = all().map(|cost| cost.objects as usize).sum();
        let past = made.saturating_sub(notes().count());
        let inputs = self.store().inputs();
        println!(
            "# in all {} objects through the cache: {} by what they read, {} by their texts, {compiled} \
             compiled, of {inputs} inputs ({:.3}); {past} went past it",
            notes().count(),
            with(Means::Known),
            with(Means::SameText),
            compiled as f64 / inputs as f64,
        );
    }

    fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    fn store(&self) -> Store {
        Store::within(&self.cache(), 4 << 30)
    }

    fn launcher(&self, way: Way) -> Option<Launcher> {
        let cache = self.cache();
        let _ = fs::remove_dir_all(&cache);
        match way {
            Way::Clean | Way::Make | Way::Trees => None,
            Way::Ccache => Some(Launcher {
                command: "ccache gcc".into(),
                env: vec![("CCACHE_DIR".into(), cache.into())],
                store: None,
            }),
            Way::Cache => {
                let bin = self.folder.join("bin");
                fs::create_dir_all(&bin).unwrap();
                let link = bin.join(LAUNCHER);
                let _ = fs::remove_file(&link);
                // The program that is built beside this one.
                let exe = std::env::current_exe().unwrap();
                let exe = exe.parent().unwrap().with_file_name("kbisect");
                assert!(exe.is_file(), "build it first: cargo build --release");
                std::os::unix::fs::symlink(exe, &link).unwrap();
                let store = self.store();
                Some(Launcher::object_cache(&link, "gcc", &self.toolchain, store).unwrap())
            }
        }
    }
}
