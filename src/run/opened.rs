//! A run directory in use: opened, checked, gone on with.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::tell::{Watcher, note, warn};
use super::tools::Tools;
use crate::journal::{Journal, Record, RunDir, RunInfo, RunState};
use crate::model::{Difference, MODULES, RunKey, Value};
use crate::settings::{Modules, Settings};
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// An opened run directory.
pub(crate) struct Opened {
    pub(crate) dir: RunDir,
    pub(crate) info: RunInfo,
    pub(crate) journal: Journal,
}

impl Opened {
    /// Refuses a run of an older kbisect that asked for modules without `MODULES`: what it asked for then would
    /// resolve to another config now.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage).
    pub(crate) fn check_modules(&self, settings: &Settings, tools: &Tools) -> Result<()> {
        let Self { dir, info, .. } = self;
        let is_new = tools.plan.modules.is_some() || settings.modules == Some(Modules::AsWritten);
        let has_modules = info.requests.iter().any(|r| r.value == Value::MODULE);
        let has_switch = info.requests.iter().any(|r| r.symbol.as_str() == MODULES);
        if is_new || !(has_modules && has_switch) {
            return Ok(());
        }
        Err(Error::usage(format!(
            "the run in {} asks for modules (=m) as an older kbisect did, without building them",
            dir.path().display()
        ))
        .hint("`kbisect report` shows what it found; start a new run with another --output, and --modules keep or builtin"))
    }
}

/// Seconds since 1970, UTC.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

/// Opens a run directory to go on with what is in it.
pub(crate) fn open(path: &Path, tell: &mut Watcher<'_>) -> Result<Opened> {
    let crate::journal::Opened {
        dir,
        info,
        journal,
        warnings,
        ..
    } = RunDir::open(path)?;
    for text in warnings {
        warn(tell, text);
    }
    Ok(Opened { dir, info, journal })
}

/// What is not the same in the key of a run and in that of `tools`.
pub(crate) fn key_differences(
    was: &RunKey,
    tools: &Tools,
    cancel: &CancelToken,
) -> Result<Vec<Difference>> {
    let differs = was.differences(&tools.key_like(was, cancel)?);
    Ok(tools.source.explain(was, differs))
}

/// Do the verdicts of the run in `path` still hold with these tools? If not, `hint` says what to do.
pub(crate) fn check_key(
    path: &Path,
    info: &RunInfo,
    state: &RunState,
    tools: &Tools,
    cancel: &CancelToken,
    hint: impl Into<String>,
) -> Result<()> {
    let differs = key_differences(&info.key, tools, cancel)?;
    if differs.is_empty() {
        return Ok(());
    }
    let mut hint = if state.all_judged().next().is_none() {
        "it has no verdict yet: remove the folder to start a new run there, or give another --output"
            .to_owned()
    } else {
        hint.into()
    };
    for line in differs.iter().flat_map(|d| &d.details) {
        hint += &format!("\n{line}");
    }
    let names: Vec<String> = differs.iter().map(|d| d.part.to_string()).collect();
    Err(Error::usage(format!(
        "the run in {} was not begun with the same {}",
        path.display(),
        names.join(", ")
    ))
    .hint(hint))
}

/// Notes that the run goes on: from here on it is not finished any more, should it have been.
pub(crate) fn resumed(opened: &mut Opened, tell: &mut Watcher<'_>) -> Result<()> {
    opened.journal.append(&Record::Resumed { at: now() })?;
    let judged = opened.journal.state().judged.iter();
    let verdicts = judged.filter(|judged| judged.candidate.is_some()).count();
    let path = opened.dir.path().display();
    note(
        tell,
        format!("going on with {path}: {verdicts} verdicts are known"),
    );
    Ok(())
}
