//! Shows how a trial failed: what it means, where its log departs from the good one, the end of the log.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::logs::{self, Log, LogLine};
use crate::model::{Stage, TrialId, sanitize_line};
use crate::report::details::{Departure, Excerpt, Failure};

/// Longest text of a line, in characters.
const LONGEST: usize = 400;

/// So many lines of a log are shown, the last ones.
const SHOWN: usize = 100;

/// The console of a guest, in the folder of an oracle.
const CONSOLE: &str = "console.log";

/// What an oracle itself wrote, there.
const ORACLE: &str = "oracle.log";

/// The logs of builds, in the folder of a trial; the first one that is there is the last build's.
const BUILDS: [&str; 3] = ["build.third.log", "build.again.log", "build.log"];

/// The trials of one run.
pub(super) struct Trials<'a> {
    /// The run directory.
    dir: &'a Path,
    /// The folder of the trial of the answer.
    good: Option<PathBuf>,
    /// The consoles there that were read, by the folders of their oracles.
    consoles: HashMap<OsString, Option<Log>>,
    /// The names of the oracles, in the order in which they are asked.
    oracles: Vec<String>,
}

impl<'a> Trials<'a> {
    pub(super) fn new(dir: &'a Path, good: Option<PathBuf>, oracles: Vec<String>) -> Self {
        Self {
            dir,
            good,
            consoles: HashMap::new(),
            oracles,
        }
    }

    /// Is the folder of the answer's trial there?
    pub(super) fn has_good(&self) -> bool {
        self.good.as_deref().is_some_and(Path::is_dir)
    }

    /// Reads the answer's console of this oracle, unless it was read already.
    fn read_good(&mut self, oracle: &OsStr) {
        if let (Some(good), false) = (&self.good, self.consoles.contains_key(oracle)) {
            let console = read(&good.join(oracle).join(CONSOLE));
            self.consoles.insert(oracle.to_owned(), console);
        }
    }

    /// How a trial failed that left its files in `folder`.
    pub(super) fn failure(
        &mut self,
        trial: TrialId,
        stage: Stage,
        evidence: Option<&str>,
        folder: &Path,
    ) -> Failure {
        let oracle = last_oracle(folder, &self.oracles);
        let shown = match stage {
            Stage::Build => first_of(folder, &BUILDS),
            Stage::Oracle => {
                let oracle = oracle.as_deref();
                oracle.and_then(|oracle| first_of(oracle, &[CONSOLE, ORACLE]))
            }
        };
        let bad = shown.as_deref().and_then(read);
        let oracle = oracle.filter(|_| stage == Stage::Oracle);
        // It may be there and empty: that says something, too.
        let console = oracle
            .as_ref()
            .and_then(|oracle| read(&oracle.join(CONSOLE)));
        let name = oracle.as_deref().and_then(Path::file_name);
        if let Some(name) = name {
            self.read_good(name);
        }
        let good = name.and_then(|name| self.consoles.get(name)?.as_ref());
        let failure = logs::Failure {
            stage,
            evidence: evidence.unwrap_or_default(),
            good,
            bad: console.as_ref(),
            build: bad.as_ref().filter(|_| stage == Stage::Build),
        };
        let departs = match (good, &console) {
            (Some(good), Some(bad)) => logs::difference(good, bad),
            _ => None,
        };
        Failure {
            trial,
            stage,
            evidence: evidence.map(|text| sanitize_line(text, LONGEST)),
            meaning: logs::meaning(&failure).map(|meaning| meaning.text),
            departs: departs.map(|found| Departure {
                number: found.bad.as_ref().and_then(|line| line.number),
                line: found.bad.map(|line| safe(&line)),
                expected: found.good.map(|line| safe(&line)),
            }),
            log: match (shown, &bad) {
                (Some(path), Some(log)) => Some(self.excerpt(&path, log)),
                _ => None,
            },
        }
    }

    /// The end of a log.
    fn excerpt(&self, path: &Path, log: &Log) -> Excerpt {
        let lines = log.lines();
        // Not across what was left out of a long log.
        let from = lines.len().saturating_sub(SHOWN);
        let shown = &lines[from.max(log.gap().unwrap_or(0)).min(lines.len())..];
        let path = path.strip_prefix(self.dir).unwrap_or(path);
        Excerpt {
            file: sanitize_line(&path.display().to_string(), LONGEST),
            first: shown.first().and_then(|line| line.number),
            lines: shown.iter().map(safe).collect(),
        }
    }
}

fn safe(line: &LogLine) -> String {
    sanitize_line(&line.text, LONGEST)
}

/// A log below the run directory. Not through a link: the page would show a file of its reader to others.
fn read(path: &Path) -> Option<Log> {
    let is_file = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    is_file.then(|| Log::read(path).ok()).flatten()
}

/// The first of these files in a folder that has something in it.
fn first_of(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    let has_text = |path: &PathBuf| {
        fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > 0)
    };
    let mut paths = names.iter().map(|name| folder.join(name));
    paths.find(has_text)
}

/// The folder of the oracle that was asked last in a trial, of these in their order: after the one that rejected the
/// kernel no other is asked. If one of them was asked at two levels, of that which was asked last.
fn last_oracle(folder: &Path, oracles: &[String]) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let asked = folders.filter_map(|entry| {
        let log = entry.path().join(ORACLE);
        let changed = fs::metadata(log).and_then(|meta| meta.modified()).ok()?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_of = |oracle: &String| {
            let rest = name.strip_prefix(oracle.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let matching = oracles
            .iter()
            .enumerate()
            .filter(|(_, oracle)| is_of(oracle));
        // Of two names of which one begins with the other, the longer one.
        let place = matching
            .max_by_key(|(_, oracle)| oracle.len())
            .map(|(at, _)| at);
        Some((place, changed, entry.path()))
    });
    asked.max().map(|(.., path)| path)
}
