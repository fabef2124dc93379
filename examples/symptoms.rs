//! Makes the index of symptoms that comes with kbisect, and measures how well an index answers.
//!
//! ```sh
//! cargo run --example symptoms -- make OUT DIR...   # oracles/symptoms.json
//! cargo run --example symptoms -- held-out DIR...   # benches/results/symptoms.md
//! ```
//!
//! A DIR is the folder of a run, or that of `examples/mutations/run`. `held-out` asks for each failing trial of the
//! shipped index what an index without its run, or without all runs by its oracle, says of its lines; and the shipped index
//! for those of the runs in each DIR.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use kbisect::logs::Log;
use kbisect::model::Symbol;
use kbisect::run::{entries_of_run, report};
use kbisect::symptoms::{Entry, Given, Index, Search, lines};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((command, rest)) if command == "make" && rest.len() > 1 => {
            make(Path::new(&rest[0]), &rest[1..])
        }
        Some((command, dirs)) if command == "held-out" => held_out(dirs),
        _ => Err("usage: symptoms make OUT DIR... | symptoms held-out [DIR...]".into()),
    }
}

fn make(out: &Path, dirs: &[String]) -> Result<()> {
    let mut index = Index::default();
    for dir in dirs.iter().map(Path::new) {
        let entries = match dir.join("boots").is_dir() {
            true => of_mutations(dir)?,
            false => entries_of_run(dir, &report(dir)?),
        };
        eprintln!("{}: {} trials", dir.display(), entries.len());
        let entries = Index {
            entries,
            ..Index::default()
        };
        index.add(entries);
    }
    fs::write(out, index.text()?)?;
    Ok(())
}

/// The boots of `examples/mutations/run`: `boots/START/OPTION/ORACLE`, where the option `-` is the start itself.
fn of_mutations(dir: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for start in folders(&dir.join("boots"))? {
        for option in folders(&start)? {
            let Some(symbol) = name(&option).and_then(|name| Symbol::new(name).ok()) else {
                continue;
            };
            let mut by_oracle = BTreeMap::new();
            for boot in folders(&option)? {
                let status = fs::read_to_string(boot.join("status")).unwrap_or_default();
                if status.trim() != "1" {
                    continue;
                }
                let oracle = name(&boot).unwrap_or_default();
                let evidence = fs::read_to_string(boot.join("evidence")).unwrap_or_default();
                let good = Log::read(&start.join("-").join(oracle).join("console.log")).ok();
                let bad = Log::read(&boot.join("console.log")).ok();
                let found = lines(evidence.trim(), good.as_ref(), bad.as_ref());
                by_oracle.insert(oracle.to_owned(), found);
            }
            for (oracle, lines) in by_oracle {
                let oracle = oracle.split('.').next().unwrap_or_default().to_owned();
                // Each boot is a trial by itself.
                let run = format!("mutations-{}-{oracle}", name(&start).unwrap_or_default());
                entries.push(Entry {
                    symbol: symbol.clone(),
                    carried: 0,
                    run: Some(run),
                    known: None,
                    oracles: vec![oracle],
                    guest: Some("debian".to_owned()),
                    kernel: kernel(dir, &start, symbol.as_str()),
                    lines,
                });
            }
        }
    }
    Ok(entries)
}

fn kernel(dir: &Path, start: &Path, option: &str) -> Option<String> {
    let config = dir.join("kernels").join(start.file_name()?).join(option);
    let text = fs::read_to_string(config.join("config")).ok()?;
    let line = text
        .lines()
        .find(|line| line.ends_with("Kernel Configuration"))?;
    line.split_whitespace().nth(2).map(str::to_owned)
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir)?.flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// How often the right option was where in the answers.
#[derive(Default)]
struct Score {
    trials: usize,
    first: usize,
    third: usize,
    known: usize,
    /// Of each option, its trials and those that were not among the first three.
    missed: BTreeMap<String, (usize, usize)>,
}

impl Score {
    fn ask(&mut self, search: &Search, trial: &Entry) {
        let answer = search.ask(&trial.lines.join("\n"), Given::Text);
        let mut options = answer.options.iter();
        let place = options.position(|option| option.symbol == trial.symbol);
        let is_among = |first: usize| place.is_some_and(|place| place < first);
        self.trials += 1;
        self.known += usize::from(place.is_some());
        self.first += usize::from(is_among(1));
        self.third += usize::from(is_among(3));
        let of = self.missed.entry(trial.symbol.to_string()).or_default();
        of.0 += 1;
        of.1 += usize::from(!is_among(3));
    }

    fn print(&self, what: &str) {
        let share = |n: usize| format!("{n} ({:.0} %)", 100.0 * n as f64 / self.trials as f64);
        let (first, third, known) = (share(self.first), share(self.third), share(self.known));
        println!("| {what} | {} | {first} | {third} | {known} |", self.trials);
        let missed = self.missed.iter().filter(|(_, (_, missed))| *missed > 0);
        let missed = missed.map(|(symbol, (of, missed))| format!("{symbol} {missed} of {of}"));
        let missed: Vec<String> = missed.collect();
        eprintln!("not among the first three: {}", missed.join(", "));
    }
}

fn held_out(dirs: &[String]) -> Result<()> {
    let index = Index::shipped()?;
    let trials: Vec<&Entry> = index.entries.iter().filter(|e| e.known.is_none()).collect();
    type Leave = fn(&Entry, &Entry) -> bool;
    let ways: [(&str, Leave); 2] = [
        ("without its run", |held, entry| entry.run == held.run),
        ("without all runs by its oracle", |held, entry| {
            entry.oracles == held.oracles
        }),
    ];
    println!("| index | trials | own option first | among the first three | known at all |");
    println!("| --- | --- | --- | --- | --- |");
    for (what, is_left_out) in ways {
        let mut score = Score::default();
        for held in &trials {
            let is_kept = |entry: &&&Entry| !is_left_out(held, entry);
            let entries = trials.iter().filter(is_kept).map(|entry| (*entry).clone());
            let without = Index {
                entries: entries.collect(),
                ..Index::default()
            };
            score.ask(&Search::new(without), held);
        }
        score.print(what);
    }
    let mut score = Score::default();
    let search = Search::new(index.clone());
    for dir in dirs.iter().map(Path::new) {
        let entries = entries_of_run(dir, &report(dir)?);
        let is_new = |entry: &&Entry| trials.iter().all(|trial| trial.run != entry.run);
        entries
            .iter()
            .filter(is_new)
            .for_each(|entry| score.ask(&search, entry));
    }
    if score.trials > 0 {
        score.print(&format!(
            "the shipped one, asked of {} other runs",
            dirs.len()
        ));
    }
    let most = most(&trials);
    println!(
        "\nMany options fail alike: with the same lines. Three answers for each such group of trials can name the own \
         option of {most} of {} ({:.0} %) at most.",
        trials.len(),
        100.0 * most as f64 / trials.len() as f64
    );
    Ok(())
}

/// For how many trials three answers can name the right option, if those with the same lines get the same answers.
fn most(trials: &[&Entry]) -> usize {
    let mut alike: BTreeMap<&Vec<String>, BTreeMap<&Symbol, usize>> = BTreeMap::new();
    for trial in trials {
        *alike
            .entry(&trial.lines)
            .or_default()
            .entry(&trial.symbol)
            .or_default() += 1;
    }
    let best = alike.into_values().map(|symbols| {
        let mut counts: Vec<usize> = symbols.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts.into_iter().take(3).sum::<usize>()
    });
    best.sum()
}
