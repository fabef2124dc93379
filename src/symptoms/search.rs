//! Which options are behind a text.
//!
//! A line of the index is like a line that is asked for if they share the words that are rare in the index; rare words
//! count more (inverse document frequency). Below a threshold nothing is said: a wrong answer costs a day, none a minute.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::entry::normal;
use super::index::Index;
use super::words::{is_vague, words};
use crate::logs::{Telling, telling};
use crate::model::Symbol;

/// How like a line of the index must be, from 0 to 1.
const ALIKE: f64 = 0.6;

/// The same, where all lines of a log are looked up: most are of no failure.
const ALIKE_IN_A_LOG: f64 = 0.75;

/// The share of likeness that depends on what the line of the index has besides: a part of a line may be asked for.
const REST: f64 = 0.3;

/// The share of what is written somewhere: a bit less than that of a single trial.
const WRITTEN: f64 = 0.45;

/// Lines that are looked up, of a log.
const MOST: usize = 2000;

/// Lines that are shown of those that were known.
const SHOWN: usize = 10;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// A text that someone thinks tells of the failure.
    Text,
    /// A log, with all that is in it.
    Log,
}

/// An option that may be missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suspect {
    /// The option.
    pub symbol: Symbol,
    /// How many trials without it gave such a line.
    pub gave: usize,
    /// How many trials without it are in the index.
    pub trials: usize,
    /// The oracles of those that gave it.
    pub oracles: BTreeSet<String>,
    /// Where such a line is written, if it is not from a trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// By which the suspects are ordered; higher is more likely. It means nothing by itself.
    pub score: f64,
}

/// A line that is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The line, as it was given.
    pub line: String,
    /// The line of the index that is most like it.
    pub like: String,
    /// How like it is, from 0 to 1.
    pub likeness: f64,
    /// The options without which such a line was seen.
    pub symbols: BTreeSet<Symbol>,
}

/// What is known of a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The lines that are known, the most telling first.
    pub lines: Vec<Found>,
    /// The options that may be missing, the likeliest first.
    pub options: Vec<Suspect>,
}

/// An index that can be asked.
#[derive(Debug)]
pub struct Search {
    index: Index,
    /// The lines of all entries, each once.
    lines: Vec<Line>,
    /// The lines that have a word.
    with: HashMap<String, Vec<usize>>,
    symbols: BTreeMap<Symbol, Of>,
}

/// What is in the index of one option.
#[derive(Debug, Clone, Copy)]
struct Of {
    trials: usize,
    /// The fewest lines of a config that went with it.
    carried: u32,
}

impl Default for Of {
    fn default() -> Self {
        Self {
            trials: 0,
            carried: u32::MAX,
        }
    }
}

#[derive(Debug)]
struct Line {
    text: String,
    words: BTreeSet<String>,
    entries: Vec<usize>,
}

impl Search {
    /// Makes an index ready.
    #[must_use]
    pub fn new(index: Index) -> Self {
        let mut ids: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (n, entry) in index.entries.iter().enumerate() {
            for line in &entry.lines {
                ids.entry(normal(line)).or_default().push(n);
            }
        }
        let line = |(text, entries): (String, Vec<usize>)| Line {
            words: words(&text),
            text,
            entries,
        };
        let lines: Vec<Line> = ids.into_iter().map(line).collect();
        let mut with: HashMap<String, Vec<usize>> = HashMap::new();
        for (n, line) in lines.iter().enumerate() {
            for word in &line.words {
                with.entry(word.clone()).or_default().push(n);
            }
        }
        let mut symbols: BTreeMap<Symbol, Of> = BTreeMap::new();
        for entry in &index.entries {
            let of = symbols.entry(entry.symbol.clone()).or_default();
            of.trials += usize::from(entry.known.is_none());
            if entry.carried > 0 {
                of.carried = of.carried.min(entry.carried);
            }
        }
        Self {
            index,
            lines,
            with,
            symbols,
        }
    }

    /// How many trials it has.
    #[must_use]
    pub fn trials(&self) -> usize {
        let entries = self.index.entries.iter();
        entries.filter(|entry| entry.known.is_none()).count()
    }

    /// What is known of a text of one or more lines.
    #[must_use]
    pub fn ask(&self, text: &str, given: Given) -> Answer {
        let mut found = Vec::new();
        let mut scores: BTreeMap<&Symbol, Score> = BTreeMap::new();
        for (line, asked) in asked(text, given) {
            let alike = self.alike(&asked, given);
            let Some((best, likeness)) = alike.first().copied() else {
                continue;
            };
            let gave = self.gave(&alike);
            let symbols: BTreeSet<Symbol> = gave.keys().map(|s| (*s).clone()).collect();
            let weight = ((1 + self.symbols.len()) as f64 / symbols.len() as f64).ln();
            for (symbol, one) in gave {
                let score = scores.entry(symbol).or_default();
                score.sum += weight * self.share(symbol, &one);
                score.entries.extend(one.into_keys());
            }
            found.push((
                weight * likeness,
                Found {
                    line: crate::model::sanitize_line(line, 200),
                    like: self.lines[best].text.clone(),
                    likeness,
                    symbols,
                },
            ));
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let lines = found
            .into_iter()
            .map(|(_, found)| found)
            .take(SHOWN)
            .collect();
        let options = self.suspects(scores);
        Answer { lines, options }
    }

    /// The lines that are like this one, the most like first.
    fn alike(&self, asked: &str, given: Given) -> Vec<(usize, f64)> {
        let asked = words(asked);
        if is_vague(&asked) {
            return Vec::new();
        }
        let near: BTreeSet<usize> = asked
            .iter()
            .filter_map(|w| self.with.get(w))
            .flatten()
            .copied()
            .collect();
        let sum = |words: &mut dyn Iterator<Item = &String>| {
            words.fold(0.0, |sum, w| sum + self.rarity(w))
        };
        let all = sum(&mut asked.iter());
        let likeness = |n: usize| {
            let theirs = &self.lines[n].words;
            let common = sum(&mut asked.intersection(theirs));
            let theirs = sum(&mut theirs.iter());
            common / all * (1.0 - REST + REST * common / theirs)
        };
        let least = match given {
            Given::Text => ALIKE,
            Given::Log => ALIKE_IN_A_LOG,
        };
        let mut alike: Vec<(usize, f64)> = near.into_iter().map(|n| (n, likeness(n))).collect();
        alike.retain(|(_, likeness)| *likeness >= least);
        alike.sort_by(|a, b| b.1.total_cmp(&a.1));
        alike
    }

    /// The inverse document frequency of a word.
    fn rarity(&self, word: &str) -> f64 {
        let with = self.with.get(word).map_or(0, Vec::len);
        (1.0 + self.lines.len() as f64 / (1.0 + with as f64)).ln()
    }

    /// For each option the entries that have one of these lines, and how like it is.
    fn gave(&self, alike: &[(usize, f64)]) -> BTreeMap<&Symbol, BTreeMap<usize, f64>> {
        let mut gave: BTreeMap<&Symbol, BTreeMap<usize, f64>> = BTreeMap::new();
        for (line, likeness) in alike {
            for entry in &self.lines[*line].entries {
                let of = gave.entry(&self.index.entries[*entry].symbol).or_default();
                // The most like came first.
                of.entry(*entry).or_insert(*likeness);
            }
        }
        gave
    }

    /// The share of an option's trials that gave such a line; what is only written somewhere counts a bit less than a
    /// single trial.
    fn share(&self, symbol: &Symbol, gave: &BTreeMap<usize, f64>) -> f64 {
        let (mut seen, mut written) = (0.0, 0.0_f64);
        for (entry, likeness) in gave {
            match self.index.entries[*entry].known {
                None => seen += likeness,
                Some(_) => written = written.max(WRITTEN * likeness),
            }
        }
        let trials = self.symbols.get(symbol).map_or(0, |of| of.trials);
        // A share of few trials is less sure.
        written.max(seen / (trials + 1) as f64)
    }

    fn suspects(&self, scores: BTreeMap<&Symbol, Score>) -> Vec<Suspect> {
        let of = |(symbol, score): (&Symbol, Score)| {
            let of = self.symbols.get(symbol).copied().unwrap_or_default();
            let those: Vec<_> = score
                .entries
                .iter()
                .map(|n| &self.index.entries[*n])
                .collect();
            let gave = those.iter().filter(|e| e.known.is_none()).count();
            let suspect = Suspect {
                symbol: symbol.clone(),
                gave,
                trials: of.trials,
                oracles: those
                    .iter()
                    .flat_map(|e| e.oracles.iter().cloned())
                    .collect(),
                known: those
                    .iter()
                    .find_map(|e| e.known.clone())
                    .filter(|_| gave == 0),
                score: score.sum,
            };
            (of.carried, suspect)
        };
        let mut all: Vec<(u32, Suspect)> = scores.into_iter().map(of).collect();
        // Among equals the one that takes the fewest others along: the driver before its bus.
        all.sort_by(|(a_carried, a), (b_carried, b)| {
            let by_score = rounded(b.score).cmp(&rounded(a.score));
            by_score
                .then(a_carried.cmp(b_carried))
                .then(a.symbol.cmp(&b.symbol))
        });
        all.into_iter().map(|(_, suspect)| suspect).collect()
    }
}

#[derive(Default)]
struct Score {
    sum: f64,
    entries: BTreeSet<usize>,
}

/// Differences below a percent are chance.
fn rounded(score: f64) -> i64 {
    (score * 100.0).round() as i64
}

/// The lines that are looked up, as they were given and as the index has them. A log's lines that say nothing of a
/// failure are not looked up; of very many lines those at both ends are.
fn asked(text: &str, given: Given) -> Vec<(&str, String)> {
    let is_asked = |line: &str| match given {
        Given::Text => !line.trim().is_empty(),
        Given::Log => telling(line) == Telling::Error,
    };
    let mut lines: Vec<&str> = text.lines().filter(|line| is_asked(line)).collect();
    if lines.len() > MOST {
        let end = lines.split_off(lines.len() - MOST / 2);
        lines.truncate(MOST / 2);
        lines.extend(end);
    }
    let mut seen = BTreeSet::new();
    let lines = lines.into_iter().map(|line| (line, normal(line)));
    lines
        .filter(|(_, asked)| seen.insert(asked.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
