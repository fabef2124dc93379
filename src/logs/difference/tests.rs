//! Tests of the rule, on consoles as recorded.
#![allow(clippy::unwrap_used)]

use super::*;

/// What the failing log says there, and what was expected.
fn texts(good: &str, bad: &str) -> (Option<String>, Option<String>) {
    let (good, bad) = (
        Log::of_bytes(good.as_bytes()),
        Log::of_bytes(bad.as_bytes()),
    );
    let found = difference(&good, &bad).unwrap();
    let text = |line: Option<LogLine>| line.map(|line| line.text);
    (text(found.bad), text(found.good))
}

fn pair(bad: &str, good: &str) -> (Option<String>, Option<String>) {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (some(bad), some(good))
}

const SSH: &str = "guest: sshd is up\r\n\
    [22] Nov 30 11:22:48 Running in background\r\n\
    [23] Nov 30 11:22:49 Child connection from 10.0.2.2:58700\r\n\
    [23] Nov 30 11:22:49 Pubkey auth succeeded for 'root' with ssh-ed25519 key SHA256:ficm3 from 10.0.2.2:58700\r\n\
    [24] Nov 30 11:22:49 lastlog_openseek: /var/log/lastlog is not a file or directory!\r\n";

const ROOT: &str = "[    0.0] Linux version 6.1.192 (x) #1 Thu Jan  1 00:00:00 UTC 1970\n\
    [    0.1] tsc: Fast TSC calibration failed\n\
    [    0.2] pci 0000:00:03.0: [1af4:1001] type 00 class 0x010000\n\
    [    0.3] virtio_blk virtio0: [vda] 262144 512-byte logical blocks (134 MB/128 MiB)\n\
    [    0.4] NET: Registered PF_INET protocol family\n\
    [    0.5] VFS: Mounted root (ext4 filesystem) on device 254:0.\n\
    [    0.6] Run /kbisect/init as init process\n";

#[test]
fn two_boots_that_go_the_same_way_do_not_differ() {
    let good = Log::of_bytes(SSH.as_bytes());
    let again = SSH.replace("11:22", "12:31").replace("58700", "1234");
    let again = again.replace("[23]", "[25]");
    assert_eq!(difference(&good, &Log::of_bytes(again.as_bytes())), None);
    assert_eq!(difference(&good, &good), None);
    assert_eq!(difference(&Log::default(), &Log::default()), None);
}

#[test]
fn the_first_error_tells_why() {
    let futex = "The futex facility returned an unexpected error code.\r\nAborted\r\n\
        guest: failed: dropbear -E -s -r /etc/dropbear/host_key -p 22\r\n";
    assert_eq!(
        texts(SSH, futex),
        pair(
            "The futex facility returned an unexpected error code.",
            "guest: sshd is up"
        )
    );
    let euid = "guest: sshd is up\r\n\
        [22] Nov 30 11:28:15 Running in background\r\n\
        [23] Nov 30 11:28:16 Child connection from 10.0.2.2:39390\r\n\
        [23] Nov 30 11:28:16 Exit before auth from <10.0.2.2:39390>: (user 'root', 0 fails): Failed to set euid\r\n";
    let (bad, good) = texts(SSH, euid);
    assert!(bad.unwrap().ends_with("Failed to set euid"));
    assert!(good.unwrap().contains("Pubkey auth succeeded"));
}

#[test]
fn neither_a_clock_nor_a_drivers_missing_message_tells_why() {
    let bad = "[    0.0] Linux version 6.1.192 (x) #1 Thu Jan  1 00:00:00 UTC 1970\n\
        [    0.1] tsc: Unable to calibrate against PIT\n\
        [    0.2] pci 0000:00:03.0: [1af4:1001] type 00 class 0x010000\n\
        [    0.4] NET: Registered PF_INET protocol family\n\
        [    0.5] /dev/root: Can't open blockdev\n\
        [    0.5] VFS: Cannot open root device \"vda\" or unknown-block(0,0): error -6\n\
        [    0.6] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n";
    let (bad, good) = texts(ROOT, bad);
    assert!(bad.unwrap().contains("Cannot open root device"));
    assert!(good.unwrap().contains("Mounted root"));
}

#[test]
fn of_a_log_that_ends_early_the_next_line_was_expected() {
    assert_eq!(texts(SSH, ""), pair("", "guest: sshd is up"));
    assert_eq!(texts(SSH, "\r\n\r\n"), pair("", "guest: sshd is up"));
    let cut: String = ROOT
        .lines()
        .take(5)
        .fold(String::new(), |t, l| t + l + "\n");
    let (bad, good) = texts(ROOT, &cut);
    assert!(bad.is_none() && good.unwrap().contains("Mounted root"));
}

#[test]
fn where_no_line_tells_of_an_error_the_logs_part_for_good() {
    let good = "BusyBox v1.35.0\r\nsh: can't access tty; job control turned off\r\nguest# \x1b[6n\r\nanswer: 42000\r\n";
    let bad = "BusyBox v1.35.0\r\n/bin/sh: can't access tty; job control turned off\r\n/ # \x1b[6n";
    assert_eq!(
        texts(good, bad),
        pair(
            "/bin/sh: can't access tty; job control turned off",
            "sh: can't access tty; job control turned off"
        )
    );
    // A line in the middle that differs, and harms nobody, comes after the end.
    assert_eq!(texts("a\nb\nc\nd\n", "a\nX\nc\n"), pair("", "d"));
    assert_eq!(texts("a\nb\nc\n", "a\nX\nc\n"), pair("X", "b"));
    assert_eq!(texts("a\nb\nc\n", "a\nc\n"), pair("", "b"));
}

#[test]
fn lines_in_another_order_are_no_difference() {
    let good = Log::of_bytes(b"a\nb failed\nc\n");
    let bad = Log::of_bytes(b"b failed\na\nc\n");
    assert_eq!(difference(&good, &bad), None);
}

#[test]
fn new_lines_are_those_of_the_failing_log_alone_each_once() {
    let good = Log::of_bytes(b"[    0.1] a 0xff\nb\n");
    let bad = Log::of_bytes(b"[    0.3] a 0xfe\nnew [2]\nnew [2]\ntsc: x\n");
    let texts: Vec<&str> = new_lines(&good, &bad)
        .iter()
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(texts, ["new [2]"]);
}

#[test]
fn hostile_logs_are_compared_within_bounds() {
    // Hundreds of thousands of short lines with nothing, and with all, in common.
    let many = |from: usize, step: usize| {
        let lines = (0..200_000).map(|n| format!("{}\n", (from + n * step) % 97));
        lines.collect::<String>()
    };
    let (good, bad) = (many(0, 1), many(5, 31));
    let (good, bad) = (
        Log::of_bytes(good.as_bytes()),
        Log::of_bytes(bad.as_bytes()),
    );
    assert_eq!(difference(&good, &bad), None);
    let other: String = (0..100_000).map(|n| format!("{n} failed\n")).collect();
    let found = difference(&good, &Log::of_bytes(other.as_bytes())).unwrap();
    assert_eq!(found.bad.unwrap().text, "0 failed");
}

#[test]
fn a_difference_is_read_as_it_was_written() {
    let good = Log::of_bytes(b"a\n");
    let found = difference(&good, &Log::of_bytes(b"<b>x failed</b>\n")).unwrap();
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(
        text,
        r#"{"bad":{"number":1,"text":"<b>x failed</b>"},"good":{"number":1,"text":"a"}}"#
    );
    assert_eq!(serde_json::from_str::<Difference>(&text).unwrap(), found);
}
