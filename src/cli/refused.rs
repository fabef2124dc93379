//! Shows what the oracle said of a start that it refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::model::sanitize;
use crate::oracle::COMMAND;
use crate::trial::BUILD_COMMAND;

/// Longest line of a log or a command that is shown, in characters.
const LONGEST: usize = 4000;

/// The start did not pass: shows what its oracle said, with control characters taken out, and
/// how to see it again.
pub(super) fn show_oracle_output(path: &Path) {
    use std::io::Write;
    let mut err = std::io::stderr();
    let trials = path.join("trials");
    let Ok(last) = fs::read_dir(&trials).map(|d| d.flatten().map(|e| e.path()).max()) else {
        return;
    };
    let Some(last) = last else { return };
    let (logs, command) = logs(&last);
    for log in logs {
        let Ok(bytes) = fs::read(&log) else { continue };
        let text = sanitize(&String::from_utf8_lossy(&bytes));
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(30)..];
        let _ = writeln!(err, "--- {} (last {} lines)", log.display(), tail.len());
        for line in tail {
            let line: String = line.chars().take(LONGEST).collect();
            let _ = writeln!(err, "{line}");
        }
    }
    if let Ok(bytes) = fs::read(&command) {
        let text = sanitize(&String::from_utf8_lossy(&bytes));
        let _ = writeln!(err, "--- to repeat it by hand ({}):", command.display());
        let _ = write!(err, "{text}");
        let _ = writeln!(err, "---");
    }
}

/// The logs of a trial's last step (the last oracle that was asked, else the build), and the
/// file with the command for it.
fn logs(trial: &Path) -> (Vec<PathBuf>, PathBuf) {
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
