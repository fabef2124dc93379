//! `ec2-instance` with each way in which an instance, aws or ssh can fail.
//!
//! Nothing here is real EC2. `aws`, `ssh`, the clock and the instance are fakes: scripts in front of `PATH`. The fake ssh
//! runs the oracle's commands for the instance in a folder that stands for its root, with fakes of GRUB's tools.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const GOOD: &str = "6.1.0-18-cloud-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)";
const NEW: &str = "6.1.192 #1 Mon Jan  1 00:00:00 UTC 2024";

/// The fake aws. It notes how it is called in `aws.log`.
const AWS: &str = r#"#!/bin/sh
echo "$2" >>"$FAKE/aws.log"
if [ -s "$FAKE/aws-fails" ]; then cat "$FAKE/aws-fails" >&2; exit "$(cat "$FAKE/aws-code")"; fi
case $2 in
describe-instances) printf '%s\t192.0.2.7\t10.0.0.7\n' "$(cat "$FAKE/state")" ;;
get-console-output) cat "$FAKE/root/dev/console" ;;
reboot-instances) case $(cat "$FAKE/returns") in reset) "$FAKE/machine/power-up" good ;; esac ;;
stop-instances) echo stopped >"$FAKE/state"; echo nothing >"$FAKE/kernel" ;;
start-instances)
    echo running >"$FAKE/state"
    case $(cat "$FAKE/returns") in reset | power) "$FAKE/machine/power-up" good ;; esac ;;
*) exit 252 ;;
esac
"#;

/// The fake ssh: the last argument is a command for the instance.
const SSH: &str = r#"#!/bin/sh
for command; do :; done
case $(cat "$FAKE/kernel") in nothing)
    echo $(($(cat "$FAKE/clock") + 10)) >"$FAKE/clock"
    echo "ssh: connect to host 192.0.2.7 port 22: Connection timed out" >&2
    exit 255 ;;
esac
[ ! -s "$FAKE/ssh-fails" ] || { cat "$FAKE/ssh-fails" >&2; exit 255; }
command=$(printf '%s' "$command" | sed "s,cd /,cd $FAKE/root,; s, /proc/, $FAKE/root/proc/,g; s, /dev/, $FAKE/root/dev/,g")
PATH=$FAKE/machine:$PATH exec sh -c "$command"
"#;

/// How the fake instance comes up: with the kernel of the argument, and another boot id.
const POWER_UP: &str = r#"#!/bin/sh
echo "$1" >"$FAKE/kernel"
boots=$(($(cat "$FAKE/boots") + 1))
echo $boots >"$FAKE/boots"
mkdir -p "$FAKE/root/proc/sys/kernel/random"
echo "boot-$boots" >"$FAKE/root/proc/sys/kernel/random/boot_id"
case $1 in good) words=quiet ;; *) words="panic=10 kbisect" ;; esac
echo "root=/dev/nvme0n1p1 $words" >"$FAKE/root/proc/cmdline"
echo "Linux version of $1" >>"$FAKE/root/dev/console"
"#;

/// A restart of the fake instance: GRUB takes the one-time choice, and what then happens is in `behaves`.
const REBOOT: &str = r#"#!/bin/sh
next=$(cat "$FAKE/grubenv")
behaves=$(cat "$FAKE/behaves")
[ "$behaves" != stuck ] || exit 0
[ -n "$next" ] && [ "$behaves" != no-choice ] || { "$FAKE/machine/power-up" good; exit; }
: >"$FAKE/grubenv"
case $behaves in
works) "$FAKE/machine/power-up" new ;;
wrong) "$FAKE/machine/power-up" wrong ;;
panics)
    echo "Kernel panic - not syncing: VFS: Unable to mount root fs" >>"$FAKE/root/dev/console"
    "$FAKE/machine/power-up" good ;;
hangs) echo "random: crng init done" >>"$FAKE/root/dev/console"; echo nothing >"$FAKE/kernel" ;;
still) echo "$next" >"$FAKE/grubenv" ;;
aws-goes) echo nothing >"$FAKE/kernel"; echo "Could not connect to the endpoint URL" >"$FAKE/aws-fails" ;;
esac
"#;

/// An instance that is a fake, and an image.
struct Fake(tempfile::TempDir);

impl Fake {
    fn new() -> Self {
        let fake = Self(tempfile::tempdir().unwrap());
        let uname = format!(
            "#!/bin/sh\ncase $(cat \"$FAKE/kernel\") in\ngood) echo '{GOOD}' ;;\nnew) echo '{NEW}' ;;\n\
             *) echo '5.10.0 #1 of somebody else' ;;\nesac\n"
        );
        for (name, script) in [
            ("bin/aws", AWS),
            ("bin/ssh", SSH),
            ("bin/date", "#!/bin/sh\ncat \"$FAKE/clock\"\n"),
            (
                "bin/sleep",
                "#!/bin/sh\necho $(($(cat \"$FAKE/clock\") + $1 + $(cat \"$FAKE/lag\"))) >\"$FAKE/clock\"\n",
            ),
            ("machine/power-up", POWER_UP),
            ("machine/reboot", REBOOT),
            ("machine/uname", &uname),
            ("machine/sync", "#!/bin/sh\n"),
            ("machine/sudo", "#!/bin/sh\nshift\nexec \"$@\"\n"),
            (
                "machine/grub-reboot",
                "#!/bin/sh\necho \"next_entry=$1\" >\"$FAKE/grubenv\"\n",
            ),
            ("machine/grub-editenv", "#!/bin/sh\ncat \"$FAKE/grubenv\"\n"),
        ] {
            fake.write(name, script);
            fs::set_permissions(fake.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (name, text) in [
            (
                "root/boot/grub/grub.cfg",
                "menuentry kbisect --id kbisect {\n",
            ),
            ("root/dev/console", ""),
            ("kernel", "good\n"),
            ("state", "running\n"),
            ("clock", "1000\n"),
            ("lag", "0\n"),
            ("boots", "0\n"),
            ("grubenv", ""),
            ("behaves", "works\n"),
            ("returns", "reset\n"),
            ("aws-code", "255\n"),
            ("aws.log", ""),
            ("key", "a key\n"),
            ("run/none", ""),
            ("trial/none", ""),
        ] {
            fake.write(name, text);
        }
        let powered = Command::new(fake.path("machine/power-up"))
            .arg("good")
            .env("FAKE", fake.0.path())
            .status();
        assert!(powered.unwrap().success());
        // As Linux's boot protocol has it: a signature, and where the version is.
        let mut image = vec![0; 4096];
        image[514..518].copy_from_slice(b"HdrS");
        image[526..528].copy_from_slice(&1024u16.to_le_bytes());
        let (release, version) = NEW.split_once(' ').unwrap();
        let text = format!("{release} (kbisect@host) {version}\0");
        image[512 + 1024..][..text.len()].copy_from_slice(text.as_bytes());
        fs::write(fake.path("bzImage"), image).unwrap();
        fake
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn command(&self) -> Command {
        let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracles/ec2-instance");
        let path = std::env::var("PATH").unwrap();
        let bin = self.path("bin");
        let mut command = Command::new(oracle);
        command
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("FAKE", self.0.path())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("KBISECT_IMAGE", self.path("bzImage"))
            .env("KBISECT_TRIAL", self.path("trial"))
            .env("KBISECT_EVIDENCE", self.path("evidence"))
            .env("KBISECT_TIMEOUT", "5400")
            .env("KBISECT_SLOT", "0")
            .env("KBISECT_EC2_INSTANCE", "i-0123456789abcdef0")
            .env("KBISECT_EC2_KEY", self.path("key"));
        command
    }

    /// Judges the kernel: the exit code, and the evidence or else the last line of what was said.
    fn judge(&self) -> (i32, String) {
        self.judge_by(&mut self.command())
    }

    fn judge_by(&self, command: &mut Command) -> (i32, String) {
        let _ = fs::remove_file(self.path("evidence"));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let evidence = self.read("evidence");
        let last = if evidence.is_empty() {
            &said
        } else {
            &evidence
        };
        let last = last.lines().last().unwrap_or_default().to_owned();
        (output.status.code().unwrap(), last)
    }

    /// How often aws was asked for this.
    fn asked(&self, what: &str) -> usize {
        self.read("aws.log").lines().filter(|l| *l == what).count()
    }

    /// May the instance be left with a kernel under test?
    fn is_dirty(&self) -> bool {
        !self.read("run/kbisect-i-0123456789abcdef0.lock").is_empty()
    }
}

#[test]
fn a_kernel_that_comes_up_passes_and_the_next_trial_has_the_good_one_back() {
    let fake = Fake::new();
    assert_eq!(fake.judge().0, 0);
    let there = fs::read(fake.path("root/boot/vmlinuz-kbisect")).unwrap();
    assert_eq!(there, fs::read(fake.path("bzImage")).unwrap());
    assert_eq!(fake.read("kernel"), "good\n");
    assert_eq!(
        (fake.asked("reboot-instances"), fake.asked("stop-instances")),
        (0, 0)
    );
    assert_eq!(fake.judge().0, 0);
}

#[test]
fn a_kernel_that_panics_is_rejected_once_the_good_one_is_back() {
    let fake = Fake::new();
    fake.write("behaves", "panics\n");
    let (code, evidence) = fake.judge();
    assert_eq!(code, 1, "{evidence}");
    assert_eq!(
        evidence,
        "the good kernel came back: Kernel panic - not syncing: VFS: Unable to mount root fs"
    );
    assert!(!fake.is_dirty());
}

#[test]
fn a_kernel_that_hangs_is_rejected_once_the_good_one_is_back() {
    for (returns, stops) in [("reset", 0), ("power", 1)] {
        let fake = Fake::new();
        fake.write("behaves", "hangs\n");
        fake.write("returns", returns);
        let (code, evidence) = fake.judge();
        assert_eq!(code, 1, "{evidence}");
        assert_eq!(evidence, "no login within 360 s: random: crng init done");
        assert_eq!(
            (fake.asked("reboot-instances"), fake.asked("stop-instances")),
            (1, stops)
        );
        assert_eq!(fake.read("kernel"), "good\n");
        assert!(!fake.is_dirty());
    }
}

#[test]
fn a_kernel_that_fails_the_check_is_rejected() {
    let fake = Fake::new();
    let check = "echo the disk is not there; exit 3";
    let (code, evidence) = fake.judge_by(fake.command().env("KBISECT_EC2_CHECK", check));
    assert_eq!(code, 1, "{evidence}");
    assert_eq!(evidence, "the check ended with 3: the disk is not there");
    assert_eq!(fake.read("kernel"), "good\n");
}

#[test]
fn an_instance_that_does_not_return_says_nothing_of_the_kernel() {
    let fake = Fake::new();
    fake.write("behaves", "hangs\n");
    fake.write("returns", "never\n");
    let (code, said) = fake.judge();
    assert_eq!(code, 125, "{said}");
    assert_eq!(said, "ec2-instance: the instance does not come back");
    assert!(fake.is_dirty());
    // A later trial brings it back first.
    fake.write("returns", "power\n");
    fake.write("behaves", "works\n");
    let (code, said) = fake.judge();
    assert_eq!(code, 0, "{said}");
}

#[test]
fn an_oracle_that_runs_out_of_time_says_nothing_of_the_kernel() {
    let fake = Fake::new();
    fake.write("behaves", "hangs\n");
    fake.write("lag", "6000\n");
    let (code, said) = fake.judge();
    assert_eq!(code, 125, "{said}");
    assert!(said.contains("no time is left"), "{said}");
}

#[test]
fn aws_that_fails_says_nothing_of_the_kernel_unless_it_is_set_up_wrongly() {
    let fake = Fake::new();
    for (code, text, expected) in [
        (255, "Could not connect to the endpoint URL", 125),
        (254, "An error occurred (RequestLimitExceeded)", 125),
        (254, "An error occurred (UnauthorizedOperation)", 126),
        (254, "An error occurred (InvalidInstanceID.NotFound)", 126),
        (253, "Unable to locate credentials", 126),
    ] {
        fake.write("aws-code", &code.to_string());
        fake.write("aws-fails", text);
        let (code, said) = fake.judge();
        assert_eq!(
            (code, said),
            (expected, format!("ec2-instance: aws fails: {text}"))
        );
    }
    // Just while the kernel under test comes up: this machine may be cut off.
    let fake = Fake::new();
    fake.write("behaves", "aws-goes\n");
    assert_eq!(fake.judge().0, 125);
    assert!(fake.is_dirty());
}

#[test]
fn an_instance_that_refuses_ssh_from_the_beginning_is_set_up_wrongly_and_is_left_alone() {
    let fake = Fake::new();
    fake.write(
        "ssh-fails",
        "admin@192.0.2.7: Permission denied (publickey).\n",
    );
    let (code, said) = fake.judge();
    assert_eq!(code, 126, "{said}");
    assert!(said.ends_with("Permission denied (publickey)."), "{said}");
    fake.write(
        "ssh-fails",
        "ssh: connect to host 192.0.2.7 port 22: Connection refused\n",
    );
    let (code, said) = fake.judge();
    assert_eq!(code, 125, "{said}");
    assert!(said.ends_with("Connection refused"), "{said}");
    assert_eq!(
        (fake.asked("reboot-instances"), fake.asked("stop-instances")),
        (0, 0)
    );
}

#[test]
fn another_kernel_than_the_one_under_test_is_no_verdict() {
    for (behaves, code, says) in [
        ("wrong", 126, "another kernel runs than the one under test"),
        ("no-choice", 126, "GRUB did not take the choice"),
        ("still", 125, "the instance does not restart"),
    ] {
        let fake = Fake::new();
        fake.write("behaves", behaves);
        let (ended, said) = fake.judge();
        assert_eq!(ended, code, "{behaves}: {said}");
        assert!(said.contains(says), "{behaves}: {said}");
    }
    let fake = Fake::new();
    fake.write("root/boot/grub/grub.cfg", "menuentry Debian {\n");
    let (code, said) = fake.judge();
    assert_eq!(code, 126, "{said}");
    assert!(said.contains("GRUB has no entry kbisect"), "{said}");
}

#[test]
fn a_good_kernel_of_the_version_under_test_is_refused() {
    let fake = Fake::new();
    let uname = fake.read("machine/uname").replace(GOOD, NEW);
    fs::write(fake.path("machine/uname"), uname).unwrap();
    let (code, said) = fake.judge();
    assert_eq!(code, 126, "{said}");
    assert!(said.contains("the good kernel has the version"), "{said}");
}

#[test]
fn the_last_kernel_under_test_is_not_taken_for_the_good_one() {
    // It has the same version, and does not restart.
    for (lock, returns) in [("dirty\n", "power"), ("", "never")] {
        let fake = Fake::new();
        let powered = Command::new(fake.path("machine/power-up"))
            .arg("new")
            .env("FAKE", fake.0.path())
            .status();
        assert!(powered.unwrap().success());
        fake.write("run/kbisect-i-0123456789abcdef0.lock", lock);
        fake.write("behaves", "stuck\n");
        fake.write("returns", returns);
        let (code, said) = fake.judge();
        assert_eq!(code, 125, "{returns}: {said}");
        assert_eq!(fake.asked("stop-instances"), 1, "{returns}");
        let back = fake.read("kernel") == "good\n";
        assert_eq!(back, returns == "power", "{returns}");
    }
}

#[test]
fn what_a_killed_oracle_left_is_put_back_first() {
    for left in ["new", "wrong", "nothing"] {
        let fake = Fake::new();
        let powered = Command::new(fake.path("machine/power-up"))
            .arg(left)
            .env("FAKE", fake.0.path())
            .status();
        assert!(powered.unwrap().success());
        fake.write("run/kbisect-i-0123456789abcdef0.lock", "dirty\n");
        let (code, said) = fake.judge();
        assert_eq!(code, 0, "{left}: {said}");
    }
    let fake = Fake::new();
    fake.write("state", "stopped\n");
    fake.write("kernel", "nothing\n");
    assert_eq!(fake.judge().0, 0);
    assert_eq!(fake.asked("start-instances"), 1);
}

#[test]
fn an_instance_serves_one_worker_of_one_run() {
    let fake = Fake::new();
    let (code, said) = fake.judge_by(fake.command().env("KBISECT_SLOT", "1"));
    assert_eq!((code, said.ends_with("give -j 1")), (126, true), "{said}");
    let lock = File::create(fake.path("run/kbisect-i-0123456789abcdef0.lock")).unwrap();
    lock.lock().unwrap();
    let (code, said) = fake.judge();
    assert_eq!(code, 126, "{said}");
    assert!(said.ends_with("another run uses the instance"), "{said}");
}

#[test]
fn bad_settings_are_named_before_anything_is_done() {
    let fake = Fake::new();
    for (name, value, says) in [
        ("KBISECT_EC2_INSTANCE", "", "KBISECT_EC2_INSTANCE must name"),
        (
            "KBISECT_EC2_INSTANCE",
            "i-0/../x",
            "KBISECT_EC2_INSTANCE is no instance",
        ),
        (
            "KBISECT_EC2_KEY",
            "/no/such/key",
            "KBISECT_EC2_KEY must name",
        ),
        ("KBISECT_TIMEOUT", "300", "give --timeout 90m"),
        ("KBISECT_IMAGE", "/bin/sh", "no x86 boot image"),
    ] {
        let (code, said) = fake.judge_by(fake.command().env(name, value));
        assert_eq!(code, 126, "{name}={value}: {said}");
        assert!(said.contains(says), "{name}={value}: {said}");
    }
    assert_eq!(fake.read("aws.log"), "");
}
