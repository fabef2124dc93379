//! `kbisect symptom` from outside.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder with a data folder.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, args: &[&str], input: &[u8]) -> (i32, String, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kbisect"))
            .arg("symptom")
            .args(args)
            .current_dir(self.0.path())
            .env("KBISECT_DATA", self.path("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may not want any.
        let _ = child.stdin.take().unwrap().write_all(input);
        let Output {
            status,
            stdout,
            stderr,
        } = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    fn ask(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args, b"");
        assert_eq!(code, 0, "{err}");
        out
    }

    /// The answer for programs, to a log.
    fn of_log(&self, log: &[u8]) -> Value {
        let (code, out, err) = self.run(&["--message-format", "json", "-"], log);
        assert_eq!((code, err.as_str()), (0, ""));
        serde_json::from_str(&out).unwrap()
    }

    /// A run in which the kernel without WIDGET failed.
    fn finished(&self, name: &str) -> String {
        let result = r#"{"v": 4, "kbisect": "0.1.0", "settings": {}, "status": "minimal",
            "key": {"project": {"name": "linux"}},
            "before": {"trial": 1, "requests": 2, "lines": 9, "image": null, "oracle_seconds": 1.0},
            "after": {"trial": 1, "requests": 1, "lines": 5, "image": null, "oracle_seconds": 1.0},
            "kept": [{"symbol": "WIDGET", "value": "y", "why": "needed", "trial": 2, "stage": "oracle",
                "evidence": "it waits, and `^up` has not appeared", "lines": 3}],
            "cost": {"passed": 1, "failed": 1, "unresolved": 0, "reused": 0, "objects": 0,
                "build_cpu": {"secs": 0, "nanos": 0}, "wall": {"secs": 0, "nanos": 0}, "sittings": 1},
            "files": []}"#;
        self.write(&format!("{name}/result.json"), result);
        self.write(&format!("{name}/trials/0001/mine/console.log"), "up\r\n");
        let console = "frobd: cannot frobnicate \x1b[31m<b>widget7</b>\r\n";
        self.write(&format!("{name}/trials/0002/mine/console.log"), console);
        name.to_owned()
    }
}

#[test]
fn a_line_that_ships_is_answered_by_its_options() {
    let place = Place::new();
    let out = place.ask(&["PTY", "allocation", "request failed on channel 3"]);
    assert!(
        out.contains("cannot give the session a pseudo-terminal"),
        "{out}"
    );
    assert!(
        out.contains("UNIX98_PTYS  5 of 5 trials  (openssh-ok, ssh-ok)"),
        "{out}"
    );
    let out = place.ask(&["setgroups: Function not implemented"]);
    assert!(
        out.contains("MULTIUSER  not from a trial: kernel/sys_ni.c"),
        "{out}"
    );
}

#[test]
fn of_an_unknown_line_it_says_so() {
    let place = Place::new();
    let out = place.ask(&["all is well"]);
    assert!(
        out.starts_with("None of ") && out.contains(" gave such a line."),
        "{out}"
    );
    let out = place.ask(&["--message-format", "json", "all is well"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["event"], "symptom");
    assert_eq!(answer["options"], Value::Array(Vec::new()));
}

#[test]
fn a_pasted_log_is_searched_for_what_tells() {
    let place = Place::new();
    let log = b"[    0.000000] Linux version 6.1.192 (x) #1\r\n\
        [    0.1] tsc: Unable to calibrate against PIT\r\n\
        mount: mounting proc on /proc failed: No such device\r\nguest: sshd is up\r\n";
    let answer = place.of_log(log);
    assert_eq!(answer["options"][0]["symbol"], "PROC_FS");
    assert_eq!(answer["meaning"]["code"], "missing-file-system");
    assert_eq!(answer["lines"].as_array().unwrap().len(), 1);
}

#[test]
fn an_earlier_run_can_be_added_and_is_asked_from_then_on() {
    let place = Place::new();
    let dir = place.finished("old");
    let line = "frobd: cannot frobnicate widget9";
    assert!(place.ask(&[line]).contains(" gave such a line."));
    for _ in 0..2 {
        assert_eq!(place.ask(&["--add", &dir]), "1 failing trial added\n");
    }
    let out = place.ask(&[line]);
    assert!(out.contains("WIDGET  1 of 1 trial  (mine)"), "{out}");
    assert!(!out.contains('\x1b'));
}

#[test]
fn a_folder_without_failing_trials_is_named() {
    let place = Place::new();
    let dir = place.finished("old");
    fs::remove_dir_all(place.path("old/trials")).unwrap();
    let (code, out, err) = place.run(&["--add", &dir], b"");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("nothing is added of") && err.contains("old"),
        "{err}"
    );
    let (code, _, err) = place.run(&["--add", "nowhere"], b"");
    assert_eq!(code, 2);
    assert!(err.contains("there is no run in"), "{err}");
    assert!(!place.path("data").exists());
}

#[test]
fn nothing_to_look_up_is_a_mistake() {
    let place = Place::new();
    for args in [&[""][..], &["-"], &[], &["x", "--add", "y"]] {
        let (code, out, _) = place.run(args, b" \n");
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
    }
}

#[test]
fn a_damaged_file_of_the_data_folder_is_warned_of() {
    let place = Place::new();
    place.write("data/symptoms/x.json", "{\"v\": 99}");
    let (code, out, err) = place.run(&["openpty: No such file or directory"], b"");
    assert_eq!(code, 0);
    assert!(
        out.contains("UNIX98_PTYS") && err.contains("x.json"),
        "{err}"
    );
}

#[test]
fn hostile_input_is_answered_safely() {
    let place = Place::new();
    let mut log = vec![0xff; 5 << 20];
    log.extend(
        b"\n\x1b]0;title\x07\x1b[2Jopenpty: <script>alert(1)</script> No such file or directory\n",
    );
    log.extend(b"openpty: No such file or directory\x1b[31m\n");
    let answer = place.of_log(&log);
    assert_eq!(answer["options"][0]["symbol"], "UNIX98_PTYS");
    assert!(!answer.to_string().contains("\\u001b"));
    let (_, out, _) = place.run(&["-"], &log);
    assert!(!out.contains('\x1b') && out.len() < 4000, "{out}");
}

#[test]
fn the_shipped_index_has_nothing_of_the_machine_that_made_it() {
    let index = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracles/symptoms.json");
    let text = fs::read_to_string(index).unwrap();
    for word in ["/root/", "/home/", "/tmp/", "\u{1b}"] {
        assert!(!text.contains(word), "{word}");
    }
}
