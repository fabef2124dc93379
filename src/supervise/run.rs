//! Runs a child from start to end.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::Stdio;
use std::time::Duration;

use super::{CancelToken, Ended, How, Running, Spec, log};
use crate::{Error, Result};

/// How often limits and the cancel token are looked at, and progress is shown.
const TICK: Duration = Duration::from_millis(200);

/// Runs `spec` to its end; stops it at a limit or when `cancel` says so.
///
/// # Errors
/// The program cannot be started. How it *ends* is never an error here.
pub fn run(spec: &Spec, cancel: &CancelToken) -> Result<Ended> {
    run_with(spec, cancel, &mut || {})
}

/// [`run`], which calls `tick` about every 200 ms.
///
/// # Errors
/// As for [`run`].
pub fn run_with(spec: &Spec, cancel: &CancelToken, tick: &mut dyn FnMut()) -> Result<Ended> {
    supervise(Running::spawn(spec)?, spec, cancel, tick)
}

/// [`run`], which returns what the child wrote to standard output. Standard error goes to the
/// log.
///
/// # Errors
/// As for [`run`]; also when there is no room for the output.
pub fn capture(spec: &Spec, cancel: &CancelToken) -> Result<(Ended, Vec<u8>)> {
    let failed = |error| {
        Error::failed(format!(
            "cannot keep the output of {}",
            spec.program.display()
        ))
        .because(error)
    };
    // A file, not a pipe: nobody has to read while it runs, and a grandchild that keeps it
    // open holds nobody up.
    let mut out = tempfile::tempfile().map_err(failed)?;
    let err = log::open(&spec.log)?.map_or_else(Stdio::null, Stdio::from);
    let running = Running::spawn_onto(spec, out.try_clone().map_err(failed)?.into(), err)?;
    let ended = supervise(running, spec, cancel, &mut || {})?;
    let output = read_all(&mut out).map_err(failed)?;
    Ok((ended, output))
}

/// What the child wrote to standard output, if it ended well; for questions of which the answer
/// may well be none.
#[must_use]
pub fn answer(spec: &Spec, cancel: &CancelToken) -> Option<Vec<u8>> {
    let (ended, output) = capture(spec, cancel).ok()?;
    ended.success().then_some(output)
}

fn read_all(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut output = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut output)?;
    Ok(output)
}

fn supervise(
    mut running: Running,
    spec: &Spec,
    cancel: &CancelToken,
    tick: &mut dyn FnMut(),
) -> Result<Ended> {
    let why = loop {
        if cancel.is_cancelled() {
            break Some(How::Cancelled);
        }
        let to_limit = spec
            .limits
            .wall
            .map(|limit| limit.saturating_sub(running.wall()));
        if running.wait(to_limit.map_or(TICK, |left| left.min(TICK)))? {
            break None;
        }
        if let Some(limit) = running.exceeded(&spec.limits) {
            break Some(How::TimedOut(limit));
        }
        running.tidy();
        tick();
    };
    running.end(why)
}
