//! What the oracle said of a start that it refused.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::model::sanitize;
use crate::oracle::COMMAND;
use crate::trial::BUILD_COMMAND;

/// Longest line of a log that is kept, in characters.
const LONGEST: usize = 4000;

/// Lines of a log that are kept.
const LINES: usize = 30;

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTail {
    /// The log.
    pub path: PathBuf,
    /// Its last lines, safe to show.
    pub lines: Vec<String>,
}

/// The last step of a run's last trial: of the last oracle that was asked, else of the build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastStep {
    /// What it wrote.
    pub logs: Vec<LogTail>,
    /// A file with the command that repeats it, and its contents, safe to show.
    pub command: Option<(PathBuf, String)>,
}

impl LastStep {
    /// That of the run in the folder `run`; none if there was no trial.
    #[must_use]
    pub fn of(run: &Path) -> Option<Self> {
        let trials = fs::read_dir(run.join("trials")).ok()?;
        let last = trials.flatten().map(|entry| entry.path()).max()?;
        let (logs, command) = files(&last);
        let safe = |path: &Path| {
            let bytes = fs::read(path).ok()?;
            Some(sanitize(&String::from_utf8_lossy(&bytes)))
        };
        let tail = |path: PathBuf| {
            let text = safe(&path)?;
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(LINES)..].iter();
            let lines = last.map(|line| line.chars().take(LONGEST).collect());
            Some(LogTail {
                lines: lines.collect(),
                path,
            })
        };
        Some(Self {
            logs: logs.into_iter().filter_map(tail).collect(),
            command: safe(&command).map(|text| (command, text)),
        })
    }
}

/// The logs, and how to repeat the step by hand.
impl fmt::Display for LastStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for LogTail { path, lines } in &self.logs {
            writeln!(f, "--- {} (last {} lines)", path.display(), lines.len())?;
            lines.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        }
        match &self.command {
            None => Ok(()),
            Some((path, text)) => {
                let path = path.display();
                writeln!(f, "--- to repeat it by hand ({path}):\n{text}---")
            }
        }
    }
}

/// The logs of a trial's last step, and the file with the command for it.
fn files(trial: &Path) -> (Vec<PathBuf>, PathBuf) {
    let oracles = fs::read_dir(trial).into_iter().flatten().flatten();
    let last = oracles
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .max_by_key(|dir| {
            let log = fs::metadata(dir.join(COMMAND)).and_then(|m| m.modified());
            log.unwrap_or(UNIX_EPOCH)
        });
    match last {
        None => (vec![trial.join("build.log")], trial.join(BUILD_COMMAND)),
        Some(dir) => {
            let logs = [dir.join("console.log"), dir.join("oracle.log")];
            let logs = logs.into_iter().filter(|p| p.is_file()).collect();
            (logs, dir.join(COMMAND))
        }
    }
}
