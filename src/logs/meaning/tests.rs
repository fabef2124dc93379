//! Tests of the words, on lines as recorded.
#![allow(clippy::unwrap_used)]

use super::*;

fn oracle(evidence: &str, console: &str) -> Option<(MeaningCode, String)> {
    let bad = Log::of_bytes(console.as_bytes());
    let good = Log::of_bytes(b"guest: sshd is up\n");
    let found = meaning(&Failure {
        stage: Stage::Oracle,
        evidence,
        good: Some(&good),
        bad: Some(&bad),
        build: None,
    });
    found.map(|meaning| (meaning.code, meaning.text))
}

#[test]
fn every_row_has_a_pattern() {
    assert_eq!(COMPILED.len(), ROWS.len());
}

#[test]
fn each_known_failure_has_its_words() {
    use MeaningCode as Code;
    let ifconfig =
        "on the console: guest: failed: ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up";
    let dropbear = "on the console: guest: failed: dropbear -E -s -r /etc/dropbear/host_key -p 22";
    let sshd = "the guest ended or restarted before `^guest: sshd is up` appeared";
    for (evidence, console, code, says) in [
        (
            ifconfig,
            "ifconfig: socket: Function not implemented\r\n",
            Code::MissingSystemCall,
            "call of socket",
        ),
        (
            ifconfig,
            "ifconfig: socket: Address family not supported by protocol\r\n",
            Code::NoAddressFamily,
            "family",
        ),
        (
            ifconfig,
            "ifconfig: SIOCSIFADDR: No such device\r\n",
            Code::NoNetworkDevice,
            "no network device",
        ),
        (ifconfig, "", Code::GuestCommand, "ifconfig eth0"),
        (
            dropbear,
            "The futex facility returned an unexpected error code.\r\nAborted\r\n",
            Code::MissingSystemCall,
            "futex",
        ),
        (
            "no session: Connection closed by 127.0.0.1 port 37455",
            "[23] Nov 30 11:28:16 Exit before auth from <10.0.2.2:39390>: (user 'root', 0 fails): Failed to set euid\r\n",
            Code::NoPrivileges,
            "become the user",
        ),
        (
            "no session: Connection closed by 127.0.0.1 port 37455",
            "",
            Code::SshClosed,
            "closed",
        ),
        (
            "no session: ssh: connect to host 127.0.0.1 port 22: Connection refused",
            "",
            Code::SshRefused,
            "listens",
        ),
        (
            "no session: PTY allocation request failed on channel 0",
            "mount: mounting devpts on /dev/pts failed: No such device\r\n",
            Code::NoPseudoTerminal,
            "pseudo-terminal",
        ),
        (
            "missing: /proc",
            "mount: mounting proc on /proc failed: No such device\r\n",
            Code::MissingFileSystem,
            "mount proc",
        ),
        ("missing: /proc", "", Code::MissingFile, "lacks /proc"),
        (
            "no session: Connection closed by 127.0.0.1 port 42567; sshd: reexec socketpair: Address family not supported by protocol",
            "",
            Code::NoAddressFamily,
            "socket",
        ),
        (
            "on the console: socket: Address family not supported by protocol - make sure",
            "CONFIG_PACKET (Packet socket) and CONFIG_FILTER\r\n",
            Code::NoAddressFamily,
            "CONFIG_PACKET",
        ),
        (
            "on the console: missing: udevd: Failed to send a ping message: Connection refused",
            "Starting hotplug events dispatcher: systemd-udevdstart-stop-daemon: program failed to initialize (Function not implemented)\r\n",
            Code::MissingSystemCall,
            "system call",
        ),
        (
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
            "[    1.2] VFS: Cannot open root device \"vda\" or unknown-block(0,0): error -6\r\n",
            Code::NoRoot,
            "no device vda (error -6)",
        ),
        (
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
            "",
            Code::NoRoot,
            "root file system",
        ),
        (
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(254,0)",
            "VFS: Cannot open root device \"vda\" or unknown-block(254,0): error -19\r\n",
            Code::NoRoot,
            "lacks the file system",
        ),
        (
            "",
            "Filesystem type 'devpts' is not supported. Skipping mount. ... (warning).\r\n",
            Code::MissingFileSystem,
            "devpts",
        ),
        (
            "Kernel panic - not syncing: No working init found. Try passing init= option to kernel. See Linux Documentation/admin-guide/init.rst for guidance.",
            "",
            Code::NoInit,
            "init",
        ),
        (
            sshd,
            "Failed to execute /init (error -8)\r\n",
            Code::NoInit,
            "/init",
        ),
        (
            "Kernel panic - not syncing: IO-APIC + timer doesn't work!",
            "",
            Code::Panic,
            "timer doesn't work!",
        ),
        (
            "it waits, and `^guest: sshd is up` has not appeared; last line: / #",
            "/ # \x1b[6n",
            Code::NoShell,
            "script",
        ),
        (sshd, "", Code::EndedSilently, "console stayed empty"),
        (sshd, "guest: sshd is up\r\n", Code::Ended, "before"),
        ("no first byte on the console", "", Code::Silent, "silent"),
        (
            "ran out of its CPU budget of 12 s before `^answer: 42000` appeared; last line: clocksource: Switched to clocksource tsc",
            "[    1.2] clocksource: Switched to clocksource tsc\n",
            Code::Hang,
            "hangs",
        ),
        (
            "new warning: 8250: no ports",
            "",
            Code::DirtyLog,
            "8250: no ports",
        ),
        (
            "dmesg in the guest shows nothing",
            "",
            Code::DirtyLog,
            "cannot read",
        ),
        (
            "no session: PTY allocation request failed on channel 0; sshd: openpty: No such file or directory",
            "",
            Code::NoPseudoTerminal,
            "pseudo-terminal",
        ),
    ] {
        let found = oracle(evidence, console);
        let (found, text) = found.unwrap_or_else(|| panic!("nothing is known of {evidence}"));
        assert_eq!(found, code, "{evidence}: {console}: {text}");
        assert!(text.contains(says), "{evidence}: {text}");
    }
}

#[test]
fn of_an_unknown_failure_nothing_is_said() {
    assert_eq!(oracle("the answer is 41", "all is well\n"), None);
    assert_eq!(oracle("", ""), None);
}

#[test]
fn a_line_that_a_good_boot_has_means_nothing() {
    let log = Log::of_bytes(b"sh: socket: Function not implemented\n");
    let failure = Failure {
        stage: Stage::Oracle,
        evidence: "the answer is 41",
        good: Some(&log),
        bad: Some(&log),
        build: None,
    };
    assert_eq!(meaning(&failure), None);
    // If no good boot is known, it may.
    let alone = Failure {
        good: None,
        ..failure
    };
    assert_eq!(
        meaning(&alone).unwrap().code,
        MeaningCode::MissingSystemCall
    );
}

#[test]
fn a_kernel_that_begins_twice_starts_again_and_again() {
    let once = "[    0.000000] Linux version 6.1.192 (x) #1\nx\n";
    let (code, _) = oracle("the guest ended", &once.repeat(2)).unwrap();
    assert_eq!(code, MeaningCode::RebootLoop);
}

#[test]
fn a_build_that_failed_is_told_by_its_first_error() {
    let of = |evidence: &str, log: &str| {
        let log = Log::of_bytes(log.as_bytes());
        let found = meaning(&Failure {
            stage: Stage::Build,
            evidence,
            good: None,
            bad: None,
            build: Some(&log),
        });
        let found = found.unwrap();
        (found.code, found.line.unwrap_or_default())
    };
    let compile = "mm/a.c:3:1: error: unknown type name 'pgd_t'";
    let link = "x.c:(.text+0x1): undefined reference to `g'";
    let make = "make: *** [Makefile:234: __sub-make] Error 2";
    let log = format!("  CC      a.o\n{compile}\n{link}\n{make}\n");
    assert_eq!(
        of("", &log),
        (MeaningCode::CompileError, compile.to_owned())
    );
    assert_eq!(of(link, &log), (MeaningCode::LinkError, link.to_owned()));
    assert_eq!(of(make, ""), (MeaningCode::BuildError, make.to_owned()));
}

#[test]
fn words_of_a_hostile_line_are_safe_and_short() {
    let evidence = format!(
        "Kernel panic - not syncing: \x1b]0;x\x07<b>{}",
        "y".repeat(9999)
    );
    let (code, text) = oracle(&evidence, "").unwrap();
    assert_eq!(code, MeaningCode::Panic);
    assert!(text.chars().count() <= LONGEST && !text.contains('\x1b'));
}

#[test]
fn codes_are_kebab_case() {
    let text = serde_json::to_string(&MeaningCode::NoPseudoTerminal).unwrap();
    assert_eq!(text, "\"no-pseudo-terminal\"");
}
