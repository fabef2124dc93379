//! What oracles, which are shell scripts here, say of a kernel.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::super::find;
use super::*;
use crate::model::WorkerId;
use crate::supervise::{Spec, run};

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
        build_log: None,
        trial_dir: dir.path().join("trial"),
        timeout: Duration::from_secs(60),
        slot: WorkerId(3),
        baseline: None,
        guest: None,
        kbisect: "/somewhere/kbisect".into(),
        modules: None,
        trace: None,
    };
    change(&mut job);
    let oracle = find(program.to_str().unwrap()).unwrap();
    let form = &oracle.forms(Forms::Each)[0];
    let outcome = oracle.judge_in(room, form, &job, &CancelToken::new());
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
    let once =
        "if ! [ -e \"$here/done\" ]; then : >\"$here/done\"; touch \"$here/lib.sh\"; exit 1; fi";
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
    let script = "mkfifo up; setsid sh -c 'echo $$ >up; exec sleep 1000' & read pid <up; echo $pid";
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
        build_log: None,
        trial_dir: dir.path().join("trial"),
        timeout: Duration::from_secs(60),
        slot: WorkerId(0),
        baseline: None,
        guest: None,
        kbisect: "/kbisect".into(),
        modules: None,
        trace: None,
    };
    let outcome = judge_all(&oracles, &job, &CancelToken::new()).unwrap();
    assert_eq!(
        (outcome.verdict, outcome.oracle.as_str()),
        (OracleVerdict::Reject, "bad")
    );
    assert!(!job.trial_dir.join("never").exists());
}

/// Judges with all forms of the shell script `script`, whose first line may be a header, beside a start that passed.
fn judge_by(which: Forms, script: &str) -> (OracleOutcome, tempfile::TempDir) {
    let mut outcome = None;
    let (_, dir) = judge(script, |job| {
        job.baseline = Some("/start".into());
        let program = job.trial_dir.parent().unwrap().join("oracle");
        let oracle = find(program.to_str().unwrap()).unwrap();
        let trial_dir = job.trial_dir.with_file_name("forms");
        let job = Job {
            trial_dir,
            ..job.clone()
        };
        outcome = Some(oracle.judge_by(which, &job, &CancelToken::new()).unwrap());
    });
    (outcome.unwrap(), dir)
}

#[test]
fn an_oracle_with_a_header_sees_its_machine_and_its_level() {
    let script = "# kbisect: machine=q35 level=fast\necho \"$KBISECT_MACHINE $KBISECT_LEVEL\"";
    let (outcome, dir) = judge_by(Forms::Each, script);
    assert_eq!(outcome.verdict, OracleVerdict::Accept);
    let log = fs::read_to_string(dir.path().join("forms/oracle/oracle.log")).unwrap();
    assert_eq!(log, "machine=q35 disk=none nic=none boot=direct fast\n");
    let command = fs::read_to_string(dir.path().join("forms/oracle").join(COMMAND)).unwrap();
    let machine = "KBISECT_MACHINE='machine=q35 disk=none nic=none boot=direct' \\\n";
    assert!(command.contains(machine), "{command}");
    assert!(command.contains("KBISECT_LEVEL=fast \\\n"), "{command}");
}

#[test]
fn an_oracle_boots_its_own_guest() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("oracle");
    fs::write(&program, "#!/bin/sh\necho \"$KBISECT_GUEST\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    judge("exit 0", |job| {
        job.guest = Some("/first".into());
        let oracle = find(program.to_str().unwrap()).unwrap();
        let log = job.trial_dir.join("oracle/oracle.log");
        let seen = |oracle: &super::super::Oracle| {
            oracle.judge(job, &CancelToken::new()).unwrap();
            fs::read_to_string(&log).unwrap()
        };
        assert_eq!(seen(&oracle), "/first\n");
        assert_eq!(seen(&oracle.booting(Path::new("/own"))), "/own\n");
    });
}

#[test]
fn of_two_forms_the_full_one_is_asked_only_if_the_fast_one_accepts() {
    let judged = |bad: &str| {
        let script = format!(
            "# kbisect: level=fast,full\necho \"$KBISECT_BASELINE\"; [ $KBISECT_LEVEL != {bad} ]"
        );
        let (outcome, dir) = judge_by(Forms::Each, &script);
        let forms = ["oracle-fast", "oracle"].map(|name| {
            let log = dir.path().join("forms").join(name).join("oracle.log");
            fs::read_to_string(log).ok()
        });
        (outcome.verdict, outcome.folder, forms)
    };
    let (fast, full) = (
        Some("/start/oracle-fast\n".to_owned()),
        Some("/start/oracle\n".to_owned()),
    );
    let both = [fast.clone(), full];
    let (accept, reject) = (OracleVerdict::Accept, OracleVerdict::Reject);
    assert_eq!(judged("x"), (accept, "oracle".to_owned(), both.clone()));
    assert_eq!(judged("full"), (reject, "oracle".to_owned(), both));
    let only = [fast, None];
    assert_eq!(judged("fast"), (reject, "oracle-fast".to_owned(), only));
}

#[test]
fn the_last_form_is_the_full_one() {
    let script = "# kbisect: level=fast,full\n[ $KBISECT_LEVEL = full ]";
    let (outcome, dir) = judge_by(Forms::Last, script);
    assert_eq!(outcome.verdict, OracleVerdict::Accept);
    assert!(!dir.path().join("forms/oracle-fast").exists());
    let (outcome, _dir) = judge_by(Forms::Last, "# kbisect: level=fast\nexit 1");
    assert_eq!(outcome.verdict, OracleVerdict::Reject);
}

#[test]
fn a_fast_form_that_rejects_what_the_full_one_accepts_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("oracle");
    let script = "#!/bin/sh\n# kbisect: level=fast,full\n[ $KBISECT_LEVEL = full ] && exit\n\
                  echo 'no sshd' >$KBISECT_EVIDENCE; exit 1\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let oracle = find(program.to_str().unwrap()).unwrap();
    judge("exit 0", |job| {
        let config = |text: &str| {
            let path = dir.path().join("config");
            fs::write(&path, text).unwrap();
            Job {
                config: path,
                ..job.clone()
            }
        };
        let judged = |which, job: &Job| oracle.judge_by(which, job, &CancelToken::new()).unwrap();
        let fast = judged(Forms::Each, &config("CONFIG_A=y\n"));
        assert_eq!(fast.verdict, OracleVerdict::Reject);
        assert_eq!(fast.evidence.as_deref(), Some("at level fast: no sshd"));
        let full = judged(Forms::Last, &config("CONFIG_B=y\n"));
        assert_eq!(full.verdict, OracleVerdict::Accept);
        assert_eq!(oracle.take_warnings(), [""; 0], "that is another kernel");
        judged(Forms::Last, &config("CONFIG_A=y\n"));
        judged(Forms::Last, &config("CONFIG_A=y\n"));
        let told = oracle.take_warnings();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("at level fast and accepts it at level full"),
            "{told:?}"
        );
    });
}
