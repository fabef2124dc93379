//! What follows from the end of a run: the files of the result, the report, the exit code.

use std::fs;
use std::path::Path;

use super::go::{Opened, TREES};
use super::prepare;
use super::shown::Shown;
use crate::journal::{RunDir, RunInfo};
use crate::kconfig::Project;
use crate::lab::{BEST_CONFIG, Outcome, Stopped, fragment_of, laid_over};
use crate::report::{self, RESULT, Report, Status, gather};
use crate::settings::Settings;
use crate::ui::Ui;
use crate::{Error, ErrorKind, Result};

/// The result, in the run directory.
pub(super) const MINIMAL_CONFIG: &str = "minimal.config";
pub(super) const MINIMAL_FRAGMENT: &str = "minimal.fragment";

/// Writes and shows what follows from an outcome that is in the journal; returns the exit code.
pub(super) fn conclude(
    dir: &RunDir,
    outcome: &Outcome,
    settings: &Settings,
    shown: &Shown,
) -> Result<u8> {
    let path = dir.path();
    let (info, lines) = RunDir::read(path)?;
    let report = gather(&info, &lines)?;
    if outcome.stopped.is_none() {
        let config = path.join(BEST_CONFIG);
        let config = fs::read(&config).map_err(|e| Error::io("read", &config, e))?;
        dir.write(MINIMAL_CONFIG, &config)?;
        let fragment = fragment_of(&info.requests, &outcome.best);
        let header = header(&info, settings, MINIMAL_FRAGMENT);
        let text = laid_over(&header, &fragment);
        dir.write(MINIMAL_FRAGMENT, text.as_bytes())?;
        // The last of them: where it is, so are the others.
        dir.write(RESULT, super::json_file(&report)?.as_bytes())?;
        remove_trees(path);
    }
    let told = show(&report, path, shown);
    let Some(stopped) = outcome.stopped else {
        told?;
        return Ok(exit_code(report.status));
    };
    // It can be resumed all the same.
    if let Err(error) = told {
        shown.error(&error);
    }
    resumable(path);
    Ok(match stopped {
        Stopped::Interrupted => ErrorKind::Interrupted.exit_code(),
        _ => 4,
    })
}

/// Shows the result of a run that has one already, to which nothing could be added; nothing if there is
/// something left to do.
pub(super) fn finished(opened: &Opened, ui: &mut dyn Ui, shown: &Shown) -> Result<Option<u8>> {
    // Before the start has passed there is none.
    let Ok(report) = gather(&opened.info, &opened.lines) else {
        return Ok(None);
    };
    let path = opened.dir.path();
    // It may be of an earlier end, which left something unproved.
    let written = fs::read_to_string(path.join(RESULT)).unwrap_or_default();
    let is_there = |name: &str| path.join(name).is_file();
    let is_whole = is_there(MINIMAL_CONFIG) && is_there(MINIMAL_FRAGMENT);
    let is_over = matches!(report.status, Status::Minimal | Status::Leaves);
    if !is_over || !is_whole || written != super::json_file(&report)? {
        return Ok(None);
    }
    // Should it have been killed just before it did that.
    remove_trees(path);
    prepare::note(
        ui,
        format!("the run in {} has come to its end before", path.display()),
    );
    ui.finish();
    show(&report, path, shown)?;
    Ok(Some(exit_code(report.status)))
}

/// Only what is certified ends with 0.
fn exit_code(status: Status) -> u8 {
    match status {
        Status::Minimal => 0,
        Status::Leaves | Status::Unproved | Status::Stopped | Status::Running => 4,
    }
}

/// Some hundred megabytes that nobody needs any more.
fn remove_trees(path: &Path) {
    let _ = fs::remove_dir_all(path.join(TREES));
}

fn show(report: &Report, path: &Path, shown: &Shown) -> Result<()> {
    if shown.is_json() {
        super::print(&super::json(
            &serde_json::json!({ "v": 1, "event": "result", "report": report }),
        )?)?;
    } else {
        super::print(&report::text(report, &shown.dress()))?;
        let files: Vec<String> = report
            .files
            .iter()
            .map(|f| path.join(f).display().to_string())
            .collect();
        super::print(&format!("files: {}\n", files.join(", ")))?;
    }
    Ok(())
}

/// The first lines of a fragment, `minimal.fragment` or `best.fragment`: what it is, and the base that it
/// is laid over.
pub(super) fn header(info: &RunInfo, settings: &Settings, file: &str) -> String {
    let base = info
        .key
        .get("base")
        .and_then(|b| b.as_str())
        .unwrap_or_default();
    let oracles: Vec<_> = settings
        .oracles
        .iter()
        .map(|o| {
            Path::new(o)
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
        })
        .collect();
    let project = info.key.get("project").cloned().unwrap_or_default();
    let usage = serde_json::from_value::<Project>(project)
        .map(|project| format!("# {}\n", project.usage(file)))
        .unwrap_or_default();
    let oracles = oracles.join(" and ");
    let what = if file == MINIMAL_FRAGMENT {
        format!("the requests that {oracles} needs")
    } else {
        format!("the fewest requests so far that {oracles} accepts")
    };
    format!(
        "# Made by kbisect {}: {what}, over the base.\n\
         {usage}# -- base\n{base}# -- requests\n",
        info.kbisect,
    )
}

fn resumable(path: &Path) {
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "to go on: kbisect resume {}",
        path.display()
    );
}
