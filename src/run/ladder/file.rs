//! `ladder.json`: the steps of a ladder, and what was found of each.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::journal::write_atomically;
use crate::model::{Request, StoredSettings};
use crate::report::{Report, Status};
use crate::run::files::{json_file, parse};
use crate::{Error, ErrorKind, Result};

/// The file, in the folder of the ladder.
const FILE: &str = "ladder.json";

/// Its version.
const VERSION: u32 = 1;

/// A ladder, as in `ladder.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// The version of the format.
    pub v: u32,
    /// The version of kbisect that began it.
    pub kbisect: String,
    /// The settings of all steps. Their oracles are the steps.
    pub settings: StoredSettings,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// A step: an ordinary run with one of the oracles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The oracle, by name or path.
    pub oracle: String,
    /// Its run directory, relative to the folder of the ladder.
    pub dir: PathBuf,
    /// How it stands.
    pub state: StepState,
    /// What was found. None before anything passed.
    #[serde(flatten)]
    pub found: Option<Found>,
    /// Why it ended without a result, safe to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// No session has come to its end.
    Waiting,
    /// It is minimal and certified.
    Minimal,
    /// It is minimal if the oracle is monotone ([`Status::Leaves`]).
    Leaves,
    /// The search is over, but some requests have no proof.
    Unproved,
    /// It was stopped, and can be gone on with.
    Stopped,
    /// The start does not pass its oracle.
    StartFails,
    /// Its oracle, or what is built, is too unreliable.
    Unreliable,
}

impl StepState {
    /// That of a run with this result, whose session has ended.
    pub(super) fn of(status: Status) -> Self {
        match status {
            Status::Minimal => Self::Minimal,
            Status::Leaves => Self::Leaves,
            Status::Unproved => Self::Unproved,
            Status::Stopped | Status::Running => Self::Stopped,
        }
    }

    /// That of a run that ended with such an error, if the ladder goes on with the next step.
    pub(super) fn passed_over(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::StartFails => Some(Self::StartFails),
            ErrorKind::Unreliable => Some(Self::Unreliable),
            ErrorKind::Unfinished => Some(Self::Stopped),
            ErrorKind::Failed | ErrorKind::Usage | ErrorKind::Locked | ErrorKind::Interrupted => {
                None
            }
        }
    }

    /// Did the search come to its end, so that what is left is needed as far as anybody knows?
    #[must_use]
    pub fn has_answer(self) -> bool {
        matches!(self, Self::Minimal | Self::Leaves | Self::Unproved)
    }
}

/// What was found of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Is it certified?
    pub certified: bool,
    /// Requests of the smallest set that passed.
    pub requests: usize,
    /// `=` lines of its resolved config.
    pub lines: u32,
    /// Bytes of its image.
    pub image: Option<u64>,
    /// The requests that no earlier step needs. Empty unless the search is over.
    pub adds: Vec<Request>,
    /// The requests that an earlier step needs, and this one does not. Empty unless the search is over.
    pub drops: Vec<Request>,
    /// Trials, the start's included.
    pub trials: u32,
    /// Wall time of all sessions, in seconds.
    pub wall_seconds: f64,
}

impl Found {
    /// That of a report, after steps that need the requests `former`.
    pub(super) fn of(report: &Report, former: &[Request]) -> Self {
        let state = StepState::of(report.status);
        let kept: Vec<&Request> = report.kept.iter().map(|kept| &kept.request).collect();
        let (mut adds, mut drops) = (Vec::new(), Vec::new());
        if state.has_answer() {
            let new = kept.iter().filter(|request| !former.contains(request));
            adds.extend(new.map(|request| (*request).clone()));
            let gone = former.iter().filter(|request| !kept.contains(request));
            drops.extend(gone.cloned());
        }
        let cost = &report.cost;
        Self {
            certified: state == StepState::Minimal,
            requests: report.after.requests,
            lines: report.after.lines,
            image: report.after.image,
            adds,
            drops,
            trials: cost.passed + cost.failed + cost.unresolved,
            wall_seconds: seconds(cost.wall),
        }
    }
}

/// In thousandths: more says nothing.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

impl Ladder {
    /// A ladder of which nothing is known yet.
    pub(super) fn new(settings: StoredSettings, steps: Vec<Step>) -> Self {
        Self {
            v: VERSION,
            kbisect: env!("CARGO_PKG_VERSION").to_owned(),
            settings,
            steps,
        }
    }

    /// Is there one in this folder?
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// That of the folder `dir`.
    ///
    /// # Errors
    /// There is none; it cannot be read, is damaged, or was written by a newer kbisect.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let text = fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        let damaged = |error: Error| {
            match error.hint_text() {
            None => error.hint(format!(
                "the steps are ordinary runs: `kbisect report {}/01-...` shows one; give another --output for a new \
                 ladder",
                dir.display()
            )),
            Some(_) => error,
        }
        };
        parse(&text, &path, VERSION).map_err(damaged)
    }

    /// Writes it to its folder, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        write_atomically(&dir.join(FILE), json_file(self)?.as_bytes())
    }
}
