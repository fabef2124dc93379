//! Tests of the search.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::symptoms::Entry;

fn entry(symbol: &str, run: &str, carried: u32, lines: &[&str]) -> Entry {
    Entry {
        symbol: Symbol::new(symbol).unwrap(),
        carried,
        run: Some(run.to_owned()),
        known: None,
        oracles: vec!["ssh-ok".to_owned()],
        guest: None,
        kernel: None,
        lines: lines.iter().map(|&line| line.to_owned()).collect(),
    }
}

const IFCONFIG: &str = "guest: failed: ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up";
const DEVICE: &str = "ifconfig: SIOCSIFADDR: No such device";

/// As recorded, in short.
fn index() -> Index {
    let mut entries = vec![
        entry(
            "FUTEX",
            "1",
            3,
            &["The futex facility returned an unexpected error code."],
        ),
        entry(
            "NET",
            "1",
            15,
            &[IFCONFIG, "ifconfig: socket: Function not implemented"],
        ),
        entry(
            "INET",
            "1",
            4,
            &[
                IFCONFIG,
                "ifconfig: socket: Address family not supported by protocol",
            ],
        ),
        entry("PCI", "1", 13, &[IFCONFIG, DEVICE]),
        entry("VIRTIO_NET", "1", 3, &[IFCONFIG, DEVICE]),
        entry("VIRTIO_NET", "2", 3, &[IFCONFIG, DEVICE]),
        entry(
            "EXT4_FS",
            "3",
            12,
            &[
                "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(254,0)",
                "VFS: Cannot open root device \"vda\" or unknown-block(254,0): error -19",
            ],
        ),
        entry(
            "UNIX98_PTYS",
            "1",
            1,
            &[
                "DATE pty_allocate: openpty: No such device or address",
                "openpty: No such file or directory",
            ],
        ),
        entry(
            "PROC_FS",
            "1",
            2,
            &[
                "mount: mounting proc on /proc failed: No such device",
                "missing: /proc",
            ],
        ),
    ];
    entries.push(Entry {
        run: None,
        known: Some("literature".to_owned()),
        oracles: Vec::new(),
        ..entry("MULTIUSER", "", 0, &["setgroups: Function not implemented"])
    });
    Index {
        entries,
        ..Index::default()
    }
}

fn symbols(text: &str, given: Given) -> Vec<String> {
    let answer = Search::new(index()).ask(text, given);
    let options = answer.options.into_iter();
    options.map(|found| found.symbol.to_string()).collect()
}

#[test]
fn a_line_gives_the_options_without_which_it_was_seen() {
    let of = |text: &str| symbols(text, Given::Text);
    assert_eq!(
        of("The futex facility returned an unexpected error code."),
        ["FUTEX"]
    );
    assert_eq!(
        of("[    1.2] VFS: Cannot open root device \"sda2\" or unknown-block(8,2): error -6"),
        ["EXT4_FS"]
    );
    assert_eq!(of("VFS: Cannot open root device"), ["EXT4_FS"]);
    assert_eq!(of("Address family not supported by protocol"), ["INET"]);
    assert_eq!(of("setgroups: Function not implemented"), ["MULTIUSER"]);
    assert_eq!(of("openpty: No such file or directory"), ["UNIX98_PTYS"]);
    // The driver takes fewer others along than its bus.
    assert_eq!(of("SIOCSIFADDR: No such device"), ["VIRTIO_NET", "PCI"]);
}

#[test]
fn nothing_is_said_of_what_is_not_known() {
    for text in [
        "",
        " ",
        "\u{1b}[2J",
        "hello",
        "Failed",
        "error -6",
        "No such file or directory",
        "xyzzy: No such file or directory",
        "frobnicate: Function not implemented",
        "cannot open the box",
        "usb 1-1: device descriptor read/64, error -71",
        "EXT4-fs (vda): mounted filesystem with ordered data mode",
    ] {
        for given in [Given::Text, Given::Log] {
            assert_eq!(symbols(text, given), [""; 0], "{text}");
        }
    }
}

#[test]
fn how_often_is_said_and_where_it_is_from() {
    let answer = Search::new(index()).ask(DEVICE, Given::Text);
    let first = &answer.options[0];
    assert_eq!((first.gave, first.trials), (2, 2));
    assert_eq!(first.oracles.iter().collect::<Vec<_>>(), ["ssh-ok"]);
    assert_eq!(first.known, None);
    assert_eq!(answer.lines[0].like, DEVICE);
    let answer = Search::new(index()).ask("setgroups: Function not implemented", Given::Text);
    let first = &answer.options[0];
    assert_eq!((first.gave, first.trials), (0, 0));
    assert_eq!(first.known.as_deref(), Some("literature"));
    assert_eq!(Search::new(index()).trials(), 9);
}

#[test]
fn several_lines_tell_more_than_one() {
    let text = format!("{IFCONFIG}\nifconfig: socket: Function not implemented\n");
    assert_eq!(symbols(&text, Given::Text)[0], "NET");
    assert_eq!(symbols(IFCONFIG, Given::Text).len(), 4);
}

#[test]
fn of_a_log_only_lines_with_an_error_are_looked_up() {
    let log = "[    0.0] Linux version 6.1 (x) #1\n[    0.1] tsc: Unable to calibrate against PIT\n\
        [    0.2] missing nothing\nmount: mounting proc on /proc failed: No such device\r\nguest: sshd is up\r\n";
    let answer = Search::new(index()).ask(log, Given::Log);
    assert_eq!(answer.lines.len(), 1);
    assert_eq!(answer.options[0].symbol.as_str(), "PROC_FS");
}

#[test]
fn hostile_text_is_answered_within_bounds() {
    let text = format!(
        "{}\n{}{}",
        "x ".repeat(1 << 20),
        "<script>alert(1)</script>\u{1b}]0;x\u{7}\n".repeat(10_000),
        "The futex facility returned an unexpected error code."
    );
    assert_eq!(symbols(&text, Given::Text), ["FUTEX"]);
    let text = "\u{1b}[31mThe futex facility <b>returned</b> an unexpected error code.\u{7}";
    let answer = Search::new(index()).ask(text, Given::Text);
    assert!(!answer.lines[0].line.contains('\u{1b}'));
}

#[test]
fn the_lines_of_the_article_are_known_of_what_is_shipped() {
    let search = Search::new(Index::shipped().unwrap());
    for (text, expected) in [
        (
            "The futex facility returned an unexpected error code.",
            "FUTEX",
        ),
        ("setgroups: Function not implemented", "MULTIUSER"),
        ("openpty: No such file or directory", "UNIX98_PTYS"),
        ("PTY allocation request failed on channel 0", "UNIX98_PTYS"),
        ("Address family not supported by protocol", "UNIX"),
        ("Address family not supported by protocol", "INET"),
        ("Address family not supported by protocol", "PACKET"),
        ("VFS: Cannot open root device", "VIRTIO_BLK"),
        ("VFS: Cannot open root device", "BLK_DEV_NVME"),
        ("VFS: Cannot open root device", "EXT4_FS"),
        ("No working init found", "BINFMT_ELF"),
        ("epoll_create1: Function not implemented", "EPOLL"),
    ] {
        let options = search.ask(text, Given::Text).options;
        let found = options
            .iter()
            .any(|option| option.symbol.as_str() == expected);
        assert!(found, "{text}: {options:?}");
    }
    for text in [
        "frobnicate: Function not implemented",
        "all is well",
        "x: No such file or directory",
    ] {
        assert!(search.ask(text, Given::Text).options.is_empty(), "{text}");
    }
}
