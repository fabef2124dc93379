//! The result of a run directory, or of a folder that keeps only the result.

use std::fs;
use std::path::{Path, PathBuf};

use super::ladder::Ladder;
use crate::journal::{RunDir, RunInfo, RunState};
use crate::report::{RESULT, Report, Status, of_state};
use crate::{Error, Result, settings};

/// The run directory for a command: `given`, else that of the settings file. `command` is its name, for the hint.
///
/// # Errors
/// There is neither a run nor a result in it.
pub fn directory(given: Option<&Path>, command: &str) -> Result<PathBuf> {
    let dir = settings::output(given)?;
    let has = |name: &str| dir.join(name).exists();
    if RunDir::has_run(&dir) || has("journal.jsonl") || has(RESULT) {
        return Ok(dir);
    }
    if Ladder::is_in(&dir) {
        let dir = dir.display();
        return Err(Error::usage(format!("{dir} has a ladder in it, and no run")).hint(format!(
            "each step is a run: `kbisect {command} {dir}/01-...`; `kbisect ladder --output {dir}` goes on with all"
        )));
    }
    Err(Error::usage(format!("there is no run in {}", dir.display())).hint(format!(
        "give its folder, which --output named when the run began: `kbisect {command} DIR`; `kbisect run` begins \
         a run"
    )))
}

/// The result of the run in `dir`, finished or not; of a folder without a run, the `result.json` in it.
///
/// # Errors
/// There is neither; the run cannot be read; its start has not passed yet.
pub fn report(dir: &Path) -> Result<Report> {
    let kept = dir.join(RESULT);
    if !RunDir::is_whole(dir) && kept.exists() {
        return read(&kept);
    }
    let (info, lines) = RunDir::read(dir)?;
    of_records(dir, &info, &RunState::of(&lines))
}

/// The result of the run in `dir`, which has these records.
///
/// # Errors
/// Its start has not passed yet.
pub(super) fn of_records(dir: &Path, info: &RunInfo, state: &RunState) -> Result<Report> {
    let mut report = of_state(info, state)?;
    if report.status == Status::Stopped && RunDir::is_held(dir) {
        report.status = Status::Running;
        report.stopped = None;
    }
    Ok(report)
}

/// The result in a file.
pub(super) fn read(path: &Path) -> Result<Report> {
    let text = fs::read(path).map_err(|e| Error::io("read the result", path, e))?;
    Report::parse(&text, path)
}
