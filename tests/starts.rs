//! Starts in all forms that people have, against what make and merge_config.sh of the tree make of them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use kbisect::setup::Setup;
use kbisect::supervise::CancelToken;

static SOURCE: LazyLock<PathBuf> = LazyLock::new(|| {
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    let mut setup = Setup::new(&mut note, &cancel).unwrap();
    setup.ensure(&kbisect::setup::all()).unwrap();
    setup.kernel_source().unwrap()
});

/// Has the tree's make make these targets in a folder.
fn make(folder: &Path, targets: &[&str]) {
    let made = Command::new("make")
        .arg("-C")
        .arg(&*SOURCE)
        .arg(format!("O={}", folder.display()))
        .args(["-s", "ARCH=x86_64"])
        .args(targets)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

fn plan_of(args: &[&str], stdin: Option<&[u8]>) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_kbisect"))
        .args([
            "plan",
            "--oracle",
            "shell-ok",
            "--setup",
            "--message-format",
            "json",
        ])
        .args(["--source", SOURCE.to_str().unwrap()])
        .arg("--output")
        .arg(folder.path().join("out"))
        .args(args)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // Who does not read it may be gone.
    let _ = pipe.write_all(stdin.unwrap_or_default());
    drop(pipe);
    child.wait_with_output().unwrap()
}

/// The requests of a start, and the lines that it resolves to.
fn requests(args: &[&str], stdin: Option<&[u8]>) -> (BTreeSet<String>, u64) {
    let output = plan_of(args, stdin);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{args:?}: {text}");
    let plan: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let requests = plan["requests"].as_array().unwrap().iter();
    let requests = requests.map(ToString::to_string).collect();
    (requests, plan["lines"].as_u64().unwrap())
}

/// What a start is refused with.
fn refusal(args: &[&str]) -> String {
    let output = plan_of(args, None);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

#[test]
fn one_configuration_gives_the_same_requests_in_each_form() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path();
    make(folder, &["tinyconfig", "kvm_guest.config"]);
    let config = fs::read(folder.join(".config")).unwrap();
    make(folder, &["savedefconfig"]);
    let path = |name: &str| folder.join(name).display().to_string();
    let whole = requests(&["--start", &path(".config")], None);
    assert!(whole.0.len() > 100, "{}", whole.0.len());

    fs::write(path("config.gz"), gzip(&config)).unwrap();
    let image = [b"\x7fELF IKCFG_ST".as_slice(), &gzip(&config), b"IKCFG_ED"].concat();
    fs::write(path("vmlinux.gz"), gzip(&image)).unwrap();
    fs::write(path("whole"), b"# CONFIG_NET is not set\n").unwrap();
    let forms: &[&[&str]] = &[
        &["--start", &path("config.gz")],
        &["--start", &path("vmlinux.gz")],
        &["--start", &path("defconfig")],
        &["--start", &path("defconfig"), "--start-as", "defconfig"],
        &["--start", "tinyconfig", "--start", "kvm_guest.config"],
        // The whole one need not be the first; what one has, a later one puts back.
        &["--start", &path("whole"), "--start", &path(".config")],
        &[
            "--start",
            &path(".config"),
            "--start",
            &path("whole"),
            "--start",
            &path(".config"),
        ],
    ];
    for form in forms {
        assert_eq!(requests(form, None), whole, "{form:?}");
    }
    assert_eq!(requests(&["--start", "-"], Some(&gzip(&config))), whole);
    // Without the defaults of the tree little is left of it.
    let fragment = requests(
        &["--start", &path("defconfig"), "--start-as", "fragment"],
        None,
    );
    assert!(fragment.0.len() < whole.0.len() / 2, "{}", fragment.0.len());
}

#[test]
fn a_defconfig_is_what_make_makes_of_it() {
    let temp = tempfile::tempdir().unwrap();
    make(temp.path(), &["x86_64_defconfig"]);
    let config = temp.path().join(".config").display().to_string();
    let whole = requests(&["--start", &config], None);
    assert_eq!(requests(&["--start", "x86_64_defconfig"], None), whole);
    let file = SOURCE.join("arch/x86/configs/x86_64_defconfig");
    assert_eq!(requests(&["--start", file.to_str().unwrap()], None), whole);
}

#[test]
fn a_config_that_lacks_symbols_of_the_tree_gets_their_defaults() {
    let temp = tempfile::tempdir().unwrap();
    make(temp.path(), &["x86_64_defconfig"]);
    let config = temp.path().join(".config");
    // As one of an older version does.
    let text = fs::read_to_string(&config).unwrap();
    let lacks = |line: &&str| {
        !["VENDOR_", "SND", "CONFIG_CPU_SUP_"]
            .iter()
            .any(|of| line.contains(of))
    };
    let older: String = text
        .lines()
        .filter(lacks)
        .map(|line| format!("{line}\n"))
        .collect();
    let path = temp.path().join("older").display().to_string();
    fs::write(&path, &older).unwrap();
    fs::write(&config, &older).unwrap();
    make(temp.path(), &["olddefconfig"]);
    assert_ne!(fs::read_to_string(&config).unwrap(), older);
    let whole = requests(&["--start", config.to_str().unwrap()], None);
    assert_eq!(requests(&["--start", &path], None), whole);
}

#[test]
fn files_are_merged_as_the_tree_does_it() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path();
    let configs = SOURCE.join("kernel/configs");
    let files = [
        configs.join("kvm_guest.config"),
        configs.join("nopm.config"),
        configs.join("xen.config"),
        folder.join("mine"),
    ];
    // Other values, in another order, with blanks and words between them, and no newline at the end.
    fs::write(
        &files[3],
        "# mine: CONFIG_PCI=n\n\nCONFIG_XEN=y\n# CONFIG_PM is not set\nCONFIG_NR_CPUS=3\n\
         CONFIG_CMDLINE=\"a=b \\\"c\\\" CONFIG_PCI=n\"\nCONFIG_NR_CPUS=4",
    )
    .unwrap();
    let merged = Command::new("sh")
        .arg(SOURCE.join("scripts/kconfig/merge_config.sh"))
        .args(["-m", "-O"])
        .arg(folder)
        .args(&files)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(merged.status.success(), "{merged:?}");
    let part = |path: &PathBuf| kbisect::input::Part {
        name: path.display().to_string(),
        text: fs::read(path).unwrap(),
    };
    let parts: Vec<_> = files.iter().map(part).collect();
    let ours = kbisect::input::merge(&parts);
    let theirs = fs::read_to_string(folder.join(".config")).unwrap();
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        lines(&String::from_utf8(ours.text).unwrap()),
        lines(&theirs)
    );
}

#[test]
fn what_cannot_be_a_start_is_refused_before_anything_is_built() {
    let temp = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| {
        let path = temp.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let arm = b"#\n# Automatically generated file; DO NOT EDIT.\n# Linux/arm64 6.1.0 Kernel Configuration\n#\n\
                CONFIG_ARM64=y\n";
    for (start, said) in [
        (path("empty", b""), "is empty"),
        (path("script", b"#!/bin/sh\nCONFIG_PCI=y\n"), "is a script"),
        (path("picture", b"\x89PNG\0"), "is a binary file"),
        (path("vmlinuz", b"\x7fELF"), "without a configuration in it"),
        (
            path("cut", &gzip(b"CONFIG_PCI=y\n")[..12]),
            "cannot be unpacked",
        ),
        (path("arm", arm), "is a configuration for arm64"),
        (
            path("words", b"The kernel has a console.\n"),
            "asks for nothing",
        ),
        (temp.path().display().to_string(), "cannot read"),
        ("no-such-file".to_owned(), "cannot read no-such-file"),
        ("no_such_defconfig".to_owned(), "make no_such_defconfig"),
    ] {
        let text = refusal(&["--start", &start]);
        assert!(text.contains(said), "{start}: {text}");
    }
}

#[test]
fn modules_are_built_in_unless_they_are_kept() {
    let temp = tempfile::tempdir().unwrap();
    let start = temp.path().join("start");
    fs::write(
        &start,
        "CONFIG_MODULES=y\nCONFIG_NET=y\nCONFIG_PCI=y\nCONFIG_VIRTIO_MENU=y\nCONFIG_VIRTIO_PCI=m\n\
         CONFIG_NETDEVICES=y\nCONFIG_NET_CORE=y\nCONFIG_VIRTIO_NET=m\n",
    )
    .unwrap();
    let start = start.to_str().unwrap();
    let has = |requests: &BTreeSet<String>, symbol: &str, value: &str| {
        requests
            .iter()
            .any(|request| request.contains(&format!("{symbol}\"")) && request.contains(value))
            || requests.contains(&format!("\"{symbol}={value}\""))
    };
    let (builtin, _) = requests(&["--start", start], None);
    assert!(has(&builtin, "VIRTIO_NET", "y"), "{builtin:?}");
    let (kept, _) = requests(&["--start", start, "--modules", "keep"], None);
    assert!(has(&kept, "VIRTIO_NET", "m"), "{kept:?}");
}
