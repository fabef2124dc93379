//! The EC2 set with what its trials really take: which objects each request touches, how long these
//! compile, and what a traced boot said, for oracles of which the answer is known.

use std::collections::HashSet;
use std::path::Path;

use kbisect::model::{Confidence, Prior, RequestId, RequestSet, Verdict};
use kbisect::report::Report;
use kbisect::search::sim::{Rng, Work, run_timed};
use kbisect::search::{Algorithm, Cores, Depends, Options, Retesting, Search};
use kbisect::trace::{Evidence, Reach};
use serde::Deserialize;

use crate::case::{Case, depends_of};

/// Seconds of make's own work and the link, which one core does.
const LINK: f64 = 8.0;

/// Seconds of CPU time for an object that the cache has.
const CACHED: f64 = 0.04;

/// The machine's.
const CORES: f64 = 2.0;

/// So many Kbuild lists for the start.
const OBJECTS: usize = 853;

/// A guess keeps what is needed with ten percent and more, but for rounding.
const KEPT: f64 = 0.0999;

/// Made by `examples/touched`.
#[derive(Deserialize)]
struct Touched {
    names: Vec<String>,
    /// CPU time of each object, in milliseconds.
    ms: Vec<f64>,
    /// By request, as bits in hexadecimal: the objects that are compiled anew without it.
    touched: Vec<String>,
    /// Those that are not there without it.
    gone: Vec<String>,
}

#[derive(Deserialize)]
struct Guess {
    requests: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    request: String,
    compiled: u32,
    #[serde(flatten)]
    evidence: Evidence,
}

/// An oracle of which the answer is known.
struct Oracle {
    name: &'static str,
    case: Case,
    chances: Vec<f64>,
    /// Seconds.
    boot: f64,
}

fn touched() -> Touched {
    serde_json::from_str(include_str!("../../benches/objects/ec2.json")).expect("it is JSON")
}

fn oracles() -> Vec<Oracle> {
    macro_rules! run {
        ($name:literal) => {
            (
                $name,
                include_str!(concat!("../ec2/", $name, "/result.json")),
                include_str!(concat!("../ec2/", $name, "/trace.json")),
            )
        };
    }
    let all = [
        run!("shell-ok"),
        run!("ssh-ok"),
        run!("net-ok"),
        run!("dmesg-clean"),
    ];
    let mut known = depends_of().into_iter();
    let (_, depends) = known.find(|(name, _)| *name == "ec2").expect("it is there");
    let names = touched().names;
    all.map(|(name, result, trace)| {
        let answer = Report::parse(result.as_bytes(), Path::new(name)).expect("a result");
        let guess: Guess = serde_json::from_str(trace).expect("a guess");
        let is_kept = |name: &str| {
            let mut kept = answer.kept.iter();
            kept.any(|kept| kept.request.to_string() == name)
        };
        let ids = (0..).map(RequestId).zip(&names);
        let needed = ids.filter(|(_, name)| is_kept(name)).map(|(id, _)| id);
        assert!(guess.requests.iter().map(|row| &row.request).eq(&names));
        // What the present rules make of what was counted.
        let chance = |row: &Row| {
            let reach = Reach::of(row.compiled, OBJECTS);
            row.evidence.chance(reach).unwrap_or(Prior::SHARE)
        };
        Oracle {
            name,
            case: Case {
                n: names.len(),
                needed: RequestSet::of(names.len(), needed),
                depends: depends.clone(),
            },
            chances: guess.requests.iter().map(chance).collect(),
            boot: answer.after.oracle_seconds,
        }
    })
    .into()
}

impl Oracle {
    /// Of each request, that it is needed or something that goes with it: as the search has it.
    fn together(&self) -> Vec<f64> {
        let own = |id: RequestId| self.chances[id.index()];
        let all = RequestSet::full(self.case.n);
        let together = |id: RequestId| {
            let carried = self.case.depends.carried(id).into_iter();
            let with = carried.flat_map(RequestSet::iter).chain([id]);
            1.0 - with.map(|id| 1.0 - own(id)).product::<f64>()
        };
        all.iter().map(together).collect()
    }
}

/// How the guess compares with what is needed.
pub fn guesses() {
    println!("oracle       needed  of   area  keeps  others  misses");
    let names = touched().names;
    for oracle in oracles() {
        let (needed, chances) = (&oracle.case.needed, oracle.together());
        let is_needed = |id: usize| needed.contains(RequestId(id as u32));
        let of = |wanted: bool| {
            let ids = (0..oracle.case.n).filter(move |id| is_needed(*id) == wanted);
            ids.map(|id| chances[id]).collect::<Vec<f64>>()
        };
        let (yes, no) = (of(true), of(false));
        let above = |a: f64| {
            let wins = no.iter().map(|b| match a.total_cmp(b) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            });
            wins.sum::<f64>()
        };
        let area = yes.iter().map(|a| above(*a)).sum::<f64>() / (yes.len() * no.len()) as f64;
        let kept = |chances: &[f64]| chances.iter().filter(|chance| **chance >= KEPT).count();
        let missed = (0..oracle.case.n).filter(|id| is_needed(*id) && chances[*id] < KEPT);
        let missed: Vec<&str> = missed.map(|id| names[id].as_str()).collect();
        println!(
            "{:11}  {:6}  {:2}  {area:.3}  {:5}  {:6}  {}",
            oracle.name,
            yes.len(),
            oracle.case.n,
            kept(&yes),
            kept(&no),
            missed.join(" "),
        );
    }
}

/// By object.
type Objects = Vec<bool>;

fn bits(hex: &str, n: usize) -> Objects {
    let digits: Vec<u32> = hex.chars().rev().filter_map(|c| c.to_digit(16)).collect();
    let bit = |at: usize| {
        digits
            .get(at / 4)
            .is_some_and(|digit| digit >> (at % 4) & 1 == 1)
    };
    (0..n).map(bit).collect()
}

/// What builds take, and what was built.
struct Builds {
    ms: Vec<f64>,
    touched: Vec<Objects>,
    gone: Vec<Objects>,
    /// Each object with the requests that it depends on.
    made: HashSet<(usize, RequestSet)>,
    worlds: u32,
    objects: u32,
    cpu: f64,
}

impl Builds {
    /// With the start built.
    fn new(file: &Touched) -> Self {
        let of = |sets: &[String]| sets.iter().map(|set| bits(set, file.ms.len())).collect();
        let mut builds = Self {
            ms: file.ms.clone(),
            touched: of(&file.touched),
            gone: of(&file.gone),
            made: HashSet::new(),
            worlds: 0,
            objects: 0,
            cpu: 0.0,
        };
        let full = RequestSet::full(file.names.len());
        for object in 0..file.ms.len() {
            builds.made.insert((object, builds.on(object, &full)));
        }
        builds
    }

    /// What of a set an object depends on.
    fn on(&self, object: usize, set: &RequestSet) -> RequestSet {
        let on = set.iter().filter(|id| self.touched[id.index()][object]);
        RequestSet::of(set.capacity(), on)
    }

    /// Seconds that a trial without just this one takes, if it has the machine to itself.
    fn cost(&self, id: RequestId, boot: f64) -> f64 {
        let touched = self.touched[id.index()].iter().zip(&self.ms);
        let ms: f64 = touched
            .filter(|(touched, _)| **touched)
            .map(|(_, ms)| ms)
            .sum();
        LINK + boot + ms / 1000.0 / CORES
    }

    /// Compiles what is not in the tree of `from`: seconds of CPU time.
    fn build(&mut self, from: &RequestSet, to: &RequestSet) -> f64 {
        let (mut cpu, mut compiled) = (0.0, 0);
        let changed = from.minus(to).union(&to.minus(from));
        let lacking = RequestSet::full(to.capacity()).minus(to);
        for object in 0..self.ms.len() {
            let has =
                |of: &[Objects], set: &RequestSet| set.iter().any(|id| of[id.index()][object]);
            if has(&self.gone, &lacking) || !has(&self.touched, &changed) {
                continue;
            }
            if self.made.insert((object, self.on(object, to))) {
                cpu += self.ms[object] / 1000.0;
                compiled += 1;
            } else {
                cpu += CACHED;
            }
        }
        self.worlds += u32::from(compiled > 100);
        self.objects += compiled;
        self.cpu += cpu;
        cpu
    }
}

/// So many orders of the guesses of a trace.
const SHUFFLES: u64 = 20;

/// What a run takes after its start, without a guess, with that from the trace, and with wrong ones: as if
/// all that ran had not and the other way round, and as if it had been something else.
pub fn worlds() {
    println!("oracle       guess     workers  trials     most  worlds  objects   CPU s  wall s");
    let file = touched();
    for oracle in oracles() {
        let guess = &oracle.chances;
        let inverted = guess.iter().map(|chance| 1.0 - chance).collect();
        let shuffled = (0..SHUFFLES).map(|seed| {
            let mut chances = guess.clone();
            Rng(seed).shuffle(&mut chances);
            chances
        });
        let all: [(&str, Vec<Vec<f64>>); 4] = [
            ("none", vec![vec![]]),
            ("trace", vec![guess.clone()]),
            ("inverted", vec![inverted]),
            ("shuffled", shuffled.collect()),
        ];
        for (what, guesses) in all {
            for workers in [1, 2] {
                let runs = guesses
                    .iter()
                    .map(|guess| run(&file, &oracle, guess, workers));
                let runs: Vec<Taken> = runs.collect();
                let mean =
                    |of: fn(&Taken) -> f64| runs.iter().map(of).sum::<f64>() / runs.len() as f64;
                println!(
                    "{:11}  {what:8}  {workers:7}  {:6.1}  {:7}  {:6.1}  {:7.0}  {:6.0}  {:6.0}",
                    oracle.name,
                    mean(|run| run.trials.into()),
                    runs.iter().map(|run| run.trials).max().unwrap_or(0),
                    mean(|run| run.worlds.into()),
                    mean(|run| run.objects.into()),
                    mean(|run| run.cpu),
                    mean(|run| run.wall),
                );
            }
        }
    }
}

/// What a run took.
struct Taken {
    trials: u32,
    worlds: u32,
    objects: u32,
    cpu: f64,
    wall: f64,
}

fn run(file: &Touched, oracle: &Oracle, guess: &[f64], workers: usize) -> Taken {
    let mut builds = Builds::new(file);
    let (n, depends): (usize, &Depends) = (oracle.case.n, &oracle.case.depends);
    let (full, none) = (RequestSet::full(n), RequestSet::empty(n));
    let options = Options::new()
        .depends(depends.clone())
        .cost(full.iter().map(|id| builds.cost(id, oracle.boot)).collect())
        .cores(Cores::Shared)
        .prior(Prior::new(guess.iter().copied()));
    let (algorithm, confidence) = (Algorithm::GroupTesting, Confidence::default());
    let mut search = Retesting::new(algorithm, &full, &none, options, confidence);
    let judge = |set: &RequestSet| -> Verdict { oracle.case.judge(set) };
    let time = |best: &RequestSet, keep: &RequestSet| Work {
        spread: builds.build(best, keep),
        alone: LINK + oracle.boot,
    };
    let timed = run_timed(&mut search, (workers, CORES), 0, depends, judge, time);
    assert_eq!(search.best(), &oracle.case.needed);
    Taken {
        trials: timed.trials,
        worlds: builds.worlds,
        objects: builds.objects,
        cpu: builds.cpu + f64::from(timed.trials) * LINK,
        wall: timed.time,
    }
}
