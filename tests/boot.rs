//! Boots with the real QEMU, of guests that fit into a boot sector.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::time::Duration;

use kbisect::boot::{
    Accel, Board, Budget, Clock, Disk, Drive, Failure, FailureKind, Finished, Firmware, Interface,
    Limit, Machine, Memory, Nic, Outcome, Plan, Step, Watch, boot,
};
use kbisect::setup::{BOOT, Setup};
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

/// A disk that prints `message` on the serial port, and then does `end`.
fn disk(message: &str, end: &[u8]) -> Vec<u8> {
    // ds = 0; for each byte at si until a zero: wait for the port, write it.
    let mut sector = vec![
        0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0, 0x7c, 0xac, 0x84, 0xc0, 0x74, 0x11, 0x88, 0xc4, 0xba,
        0xfd, 3, 0xec, 0xa8, 0x20, 0x74, 0xfb, 0x88, 0xe0, 0xba, 0xf8, 3, 0xee, 0xeb, 0xe9,
    ];
    sector[11] = u8::try_from(sector.len() - 12).unwrap();
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

/// A boot of such a disk, which is to print `MARK`.
fn fixture(message: &str, end: &[u8]) -> Fixture {
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    Setup::new(&mut note, &cancel)
        .unwrap()
        .ensure(BOOT)
        .unwrap();
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
