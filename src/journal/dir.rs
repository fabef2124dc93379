//! The run directory: its entries, and how it is created and opened.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::unless_absent;
use crate::model::{
    Analysis, Certify, ContentId, Prior, Request, RequestId, RequestSet, RunKey, StoredSettings,
    Symptom, TrialId, sanitize_line, understand,
};
use crate::{Error, Result};

use super::atomic::{TEMPORARY, folder_of, sync_dir, write_atomically};
use super::fits;
use super::lock::{Lock, is_held};
use super::log::Journal;
use super::record::{Line, VERSION};

/// What is being searched: `run.json`. Written first, never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The version of kbisect that began the run.
    pub kbisect: String,
    /// When: seconds since 1970, UTC.
    pub at: u64,
    /// The command line.
    pub argv: Vec<String>,
    /// What its verdicts depend on besides the resolved config. A run is resumed only when it is still the same.
    pub key: RunKey,
    /// The settings, to go on with the same ones.
    pub settings: StoredSettings,
    /// The name of the search algorithm.
    pub algorithm: String,
    /// The start's requests. Their numbers are those of all request sets of the run.
    pub requests: Vec<Request>,
    /// The requests that must stay (`--keep`).
    #[serde(rename = "fixed")]
    pub keep: RequestSet,
    /// For each request, the others that go with it. Empty: nobody knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<Vec<RequestId>>,
    /// For each request, the others that select its symbol, so that it changes nothing while they are
    /// there; they are among what is `carried`, if that is known. Empty: there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selectors: Vec<RequestSet>,
    /// How likely each request is needed, as somebody thinks. Empty: nobody has an idea.
    #[serde(default, skip_serializing_if = "Prior::is_empty")]
    pub prior: Prior,
    /// What a failing guess may say, and the requests that it may lack then. Not in older runs, which grew without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symptoms: Vec<Symptom>,
    /// How many `=` lines the resolved start has, if the run begins with a guess, without building it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_lines: Option<u32>,
    /// What became of the start's other lines, and why. Older runs do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// The result that the run verifies, if it is a verification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifies: Option<ContentId>,
}

impl RunInfo {
    /// Does the run begin with a guess, and build its start only if nothing smaller passes?
    #[must_use]
    pub fn begins_with_guess(&self) -> bool {
        self.start_lines.is_some()
    }

    /// What the certificate of the run is made of.
    #[must_use]
    pub fn certify(&self) -> Certify {
        self.settings.certify()
    }
}

/// [`RunInfo`] as it is written.
#[derive(Serialize, Deserialize)]
struct Written<I> {
    v: u32,
    #[serde(flatten)]
    info: I,
}

const LOCK: &str = "lock";
const INFO: &str = "run.json";
const JOURNAL: &str = "journal.jsonl";
const TRIALS: &str = "trials";

/// A run directory that this process holds.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    /// The bytes of [`INFO`].
    info: Vec<u8>,
    _lock: Lock,
}

/// Is a folder empty, so that it can become a run directory? Files that a killed run left there do not count.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it has anything else in it.
fn check_foreign(path: &Path) -> Result<()> {
    let io = |e| Error::io("read", path, e);
    for entry in fs::read_dir(path).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        let ours = [LOCK, INFO, TRIALS].iter().any(|n| name == *n)
            || name.to_string_lossy().starts_with(TEMPORARY);
        if !ours {
            return Err(Error::usage(format!(
                "{} is not empty: it has `{}` in it",
                path.display(),
                sanitize_line(&name.to_string_lossy(), 100)
            ))
            .hint("give an --output that is new or empty"));
        }
    }
    Ok(())
}

/// A run directory with all that it says.
#[derive(Debug)]
pub struct Opened {
    /// The directory.
    pub dir: RunDir,
    /// What is being searched.
    pub info: RunInfo,
    /// The journal, to go on with.
    pub journal: Journal,
    /// What it said up to now.
    pub lines: Vec<Line>,
    /// What was not as it should be, in words for people. The run can go on.
    pub warnings: Vec<String>,
}

impl RunDir {
    /// Makes a run directory, with an empty journal.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`](crate::ErrorKind::Locked) when a run holds it;
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it has a run or anything else in it;
    /// else when it cannot be written.
    pub fn create(path: &Path, info: &RunInfo) -> Result<(Self, Journal)> {
        fs::create_dir_all(path).map_err(|e| Error::io("make the folder", path, e))?;
        // First, so that not even a lock is left in somebody else's folder.
        if !path.join(LOCK).exists() {
            Self::check(path)?;
        }
        let lock = Lock::take(&path.join(LOCK))?;
        let text = serde_json::to_string_pretty(&Written { v: VERSION, info })
            .map_err(|e| Error::io("write", &path.join(INFO), e.into()))?;
        let dir = Self {
            path: path.to_owned(),
            info: format!("{text}\n").into_bytes(),
            _lock: lock,
        };
        dir.check_unused()?;
        // In this order, so that a folder with a journal always says what the run is about.
        dir.write(INFO, &dir.info)?;
        let trials = path.join(TRIALS);
        fs::create_dir_all(&trials).map_err(|e| Error::io("make the folder", &trials, e))?;
        let journal = Journal::create(&path.join(JOURNAL))?;
        let above = folder_of(path);
        sync_dir(above).map_err(|e| Error::io("write", above, e))?;
        Ok((dir, journal))
    }

    /// Could [`create`](Self::create) make a run directory of this? Nothing is changed.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it has anything but a run in it.
    pub fn check(path: &Path) -> Result<()> {
        if !path.exists() || Self::has_run(path) {
            return Ok(());
        }
        if path.join(JOURNAL).exists() {
            return Err(no_run(path));
        }
        check_foreign(path)
    }

    /// Is there a run in this directory, under way or not?
    #[must_use]
    pub fn has_run(path: &Path) -> bool {
        path.join(INFO).exists()
    }

    /// Are there all records of a run, and not only some of its files?
    #[must_use]
    pub fn is_whole(path: &Path) -> bool {
        path.join(JOURNAL).exists() && Self::has_run(path)
    }

    /// Is a run under way in this directory, on this machine?
    #[must_use]
    pub fn is_held(path: &Path) -> bool {
        is_held(&path.join(LOCK))
    }

    /// A run that died before it had a journal left nothing worth keeping.
    fn check_unused(&self) -> Result<()> {
        let path = self.path.display();
        if self.path.join(JOURNAL).exists() {
            if !Self::has_run(&self.path) {
                return Err(no_run(&self.path));
            }
            return Err(Error::usage(format!("{path} has a run in it"))
                .hint("go on with it by `kbisect resume`, or give another --output"));
        }
        check_foreign(&self.path)
    }

    /// Takes hold of a run directory to go on with its run.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`](crate::ErrorKind::Locked) when a run holds it;
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when there is no run in it; else when it
    /// cannot be read, is damaged, or was written by a newer kbisect.
    pub fn open(path: &Path) -> Result<Opened> {
        if !path.join(INFO).exists() {
            return Err(no_run(path));
        }
        let lock = Lock::take(&path.join(LOCK))?;
        let (info, text) = read_info(path)?;
        let dir = Self {
            path: path.to_owned(),
            info: text,
            _lock: lock,
        };
        let file = path.join(JOURNAL);
        // Killed between the two files: a run without a single record.
        let (journal, loaded) = if file.exists() {
            let (journal, loaded) = Journal::open(&file)?;
            fits::check(&loaded.lines, info.requests.len(), &file)?;
            (journal, Some(loaded))
        } else {
            (Journal::create(&file)?, None)
        };
        let mut warnings = Vec::new();
        let (lines, torn) = loaded.map_or((Vec::new(), 0), |l| (l.lines, l.torn));
        if torn > 0 {
            warnings.push(format!(
                "the last record of the journal was cut short ({torn} bytes); it is left out"
            ));
        }
        dir.sweep();
        Ok(Opened {
            dir,
            info,
            journal,
            lines,
            warnings,
        })
    }

    /// Reads a run directory, also that of a run under way, and changes nothing.
    ///
    /// # Errors
    /// As [`RunDir::open`], but a lock is no matter.
    pub fn read(path: &Path) -> Result<(RunInfo, Vec<Line>)> {
        if !Self::is_whole(path) {
            return Err(no_run(path));
        }
        let (info, journal) = (read_info(path)?.0, path.join(JOURNAL));
        check_plain(&journal)?;
        let lines = Journal::read(&journal)?.lines;
        fits::check(&lines, info.requests.len(), &journal)?;
        Ok((info, lines))
    }

    /// Takes away what a killed process was writing. It is in nobody's way, so a failure is no
    /// matter.
    fn sweep(&self) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        for entry in entries {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces a file in it, as `best.config`; whole or not at all. Gives its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path.join(name);
        write_atomically(&path, bytes)?;
        Ok(path)
    }

    /// Writes `run.json` anew if it is not what it was: another program changed or removed it. Says whether
    /// that was so.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn restore_info(&self) -> Result<bool> {
        if fs::read(self.path.join(INFO)).is_ok_and(|bytes| bytes == self.info) {
            return Ok(false);
        }
        self.write(INFO, &self.info)?;
        Ok(true)
    }

    /// The folder of all trials.
    #[must_use]
    pub fn trials(path: &Path) -> PathBuf {
        path.join(TRIALS)
    }

    /// The folder of a trial, whether there is one or not.
    #[must_use]
    pub fn trial_dir(path: &Path, trial: TrialId) -> PathBuf {
        Self::trials(path).join(trial.folder())
    }

    /// Makes the folder of a trial. One that a killed run left is emptied: its files would be
    /// taken for this trial's.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_trial_dir(&self, trial: TrialId) -> Result<PathBuf> {
        let dir = Self::trial_dir(&self.path, trial);
        unless_absent(fs::remove_dir_all(&dir))
            .map_err(|e| Error::io("empty the folder", &dir, e))?;
        fs::create_dir_all(&dir).map_err(|e| Error::io("make the folder", &dir, e))?;
        Ok(dir)
    }
}

/// Why there is no run in a folder: nothing of one is there, or a part of it was taken away.
fn no_run(path: &Path) -> Error {
    if path.join(JOURNAL).exists() && !RunDir::has_run(path) {
        let shown = path.display();
        return Error::usage(format!(
            "the run in {shown} cannot be read: its {INFO} is gone, and nothing else says what it is about"
        ))
        .hint(format!(
            "put {INFO} back, or start a new run with another --output; the smallest config that passed is in \
             {shown}/best.config, the start of the search can be {shown}/best.fragment"
        ));
    }
    Error::usage(format!("there is no run in {}", path.display()))
        .hint("give its folder, which --output named when the run began")
}

/// What `run.json` says, and its bytes.
/// Refuses what is no plain file: to open a pipe would wait for its other end.
///
/// # Errors
/// It is none, or is not there.
fn check_plain(path: &Path) -> Result<()> {
    let meta = fs::metadata(path).map_err(|e| Error::io("read", path, e))?;
    match meta.is_file() {
        true => Ok(()),
        false => Err(Error::failed(format!(
            "{} is no plain file",
            path.display()
        ))),
    }
}

fn read_info(path: &Path) -> Result<(RunInfo, Vec<u8>)> {
    let path = path.join(INFO);
    check_plain(&path)?;
    let text = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
    let damaged = |e| Error::failed(format!("{} is damaged", path.display())).because(e);
    understand(&text, VERSION, &path)
        .map_err(|e| e.hint("go on with the kbisect that began the run, or a newer one"))?;
    let written: Written<RunInfo> =
        serde_json::from_slice(&text).map_err(|e| damaged(Box::new(e)))?;
    let info = written.info;
    if info.keep.capacity() != info.requests.len() {
        let path = path.display();
        return Err(Error::failed(format!(
            "{path} is damaged: `fixed` does not fit `requests`"
        )));
    }
    Ok((info, text))
}
