//! Reads the runs of a comparison: run directories, folders with a result, the steps of ladders.

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::ladder::{Ladder, StepState};
use super::stored::{directory, report};
use crate::journal::RunDir;
use crate::model::{Symbol, sanitize_line};
use crate::report::comparison::{ComparedRun, Comparison, compare};
use crate::{Error, ErrorKind, Result};

/// Compares the runs in these folders. A ladder stands for its steps.
///
/// # Errors
/// A folder has no run, or one in which nothing has passed; a folder is there twice; there are fewer than two runs; they
/// cannot be compared.
pub fn comparison(dirs: &[PathBuf]) -> Result<Comparison> {
    let (mut runs, mut notes) = (Vec::new(), Vec::new());
    for dir in dirs {
        match Ladder::is_in(dir) && !RunDir::has_run(dir) {
            true => add_steps(dir, &mut runs, &mut notes)?,
            false => runs.push(read(&directory(Some(dir), "compare")?)?),
        }
    }
    check_distinct(&runs)?;
    let mut comparison = compare(&runs)?;
    comparison.notes.extend(notes);
    Ok(comparison)
}

/// Adds the steps of a ladder. One that has no result is named in `notes`.
fn add_steps(dir: &Path, runs: &mut Vec<ComparedRun>, notes: &mut Vec<String>) -> Result<()> {
    for step in Ladder::read(dir)?.steps {
        let mut parts = step.dir.components();
        if !parts.all(|part| matches!(part, Component::Normal(_))) {
            let dir = dir.display();
            return Err(Error::usage(format!(
                "a step of the ladder in {dir} is not in that folder"
            ))
            .hint("give the folders of its steps"));
        }
        let path = dir.join(&step.dir);
        let name = sanitize_line(&path.to_string_lossy(), 400);
        let why = match step.state {
            StepState::StartFails => "its start fails",
            StepState::Unreliable => "its oracle or its builds are too unreliable",
            StepState::Waiting if directory(Some(&path), "compare").is_err() => "it has not begun",
            _ if directory(Some(&path), "compare").is_err() => "its folder is missing",
            _ => match read(&path) {
                Ok(run) => {
                    runs.push(run);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Usage => "nothing has passed yet",
                Err(error) => return Err(error),
            },
        };
        notes.push(format!("{name} is left out: {why}"));
    }
    Ok(())
}

/// The run in a folder.
fn read(dir: &Path) -> Result<ComparedRun> {
    let shown = dir.display();
    let has_run = RunDir::has_run(dir);
    let report = report(dir).map_err(|error| match has_run && is_without_pass(dir) {
        true => Error::usage(format!("the run in {shown} cannot be compared: {error}"))
            .hint("a run can be compared as soon as its start, or something smaller, has passed"),
        false => error,
    })?;
    let asked = match has_run {
        false => None,
        true => Some(requests(dir)?),
    };
    Ok(ComparedRun {
        dir: dir.to_owned(),
        report,
        asked,
    })
}

/// Can the run be read, so that only a pass is missing?
fn is_without_pass(dir: &Path) -> bool {
    RunDir::read(dir).is_ok_and(|(info, lines)| {
        let state = crate::journal::RunState::of(&lines);
        state.best(info.requests.len()).is_none()
    })
}

/// The symbols that a run was asked about.
fn requests(dir: &Path) -> Result<HashSet<Symbol>> {
    let (info, _) = RunDir::read(dir)?;
    let requests = info.requests.into_iter();
    Ok(requests.map(|request| request.symbol).collect())
}

fn check_distinct(runs: &[ComparedRun]) -> Result<()> {
    let mut seen = HashSet::new();
    for run in runs {
        let path = fs::canonicalize(&run.dir).unwrap_or_else(|_| run.dir.clone());
        if !seen.insert(path) {
            let dir = run.dir.display();
            return Err(Error::usage(format!("{dir} is given twice"))
                .hint("give each run once; a ladder has its steps in it"));
        }
    }
    Ok(())
}
