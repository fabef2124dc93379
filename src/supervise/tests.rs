//! Faults of children, and what becomes of them.
#![allow(clippy::unwrap_used)]

use std::env;
use std::fs;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal as Number, raise};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::mkfifo;
use tempfile::TempDir;

use super::*;

mod left_behind;
mod logs;

/// Far longer than anything here takes: reached only when something is broken.
const AGES: Duration = Duration::from_secs(60);

fn sh(script: &str) -> Spec {
    Spec::new("sh")
        .args(["-c", script])
        .wall(AGES)
        .grace(Duration::from_secs(20))
}

/// What is done between the moment when a child runs and the one when its parent knows.
static BEGUN: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);

pub(super) fn child_has_begun() {
    let what = BEGUN.lock().unwrap().take();
    if let Some(what) = what {
        what();
    }
}

/// Runs `test`, a closure of the test that calls this, in a process in which no other test has children.
pub(super) fn alone<T: FnOnce()>(test: T) {
    const ALONE: &str = "KBISECT_TEST_ALONE";
    if env::var_os(ALONE).is_some() {
        return test();
    }
    let name = std::any::type_name::<T>();
    let name = name.split_once("::").unwrap().1;
    let name = name.strip_suffix("::{{closure}}").unwrap();
    let mut again = std::process::Command::new(env::current_exe().unwrap());
    let output = again.args(["--exact", name]).env(ALONE, "1").output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let is_found = said.contains("test result: ok. 1 passed");
    assert!(output.status.success() && is_found, "{said}");
}

fn fifo(dir: &TempDir, name: &str) -> PathBuf {
    let path = dir.path().join(name);
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    path
}

/// Waits for the end of a process that is not our child. False: it lives on.
fn has_ended(pid: &str) -> bool {
    let pid: i32 = pid.trim().parse().unwrap();
    // SAFETY: pidfd_open takes two numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return true;
    }
    // SAFETY: the kernel has just given us this descriptor.
    let fd = unsafe { OwnedFd::from_raw_fd(fd.try_into().unwrap()) };
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::from(20_000_u16)).unwrap() == 1
}

#[test]
fn a_child_that_ends_by_itself_says_how() {
    let cancel = CancelToken::new();
    assert_eq!(run(&sh("exit 7"), &cancel).unwrap().how, How::Exited(7));
    assert!(run(&sh("exit 0"), &cancel).unwrap().success());
    assert_eq!(
        run(&sh("kill -9 $$"), &cancel).unwrap().how,
        How::Signalled(9)
    );
}

#[test]
fn a_missing_program_is_named_and_so_is_a_missing_folder() {
    let cancel = CancelToken::new();
    let error = run(&Spec::new("no-such-program"), &cancel).unwrap_err();
    assert!(error.to_string().contains("no-such-program"), "{error}");
    assert!(error.hint_text().unwrap().contains("PATH"));
    let error = run(&sh("exit").cwd("/no/such/folder"), &cancel).unwrap_err();
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
}

#[test]
fn the_environment_and_the_folder_are_the_ones_asked_for() {
    let dir = TempDir::new().unwrap();
    let spec = sh("printf '%s|%s|%s' \"$ADDED\" \"$PATH\" \"$(/bin/pwd)\"")
        .env("ADDED", "x y")
        .env_remove("PATH")
        .cwd(dir.path());
    let (ended, output) = capture(&spec, &CancelToken::new()).unwrap();
    assert!(ended.success());
    let output = String::from_utf8(output).unwrap();
    let fields: Vec<_> = output.split('|').collect();
    assert_eq!(fields[0], "x y");
    assert_ne!(Some(fields[1]), env::var("PATH").ok().as_deref());
    assert_eq!(Path::new(fields[2]), dir.path().canonicalize().unwrap());
}

#[test]
fn output_goes_to_the_log_however_much_it_is() {
    let dir = TempDir::new().unwrap();
    let log = dir.path().join("log");
    fs::write(&log, "old").unwrap();
    // More than a pipe holds.
    let spec = sh("head -c 300000 /dev/zero; echo error >&2").log(Log::File(log.clone()));
    run(&spec, &CancelToken::new()).unwrap();
    let text = fs::read(&log).unwrap();
    assert_eq!(text.len(), 300_006);
    assert!(text.ends_with(b"error\n"));
    run(
        &sh("echo more").log(Log::Append(log.clone())),
        &CancelToken::new(),
    )
    .unwrap();
    assert!(fs::read(&log).unwrap().ends_with(b"error\nmore\n"));
}

#[test]
fn capture_keeps_the_two_streams_apart() {
    let dir = TempDir::new().unwrap();
    let log = dir.path().join("log");
    let spec = sh("head -c 300000 /dev/zero; echo error >&2").log(Log::File(log.clone()));
    let (_, output) = capture(&spec, &CancelToken::new()).unwrap();
    assert_eq!(output, vec![0; 300_000]);
    assert_eq!(fs::read(log).unwrap(), b"error\n");
}

#[test]
fn what_a_child_leaves_in_the_background_is_killed() {
    let (ended, pid) = capture(&sh("sleep 1000 >&2 & echo $!"), &CancelToken::new()).unwrap();
    assert!(ended.success());
    assert!(has_ended(&String::from_utf8(pid).unwrap()));
}

#[test]
fn a_child_that_ignores_sigterm_is_killed() {
    let dir = TempDir::new().unwrap();
    let ready = dir.path().join("ready");
    let spec = sh("trap '' TERM; echo > ready; while :; do sleep 1000; done")
        .cwd(dir.path())
        .grace(Duration::from_millis(50));
    let cancel = CancelToken::new();
    let mut pid_seen = false;
    let ended = run_with(&spec, &cancel, &mut || {
        if ready.exists() {
            pid_seen = true;
            cancel.cancel();
        }
    });
    assert_eq!(ended.unwrap().how, How::Cancelled);
    assert!(pid_seen);
}

#[test]
fn a_child_can_use_its_grace_to_clean_up() {
    let dir = TempDir::new().unwrap();
    let ready = dir.path().join("ready");
    let spec = sh("trap 'echo > clean; exit' TERM; echo > ready; while :; do sleep 1000; done")
        .cwd(dir.path());
    let cancel = CancelToken::new();
    let ended = run_with(&spec, &cancel, &mut || {
        if ready.exists() {
            cancel.cancel();
        }
    });
    assert_eq!(ended.unwrap().how, How::Cancelled);
    assert!(dir.path().join("clean").exists());
}

#[test]
fn a_child_can_be_cancelled_from_another_thread() {
    let dir = TempDir::new().unwrap();
    let pipe = fifo(&dir, "pipe");
    let cancel = CancelToken::new();
    let pid = thread::scope(|scope| {
        let other = scope.spawn(|| {
            let pid = fs::read_to_string(&pipe).unwrap();
            cancel.cancel();
            pid
        });
        let spec = sh("sleep 1000 & echo $! > pipe; wait").cwd(dir.path());
        assert_eq!(run(&spec, &cancel.child()).unwrap().how, How::Cancelled);
        other.join().unwrap()
    });
    assert!(has_ended(&pid));
}

#[test]
fn a_cancelled_token_lets_nothing_run_long() {
    let cancel = CancelToken::new();
    cancel.cancel();
    assert_eq!(run(&sh("sleep 1000"), &cancel).unwrap().how, How::Cancelled);
}

#[test]
fn a_child_ends_at_its_wall_limit() {
    let spec = sh("sleep 1000").wall(Duration::from_millis(20));
    let ended = run(&spec, &CancelToken::new()).unwrap();
    assert_eq!(ended.how, How::TimedOut(LimitKind::Wall));
    assert!(ended.wall >= Duration::from_millis(20));
}

#[test]
fn the_cpu_limit_counts_the_whole_group() {
    // The leader itself only waits.
    let spec = sh("(while :; do :; done) & wait").cpu(Duration::from_millis(200));
    let ended = run(&spec, &CancelToken::new()).unwrap();
    assert_eq!(ended.how, How::TimedOut(LimitKind::Cpu));
    assert!(ended.cpu >= Duration::from_millis(200), "{ended:?}");
}

#[test]
fn a_child_that_writes_without_end_is_ended_by_the_size_of_its_file() {
    let dir = TempDir::new().unwrap();
    let log = dir.path().join("log");
    let spec = Spec::new("yes")
        .log(Log::File(log.clone()))
        .wall(AGES)
        .file_size(100_000);
    let ended = run(&spec, &CancelToken::new()).unwrap();
    assert_eq!(ended.how, How::Signalled(libc::SIGXFSZ));
    assert_eq!(fs::metadata(log).unwrap().len(), 100_000);
}

#[test]
fn a_limit_of_file_sizes_that_is_lower_already_stays() {
    alone(|| {
        let dir = TempDir::new().unwrap();
        let log = dir.path().join("log");
        setrlimit(Resource::RLIMIT_FSIZE, 1000, 1000).unwrap();
        let spec = Spec::new("yes").log(Log::File(log.clone())).wall(AGES);
        run(&spec.file_size(100_000), &CancelToken::new()).unwrap();
        assert_eq!(fs::metadata(log).unwrap().len(), 1000);
    });
}

#[test]
fn a_program_that_survives_the_limit_of_file_sizes_has_children_that_do_not() {
    alone(|| {
        survive_file_size();
        let dir = TempDir::new().unwrap();
        let spec = Spec::new("yes").log(Log::File(dir.path().join("log")));
        let ended = run(&spec.wall(AGES).file_size(1000), &CancelToken::new()).unwrap();
        assert_eq!(ended.how, How::Signalled(libc::SIGXFSZ));
        setrlimit(Resource::RLIMIT_FSIZE, 10, 1000).unwrap();
        let error = fs::write(dir.path().join("own"), [0; 100]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EFBIG));
    });
}

#[test]
fn a_dropped_child_is_killed() {
    let dir = TempDir::new().unwrap();
    let pipe = fifo(&dir, "pipe");
    let spec = sh("trap '' TERM; sleep 1000 & echo $! > pipe; wait").cwd(dir.path());
    let running = Running::spawn(&spec).unwrap();
    let pid = fs::read_to_string(pipe).unwrap();
    drop(running);
    assert!(has_ended(&pid));
}

#[test]
fn a_program_that_has_finished_has_no_process_left() {
    const FINISHER: &str = "KBISECT_TEST_FINISHER";
    if env::var_os(FINISHER).is_some() {
        std::mem::forget(Running::spawn(&sh("exec sleep 1000")).unwrap());
        super::finish();
        // The child that was left running, and no watchdog beside it.
        let ended = waitpid(None, None).unwrap();
        assert!(matches!(ended, WaitStatus::Signaled(_, Number::SIGKILL, _)));
        assert_eq!(waitpid(None, None), Err(Errno::ECHILD));
        return;
    }
    let this = "supervise::tests::a_program_that_has_finished_has_no_process_left";
    let spec = Spec::new(env::current_exe().unwrap()).args(["--exact", this]);
    let spec = spec.env(FINISHER, "1").wall(AGES);
    assert!(run(&spec, &CancelToken::new()).unwrap().success());
}

#[test]
fn signals_become_more_urgent() {
    let cancel = CancelToken::new();
    let signals = Signals::install(&cancel).unwrap();
    raise(Number::SIGTERM).unwrap();
    assert_eq!(signals.requests().recv_timeout(AGES), Ok(Signal::Stop));
    assert!(!cancel.is_cancelled());
    raise(Number::SIGINT).unwrap();
    assert_eq!(signals.requests().recv_timeout(AGES), Ok(Signal::Kill));
    assert!(cancel.is_cancelled());
}

fn server(tokens: usize) -> JobServer {
    JobServer::new(NonZeroUsize::new(tokens).unwrap()).unwrap()
}

fn make(dir: &TempDir, makefile: &str, slot: &Slot) -> Spec {
    fs::write(dir.path().join("Makefile"), makefile).unwrap();
    let log = Log::File(dir.path().join("log"));
    let mut spec = Spec::new("make")
        .arg("-s")
        .cwd(dir.path())
        .log(log)
        .wall(AGES);
    slot.configure(&mut spec);
    spec
}

#[test]
fn makes_share_the_job_server_and_give_the_tokens_back() {
    let server = server(2);
    let cancel = CancelToken::new();
    let dir = TempDir::new().unwrap();
    let _pipe = fifo(&dir, "pipe");
    let slot = server.slot(&cancel).unwrap().unwrap();
    // Two recipes that need each other: with one job alone neither ends. In a sub-make, so
    // that the server is handed on.
    let makefile = "all:\n\t$(MAKE) both\nboth: a b\na:\n\techo > pipe\nb:\n\tread x < pipe\n";
    let ended = run(&make(&dir, makefile, &slot), &cancel).unwrap();
    let log = fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(ended.success(), "{ended:?} {log}");
    assert_eq!(log, "");
    assert_eq!(server.available().unwrap(), 1);
    drop(slot);
    assert_eq!(server.available().unwrap(), 2);
}

#[test]
fn no_more_makes_run_than_there_are_tokens() {
    let server = server(1);
    let slot = server.slot(&CancelToken::new()).unwrap().unwrap();
    let cancel = CancelToken::new();
    thread::scope(|scope| {
        scope.spawn(|| cancel.cancel());
        assert!(server.slot(&cancel).unwrap().is_none());
    });
    drop(slot);
    assert!(server.slot(&CancelToken::new()).unwrap().is_some());
}

/// Runs a make with two jobs that neither it nor they end on SIGTERM, and kills them.
fn lose_a_token(dir: &TempDir, server: &JobServer) {
    let makefile = "all: a b\na b:\n\ttrap '' TERM; echo > $@; while :; do sleep 1000; done\n";
    let cancel = CancelToken::new();
    let slot = server.slot(&cancel).unwrap().unwrap();
    let spec = make(dir, makefile, &slot).grace(Duration::from_millis(50));
    let ended = run_with(&spec, &cancel, &mut || {
        if dir.path().join("a").exists() && dir.path().join("b").exists() {
            cancel.cancel();
        }
    });
    assert_eq!(ended.unwrap().how, How::Cancelled);
}

#[test]
fn the_tokens_of_a_killed_make_come_back() {
    let server = server(3);
    lose_a_token(&TempDir::new().unwrap(), &server);
    assert_eq!(server.available().unwrap(), 2, "the test must lose one");
    let slot = server.slot(&CancelToken::new()).unwrap().unwrap();
    assert_eq!(server.available().unwrap(), 2);
    drop(slot);
    assert_eq!(server.available().unwrap(), 3);
}

#[test]
fn after_a_killed_make_a_new_one_waits_for_those_that_run() {
    let server = server(3);
    let (cancel, all_gone) = (CancelToken::new(), AtomicBool::new(false));
    let other = server.slot(&cancel).unwrap().unwrap();
    lose_a_token(&TempDir::new().unwrap(), &server);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let slot = server.slot(&cancel).unwrap();
            (
                all_gone.load(Ordering::SeqCst),
                server.available().unwrap(),
                slot,
            )
        });
        all_gone.store(true, Ordering::SeqCst);
        drop(other);
        let (in_order, available, slot) = waiter.join().unwrap();
        assert!(in_order && slot.is_some());
        assert_eq!(available, 2);
    });
}

#[test]
fn a_make_that_gives_its_tokens_back_on_sigterm_loses_none() {
    let server = server(3);
    let cancel = CancelToken::new();
    let dir = TempDir::new().unwrap();
    let slot = server.slot(&cancel).unwrap().unwrap();
    let spec = make(&dir, "all: a b\na b:\n\techo > $@.up; sleep 1000\n", &slot);
    let ended = run_with(&spec.grace(AGES), &cancel, &mut || {
        if dir.path().join("a.up").exists() && dir.path().join("b.up").exists() {
            cancel.cancel();
        }
    });
    assert_eq!(ended.unwrap().how, How::Cancelled);
    drop(slot);
    assert_eq!(server.available().unwrap(), 3);
}

#[test]
fn a_child_sleeps_that_waits_for_something_and_none_that_works() {
    let waits = Running::spawn(&Spec::new("sleep").arg("1000")).unwrap();
    while !waits.is_asleep() {
        std::thread::yield_now();
    }
    let works = Running::spawn(&sh("while :; do :; done")).unwrap();
    for _ in 0..1000 {
        assert!(!works.is_asleep());
    }
}
