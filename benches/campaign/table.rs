//! The table: by kind, what became of the cases.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::cases::Kind;
use crate::faults::{HUNG, NOT_NOTICED, NOT_TRIED, Outcome};

/// A row.
#[derive(Debug, Default, Serialize)]
pub struct Row {
    /// Cases.
    pub runs: usize,
    /// How many ended with which exit code.
    pub codes: BTreeMap<i32, usize>,
    /// Answers that were certified and are wrong.
    pub wrong: usize,
    /// Cases that ended with an exit code that their kind is not to end with.
    pub unexpected: usize,
    /// How often kbisect was started: more than the cases where it had to be started again.
    pub starts: usize,
    /// Trials of all of them.
    pub trials: usize,
    /// Wall time of all of them, in seconds.
    pub seconds: f64,
}

/// A case that somebody has to look at.
#[derive(Debug, Serialize)]
pub struct Remark {
    /// The number of the case.
    pub index: u64,
    /// Its kind.
    pub kind: String,
    /// What is wrong.
    pub text: String,
}

/// All rows.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<Kind, Row>,
    remarks: Vec<Remark>,
}

impl Table {
    /// Adds a case. Returns what is to be said of it, if anything is.
    pub fn add(&mut self, index: u64, kind: Kind, outcome: &Outcome) -> Option<String> {
        let row = self.rows.entry(kind).or_default();
        row.runs += 1;
        *row.codes.entry(outcome.code).or_default() += 1;
        row.starts += outcome.starts;
        row.trials += outcome.trials;
        row.seconds += outcome.took.as_secs_f64();
        let text = if let Some(wrong) = &outcome.wrong {
            row.wrong += 1;
            format!("WRONG: {wrong}")
        } else if outcome.code != NOT_TRIED && !kind.expected().contains(&outcome.code) {
            row.unexpected += 1;
            format!("exit {}, expected {:?}", outcome.code, kind.expected())
        } else {
            return None;
        };
        self.remarks.push(Remark {
            index,
            kind: kind.to_string(),
            text: text.clone(),
        });
        Some(text)
    }

    /// Wrong answers and runs, of steady oracles or of those that flip.
    pub fn wrong(&self, flips: Flips) -> (usize, usize) {
        self.of(flips).fold((0, 0), |(wrong, runs), row| {
            (wrong + row.wrong, runs + row.runs)
        })
    }

    fn of(&self, flips: Flips) -> impl Iterator<Item = &Row> {
        let rows = self.rows.iter();
        rows.filter(move |(kind, _)| kind.flips() == (flips == Flips::Some))
            .map(|(_, row)| row)
    }

    /// The table, in Markdown.
    pub fn text(&self) -> String {
        let mut text = "| kind | runs | exit codes | wrong | unexpected | starts | trials | s |\n\
                        | --- | --- | --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
        for (kind, row) in &self.rows {
            let codes = row.codes.iter().map(|(code, count)| match *code {
                NOT_TRIED => format!("not tried: {count}"),
                NOT_NOTICED => format!("0 although edited: {count}"),
                HUNG => format!("hung: {count}"),
                _ => format!("{code}: {count}"),
            });
            let codes: Vec<String> = codes.collect();
            writeln!(
                text,
                "| {kind} | {} | {} | {} | {} | {} | {} | {:.0} |",
                row.runs,
                codes.join(", "),
                row.wrong,
                row.unexpected,
                row.starts,
                row.trials,
                row.seconds
            )
            .unwrap();
        }
        for (name, flips) in [("steady", Flips::None), ("flipping", Flips::Some)] {
            let (wrong, runs) = self.wrong(flips);
            let certified: usize = self.of(flips).filter_map(|row| row.codes.get(&0)).sum();
            write!(
                text,
                "\n{name}: {wrong} wrong, of {certified} certified in {runs} runs"
            )
            .unwrap();
        }
        text.push('\n');
        text
    }

    /// Writes it beside `stem`, as text and as JSON.
    pub fn write(&self, stem: &Path, command: &str) {
        let rows: BTreeMap<String, &Row> = self
            .rows
            .iter()
            .map(|(k, row)| (k.to_string(), row))
            .collect();
        let json = serde_json::json!({
            "command": command,
            "rows": rows,
            "remarks": self.remarks,
        });
        let json = serde_json::to_string_pretty(&json).unwrap();
        let text = format!("    {command}\n\n{}", self.text());
        for (extension, text) in [("json", json + "\n"), ("md", text)] {
            let path = stem.with_extension(extension);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).unwrap();
            }
            fs::write(path, text).unwrap();
        }
    }
}

/// Of which oracles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flips {
    /// Steady ones.
    None,
    /// Those that err.
    Some,
}
