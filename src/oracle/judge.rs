//! Runs an oracle on one built kernel and reads its answer.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Oracle;
use super::said::{EVIDENCE, first_line, last_line, limit_line};
use crate::error::unless_absent;
use crate::identity::{Tracked, Version};
use crate::model::{WorkerId, sanitize_line};
use crate::supervise::{
    CancelToken, How, LOG_LIMIT, Log, Room, Spec, quote, run_with, temporary_folder,
};
use crate::{Error, ErrorKind, Result};

/// How often a judgement is made whose oracle was written to meanwhile.
const TRIES: u32 = 3;

/// The file, in the directory of an oracle in a trial, with the command that repeats what was
/// done there.
pub const COMMAND: &str = "command";

/// The variable that has the folder where `kbisect boot` is to leave traces, if it is to trace.
pub const TRACE: &str = "KBISECT_TRACE";

/// What an oracle is to judge.
#[derive(Debug, Clone)]
pub struct Job {
    /// The built boot image, or another project's product.
    pub image: PathBuf,
    /// The resolved config.
    pub config: PathBuf,
    /// The source tree.
    pub source: PathBuf,
    /// The build tree.
    pub build: PathBuf,
    /// The directory of the trial; each oracle gets one of its own in it.
    pub trial_dir: PathBuf,
    /// How long each oracle may take.
    pub timeout: Duration,
    /// The worker, which an oracle sees as `KBISECT_SLOT`.
    pub slot: WorkerId,
    /// The directory of the start's own trial; none while the start is judged.
    pub baseline: Option<PathBuf>,
    /// The folder of the [prepared guest](crate::setup::GuestDir), if there is one.
    pub guest: Option<PathBuf>,
    /// Our own executable, which oracles call as `kbisect`.
    pub kbisect: PathBuf,
    /// The folder for traces of what the kernel executes, if it is to be traced.
    pub trace: Option<PathBuf>,
}

/// What an oracle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OracleVerdict {
    /// The kernel is good enough.
    Accept,
    /// It is not.
    Reject,
    /// This time the oracle cannot tell.
    CannotTell,
    /// The machine gave out while it was asked, so that what it says is nothing to rely on.
    Starved,
    /// It failed without evidence, and its log has words by which a program says that the machine gave out; nothing
    /// else shows that. They may be the kernel's that it judges.
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
    /// `oracle.log` afterwards, and [`COMMAND`].
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`] when `cancel` stopped it; otherwise when the oracle cannot be
    /// started or its directory not be written.
    pub fn judge(&self, job: &Job, cancel: &CancelToken) -> Result<OracleOutcome> {
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
            let outcome = self.judge_once(job, cancel);
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

    fn judge_once(&self, job: &Job, cancel: &CancelToken) -> Result<OracleOutcome> {
        let written = [
            job.trial_dir.clone(),
            job.build.clone(),
            temporary_folder(&[]),
        ];
        self.judge_in(&mut Room::of(written), job, cancel)
    }

    /// [`Self::judge_once`], which gives no verdict if `room` is lost and the oracle does not accept.
    fn judge_in(&self, room: &mut Room, job: &Job, cancel: &CancelToken) -> Result<OracleOutcome> {
        let dir = job.trial_dir.join(self.name());
        fs::create_dir_all(&dir).map_err(|e| Error::io("make the folder", &dir, e))?;
        let dir = dir
            .canonicalize()
            .map_err(|e| Error::io("look at", &dir, e))?;
        let evidence_file = dir.join("evidence");
        unless_absent(fs::remove_file(&evidence_file))
            .map_err(|e| Error::io("remove", &evidence_file, e))?;
        let log = dir.join("oracle.log");
        let spec = self
            .spec(job, &dir, &evidence_file)?
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
            evidence,
            wall: ended.wall,
            cpu: ended.cpu,
        })
    }

    fn spec(&self, job: &Job, dir: &Path, evidence: &Path) -> Result<Spec> {
        let absolute = |path: &Path| {
            std::path::absolute(path).map_err(|e| Error::io("find the folder of", path, e))
        };
        let mut spec = Spec::new(self.program())
            .cwd(dir)
            .wall(job.timeout + grace(job.timeout))
            .in_fixed_locale()
            .env("KBISECT_IMAGE", absolute(&job.image)?)
            .env("KBISECT_CONFIG", absolute(&job.config)?)
            .env("KBISECT_SOURCE", absolute(&job.source)?)
            .env("KBISECT_BUILD", absolute(&job.build)?)
            .env("KBISECT_TRIAL", dir)
            .env("KBISECT_TIMEOUT", seconds(job.timeout).to_string())
            .env("KBISECT_EVIDENCE", evidence)
            .env("KBISECT_SLOT", job.slot.to_string())
            .env("PATH", path_with(&absolute(&job.kbisect)?)?);
        // What an outer kbisect set for its own oracle must not be seen by ours.
        spec = match &job.baseline {
            Some(start) => spec.env("KBISECT_BASELINE", absolute(start)?.join(self.name())),
            None => spec.env_remove("KBISECT_BASELINE"),
        };
        spec = match &job.guest {
            Some(guest) => spec.env("KBISECT_GUEST", absolute(guest)?),
            None => spec.env_remove("KBISECT_GUEST"),
        };
        spec = match &job.trace {
            Some(folder) => spec.env(TRACE, absolute(folder)?),
            None => spec.env_remove(TRACE),
        };
        Ok(spec)
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

/// The command for a shell that does what `spec` does: for people who want to see it fail.
fn by_hand(spec: &Spec, kbisect: &Path) -> String {
    let quoted = |text: &OsStr| quote(&text.to_string_lossy());
    let mut text = String::new();
    if let Some(dir) = &spec.cwd {
        text += &format!("cd {} &&\n", quoted(dir.as_os_str()));
    }
    // The link that oracles call us by goes with the run; what it leads to stays.
    let own = fs::canonicalize(kbisect).unwrap_or_else(|_| kbisect.to_owned());
    let own = own.parent().unwrap_or(Path::new("/"));
    text += &format!("PATH={}:\"$PATH\" \\\n", quoted(own.as_os_str()));
    for (name, value) in spec.env.iter().filter(|(name, _)| name != "PATH") {
        text += &format!("{}={} \\\n", name.to_string_lossy(), quoted(value));
    }
    text += &quoted(spec.program.as_os_str());
    for arg in &spec.args {
        text += &format!(" {}", quoted(arg));
    }
    text.push('\n');
    text
}

/// How much longer than `timeout` an oracle lives: `kbisect boot` has the same limit, and says
/// better than we could how far the kernel got.
fn grace(timeout: Duration) -> Duration {
    (timeout / 10).min(Duration::from_secs(10))
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// `PATH`, with the folder of `program` in front.
fn path_with(program: &Path) -> Result<OsString> {
    let own = program.parent().unwrap_or(Path::new("/"));
    let rest = env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(own.to_owned()).chain(env::split_paths(&rest));
    env::join_paths(dirs).map_err(|e| {
        Error::failed(format!("the folder {} cannot be in PATH", own.display())).because(e)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::find;
    use super::*;
    use crate::supervise::run;

    /// Judges with the shell script `script`, in a trial of its own.
    fn judge(script: &str, change: impl FnOnce(&mut Job)) -> (OracleOutcome, tempfile::TempDir) {
        judge_in(&mut Room::of([""; 0]), script, change)
    }

    fn judge_in(
        room: &mut Room,
        script: &str,
        change: impl FnOnce(&mut Job),
    ) -> (OracleOutcome, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("oracle");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut job = Job {
            image: "image".into(),
            config: "config".into(),
            source: "source".into(),
            build: "build".into(),
            trial_dir: dir.path().join("trial"),
            timeout: Duration::from_secs(60),
            slot: WorkerId(3),
            baseline: None,
            guest: None,
            kbisect: "/somewhere/kbisect".into(),
            trace: None,
        };
        change(&mut job);
        let oracle = find(program.to_str().unwrap()).unwrap();
        let outcome = oracle.judge_in(room, &job, &CancelToken::new());
        (outcome.unwrap(), dir)
    }

    #[test]
    fn a_judgement_can_be_repeated_by_hand() {
        let script = "echo \"$KBISECT_IMAGE $KBISECT_SLOT $KBISECT_TRIAL\"; exit 1";
        let (_, dir) = judge(script, |job| job.image = "/it's here/bzImage".into());
        let trial = dir.path().join("trial/oracle");
        let before = fs::read(trial.join("oracle.log")).unwrap();
        let again = Spec::new("sh")
            .arg(trial.join(COMMAND))
            .cwd("/")
            .log(Log::File(dir.path().join("again")));
        let ended = run(&again, &CancelToken::new()).unwrap();
        assert_eq!(ended.how, How::Exited(1));
        assert!(before.starts_with(b"/it's here/bzImage 3 /"));
        assert_eq!(fs::read(dir.path().join("again")).unwrap(), before);
    }

    /// An oracle that sources `lib.sh`, and what it says of `change`, which `lib.sh` does to itself.
    fn judged_with(lib: &str) -> Result<OracleOutcome> {
        let dir = tempfile::tempdir().unwrap();
        let lib_path = dir.path().join("lib.sh");
        let text = format!("here='{}'\n{lib}\n", dir.path().display());
        fs::write(&lib_path, text).unwrap();
        let mut result = None;
        let script = "here=$(dirname \"$0\"); . \"$here/lib.sh\"";
        let program = dir.path().join("oracle");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        judge("exit 0", |job| {
            let oracle = find(program.to_str().unwrap()).unwrap();
            result = Some(oracle.judge(job, &CancelToken::new()));
        });
        result.unwrap()
    }

    #[test]
    fn what_an_oracle_sources_must_not_change_while_it_judges() {
        let error = judged_with("echo : >>\"$here/lib.sh\"").unwrap_err();
        let text = error.to_string();
        assert_eq!(text, "oracle oracle: lib.sh was changed during the run");
        assert_eq!(
            judged_with("exit 0").unwrap().verdict,
            OracleVerdict::Accept
        );
    }

    #[test]
    fn a_judgement_during_which_a_file_was_touched_is_made_again() {
        let once = "if ! [ -e \"$here/done\" ]; then : >\"$here/done\"; touch \"$here/lib.sh\"; exit 1; fi";
        assert_eq!(judged_with(once).unwrap().verdict, OracleVerdict::Accept);
        let error = judged_with("touch \"$here/lib.sh\"; exit 1").unwrap_err();
        assert!(error.to_string().contains("each time"), "{error}");
    }

    #[test]
    fn exit_statuses_mean_what_they_mean_to_git_bisect() {
        for (status, verdict) in [
            (0, OracleVerdict::Accept),
            (1, OracleVerdict::Reject),
            (124, OracleVerdict::Reject),
            (125, OracleVerdict::CannotTell),
            (126, broken(How::Exited(126))),
            (139, broken(How::Exited(139))),
            (255, broken(How::Exited(255))),
        ] {
            assert_eq!(judge(&format!("exit {status}"), |_| ()).0.verdict, verdict);
        }
    }

    fn broken(how: How) -> OracleVerdict {
        OracleVerdict::Broken { how }
    }

    #[test]
    fn on_a_full_disk_an_oracle_accepts_or_says_nothing() {
        let on_a_full_disk = |script: &str| {
            let full = || Err(std::io::ErrorKind::StorageFull.into());
            let mut fake = Room::fake(Path::new("/trial"), full);
            judge_in(&mut fake, script, |_| ()).0
        };
        for script in ["exit 1", "exit 124", "exit 126", "kill -SEGV $$"] {
            let outcome = on_a_full_disk(script);
            assert_eq!(outcome.verdict, OracleVerdict::Starved, "{script}");
            assert!(outcome.evidence.unwrap().contains("/trial"));
        }
        assert_eq!(on_a_full_disk("exit 0").verdict, OracleVerdict::Accept);
        assert_eq!(
            on_a_full_disk("exit 125").verdict,
            OracleVerdict::CannotTell
        );
    }

    #[test]
    fn an_oracle_that_dies_of_a_signal_is_broken() {
        let (outcome, _dir) = judge("kill -SEGV $$", |_| ());
        assert_eq!(outcome.verdict, broken(How::Signalled(11)));
    }

    #[test]
    fn an_oracle_that_a_limit_of_this_machine_stops_gives_no_verdict_and_names_it() {
        let (starved, complains) = (OracleVerdict::Starved, OracleVerdict::Complains);
        for (script, name, verdict) in [
            ("ulimit -f 1; exec cat /dev/zero >big", "ulimit -f", starved),
            ("kill -XCPU $$", "ulimit -t", starved),
            ("exit 152", "ulimit -t", starved),
            (
                "echo 'sh: 3: Cannot fork'; exit 2",
                "Cannot fork",
                complains,
            ),
            (
                "echo 'x: Too many open files' >&2; exit 126",
                "Too many open files",
                complains,
            ),
            (
                "echo 'sort: memory exhausted'; exit 1",
                "memory exhausted",
                complains,
            ),
        ] {
            let (outcome, _dir) = judge(script, |_| {});
            assert_eq!(outcome.verdict, verdict, "{script}");
            let evidence = outcome.evidence.unwrap();
            assert!(evidence.contains(name), "{evidence}");
        }
        let believed =
            "echo 'sh: 3: Cannot fork'; echo 'the guest cannot fork' >$KBISECT_EVIDENCE; exit 1";
        let (outcome, _dir) = judge(believed, |_| {});
        assert_eq!(outcome.verdict, OracleVerdict::Reject);
        let (outcome, _dir) = judge("echo 'sh: 3: Cannot fork'; exit 0", |_| {});
        assert_eq!(outcome.verdict, OracleVerdict::Accept);
    }

    #[test]
    fn an_oracle_that_is_killed_cannot_tell() {
        let (outcome, _dir) = judge("echo booting; kill -KILL $$", |_| ());
        assert_eq!(outcome.verdict, OracleVerdict::CannotTell);
        let why = "the oracle ended early: killed by signal 9 (SIGKILL); was memory short?";
        assert_eq!(outcome.evidence.as_deref(), Some(why));
        // A program that the shell waits for.
        let (outcome, _dir) = judge("sh -c 'kill -KILL $$'", |_| ());
        assert_eq!(outcome.verdict, OracleVerdict::CannotTell);
    }

    #[test]
    fn an_oracle_that_says_too_much_gives_the_same_verdict_and_its_last_line() {
        let script = "set -e; yes | head -c 20000000; echo; echo what matters; exit 1";
        let (outcome, dir) = judge(script, |_| ());
        assert_eq!(outcome.verdict, OracleVerdict::Reject);
        assert_eq!(outcome.evidence.as_deref(), Some("what matters"));
        let log = dir.path().join("trial/oracle/oracle.log");
        assert!(fs::metadata(log).unwrap().len() < LOG_LIMIT + 200);
    }

    #[test]
    fn a_daemon_of_an_oracle_ends_with_the_trial() {
        let script =
            "mkfifo up; setsid sh -c 'echo $$ >up; exec sleep 1000' & read pid <up; echo $pid";
        let (outcome, dir) = judge(script, |_| ());
        assert_eq!(outcome.verdict, OracleVerdict::Accept);
        let pid = fs::read_to_string(dir.path().join("trial/oracle/oracle.log")).unwrap();
        assert!(!Path::new("/proc").join(pid.trim()).exists());
    }

    #[test]
    fn evidence_is_one_clean_line() {
        let script = "printf '\\n\\033[31mred\\007\\tline\\nmore\\n' >$KBISECT_EVIDENCE; exit 1";
        let (outcome, _dir) = judge(script, |_| ());
        assert_eq!(outcome.evidence.as_deref(), Some("red\u{fffd} line"));
    }

    #[test]
    fn without_evidence_it_is_the_last_line_of_the_log() {
        let (outcome, _dir) = judge("echo one; echo two >&2; exit 1", |_| ());
        assert_eq!(outcome.evidence.as_deref(), Some("two"));
    }

    #[test]
    fn evidence_of_a_pass_is_not_kept() {
        let (outcome, _dir) = judge("echo fine >$KBISECT_EVIDENCE", |_| ());
        assert_eq!(outcome.evidence, None);
    }

    #[test]
    fn an_endless_evidence_file_is_cut() {
        let script = "head -c 100000 /dev/zero | tr '\\0' x >$KBISECT_EVIDENCE; exit 1";
        let (outcome, _dir) = judge(script, |_| ());
        assert_eq!(outcome.evidence.unwrap().chars().count(), EVIDENCE);
    }

    #[test]
    fn a_fifo_in_place_of_evidence_holds_nobody_up() {
        let (outcome, _dir) = judge("mkfifo $KBISECT_EVIDENCE; exit 1", |_| ());
        assert_eq!(outcome.evidence, None);
    }

    #[test]
    fn an_oracle_that_takes_too_long_rejects() {
        // The limit has passed before it starts.
        let (outcome, _dir) = judge("exec sleep 600", |job| job.timeout = Duration::ZERO);
        assert_eq!(outcome.verdict, OracleVerdict::Reject);
        assert_eq!(outcome.evidence.as_deref(), Some("took longer than 0 s"));
    }

    #[test]
    fn an_oracle_sees_its_contract() {
        let script = "env | grep ^KBISECT_ | grep -v ^KBISECT_SPAWN= | sort; echo ${PATH%%:*}; pwd";
        let (outcome, dir) = judge(script, |job| {
            job.timeout = Duration::from_millis(1500);
            job.baseline = Some("/start".into());
        });
        assert_eq!(outcome.verdict, OracleVerdict::Accept);
        let trial = dir.path().canonicalize().unwrap().join("trial/oracle");
        let here = env::current_dir().unwrap();
        let (trial, here) = (trial.display(), here.display());
        // The user's own, if it is set.
        let cache = env::var("KBISECT_CACHE").map(|cache| format!("KBISECT_CACHE={cache}\n"));
        let cache = cache.unwrap_or_default();
        let expected = format!(
            "KBISECT_BASELINE=/start/oracle\nKBISECT_BUILD={here}/build\n\
             {cache}KBISECT_CONFIG={here}/config\nKBISECT_EVIDENCE={trial}/evidence\n\
             KBISECT_IMAGE={here}/image\nKBISECT_SLOT=3\nKBISECT_SOURCE={here}/source\n\
             KBISECT_TIMEOUT=2\nKBISECT_TRIAL={trial}\n/somewhere\n{trial}\n"
        );
        let log = fs::read_to_string(dir.path().join("trial/oracle/oracle.log")).unwrap();
        assert_eq!(log, expected);
    }

    #[test]
    fn an_oracle_runs_in_a_fixed_locale() {
        let script = "env | grep -e ^LC_ -e ^LANG | sort";
        let (_, dir) = judge(script, |_| ());
        let log = fs::read_to_string(dir.path().join("trial/oracle/oracle.log")).unwrap();
        assert_eq!(log, "LANG=C.UTF-8\nLC_ALL=C.UTF-8\n");
    }

    #[test]
    fn the_first_rejection_ends_the_questions() {
        let dir = tempfile::tempdir().unwrap();
        let mut oracles = Vec::new();
        for (name, status) in [("good", 0), ("bad", 1), ("never", 0)] {
            let program = dir.path().join(name);
            fs::write(&program, format!("#!/bin/sh\nexit {status}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            oracles.push(find(program.to_str().unwrap()).unwrap());
        }
        let job = Job {
            image: "i".into(),
            config: "c".into(),
            source: "s".into(),
            build: "b".into(),
            trial_dir: dir.path().join("trial"),
            timeout: Duration::from_secs(60),
            slot: WorkerId(0),
            baseline: None,
            guest: None,
            kbisect: "/kbisect".into(),
            trace: None,
        };
        let outcome = judge_all(&oracles, &job, &CancelToken::new()).unwrap();
        assert_eq!(
            (outcome.verdict, outcome.oracle.as_str()),
            (OracleVerdict::Reject, "bad")
        );
        assert!(!job.trial_dir.join("never").exists());
    }
}
