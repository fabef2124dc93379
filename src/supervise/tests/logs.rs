//! Logs that may not grow without end.

use super::*;

fn log_of(script: &str, limit: u64) -> (Ended, String) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log");
    let spec = sh(script).log(Log::File(path.clone())).log_limit(limit);
    let ended = run(&spec, &CancelToken::new()).unwrap();
    (ended, fs::read_to_string(path).unwrap())
}

#[test]
fn a_log_that_is_too_long_keeps_its_beginning_and_its_end() {
    let (ended, log) = log_of(
        "echo first; yes | head -c 5000000; echo; echo last >&2",
        1000,
    );
    assert!(ended.success(), "{ended:?}");
    let left_out = 5_000_000 + "first\n\nlast\n".len() - 1000;
    let note =
        format!("\n[kbisect: {left_out} bytes are left out here, as a log may have 1000 bytes]\n");
    let (head, tail) = log.split_once(&note).unwrap();
    assert_eq!((head.len(), tail.len()), (500, 500));
    assert!(head.starts_with("first\ny\n") && tail.ends_with("y\n\nlast\n"));
}

#[test]
fn a_log_that_is_not_too_long_is_whole() {
    for length in [0, 1, 499, 501, 999, 1000] {
        let (_, log) = log_of(&format!("head -c {length} /dev/zero"), 1000);
        assert_eq!(log, "\0".repeat(length));
    }
    let (_, log) = log_of("head -c 1001 /dev/zero", 1000);
    assert!(log.contains("[kbisect: 1 bytes"));
}

#[test]
fn who_writes_too_much_does_not_notice() {
    let (ended, log) = log_of("trap '' PIPE XFSZ; yes | head -c 3000000 && echo fine", 100);
    assert!(
        ended.success() && log.ends_with("fine\n"),
        "{ended:?} {log}"
    );
}

#[test]
fn a_log_with_a_limit_is_added_to() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, "before\n").unwrap();
    let spec = sh("echo after")
        .log(Log::Append(path.clone()))
        .log_limit(1000);
    run(&spec, &CancelToken::new()).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "before\nafter\n");
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_and_not_the_fault_of_the_child() {
    let spec = sh("echo text; echo fine >done").log(Log::Append("/dev/full".into()));
    let dir = TempDir::new().unwrap();
    let error = run(&spec.cwd(dir.path()).log_limit(1000), &CancelToken::new()).unwrap_err();
    assert!(error.to_string().contains("/dev/full"), "{error}");
    assert!(dir.path().join("done").exists());
}

#[test]
fn who_holds_the_log_open_and_writes_for_ever_holds_nobody_up() {
    let dir = TempDir::new().unwrap();
    let log = Log::File(dir.path().join("log"));
    let (out, _err, drain) = super::super::log::outputs(&log, Some(1000)).unwrap();
    // A program that could not be ended: it is not supervised.
    let mut yes = std::process::Command::new("yes")
        .stdout(out)
        .spawn()
        .unwrap();
    drain.unwrap().finish().unwrap();
    // Nobody reads any more.
    assert!(!yes.wait().unwrap().success());
}
