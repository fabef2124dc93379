//! Boots with the real QEMU, of guests that fit into a boot sector.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kbisect::boot::{
    Accel, Board, Budget, Clock, Disk, Drive, Failure, FailureKind, Finished, Firmware, GrubDisk,
    Images, Interface, Kernel, Limit, Machine, Memory, Nic, Outcome, Plan, Step, Watch, boot,
};
use kbisect::setup::{BOOT, Check, Importance, Need, Setup};
use kbisect::supervise::{CancelToken, How, Spec};
use regex::bytes::Regex;
use tempfile::TempDir;

/// What the guest does after its message.
const HALT: &[u8] = &[0xfa, 0xf4, 0xeb, 0xfc];
const SPIN: &[u8] = &[0xeb, 0xfe];
const RESET: &[u8] = &[0xea, 0, 0, 0xff, 0xff];
/// Reads bytes from the serial port and writes them back.
const ECHO: &[u8] = &[
    0xba, 0xfd, 3, 0xec, 0xa8, 1, 0x74, 0xfb, 0xba, 0xf8, 3, 0xec, 0xee, 0xeb, 0xf1,
];

/// Sleeps but for a timer that ticks 250 times a second.
const TICK: &[u8] = &[
    0xb0, 0x36, 0xe6, 0x43, 0xb0, 0xa5, 0xe6, 0x40, 0xb0, 0x12, 0xe6, 0x40, 0xfb, 0xf4, 0xeb, 0xfd,
];

/// Prints the text at `si` on the serial port: for each byte until a zero, waits for the port and writes it.
const PRINT: &[u8] = &[
    0xac, 0x84, 0xc0, 0x74, 0x12, 0x88, 0xc4, 0xba, 0xfd, 3, 0xec, 0xa8, 0x20, 0x74, 0xfb, 0x88,
    0xe0, 0xba, 0xf8, 3, 0xee, 0xeb, 0xe9,
];

/// A disk that prints `message` on the serial port, and then does `end`.
fn disk(message: &str, end: &[u8]) -> Vec<u8> {
    // ds = 0; si is the message.
    let mut sector = vec![0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0, 0x7c];
    sector.extend_from_slice(PRINT);
    sector.extend_from_slice(end);
    sector[5] = u8::try_from(sector.len()).unwrap();
    sector.extend_from_slice(message.as_bytes());
    sector.resize(510, 0);
    sector.extend_from_slice(&[0x55, 0xaa]);
    sector.resize(1 << 16, 0);
    sector
}

struct Fixture {
    plan: Plan,
    _dir: TempDir,
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// Installs what is missing.
fn ensure(needs: &[Need]) {
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    let mut setup = Setup::new(&mut note, &cancel).unwrap();
    setup.ensure(needs).unwrap();
}

/// A boot of such a disk, which is to print `MARK`.
fn fixture(message: &str, end: &[u8]) -> Fixture {
    ensure(BOOT);
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("disk,with comma.img");
    fs::write(&file, disk(message, end)).unwrap();
    let machine = Machine {
        board: Board::Pc,
        firmware: Firmware::FirstDrive,
        drives: vec![Drive {
            file,
            interface: Interface::Ata,
            format: Disk::Raw,
        }],
        nic: None,
        memory: Memory(32),
        accel: Accel::Tcg,
        clock: Clock::Host,
        trace: None,
    };
    let ages = Duration::from_secs(100);
    let plan = Plan {
        machine,
        forwards: Vec::new(),
        watch: Watch {
            steps: Vec::new(),
            until: regex("MARK"),
            fail_on: Vec::new(),
        },
        command: None,
        budget: Budget {
            wall: ages,
            cpu: None,
            first_byte_cpu: None,
            idle: ages,
        },
        console_log: dir.path().join("console.log"),
    };
    Fixture { plan, _dir: dir }
}

impl Fixture {
    fn boot(&self) -> Finished {
        boot(&self.plan, &CancelToken::new()).unwrap()
    }
}

#[test]
fn the_mark_ends_the_boot_at_once() {
    let finished = fixture("hello\r\nMARK", SPIN).boot();
    assert_eq!(finished.outcome, Outcome::Reached("MARK".to_owned()));
    assert!(finished.first_byte_cpu.unwrap() <= finished.cpu);
}

#[test]
fn the_console_is_logged_byte_by_byte() {
    let fixture = fixture("a\u{1b}[0m\r\nMARK", HALT);
    fixture.boot();
    assert_eq!(
        fs::read(&fixture.plan.console_log).unwrap(),
        b"a\x1b[0m\r\nMARK"
    );
}

#[test]
fn a_guest_that_asks_is_answered() {
    let mut fixture = fixture("who? ", ECHO);
    fixture.plan.watch.steps = vec![Step {
        when: regex(r"\? $"),
        send: "MARK it".to_owned(),
    }];
    fixture.plan.watch.until = regex("MARK it");
    assert_eq!(
        fixture.boot().outcome,
        Outcome::Reached("who? MARK it".to_owned())
    );
}

#[test]
fn a_guest_that_restarts_has_failed_and_its_last_words_are_kept() {
    let fixture = fixture("first\r\nlast words", RESET);
    let finished = fixture.boot();
    assert_eq!(finished.outcome, Outcome::Exited(How::Exited(0)));
    let evidence = finished.evidence(&fixture.plan);
    assert!(
        evidence.contains("MARK") && evidence.ends_with("last words"),
        "{evidence}"
    );
}

#[test]
fn a_panic_that_breaks_off_is_told_all_the_same() {
    for end in [RESET, HALT] {
        let finished = fixture("Kernel panic - not syncing: x", end).boot();
        let line = "Kernel panic - not syncing: x".to_owned();
        let failure = Failure {
            kind: FailureKind::Panic,
            line,
        };
        assert_eq!(finished.outcome, Outcome::from(&failure));
    }
}

#[test]
fn a_bad_line_ends_the_boot() {
    let mut fixture = fixture("BUG: x\r\nMARK", HALT);
    fixture.plan.watch.fail_on = vec![regex("^BUG:")];
    assert_eq!(fixture.boot().outcome, Outcome::FailOn("BUG: x".to_owned()));
}

#[test]
fn a_busy_guest_runs_out_of_cpu_time() {
    let mut fixture = fixture("hello", SPIN);
    fixture.plan.budget.cpu = Some(Duration::from_secs(1));
    assert_eq!(fixture.boot().outcome, Outcome::Limit(Limit::Cpu));
}

#[test]
fn a_busy_guest_that_says_nothing_is_found_out_earlier() {
    let mut fixture = fixture("", SPIN);
    fixture.plan.budget.first_byte_cpu = Some(Duration::from_secs(1));
    let finished = fixture.boot();
    assert_eq!(finished.outcome, Outcome::Limit(Limit::Silent));
    assert_eq!(
        finished.evidence(&fixture.plan),
        "no first byte on the console"
    );
}

#[test]
fn a_guest_that_does_nothing_is_not_waited_for() {
    let mut fixture = fixture("hello", HALT);
    fixture.plan.budget.idle = Duration::from_secs(1);
    let finished = fixture.boot();
    assert_eq!(finished.outcome, Outcome::Limit(Limit::Idle));
    assert!(finished.evidence(&fixture.plan).ends_with("hello"));
}

#[test]
fn a_guest_that_only_waits_for_its_timer_is_not_waited_for_either() {
    let mut fixture = fixture("hello", TICK);
    fixture.plan.budget.idle = Duration::from_secs(1);
    assert_eq!(fixture.boot().outcome, Outcome::Limit(Limit::Idle));
}

#[test]
fn a_busy_guest_is_not_taken_for_one_that_waits() {
    let mut fixture = fixture("hello", SPIN);
    fixture.plan.budget.idle = Duration::from_millis(500);
    fixture.plan.budget.cpu = Some(Duration::from_secs(2));
    assert_eq!(fixture.boot().outcome, Outcome::Limit(Limit::Cpu));
}

#[test]
fn the_silence_before_the_mark_is_measured() {
    let finished = fixture("hello\r\nMARK", SPIN).boot();
    assert!(finished.longest_silence.unwrap() < finished.wall);
    let mut silent = fixture("hello", HALT);
    silent.plan.budget.idle = Duration::from_millis(500);
    assert_eq!(silent.boot().longest_silence, None);
}

#[test]
fn the_command_decides_and_knows_the_port() {
    for status in [0, 3] {
        let mut fixture = fixture("MARK", HALT);
        fixture.plan.machine.nic = Some(Nic::E1000);
        fixture.plan.forwards = vec!["auto:22".parse().unwrap()];
        let script = format!("echo port $KBISECT_PORT; exit {status}");
        fixture.plan.command = Some(Spec::new("sh").args(["-c", &script]));
        let finished = fixture.boot();
        assert_eq!(finished.outcome, Outcome::Command(How::Exited(status)));
        assert_eq!(finished.outcome.is_pass(), status == 0);
        let port = finished.last_line.strip_prefix("port ").unwrap();
        assert!(port.parse::<u16>().unwrap() > 0);
    }
}

#[test]
fn a_panic_ends_the_boot_while_the_command_waits() {
    let mut fixture = fixture("MARK\r\nKernel panic - not syncing: late\r\n", HALT);
    fixture.plan.command = Some(Spec::new("sleep").arg("1000"));
    let line = "Kernel panic - not syncing: late".to_owned();
    assert_eq!(fixture.boot().outcome, Outcome::Panic(line));
}

#[test]
fn a_machine_that_qemu_refuses_is_no_verdict() {
    let mut fixture = fixture("", HALT);
    fixture.plan.machine.drives[0].file = "/no/such/disk".into();
    let error = boot(&fixture.plan, &CancelToken::new()).unwrap_err();
    assert!(error.to_string().contains("/no/such/disk"), "{error}");
}

#[test]
fn a_boot_can_be_cancelled() {
    let fixture = fixture("", SPIN);
    let cancel = CancelToken::new();
    cancel.cancel();
    assert_eq!(
        boot(&fixture.plan, &cancel).unwrap().outcome,
        Outcome::Cancelled
    );
}

/// Makes and changes file systems.
const E2FSPROGS: Need = Need {
    name: "e2fsprogs",
    why: "makes file systems",
    check: Check::Programs(&["/usr/sbin/mke2fs", "/usr/sbin/debugfs"]),
    packages: &["e2fsprogs"],
    importance: Importance::Required,
};

/// Images of a guest that GRUB would boot, with a file system of 4 MiB as `/boot`. In GRUB's place the boot sector
/// prints the beginning of the second partition.
fn images(dir: &Path, folders: &str) -> Images {
    const BEGIN: u32 = 2048;
    const SECTORS: u32 = 4 * 2048;
    let images = Images {
        boot: dir.join("boot.img"),
        root: dir.join("root.img"),
    };
    // ds = 0; reads from the disk in dl, as the packet below says; si is what was read.
    let mut sector = vec![
        0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0, 0x7c, 0xb4, 0x42, 0xcd, 0x13,
    ];
    sector.extend_from_slice(&[0xbe, 0, 0x80]);
    sector.extend_from_slice(PRINT);
    sector.extend_from_slice(HALT);
    sector[5] = u8::try_from(sector.len()).unwrap();
    sector.extend_from_slice(&[16, 0, 1, 0, 0, 0x80, 0, 0]);
    sector.extend_from_slice(&u64::from(BEGIN + SECTORS).to_le_bytes());
    sector.resize(446, 0);
    for (begin, length) in [(BEGIN, SECTORS), (BEGIN + SECTORS, 2)] {
        sector.extend_from_slice(&[0, 0, 0, 0, 0x83, 0, 0, 0]);
        sector.extend_from_slice(&begin.to_le_bytes());
        sector.extend_from_slice(&length.to_le_bytes());
    }
    sector.resize(510, 0);
    sector.extend_from_slice(&[0x55, 0xaa]);
    sector.resize(512 * usize::try_from(BEGIN + SECTORS).unwrap(), 0);
    fs::write(&images.boot, sector).unwrap();
    let mut root = b"MARK of the second file\0".to_vec();
    root.resize(1024, 0);
    fs::write(&images.root, root).unwrap();
    ensure(&[E2FSPROGS]);
    let mut command = Command::new("/usr/sbin/mke2fs");
    command.args(["-q", "-F", "-t", "ext2", "-d", folders]);
    command.args(["-E", "offset=1048576", "boot.img", "4096"]);
    let output = command.current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    images
}

/// A place for images whose name has all that means something to somebody.
fn place() -> (TempDir, std::path::PathBuf) {
    let dir = TempDir::new().unwrap();
    let place = dir.path().join("it's, a \"guest\"?");
    fs::create_dir_all(place.join("boot/grub")).unwrap();
    fs::write(place.join("boot/grub/grub.cfg"), "a placeholder").unwrap();
    (dir, place)
}

fn kernel(place: &Path, size: usize, append: &str) -> Kernel {
    let image = place.join("bzImage");
    fs::write(&image, vec![7; size]).unwrap();
    Kernel {
        image,
        initrd: None,
        append: append.to_owned(),
    }
}

#[test]
fn a_disk_of_two_files_is_booted_from_and_neither_is_written_to() {
    let (_dir, place) = place();
    let images = images(&place, "boot");
    let before = [&images.boot, &images.root].map(|file| fs::read(file).unwrap());
    let kernel = kernel(&place, 2 << 20, "root=/dev/vda2");
    let disk = GrubDisk::make(&images, &kernel, Some(&place), &CancelToken::new()).unwrap();
    for interface in [Interface::Virtio, Interface::Nvme] {
        let mut fixture = fixture("", HALT);
        fixture.plan.machine.drives = vec![disk.drive(interface)];
        let line = "MARK of the second file".to_owned();
        fixture.plan.watch.until = regex("MARK.*file");
        assert_eq!(fixture.boot().outcome, Outcome::Reached(line));
    }
    let after = [&images.boot, &images.root].map(|file| fs::read(file).unwrap());
    assert!(before == after);
    // What was made has no name.
    assert_eq!(fs::read_dir(&place).unwrap().count(), 4);
}

#[test]
fn a_kernel_that_does_not_fit_into_boot_says_nothing_of_the_kernel() {
    let (_dir, place) = place();
    let images = images(&place, "boot");
    let make = |kernel: &Kernel| GrubDisk::make(&images, kernel, None, &CancelToken::new());
    let error = make(&kernel(&place, 5 << 20, "")).unwrap_err();
    assert!(
        error.to_string().contains("(6 MiB) does not fit"),
        "{error}"
    );
    assert_eq!(error.kind(), kbisect::ErrorKind::Failed);
    let error = make(&kernel(&place, 1, "it's")).unwrap_err();
    assert_eq!(error.kind(), kbisect::ErrorKind::Usage, "{error}");
}

#[test]
fn a_boot_partition_without_grub_is_told() {
    let (_dir, place) = place();
    fs::remove_dir_all(place.join("boot/grub")).unwrap();
    let images = images(&place, "boot");
    let kernel = kernel(&place, 1, "");
    let error = GrubDisk::make(&images, &kernel, None, &CancelToken::new()).unwrap_err();
    assert!(
        error.to_string().contains("did not write grub.cfg"),
        "{error}"
    );
}

#[test]
fn a_machine_that_cannot_be_is_a_broken_oracle_and_a_flag_goes_before_what_the_header_asks_for() {
    let status = |machine: &str, args: &[&str], trial: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kbisect"));
        command.args(["boot", "--until", "x", "--kernel", "/dev/null"]);
        command.args(args).stderr(Stdio::piped());
        command
            .env_remove("KBISECT_TRIAL")
            .env_remove("KBISECT_GUEST");
        command.envs(trial.map(|trial| ("KBISECT_TRIAL", trial)));
        let output = command.env("KBISECT_MACHINE", machine).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), told)
    };
    let dir = TempDir::new().unwrap();
    let trial = dir.path().to_str();
    for (machine, why) in [
        ("disk=floppy", "KBISECT_MACHINE is wrong: disk=floppy"),
        ("disk=nvme boot=grub", "boot=grub needs a guest"),
        ("machine=microvm nic=e1000", "microvm has no PCI"),
    ] {
        for (trial, code) in [(trial, 126), (None, 2)] {
            let (status, told) = status(machine, &[], trial);
            assert_eq!(status, code, "{told}");
            assert!(told.contains(why), "{told}");
        }
    }
    let ata = ["--machine", "q35", "--drive", "/dev/null,if=ata"];
    let (code, told) = status("machine=microvm", &ata, trial);
    assert_eq!(code, 126);
    assert!(told.contains("q35 has no IDE"), "{told}");
}
