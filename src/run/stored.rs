//! The result of a run directory, or of a folder that keeps only the result.

use std::fs;
use std::path::Path;

use crate::journal::RunDir;
use crate::report::{RESULT, Report, Status, gather};
use crate::{Error, Result};

/// The result of the run in `dir`, finished or not; of a folder without a run, the `result.json` in it.
///
/// # Errors
/// There is neither; the run cannot be read; its start has not passed yet.
pub fn report(dir: &Path) -> Result<Report> {
    let kept = dir.join(RESULT);
    if !RunDir::has_run(dir) && kept.exists() {
        return read(&kept);
    }
    let (info, lines) = RunDir::read(dir)?;
    let mut report = gather(&info, &lines)?;
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
