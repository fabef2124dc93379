//! What children leave behind when they end, and when kbisect does.

use std::thread::JoinHandle;

use super::*;

/// A shell's words: a process with a session of its own, whose number is in `x` once it has it.
/// `$1` may be words to stand before.
fn daemon(before: &str) -> String {
    format!("mkfifo up; ({before} setsid sh -c 'echo $$ >up; exec sleep 1000' &); read x <up; ")
}

/// Runs `script` to its end, which prints the number of a process.
fn pid_from(script: &str) -> String {
    let dir = TempDir::new().unwrap();
    let (ended, pid) = capture(&sh(script).cwd(dir.path()), &CancelToken::new()).unwrap();
    assert!(ended.success(), "{ended:?}");
    String::from_utf8(pid).unwrap()
}

fn is_there(pid: &str) -> bool {
    Path::new("/proc").join(pid.trim()).exists()
}

/// Is the process gone, and no zombie either?
#[track_caller]
fn assert_gone(pid: &str) {
    pid.trim().parse::<i32>().unwrap();
    assert!(!is_there(pid), "{pid} is there");
}

#[test]
fn a_process_with_a_session_of_its_own_ends_with_its_child() {
    assert_gone(&pid_from(&(daemon("") + "echo $x")));
}

#[test]
fn a_process_without_an_environment_ends_with_its_child() {
    alone(|| {
        assert_gone(&pid_from(&(daemon("env -i") + "echo $x")));
    });
}

#[test]
fn what_a_daemon_started_ends_with_it() {
    alone(|| {
        let script =
            "mkfifo up; setsid env -i sh -c 'sleep 1000 & echo $! >up; wait' & read x <up; echo $x";
        assert_gone(&pid_from(script));
    });
}

#[test]
fn a_dropped_child_takes_its_daemons_along() {
    let dir = TempDir::new().unwrap();
    let pipe = fifo(&dir, "pipe");
    let script = daemon("") + "echo $x >pipe; exec sleep 1000";
    let running = Running::spawn(&sh(&script).cwd(dir.path())).unwrap();
    let pid = fs::read_to_string(pipe).unwrap();
    drop(running);
    assert_gone(&pid);
}

#[test]
fn the_daemon_of_another_child_lives_on() {
    alone(|| {
        let dir = TempDir::new().unwrap();
        let (pipe, go_on) = (fifo(&dir, "pipe"), fifo(&dir, "go-on"));
        for before in ["", "env -i"] {
            let script = daemon(before) + "echo $x >pipe; read y <go-on; kill -0 $x";
            let spec = sh(&format!("rm -f up; {script}")).cwd(dir.path());
            let other: JoinHandle<Ended> =
                thread::spawn(move || run(&spec, &CancelToken::new()).unwrap());
            let daemon = fs::read_to_string(&pipe).unwrap();
            // Others begin and end meanwhile, with daemons and without.
            assert_gone(&pid_from(&(self::daemon("") + "echo $x")));
            assert!(run(&sh("exit 0"), &CancelToken::new()).unwrap().success());
            fs::write(&go_on, "\n").unwrap();
            assert!(other.join().unwrap().success(), "the daemon was killed");
            assert_gone(&daemon);
        }
    });
}

#[test]
fn an_orphan_that_may_be_anothers_ends_with_the_last_that_it_can_be_from() {
    alone(|| {
        let dir = TempDir::new().unwrap();
        let pipe = fifo(&dir, "pipe");
        let older = Running::spawn(&sh("exec sleep 1000")).unwrap();
        let script = daemon("env -i") + "echo $x >pipe";
        let spec = sh(&script).cwd(dir.path());
        let running = Running::spawn(&spec).unwrap();
        let orphan = fs::read_to_string(pipe).unwrap();
        assert!(running.end(None).unwrap().success());
        assert!(is_there(&orphan), "the test must leave one");
        older.end(Some(How::Cancelled)).unwrap();
        assert_gone(&orphan);
    });
}

#[test]
fn a_child_of_another_part_of_the_program_is_left_alone() {
    // By the standard library, in our group: with an environment that has no mark.
    let mut other = std::process::Command::new("sleep")
        .arg("1000")
        .spawn()
        .unwrap();
    assert_gone(&pid_from(&(daemon("") + "echo $x")));
    assert!(other.try_wait().unwrap().is_none(), "it was killed");
    other.kill().unwrap();
    assert_eq!(
        run(&sh("exit 3"), &CancelToken::new()).unwrap().how,
        How::Exited(3)
    );
    assert!(!other.wait().unwrap().success());
}

#[test]
fn a_child_has_no_part_in_what_other_threads_reap() {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for status in 0..20 {
                    let script = format!("(setsid true &); (setsid true &); exit {status}");
                    let ended = run(&sh(&script), &CancelToken::new()).unwrap();
                    assert_eq!(ended.how, How::Exited(status));
                    let missing = run(&Spec::new("no-such-program"), &CancelToken::new());
                    assert!(missing.is_err());
                }
            });
        }
    });
}

#[test]
fn what_ended_out_of_sight_is_reaped_while_the_child_runs() {
    let dir = TempDir::new().unwrap();
    let (pipe, go_on) = (fifo(&dir, "pipe"), fifo(&dir, "go-on"));
    // Ten daemons that end at once. Each has the fifo open until it has.
    let script = "for i in 0 1 2 3 4 5 6 7 8 9; do (setsid sh -c 'echo $$' >>pids &); done; \
                  exec 3>pipe; read x <go-on";
    let spec = sh(script).cwd(dir.path());
    let mut running = Running::spawn(&spec).unwrap();
    drop(fs::File::open(&pipe).unwrap());
    let pids = || fs::read_to_string(dir.path().join("pids")).unwrap_or_default();
    while pids().lines().count() < 10 {
        thread::yield_now();
    }
    for pid in pids().lines() {
        assert!(has_ended(pid));
    }
    running.tidy_now();
    pids().lines().for_each(assert_gone);
    fs::write(&go_on, "\n").unwrap();
    assert!(running.end(None).unwrap().success());
}

/// Runs the test `name` once more, as a kbisect that starts `script` in a folder, and does `act`
/// there before the parent knows that the child has begun; otherwise waits for its end. Returns
/// what `script` wrote to `pipe` there, once the victim was killed.
fn victim(name: &str, script: &str, is_early: Early) -> String {
    const VICTIM: &str = "KBISECT_TEST_VICTIM";
    if let Some(dir) = env::var_os(VICTIM) {
        let dir = PathBuf::from(dir);
        if let Early::Yes = is_early {
            let pid_file = dir.join("pipe");
            *BEGUN.lock().unwrap() = Some(Box::new(move || {
                let pid = fs::read_to_string(pid_file).unwrap();
                fs::write(dir.join("pid"), pid).unwrap();
                raise(Number::SIGKILL).unwrap();
            }));
            let _ = Running::spawn(&sh(script).cwd(env::var_os(VICTIM).unwrap()));
        } else {
            let _ = run(&sh(script).cwd(dir), &CancelToken::new());
        }
        unreachable!("killed before");
    }
    let dir = TempDir::new().unwrap();
    let pipe = fifo(&dir, "pipe");
    let this = format!("supervise::tests::left_behind::{name}");
    // Not a child by `Running`, which would end what is left itself.
    let mut victim = std::process::Command::new(env::current_exe().unwrap())
        .args(["--exact", &this])
        .env(VICTIM, dir.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    if let Early::Yes = is_early {
        victim.wait().unwrap();
        fs::read_to_string(dir.path().join("pid")).unwrap()
    } else {
        let pid = fs::read_to_string(pipe).unwrap();
        victim.kill().unwrap();
        victim.wait().unwrap();
        pid
    }
}

#[derive(Clone, Copy)]
enum Early {
    Yes,
    No,
}

#[test]
fn a_killed_kbisect_leaves_nothing_behind() {
    let name = "a_killed_kbisect_leaves_nothing_behind";
    assert!(has_ended(&victim(
        name,
        "sleep 1000 & echo $! >pipe; wait",
        Early::No
    )));
}

#[test]
fn a_kbisect_that_is_killed_as_a_child_begins_leaves_nothing_behind() {
    let name = "a_kbisect_that_is_killed_as_a_child_begins_leaves_nothing_behind";
    // Without a mark, so that only the group tells of it.
    let script = "env -i sleep 1000 & echo $! >pipe; wait";
    assert!(has_ended(&victim(name, script, Early::Yes)));
}

#[test]
fn a_killed_kbisect_leaves_no_daemon_behind() {
    let name = "a_killed_kbisect_leaves_no_daemon_behind";
    let script = daemon("") + "echo $x >pipe; exec sleep 1000";
    assert!(has_ended(&victim(name, &script, Early::No)));
}

#[test]
fn a_daemon_in_a_long_environment_is_found_too() {
    let name = "a_daemon_in_a_long_environment_is_found_too";
    // The mark lies across the border of what is read at once, 2^15 bytes.
    let before = "env -i A=$(head -c 32743 /dev/zero | tr '\\0' x) KBISECT_SPAWN=$KBISECT_SPAWN";
    let script = daemon(before) + "echo $x >pipe; exec sleep 1000";
    assert!(has_ended(&victim(name, &script, Early::No)));
}

#[test]
fn a_program_that_cannot_be_started_does_not_stay_with_the_watchdog() {
    // More than it has room for: the next child would be unguarded.
    let name = "a_program_that_cannot_be_started_does_not_stay_with_the_watchdog";
    if env::var_os("KBISECT_TEST_VICTIM").is_some() {
        for _ in 0..1100 {
            assert!(Running::spawn(&Spec::new("/dev/null")).is_err());
        }
    }
    let script = "env -i sleep 1000 & echo $! >pipe; wait";
    assert!(has_ended(&victim(name, script, Early::No)));
}

#[test]
fn what_the_shell_had_started_that_became_kbisect_lives_on() {
    const FOREIGN: &str = "KBISECT_TEST_FOREIGN";
    if let Ok(foreign) = env::var(FOREIGN) {
        let own = pid_from(&(daemon("") + "echo $x"));
        assert_gone(&own);
        // Nobody can tell whose child this was.
        let unknown = pid_from(&(daemon("env -i") + "echo $x"));
        for pid in [&foreign, &unknown] {
            let process = super::super::processes::one(pid.trim().parse().unwrap());
            assert!(process.is_some_and(|p| !p.zombie), "{pid} was ended");
        }
        let named = warnings();
        assert_eq!(named.len(), 1, "{named:?}");
        assert!(named[0].contains(unknown.trim()), "{named:?}");
        return;
    }
    let this =
        "supervise::tests::left_behind::what_the_shell_had_started_that_became_kbisect_lives_on";
    // No orphan: a child of the process that the shell becomes.
    let script = "mkfifo up; setsid sh -c 'echo $$ >up; exec sleep 1000' & read x <up; rm up; \
                  export KBISECT_TEST_FOREIGN=$x; exec \"$0\" --exact "
        .to_owned()
        + this;
    let dir = TempDir::new().unwrap();
    let spec = Spec::new("sh")
        .args(["-c", &script])
        .wall(AGES)
        .cwd(dir.path());
    let spec = spec.arg(env::current_exe().unwrap());
    let log = dir.path().join("log");
    let ended = run(&spec.log(Log::File(log.clone())), &CancelToken::new()).unwrap();
    assert!(ended.success(), "{}", fs::read_to_string(log).unwrap());
}
