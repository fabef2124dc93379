//! The main job on a real kernel, kept small: a start that reaches a shell, with a few options
//! that the shell does not need.
#![allow(clippy::unwrap_used)]

mod turns;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

/// What the shell needs, and three options that it does not.
const START: &str = "\
CONFIG_BLK_DEV_INITRD=y
CONFIG_BINFMT_ELF=y
CONFIG_BINFMT_SCRIPT=y
CONFIG_TTY=y
CONFIG_SERIAL_8250=y
CONFIG_SERIAL_8250_CONSOLE=y
CONFIG_MAGIC_SYSRQ=y
CONFIG_RD_XZ=y
CONFIG_NLS=y
";

#[test]
fn a_small_kernel_loses_what_a_shell_does_not_need() {
    let _turn = turns::take();
    let temp = tempfile::tempdir().unwrap();
    let start = temp.path().join("start.config");
    fs::write(&start, START).unwrap();
    let out = temp.path().join("out");
    let output = Command::new(env!("CARGO_BIN_EXE_kbisect"))
        .args([
            "run",
            "--setup",
            "--oracle",
            "shell-ok",
            "--message-format",
            "json",
        ])
        // Only a start that is built can be traced.
        .args(["--judge-start", "first"])
        // Half of what is needed is kept unseen: every removal that fails costs a build here.
        .args(["--keep", "SERIAL_8250_CONSOLE", "--keep", "BINFMT_SCRIPT"])
        .arg("--start")
        .arg(&start)
        .arg("--output")
        .arg(&out)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");

    // Standard output is JSON lines and nothing else; the last one is the result.
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.iter().all(|line| line["v"] == 1));
    let result = &lines.last().unwrap()["report"];
    assert_eq!(result["status"], "minimal");
    let why = |reason: &str| -> BTreeSet<&str> {
        let kept = result["kept"].as_array().unwrap();
        kept.iter()
            .filter(|k| k["why"] == reason)
            .map(|k| k["symbol"].as_str().unwrap())
            .collect()
    };
    assert_eq!(
        why("needed"),
        BTreeSet::from(["BINFMT_ELF", "BLK_DEV_INITRD"])
    );
    assert_eq!(
        why("kept"),
        BTreeSet::from(["BINFMT_SCRIPT", "SERIAL_8250", "SERIAL_8250_CONSOLE", "TTY"])
    );
    assert_eq!(why("unproved"), BTreeSet::new());
    let fragment = fs::read_to_string(out.join("minimal.fragment")).unwrap();
    assert!(
        fragment.contains("CONFIG_EXPERT=y"),
        "the base is in it, too"
    );
    assert!(!fragment.contains("CONFIG_NLS"));

    // The boot of the start was traced, and says which is which.
    let traced = Command::new(env!("CARGO_BIN_EXE_kbisect"))
        .args(["trace", "--message-format", "json"])
        .arg(&out)
        .output()
        .unwrap();
    assert!(traced.status.success());
    let guess: serde_json::Value = serde_json::from_slice(&traced.stdout).unwrap();
    let of = |request: &str| {
        let rows = guess["requests"].as_array().unwrap();
        rows.iter().find(|r| r["request"] == request).unwrap()
    };
    let chance = |request: &str| of(request)["chance"].as_f64().unwrap();
    assert!(chance("BINFMT_ELF=y") > 0.5, "{}", of("BINFMT_ELF=y"));
    assert!(chance("MAGIC_SYSRQ=y") < 0.2, "{}", of("MAGIC_SYSRQ=y"));
    // It ran before there were programs, and the shell's line discipline for one.
    assert_eq!(of("BINFMT_SCRIPT=y")["functions"]["serving"], 0);
    assert!(of("TTY=y")["functions"]["serving"].as_u64() > Some(0));
    // Its own function is one of those between `#ifdef`s in what is there for TTY.
    let console = of("SERIAL_8250_CONSOLE=y");
    assert!(console["functions"]["ran"].as_u64() > Some(0), "{console}");
}
