//! Runs an oracle on one built kernel and reads its answer.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Oracle;
use super::call::{COMMAND, Job, by_hand, seconds};
use super::form::{Form, Forms};
use super::said::{EVIDENCE, first_line, last_line, limit_line};
use crate::error::unless_absent;
use crate::identity::{Tracked, Version};
use crate::model::{Level, sanitize_line};
use crate::supervise::{CancelToken, How, LOG_LIMIT, Log, Room, run_with, temporary_folder};
use crate::{Error, ErrorKind, Result};

/// How often a judgement is made whose oracle was written to meanwhile.
const TRIES: u32 = 3;

/// What an oracle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OracleVerdict {
    /// The kernel is good enough.
    Accept,
    /// It is not.
    Reject,
    /// This time the oracle cannot tell.
    CannotTell,
    /// The machine ran out of memory, disk or processes meanwhile: the answer does not count.
    Starved,
    /// It failed without evidence, and its log has words by which a program says that the machine ran out of
    /// resources; nothing else shows that. They may be from the kernel that it judges.
    Complains,
    /// The oracle itself is broken, for every kernel.
    Broken {
        /// How it ended.
        how: How,
    },
}

/// An [`OracleVerdict`], why, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OracleOutcome {
    /// What the oracle says.
    pub verdict: OracleVerdict,
    /// The oracle that gave it.
    pub oracle: String,
    /// Its folder in that of the trial.
    pub folder: String,
    /// One clean line: why the kernel was not accepted.
    pub evidence: Option<String>,
    /// Wall time.
    pub wall: Duration,
    /// CPU time, all processes.
    pub cpu: Duration,
}

/// Asks `oracles` one after the other, until one does not accept. Without oracles everything
/// is accepted: the kernel was built, and that is all that was asked.
///
/// # Errors
/// As for [`Oracle::judge`].
pub fn judge_all(oracles: &[Oracle], job: &Job, cancel: &CancelToken) -> Result<OracleOutcome> {
    let mut all = OracleOutcome {
        verdict: OracleVerdict::Accept,
        oracle: String::new(),
        folder: String::new(),
        evidence: None,
        wall: Duration::ZERO,
        cpu: Duration::ZERO,
    };
    for oracle in oracles {
        let one = oracle.judge(job, cancel)?;
        let (wall, cpu) = (all.wall + one.wall, all.cpu + one.cpu);
        all = OracleOutcome { wall, cpu, ..one };
        if all.verdict != OracleVerdict::Accept {
            break;
        }
    }
    Ok(all)
}

impl Oracle {
    /// Runs the oracle on what `job` says, in the directory `job.trial_dir/NAME`, which has
    /// `oracle.log` afterwards, and [`COMMAND`]. If it has a fast and a full form, both are asked: see
    /// [`Self::judge_by`].
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`] when `cancel` stopped it; otherwise when the oracle cannot be
    /// started or its directory not be written.
    pub fn judge(&self, job: &Job, cancel: &CancelToken) -> Result<OracleOutcome> {
        self.judge_by(Forms::Each, job, cancel)
    }

    /// [`Self::judge`] by these forms, one after the other, until one does not accept. Of two forms the fast one has
    /// the directory `NAME-fast`.
    ///
    /// # Errors
    /// As for [`Self::judge`].
    pub fn judge_by(&self, which: Forms, job: &Job, cancel: &CancelToken) -> Result<OracleOutcome> {
        let forms = self.forms(which);
        let (mut wall, mut cpu) = (Duration::ZERO, Duration::ZERO);
        let mut last = None;
        for form in &forms {
            let outcome = self.judge_form(form, job, cancel)?;
            (wall, cpu) = (wall + outcome.wall, cpu + outcome.cpu);
            let mut outcome = OracleOutcome {
                wall,
                cpu,
                ..outcome
            };
            let verdict = outcome.verdict;
            match (verdict, form.level) {
                (OracleVerdict::Reject, Some(Level::Fast)) if forms.len() > 1 => {
                    self.rejected.note(&job.config);
                    let why = outcome.evidence.map(|why| format!(": {why}"));
                    outcome.evidence = Some(format!("at level fast{}", why.unwrap_or_default()));
                }
                (OracleVerdict::Accept, Some(Level::Full)) if self.rejected.take(&job.config) => {
                    let (name, trial) = (self.name(), job.trial_dir.display());
                    self.written.warn(format!(
                        "the oracle {name} rejected a kernel at level fast and accepts it at level full ({trial}): \
                         the verdicts at level full count, and each repetition is one"
                    ));
                }
                _ => {}
            }
            last = Some(outcome);
            if verdict != OracleVerdict::Accept {
                break;
            }
        }
        last.ok_or_else(|| Error::failed(format!("the oracle {} has no form", self.name())))
    }

    /// Runs one form of the oracle.
    fn judge_form(&self, form: &Form, job: &Job, cancel: &CancelToken) -> Result<OracleOutcome> {
        let has = |files: &[&Tracked], file: &Tracked| files.iter().any(|f| std::ptr::eq(*f, file));
        let mut each_time: Option<Vec<&Tracked>> = None;
        for attempt in 1..=TRIES {
            let before = self.look();
            // What it may write itself it may have written in another judgement.
            let is_edited = |(file, version): &&(&Tracked, Version)| {
                !file.is_first(version) && !self.may_write(file)
            };
            if let Some((file, _)) = before.iter().find(is_edited) {
                return Err(self.changed(file));
            }
            let outcome = self.judge_once(form, job, cancel);
            if matches!(&outcome, Err(e) if e.kind() == ErrorKind::Interrupted) {
                return outcome;
            }
            self.note_logs(&before)?;
            // It may have seen other contents meanwhile.
            let after: Vec<_> = before
                .iter()
                .filter(|(file, _)| !self.writes(file))
                .map(|(file, earlier)| (*file, *earlier, file.version()))
                .collect();
            let written: Vec<&Tracked> = after
                .iter()
                .filter(|(_, earlier, now)| now.is_written_since(earlier))
                .map(|(file, ..)| *file)
                .collect();
            let mut by_itself = each_time.unwrap_or_else(|| written.clone());
            by_itself.retain(|file| has(&written, file));
            // What it does not write each time was written by somebody else.
            let is_edited = |(file, _, now): &&(&Tracked, Version, Version)| {
                let is_its_own = has(&by_itself, file) && self.may_write(file);
                !is_its_own && !file.is_first(now)
            };
            if let Some((file, ..)) = after.iter().find(is_edited) {
                return Err(self.changed(file));
            }
            if written.is_empty() {
                return outcome;
            }
            let is_its_own = |file: &&Tracked| has(&by_itself, file) && self.may_write(file);
            if attempt == TRIES && written.iter().all(is_its_own) {
                let names: Vec<&str> = written.iter().map(|file| file.name()).collect();
                self.written.note(self.name(), &names)?;
                return outcome;
            }
            each_time = Some(by_itself);
        }
        let (oracle, folder) = (
            self.name(),
            self.program().parent().unwrap_or(Path::new("/")),
        );
        Err(Error::failed(format!(
            "the files of the oracle {oracle} are written to each time that it judges"
        ))
        .hint(format!(
            "see what is written in {}: an oracle has $KBISECT_TRIAL to write to",
            folder.display()
        )))
    }

    fn judge_once(&self, form: &Form, job: &Job, cancel: &CancelToken) -> Result<OracleOutcome> {
        let written = [
            job.trial_dir.clone(),
            job.build.clone(),
            temporary_folder(&[]),
        ];
        self.judge_in(&mut Room::of(written), form, job, cancel)
    }

    /// [`Self::judge_once`], which gives no verdict if `room` is lost and the oracle does not accept.
    fn judge_in(
        &self,
        room: &mut Room,
        form: &Form,
        job: &Job,
        cancel: &CancelToken,
    ) -> Result<OracleOutcome> {
        let dir = job.trial_dir.join(&form.folder);
        fs::create_dir_all(&dir).map_err(|e| Error::io("make the folder", &dir, e))?;
        let dir = dir
            .canonicalize()
            .map_err(|e| Error::io("look at", &dir, e))?;
        let evidence_file = dir.join("evidence");
        unless_absent(fs::remove_file(&evidence_file))
            .map_err(|e| Error::io("remove", &evidence_file, e))?;
        let log = dir.join("oracle.log");
        let spec = self
            .spec(job, form, &dir, &evidence_file)?
            .log(Log::File(log.clone()))
            .log_limit(LOG_LIMIT);
        let command = dir.join(COMMAND);
        fs::write(&command, by_hand(&spec, &job.kbisect))
            .map_err(|e| Error::io("write", &command, e))?;
        let ended = run_with(&spec, cancel, &mut || room.look())?;
        let blames_nothing = matches!(ended.how, How::Exited(0 | 125) | How::Cancelled);
        let said = first_line(&evidence_file);
        let (lost, complaint) = match ended.how {
            _ if blames_nothing => (None, None),
            how => {
                // It may have failed for want of room, and not have been able to say so.
                let lost = room.lost().or_else(|| stopped_by_limit(how));
                (lost, complaint(how, said.as_deref(), &log))
            }
        };

        let verdict = match ended.how {
            _ if lost.is_some() => OracleVerdict::Starved,
            _ if complaint.is_some() => OracleVerdict::Complains,
            How::Exited(0) => OracleVerdict::Accept,
            How::Exited(1..=124) | How::TimedOut(_) => OracleVerdict::Reject,
            How::Exited(125) => OracleVerdict::CannotTell,
            // Most likely by the kernel of this machine, for want of memory: next time it may
            // have more, and neither the oracle nor the kernel that it judges did wrong.
            how if how.is_killed() => OracleVerdict::CannotTell,
            how @ (How::Exited(_) | How::Signalled(_)) => OracleVerdict::Broken { how },
            How::Cancelled => {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            }
        };
        let evidence = match (verdict, ended.how) {
            (OracleVerdict::Accept, _) => None,
            (OracleVerdict::Starved | OracleVerdict::Complains, _) => {
                let why = lost.or(complaint);
                why.map(|why| sanitize_line(&why, EVIDENCE))
            }
            (_, How::TimedOut(_)) => Some(format!("took longer than {} s", seconds(job.timeout))),
            (OracleVerdict::CannotTell, how) if how.is_killed() => {
                Some(format!("the oracle ended early: {how}; was memory short?"))
            }
            // Without evidence, what it said last is better than nothing.
            _ => said.or_else(|| last_line(&log)),
        };
        let oracle = self.name().to_owned();
        Ok(OracleOutcome {
            verdict,
            oracle,
            folder: form.folder.clone(),
            evidence,
            wall: ended.wall,
            cpu: ended.cpu,
        })
    }
}

/// Why the oracle failed, if a limit of this machine stopped it.
fn stopped_by_limit(how: How) -> Option<String> {
    let why = how.exceeded()?;
    Some(format!("the oracle ended early: {how}: {why}"))
}

/// Why the oracle failed, if its log says that a limit of this machine stopped what it called. One that gives evidence
/// knows better.
fn complaint(how: How, evidence: Option<&str>, log: &Path) -> Option<String> {
    if evidence.is_some() || how.is_killed() || !matches!(how, How::Exited(_)) {
        return None;
    }
    let line = limit_line(log)?;
    Some(format!(
        "the oracle failed without a word in $KBISECT_EVIDENCE, and its log says that this machine did: {line}"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
