//! The oracles for guests on disks: their scripts by themselves, and, in a profile of their own, with real boots.
//!
//! The real ones judge Debian's kernel for cloud machines, whose only drivers without modules are NVMe's and ext4's; so
//! another disk or a network card is missing for real. They take minutes, and make the guests first:
//! `cargo nextest run --profile guests --run-ignored all`. How each oracle fails on a kernel without one option:
//! examples/mutations.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kbisect::setup::{BOOT, Setup};
use kbisect::supervise::CancelToken;

const INIT: &str = include_str!("../oracles/guest/debian/init");
const RECORDED: &str = include_str!("consoles/disk-dmesg-clean.log");

const ORACLES: [&str; 8] = [
    "disk-ok",
    "dhcp-ok",
    "openssh-ok",
    "disk-dmesg-clean",
    "grub-ok",
    "ec2-ok",
    "userspace-ok",
    "systemd-ok",
];

fn path_of(oracle: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("oracles")
        .join(oracle)
}

fn script(oracle: &str) -> String {
    fs::read_to_string(path_of(oracle)).unwrap()
}

/// `kbisect boot` that boots nothing.
const FAKE_BOOT: &str = r#"#!/bin/sh
log=console.log
echo "$KBISECT_LEVEL $KBISECT_TIMEOUT $*" >>"$KBISECT_TRIAL/calls"
while [ $# -gt 0 ]; do
    [ "$1" != --log ] || log=$2
    [ "$1" != --exec ] || { shift; exec "$@"; }
    shift
done
cp "$KBISECT_TRIAL/recorded" "$KBISECT_TRIAL/$log"
"#;

/// An ssh that refuses the first connections, as many as are in `refusals`.
const FAKE_SSH: &str = r#"#!/bin/sh
left=$(cat "$KBISECT_TRIAL/refusals")
if [ "$left" -gt 0 ]; then
    echo $((left - 1)) >"$KBISECT_TRIAL/refusals"
    echo "kex_exchange_identification: Connection closed by remote host" >&2
    exit 255
fi
echo session 42000
"#;

/// A trial of one oracle.
struct Trial {
    dir: tempfile::TempDir,
    config: String,
    level: &'static str,
    baseline: Option<PathBuf>,
    /// What `kbisect` is: ours, or a fake one.
    kbisect: PathBuf,
}

struct Judged {
    status: Option<i32>,
    evidence: String,
    log: String,
}

impl Trial {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            config: String::new(),
            level: "fast",
            baseline: None,
            kbisect: env!("CARGO_BIN_EXE_kbisect").into(),
        }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `kbisect boot` is a fake: it boots nothing, but leaves this console. Each call is in `calls`.
    fn with_recorded(mut self, console: &str) -> Self {
        let fake = self.path().join("bin/kbisect");
        fs::create_dir(self.path().join("bin")).unwrap();
        fs::write(self.path().join("recorded"), console).unwrap();
        fs::write(&fake, FAKE_BOOT).unwrap();
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
        self.kbisect = fake;
        self
    }

    /// A program that is a fake, in front of `PATH`.
    fn with_fake(self, name: &str, script: &str) -> Self {
        let path = self.kbisect.with_file_name(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn judge(&self, oracle: &str) -> Judged {
        self.judge_on(oracle, Path::new("/no/image"), Path::new("/no/guest"), "")
    }

    fn judge_on(&self, oracle: &str, image: &Path, guest: &Path, machine: &str) -> Judged {
        let (config, evidence) = (self.path().join("config"), self.path().join("evidence"));
        fs::write(&config, &self.config).unwrap();
        let path = std::env::var("PATH").unwrap();
        let bin = self.kbisect.parent().unwrap().display();
        let mut command = Command::new(path_of(oracle));
        command
            .current_dir(self.path())
            .env("PATH", format!("{bin}:{path}"))
            .env("KBISECT_IMAGE", image)
            .env("KBISECT_CONFIG", config)
            .env("KBISECT_TRIAL", self.path())
            .env("KBISECT_EVIDENCE", &evidence)
            .env("KBISECT_TIMEOUT", "600")
            .env("KBISECT_GUEST", guest)
            .env("KBISECT_MACHINE", machine)
            .env("KBISECT_LEVEL", self.level)
            .env_remove("KBISECT_BASELINE")
            .stdin(Stdio::null());
        if let Some(baseline) = &self.baseline {
            command.env("KBISECT_BASELINE", baseline);
        }
        let output = command.output().unwrap();
        let log = [output.stdout, output.stderr].concat();
        Judged {
            status: output.status.code(),
            evidence: fs::read_to_string(evidence).unwrap_or_default(),
            log: String::from_utf8_lossy(&log).into_owned(),
        }
    }
}

impl Judged {
    #[track_caller]
    fn assert_accepted(&self) {
        assert_eq!(self.status, Some(0), "{}\n{}", self.evidence, self.log);
    }

    #[track_caller]
    fn assert_rejected(&self, evidence: &str) {
        let said = &self.evidence;
        assert_eq!(self.status, Some(1), "{said}\n{}", self.log);
        assert!(
            said.contains(evidence),
            "`{said}` does not tell of `{evidence}`\n{}",
            self.log
        );
    }
}

/// The part of a script that judges a kernel log, without the name of the oracle.
fn log_part(oracle: &str) -> String {
    let script = script(oracle);
    let begin = script.find("[ -s dmesg ]").unwrap();
    script[begin..].replace(&format!("{oracle}: the start"), "the start")
}

#[test]
fn the_oracles_judge_a_kernel_log_by_the_same_lines() {
    assert_eq!(log_part("disk-dmesg-clean"), log_part("dmesg-clean"));
    assert_eq!(log_part("ec2-ok"), log_part("dmesg-clean"));
}

#[test]
fn what_an_oracle_asks_of_the_small_init_is_what_that_can_do() {
    let mut asked = BTreeSet::new();
    for oracle in ORACLES.into_iter().chain(["docker-ok"]) {
        for (at, key) in script(oracle).match_indices("KBISECT_MODE=") {
            let rest = &script(oracle)[at + key.len()..];
            let mode = rest.split_whitespace().next().unwrap().to_owned();
            assert!(INIT.contains(&format!("\n{mode})\n")), "{oracle}: {mode}");
            asked.insert(mode);
        }
    }
    let all = ["dhcp", "dmesg", "docker", "shell", "ssh"].map(str::to_owned);
    assert_eq!(asked, BTreeSet::from(all));
}

#[test]
fn ec2_ok_rejects_a_kernel_without_the_driver_of_the_instances_network() {
    let mut trial = Trial::new();
    for config in [
        "",
        "CONFIG_ENA_ETHERNET=m\n",
        "# CONFIG_ENA_ETHERNET is not set\n",
    ] {
        trial.config = config.to_owned();
        trial
            .judge("ec2-ok")
            .assert_rejected("missing: ENA_ETHERNET is not built in");
    }
}

/// A recorded start, and a kernel with this console after it.
fn judge_after_recorded_start(console: &str) -> Judged {
    judge_log("disk-dmesg-clean", "fast", console)
}

fn judge_log(oracle: &str, level: &'static str, console: &str) -> Judged {
    let trial_of = |console: &str| {
        let mut trial = Trial::new()
            .with_recorded(console)
            .with_fake("ssh", FAKE_SSH);
        fs::write(trial.path().join("refusals"), "0").unwrap();
        trial.config = "CONFIG_ENA_ETHERNET=y\n".to_owned();
        trial.level = level;
        trial
    };
    let start = trial_of(RECORDED);
    start.judge(oracle).assert_accepted();
    let mut trial = trial_of(console);
    trial.baseline = Some(start.path().to_owned());
    trial.judge(oracle)
}

#[test]
fn each_level_rejects_a_kernel_that_only_dirties_the_log() {
    let ends = "guest: dmesg ends\r\n";
    let dirty = RECORDED.replace(
        ends,
        &format!("<4>[    2.5] nvme nvme0: timeout 7\r\n{ends}"),
    );
    for oracle in ["disk-dmesg-clean", "ec2-ok"] {
        for level in ["fast", "full"] {
            judge_log(oracle, level, RECORDED).assert_accepted();
            judge_log(oracle, level, &dirty).assert_rejected("new warning: nvme nvme0: timeout 7");
        }
    }
}

#[test]
fn a_log_that_is_judged_is_of_a_boot_by_a_clock_that_the_host_does_not_disturb() {
    for (oracle, level, boots) in [
        ("disk-dmesg-clean", "fast", 1),
        ("disk-dmesg-clean", "full", 2),
        ("ec2-ok", "fast", 2),
        ("ec2-ok", "full", 2),
    ] {
        let mut trial = Trial::new()
            .with_recorded(RECORDED)
            .with_fake("ssh", FAKE_SSH);
        fs::write(trial.path().join("refusals"), "0").unwrap();
        trial.config = "CONFIG_ENA_ETHERNET=y\n".to_owned();
        trial.level = level;
        trial.judge(oracle).assert_accepted();
        let calls = fs::read_to_string(trial.path().join("calls")).unwrap();
        assert_eq!(calls.lines().count(), boots, "{oracle} {level}: {calls}");
        let last = calls.lines().last().unwrap();
        assert!(last.starts_with("fast "), "{oracle} {level}: {last}");
        let clock = "KBISECT_MODE=dmesg --accel tcg --clock icount";
        assert!(last.contains(clock), "{oracle} {level}: {last}");
    }
}

#[test]
fn a_second_boot_gets_the_time_that_the_first_one_left() {
    // Each look at the clock takes 100 s.
    let clock = "#!/bin/sh\nnow=$(($(cat clock) + 100))\necho $now >clock\necho $now\n";
    for oracle in ["disk-dmesg-clean", "ec2-ok"] {
        let mut trial = Trial::new()
            .with_recorded(RECORDED)
            .with_fake("ssh", FAKE_SSH)
            .with_fake("date", clock);
        fs::write(trial.path().join("clock"), "1000").unwrap();
        fs::write(trial.path().join("refusals"), "0").unwrap();
        trial.config = "CONFIG_ENA_ETHERNET=y\n".to_owned();
        trial.level = "full";
        trial.judge(oracle).assert_accepted();
        let calls = fs::read_to_string(trial.path().join("calls")).unwrap();
        let seconds: Vec<u32> = calls
            .lines()
            .map(|call| call.split(' ').nth(1).unwrap().parse().unwrap())
            .collect();
        let [first, second] = seconds[..] else {
            panic!("{oracle}: {calls}");
        };
        assert!(first == 600 && second < 600, "{oracle}: {calls}");
    }
}

#[test]
fn at_level_full_a_crash_in_the_start_of_all_of_debian_is_rejected() {
    let ends = "guest: dmesg ends\r\n";
    let with = |line: &str| RECORDED.replace(ends, &format!("{line}\r\n{ends}"));
    // Only the boot of all of Debian has the line.
    let judge = |line: &str| {
        let mut trial = Trial::new().with_recorded(RECORDED);
        fs::write(trial.path().join("full"), with(line)).unwrap();
        let script = FAKE_BOOT
            .replace(
                "cp ",
                "[ $log = console.log ] || mv full recorded.full\ncp ",
            )
            .replace(
                "\"$KBISECT_TRIAL/recorded\"",
                "\"$KBISECT_TRIAL/recorded$([ $log = console.log ] || echo .full)\"",
            );
        trial = trial.with_fake("kbisect", &script);
        trial.level = "full";
        trial.judge("disk-dmesg-clean")
    };
    judge("<4>[    9.5] WARNING: CPU: 0 PID: 1").assert_rejected("WARNING: CPU: 0 PID: 1");
    judge("<3>[   99.5] rcu: INFO: rcu_sched self-detected stall").assert_accepted();
    judge("<4>[    9.5] clocksource: Long readout interval").assert_accepted();
}

#[test]
fn at_level_full_a_session_waits_for_sshd() {
    for (level, refusals, status) in [("full", "2", 0), ("full", "0", 0), ("fast", "1", 1)] {
        let mut trial = Trial::new()
            .with_recorded(RECORDED)
            .with_fake("ssh", FAKE_SSH)
            .with_fake("sleep", "#!/bin/sh\n");
        fs::write(trial.path().join("refusals"), refusals).unwrap();
        trial.config = "CONFIG_ENA_ETHERNET=y\n".to_owned();
        trial.level = level;
        let judged = trial.judge("ec2-ok");
        assert_eq!(judged.status, Some(status), "{level}: {}", judged.log);
    }
}

/// What an oracle types at the prompt of the guest.
fn typed(oracle: &str) -> Vec<String> {
    let script = script(oracle);
    let sends = script.split("--when '^guest# ' --send '").skip(1);
    sends
        .map(|rest| rest.split('\'').next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_mark_needs_each_check_to_have_passed_in_one_shell() {
    for oracle in [
        "disk-ok",
        "dhcp-ok",
        "docker-ok",
        "userspace-ok",
        "systemd-ok",
    ] {
        let typed = typed(oracle);
        let checks = typed.iter().filter(|t| t.starts_with("want ")).count();
        let (define, last) = (&typed[0], typed.last().unwrap());
        let define = define.split("; dmesg").next().unwrap();
        let script = script(oracle);
        let mark = script.rsplit("--until '^").next().unwrap();
        let mark = mark.split('\'').next().unwrap();
        let shell = |passed: usize, failed: usize| {
            let lines = [
                "want a true\n".repeat(passed),
                "want b false\n".repeat(failed),
            ]
            .concat();
            let command = format!("{define}\n{lines}{last}");
            let output = Command::new("sh").arg("-c").arg(command).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            said.lines().any(|line| line.starts_with(mark))
        };
        assert!(checks >= 2, "{oracle}: {typed:?}");
        assert!(shell(checks, 0), "{oracle}");
        for passed in 0..checks {
            assert!(!shell(passed, checks - passed), "{oracle}: {passed}");
        }
        let output = Command::new("sh").arg("-c").arg(last).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.starts_with(mark), "{oracle}: {said}");
    }
}

#[test]
fn the_log_of_a_guest_on_a_disk_may_have_the_warnings_of_the_start() {
    assert!(RECORDED.contains("<4>"), "it has warnings");
    judge_after_recorded_start(RECORDED).assert_accepted();
}

#[test]
fn the_log_of_a_guest_on_a_disk_may_have_no_other_warning() {
    let ends = "guest: dmesg ends\r\n";
    assert!(RECORDED.contains(ends));
    let with = |line: &str| RECORDED.replace(ends, &format!("{line}\r\n{ends}"));
    judge_after_recorded_start(&with("<4>[    2.5] nvme nvme0: timeout 7"))
        .assert_rejected("new warning: nvme nvme0: timeout 7");
    judge_after_recorded_start(&with("<6>[    2.5] WARNING: CPU: 0"))
        .assert_rejected("WARNING: CPU: 0");
    judge_after_recorded_start(&with("<6>[    2.5] nvme nvme0: 1/0/0 queues")).assert_accepted();
}

#[test]
fn a_guest_on_a_disk_that_keeps_quiet_is_not_clean() {
    judge_after_recorded_start("guest: dmesg begins\r\nguest: dmesg ends\r\n")
        .assert_rejected("dmesg in the guest shows nothing");
    let cut: String = RECORDED
        .lines()
        .filter(|line| !line.contains("Linux version"))
        .map(|line| format!("{line}\n"))
        .collect();
    judge_after_recorded_start(&cut).assert_rejected("the kernel log has lost its beginning");
}

#[test]
fn grub_ok_is_broken_where_no_grub_was() {
    let trial = Trial::new().with_recorded("guest# echo answer: 42000\r\nanswer: 42000\r\n");
    let judged = trial.judge("grub-ok");
    assert_eq!(judged.status, Some(126), "{}", judged.log);
}

/// The header of an oracle: its guest, and its machine with this disk, if one is named.
fn header(oracle: &str, disk: Option<&str>) -> (String, String) {
    let script = script(oracle);
    let lines = script
        .lines()
        .filter_map(|line| line.strip_prefix("# kbisect: "));
    let (mut guest, mut machine) = (String::new(), Vec::new());
    for word in lines.flat_map(str::split_whitespace) {
        match (word.split_once('=').unwrap(), disk) {
            (("guest", name), _) => guest = name.to_owned(),
            (("level", _), _) => {}
            (("disk", _), Some(disk)) => machine.push(format!("disk={disk}")),
            _ => machine.push(word.to_owned()),
        }
    }
    (guest, machine.join(" "))
}

/// Judges Debian's kernel, which is made ready first, and so is the guest.
fn judge_for_real(oracle: &str, level: &'static str, disk: &str) -> Judged {
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    let mut setup = Setup::new(&mut note, &cancel).unwrap();
    setup.ensure(BOOT).unwrap();
    let kernel = setup.cloud_kernel().unwrap();
    let (guest, machine) = header(oracle, Some(disk));
    let kbisect = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kbisect"));
        let output = command.args(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        text
    };
    kbisect(&["guest", "build", &guest]);
    let shown = kbisect(&["guest", "show", &guest]);
    let folder = shown.lines().find_map(|line| line.strip_prefix("folder "));
    let mut trial = Trial::new();
    trial.level = level;
    let folder = Path::new(folder.unwrap().trim());
    trial.judge_on(oracle, &kernel.image, folder, &machine)
}

#[test]
#[ignore = "installs Debian, and takes minutes: --profile guests --run-ignored all"]
fn disk_ok_accepts_a_disk_and_rejects_one_without_a_driver() {
    judge_for_real("disk-ok", "fast", "nvme").assert_accepted();
    judge_for_real("disk-ok", "fast", "virtio").assert_rejected("Unable to mount root fs");
}

#[test]
#[ignore = "installs Debian, and takes minutes: --profile guests --run-ignored all"]
fn grub_ok_accepts_a_disk_and_rejects_one_without_a_driver() {
    judge_for_real("grub-ok", "fast", "nvme").assert_accepted();
    judge_for_real("grub-ok", "fast", "virtio").assert_rejected("Unable to mount root fs");
}

#[test]
#[ignore = "installs Debian, and takes minutes: --profile guests --run-ignored all"]
fn disk_dmesg_clean_accepts_a_kernel_at_both_levels() {
    judge_for_real("disk-dmesg-clean", "fast", "nvme").assert_accepted();
    judge_for_real("disk-dmesg-clean", "full", "nvme").assert_accepted();
}

#[test]
#[ignore = "installs Debian, and takes minutes: --profile guests --run-ignored all"]
fn without_a_driver_for_the_network_card_there_is_no_address_and_no_session() {
    judge_for_real("dhcp-ok", "fast", "nvme").assert_rejected("Cannot find device");
    judge_for_real("openssh-ok", "fast", "nvme").assert_rejected("guest: failed: ip address add");
}

#[test]
#[ignore = "installs Debian, and takes minutes: --profile guests --run-ignored all"]
fn userspace_ok_accepts_a_kernel_on_which_debian_is_up() {
    judge_for_real("userspace-ok", "full", "nvme").assert_accepted();
}

#[test]
#[ignore = "installs Debian, and takes minutes: --profile guests --run-ignored all"]
fn systemd_ok_accepts_a_kernel_on_which_systemd_is_running() {
    judge_for_real("systemd-ok", "full", "nvme").assert_accepted();
}
