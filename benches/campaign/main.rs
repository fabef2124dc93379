//! The campaign: many runs of kbisect on toys, with troubles of all kinds, and brute force as the
//! judge of each answer that it certifies.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

mod cases;
mod faults;
mod judge;
mod table;
#[path = "../../tests/toy/mod.rs"]
mod toy;

use cases::{Case, Kind};
use table::{Flips, Table};

const HELP: &str = "\
cargo bench --bench campaign -- [FLAGS]

--runs N       how many cases [2000]
--seed N       of all of them [1]
--from N       number of the first case [0]: to go on, or to have one again
--only KIND    only cases of this kind, or of kinds that begin so
--jobs N       cases at once [2]
--keep DIR     where cases stay that somebody has to look at [a folder of target]
--output STEM  writes the table to STEM.md and STEM.json
";

struct Options {
    runs: u64,
    seed: u64,
    from: u64,
    only: Option<String>,
    jobs: usize,
    keep: PathBuf,
    output: Option<PathBuf>,
}

impl Options {
    fn read() -> Result<Self, String> {
        let mut options = Self {
            runs: 2000,
            seed: 1,
            from: 0,
            only: None,
            jobs: 2,
            keep: Path::new(env!("CARGO_TARGET_TMPDIR")).join("campaign"),
            output: None,
        };
        let mut args = env::args().skip(1);
        while let Some(flag) = args.next() {
            if flag == "--bench" {
                // Cargo's.
                continue;
            }
            let value = args.next().ok_or_else(|| HELP.to_owned())?;
            let number = || value.parse().map_err(|_| format!("{flag} wants a number"));
            match &*flag {
                "--runs" => options.runs = number()?,
                "--seed" => options.seed = number()?,
                "--from" => options.from = number()?,
                "--only" => options.only = Some(value),
                "--jobs" => options.jobs = value.parse().map_err(|_| HELP.to_owned())?,
                "--keep" => options.keep = value.into(),
                "--output" => options.output = Some(value.into()),
                _ => return Err(HELP.to_owned()),
            }
        }
        Ok(options)
    }

    fn wants(&self, kind: Kind) -> bool {
        let name = kind.to_string();
        self.only.as_ref().is_none_or(|only| name.starts_with(only))
    }

    fn command(&self) -> String {
        let only = self.only.iter().map(|only| format!(" --only {only}"));
        format!(
            "cargo bench --bench campaign -- --runs {} --seed {} --from {}{}",
            self.runs,
            self.seed,
            self.from,
            only.collect::<String>()
        )
    }
}

fn main() -> ExitCode {
    if env::args().all(|arg| arg != "--bench") {
        // As a test, or asked for a list of tests.
        return ExitCode::SUCCESS;
    }
    let options = match Options::read() {
        Ok(options) => options,
        Err(text) => {
            println!("{text}");
            return ExitCode::from(2);
        }
    };
    if options.jobs == 0 || !(0..100).any(|index| options.wants(Kind::of(index))) {
        println!("{HELP}");
        return ExitCode::from(2);
    }
    fs::create_dir_all(&options.keep).unwrap();
    let cases: Vec<u64> = (options.from..)
        .filter(|index| options.wants(Kind::of(*index)))
        .take(usize::try_from(options.runs).unwrap())
        .collect();
    let (next, table) = (AtomicU64::new(0), Mutex::new(Table::default()));
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| work(&options, &cases, &next, &table));
        }
    });
    let table = table.into_inner().unwrap();
    println!("\n{}", table.text());
    if let Some(stem) = &options.output {
        table.write(stem, &options.command());
    }
    let (steady, _) = table.wrong(Flips::None);
    let (wrong, runs) = table.wrong(Flips::Some);
    if steady > 0 || wrong * 100 > runs {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Takes cases until there are none.
fn work(options: &Options, cases: &[u64], next: &AtomicU64, table: &Mutex<Table>) {
    loop {
        let at = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
        let Some(&index) = cases.get(at) else { return };
        let dir = options.keep.join(format!("{}-{index}", options.seed));
        // Of an earlier campaign.
        let _ = fs::remove_dir_all(&dir);
        let mut case = Case::new(options.seed, index, &dir);
        let outcome = faults::run(&mut case);
        let mut table = table.lock().unwrap();
        let remark = table.add(index, case.kind, &outcome);
        if let Some(text) = &remark {
            println!(
                "case {index} ({}): {text}\n    {}\n    {:?}\n    in {}; again: --seed {} --from {index} --runs 1",
                case.kind,
                case.args.join(" "),
                case.rule,
                dir.display(),
                options.seed,
            );
        } else {
            let _ = fs::remove_dir_all(&dir);
        }
        if (at + 1) % 100 == 0 {
            println!("{} of {}", at + 1, cases.len());
        }
        if let Some(stem) = &options.output
            && (at + 1) % 50 == 0
        {
            table.write(stem, &options.command());
        }
    }
}
