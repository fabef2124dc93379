//! Each shipped oracle accepts a kernel that works, and rejects it when just the thing is
//! spoiled that the oracle is for.
//!
//! The kernel is Debian's for cloud machines, which nobody here has built. Its drivers are
//! modules, so they are put into the guest. What is spoiled is the guest, by an overlay.
//! Needs QEMU, an ssh client and, the first time, the network (`kbisect setup`).
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kbisect::guest::{Archive, Guest};
use kbisect::kmod::{Modules, Wanted};
use kbisect::model::WorkerId;
use kbisect::oracle::{Job, OracleOutcome, OracleVerdict, find};
use kbisect::setup::{BOOT, CloudKernel, Setup};
use kbisect::supervise::CancelToken;

const INIT: &str = include_str!("../oracles/guest/init");

/// A kernel, a guest and a place for trials.
struct Bench {
    kernel: CloudKernel,
    guest: PathBuf,
    modules: Option<PathBuf>,
    dir: tempfile::TempDir,
}

impl Bench {
    /// The kernel with the guest as it is shipped; without drivers for the network.
    fn new() -> Self {
        let cancel = CancelToken::new();
        let mut note = |_: &str| {};
        let mut setup = Setup::new(&mut note, &cancel).unwrap();
        setup.ensure(BOOT).unwrap();
        let kernel = setup.cloud_kernel().unwrap();
        let prepared = Guest::find("busybox").unwrap().make(&mut setup).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let guest = dir.path().join("guest");
        fs::create_dir(&guest).unwrap();
        for entry in fs::read_dir(prepared.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), guest.join(entry.file_name())).unwrap();
        }
        Self {
            kernel,
            guest,
            modules: None,
            dir,
        }
    }

    /// The same with a network card that works: with the modules that it needs.
    fn with_network() -> Self {
        Self::new().with_modules(&["virtio_pci", "virtio_net"])
    }

    fn with_modules(mut self, names: &[&str]) -> Self {
        let modules = Modules::installed(&self.kernel.modules).unwrap();
        let packed = modules.pack(Wanted::Named(names)).unwrap();
        assert_eq!(packed.absent, [""; 0]);
        let path = self.dir.path().join("modules.cpio");
        fs::write(&path, packed.archive).unwrap();
        self.modules = Some(path);
        self
    }

    /// Puts `overlay` over both of the guest's archives.
    fn overlay(self, overlay: Archive) -> Self {
        let overlay = overlay.finish().unwrap();
        for name in ["shell.cpio", "ssh.cpio"] {
            let path = self.guest.join(name);
            let bytes = [fs::read(&path).unwrap(), overlay.clone()].concat();
            fs::write(&path, bytes).unwrap();
        }
        self
    }

    /// Replaces `old` in the guest's init by `new`.
    fn init(self, old: &str, new: &str) -> Self {
        assert!(INIT.contains(old), "init has no `{old}` to be spoiled");
        self.overlay(Archive::new().file("init", 0o755, INIT.replace(old, new).as_bytes()))
    }

    fn judge(&self, oracle: &str) -> Judged {
        self.judge_in("trial", oracle, None)
    }

    fn judge_in(&self, trial: &str, oracle: &str, baseline: Option<&Path>) -> Judged {
        let job = Job {
            image: self.kernel.image.clone(),
            config: self.kernel.config.clone(),
            source: "/usr/src".into(),
            build: self.dir.path().to_owned(),
            build_log: None,
            trial_dir: self.dir.path().join(trial),
            timeout: Duration::from_secs(120),
            slot: WorkerId(0),
            baseline: baseline.map(Path::to_owned),
            guest: Some(self.guest.clone()),
            kbisect: env!("CARGO_BIN_EXE_kbisect").into(),
            modules: self.modules.clone(),
            trace: None,
        };
        let outcome = find(oracle)
            .unwrap()
            .judge(&job, &CancelToken::new())
            .unwrap();
        let log = job.trial_dir.join(oracle).join("oracle.log");
        Judged {
            outcome,
            log: fs::read_to_string(log).unwrap_or_default(),
        }
    }
}

struct Judged {
    outcome: OracleOutcome,
    log: String,
}

impl Judged {
    #[track_caller]
    fn assert_accepted(&self) {
        let Self { outcome, log } = self;
        assert_eq!(
            outcome.verdict,
            OracleVerdict::Accept,
            "{:?}\n{log}",
            outcome.evidence
        );
    }

    #[track_caller]
    fn assert_rejected(&self, evidence: &str) {
        let Self { outcome, log } = self;
        let given = outcome.evidence.as_deref().unwrap_or_default();
        assert_eq!(outcome.verdict, OracleVerdict::Reject, "{given}\n{log}");
        assert!(
            given.contains(evidence),
            "`{given}` does not tell of `{evidence}`\n{log}"
        );
    }
}

#[test]
fn shell_ok_accepts_a_kernel_that_reaches_a_shell() {
    Bench::new().judge("shell-ok").assert_accepted();
}

#[test]
fn shell_ok_rejects_a_guest_that_only_echoes() {
    let bench = Bench::new().init("exec sh -i", "echo -n \"$PS1\"; read -r line; exit");
    bench.judge("shell-ok").assert_rejected("panic");
}

#[test]
fn net_ok_accepts_a_network_that_works() {
    Bench::with_network().judge("net-ok").assert_accepted();
}

#[test]
fn net_ok_rejects_a_kernel_without_a_driver_for_the_card() {
    Bench::new()
        .judge("net-ok")
        .assert_rejected("guest: failed: ifconfig");
}

#[test]
fn a_module_that_is_missing_is_named_on_the_console_and_nothing_hangs() {
    // Without the bus the card is not found; what needs it is loaded nevertheless.
    let bench = Bench::new().with_modules(&["virtio_net"]);
    let judged = bench.judge("net-ok");
    judged.assert_rejected("guest: failed: ifconfig");
}

#[test]
fn a_module_that_cannot_be_loaded_is_named() {
    let mut bench = Bench::with_network();
    // The archive of a kernel of another version, say.
    let spoiled =
        Archive::new()
            .dir("modules", 0o755)
            .file("modules/0000-other.ko", 0o644, b"none");
    let path = bench.dir.path().join("spoiled.cpio");
    fs::write(&path, spoiled.finish().unwrap()).unwrap();
    bench.modules = Some(path);
    let judged = bench.judge("net-ok");
    judged.assert_rejected("modules that could not be loaded: other");
}

#[test]
fn net_ok_rejects_a_file_that_is_not_the_one_that_was_sent() {
    let spoiled = Archive::new()
        .dir("www", 0o755)
        .file("www/busybox", 0o644, b"short");
    let bench = Bench::with_network()
        .init("-h /bin", "-h /www")
        .overlay(spoiled);
    assert_eq!(bench.judge("net-ok").outcome.verdict, OracleVerdict::Reject);
}

#[test]
fn ssh_ok_accepts_a_session_that_has_all_it_needs() {
    Bench::with_network().judge("ssh-ok").assert_accepted();
}

#[test]
fn ssh_ok_rejects_a_guest_without_a_server() {
    // An empty script: it "starts", and nothing listens.
    let bench = Bench::with_network().overlay(Archive::new().file("bin/dropbear", 0o755, b""));
    bench.judge("ssh-ok").assert_rejected("no session");
}

#[test]
fn ssh_ok_rejects_a_server_that_does_not_know_our_key() {
    let nobody = Archive::new().file("root/.ssh/authorized_keys", 0o600, b"");
    let bench = Bench::with_network().overlay(nobody);
    bench.judge("ssh-ok").assert_rejected("Permission denied");
}

#[test]
fn ssh_ok_rejects_a_session_without_a_terminal() {
    let bench = Bench::with_network().init("try mount -t devpts devpts /dev/pts", "");
    bench
        .judge("ssh-ok")
        .assert_rejected("PTY allocation request failed");
}

#[test]
fn ssh_ok_rejects_a_session_without_proc() {
    let bench = Bench::with_network().init("try mount -t proc proc /proc", "");
    bench.judge("ssh-ok").assert_rejected("missing: /proc");
}

#[test]
fn dmesg_clean_accepts_what_the_start_has_and_rejects_what_it_has_not() {
    let bench = Bench::new();
    bench
        .judge_in("start", "dmesg-clean", None)
        .assert_accepted();
    let start = bench.dir.path().join("start");
    let again = bench.judge_in("again", "dmesg-clean", Some(&start));
    again.assert_accepted();

    let bench = bench.init("dmesg -r", "echo '<4>disk 7 is tired' >/dev/kmsg; dmesg -r");
    let warned = bench.judge_in("warned", "dmesg-clean", Some(&start));
    warned.assert_rejected("new warning: disk 7 is tired");
}

#[test]
fn dmesg_clean_rejects_a_crash_even_of_the_start() {
    let bench = Bench::new().init("dmesg -r", "echo '<6>BUG: bad thing' >/dev/kmsg; dmesg -r");
    bench.judge("dmesg-clean").assert_rejected("BUG: bad thing");
}

#[test]
fn dmesg_clean_rejects_a_kernel_that_keeps_quiet() {
    let bench = Bench::new().init("dmesg -r", "");
    bench
        .judge("dmesg-clean")
        .assert_rejected("dmesg in the guest shows nothing");
}

/// What an oracle that boots nothing says of an image with so many bytes, and of a build with this log.
fn judge_without_boot(oracle: &str, bytes: usize, log: Option<&str>) -> OracleOutcome {
    let dir = tempfile::tempdir().unwrap();
    let (image, build_log) = (dir.path().join("image"), dir.path().join("build.log"));
    fs::write(&image, vec![0; bytes]).unwrap();
    fs::write(&build_log, log.unwrap_or_default()).unwrap();
    let job = Job {
        image,
        config: "config".into(),
        source: "/usr/src".into(),
        build: dir.path().to_owned(),
        build_log: log.map(|_| build_log),
        trial_dir: dir.path().join("trial"),
        timeout: Duration::from_secs(120),
        slot: WorkerId(0),
        baseline: None,
        guest: None,
        kbisect: env!("CARGO_BIN_EXE_kbisect").into(),
        modules: None,
        trace: None,
    };
    let oracle = find(oracle).unwrap();
    oracle.judge(&job, &CancelToken::new()).unwrap()
}

#[test]
fn size_under_accepts_an_image_that_is_smaller_and_no_other() {
    let judge = |size: &str, bytes| judge_without_boot(&format!("size-under:{size}"), bytes, None);
    for (size, limit) in [("3000", 3000), ("2K", 2048), ("1M", 1 << 20)] {
        assert_eq!(judge(size, limit - 1).verdict, OracleVerdict::Accept);
        let outcome = judge(size, limit);
        assert_eq!(outcome.verdict, OracleVerdict::Reject);
        let why = format!("the image has {limit} bytes, not fewer than {size}");
        assert_eq!(outcome.evidence, Some(why));
    }
    assert_eq!(judge("1G", 1 << 20).verdict, OracleVerdict::Accept);
}

#[test]
fn builds_clean_rejects_a_warning_and_names_it() {
    let judge = |log: &str| judge_without_boot("builds-clean", 1, Some(log));
    // Of this machine's clock, and in the name of a file.
    let clean = "  CC  a.o\nmake[2]: warning:  Clock skew detected.\n  CC  drivers/warning.o\n";
    assert_eq!(judge(clean).verdict, OracleVerdict::Accept);
    for warning in [
        "kernel/a.c:12:3: warning: unused variable 'x' [-Wunused-variable]",
        "ld: warning: vmlinux has a LOAD segment with RWX permissions",
        "vmlinux.o: warning: objtool: f+0x1: unreachable instruction",
        "WARNING: modpost: vmlinux.o: section mismatch in reference",
        "arch/x86/a.S:12: Warning: no instruction mnemonic suffix given",
    ] {
        let outcome = judge(&format!("{clean}{warning}\n  LD  vmlinux\n"));
        assert_eq!(outcome.verdict, OracleVerdict::Reject, "{warning}");
        assert_eq!(outcome.evidence.as_deref(), Some(warning));
    }
}

#[test]
fn builds_clean_says_nothing_without_a_log() {
    let outcome = judge_without_boot("builds-clean", 1, None);
    assert!(matches!(outcome.verdict, OracleVerdict::Broken { .. }));
    assert!(
        outcome
            .evidence
            .unwrap()
            .contains("no log of a whole build")
    );
}

/// The script in oracles/README.md that is there to be copied.
fn example() -> String {
    let readme = include_str!("../oracles/README.md");
    let (_, section) = readme.split_once("\n## One of your own\n").unwrap();
    let (_, script) = section.split_once("```sh\n").unwrap();
    script.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_example_of_the_document_has_twenty_lines_and_judges() {
    let script = example();
    assert!(script.lines().count() <= 20, "{script}");
    let bench = Bench::new();
    let path = bench.dir.path().join("tmpfs-ok");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let path = path.to_str().unwrap().to_owned();
    bench.judge(&path).assert_accepted();
    // A mount that fails, as on a kernel without TMPFS.
    let fails = b"#!/bin/sh\necho 'mount: mounting none on /tmp failed: No such device'\nexit 1\n";
    let bench = bench.overlay(Archive::new().file("bin/mount", 0o755, fails));
    let judged = bench.judge_in("spoiled", &path, None);
    judged.assert_rejected("mount: mounting none on /tmp failed");
}
