//! Takes out of a line what differs from boot to boot.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What is replaced by what, in this order. `$1` is the first group; what the group `keep` matches stays.
const RULES: &[(&str, &str)] = &[
    // The kernel's clock, with the thread or processor that it may name: `[    0.123456][    T1] `.
    (r"^(?:<\d+>)?(?:\[ *\d+\.\d+\] *|\[ *[TC]\d+\] *)+", ""),
    // A process of the guest in front of syslog's date.
    (r"^\[\d+\] ", ""),
    // Dates: of syslog, of date, of ISO 8601; and times alone.
    (
        r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d+ \d+:\d\d:\d\d(?:\.\d+)?(?: [A-Z]{3,4})?(?: \d{4})?\b",
        "DATE",
    ),
    (
        r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z| ?[A-Z]{3}\b|[+-]\d\d:?\d\d\b)?",
        "DATE",
    ),
    (r"\b\d+:\d\d:\d\d(?:\.\d+)?\b", "TIME"),
    // The number of a kernel's build.
    (r"#\d+ (?:SMP|PREEMPT|DATE)", "#N"),
    // Keys, identifiers, hardware addresses.
    (r"\b(SHA256|MD5):[0-9A-Za-z+/:=]+", "$1:KEY"),
    (
        r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        "ID",
    ),
    (r"(?i)\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC"),
    // Addresses, seeds, masks: hexadecimal, with a digit in it.
    (r"(?i)\b0x[0-9a-f]+\b", "0x#"),
    (r"\b[0-9a-f]*\d[0-9a-f]*[a-f][0-9a-f]{6,}\b", "#"),
    (r"\b[0-9a-f]*[a-f][0-9a-f]*\d[0-9a-f]{6,}\b", "#"),
    // Processes: `init[1]`, `PID: 1`, `pid 17`; what they connect to.
    (r"([A-Za-z_])\[\d+\]", "$1[#]"),
    (
        r"(?i)\b(pid|tid|port|lpj|uptime|jiffies)([:= ]+)\d+\b",
        "$1$2#",
    ),
    (r"\b(\d+\.\d+\.\d+\.\d+):\d+", "$1:#"),
    // Quantities with a unit: memory, time, frequency.
    (
        r"\b\d+(?:\.\d+)? ?(k|K|kB|KB|KiB|M|MB|MiB|G|GB|GiB|bytes|[nmu]?s|nsecs?|usecs?|msecs?|secs?|seconds?|minutes?|[kMG]?Hz|BogoMIPS)\b",
        "# $1",
    ),
    (r"\b\d+/\d+( cpus?| bytes|\b$)", "#/#$1"),
    // Measured numbers (versions and addresses have two dots), and those too large for anything but an address, a size or a count.
    (r"(?P<keep>\d+(?:\.\d+){2,})|\b\d+\.\d{3,}\b", "#"),
    (r"\b\d{7,}\b", "#"),
];

static COMPILED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let compile = |(pattern, by): &(&str, &'static str)| Some((Regex::new(pattern).ok()?, *by));
    RULES.iter().filter_map(compile).collect()
});

/// A line without what differs from boot to boot, on the same machine with the same kernel: the kernel's clock,
/// dates, addresses, processes, ports, keys, sizes of memory, measured speeds and times. White space is folded.
///
/// Two boots that go the same way give the same lines. Small numbers stay, such as those of errors.
#[must_use]
pub fn comparable(line: &str) -> String {
    let mut text = line.split_whitespace().collect::<Vec<_>>().join(" ");
    for (pattern, by) in COMPILED.iter() {
        if pattern.is_match(&text) {
            let replace = |found: &Captures<'_>| {
                if let Some(keep) = found.name("keep") {
                    return keep.as_str().to_owned();
                }
                let mut out = String::new();
                found.expand(by, &mut out);
                out
            };
            text = pattern.replace_all(&text, replace).into_owned();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_a_pattern() {
        assert_eq!(COMPILED.len(), RULES.len());
    }

    #[test]
    fn what_differs_from_boot_to_boot_goes() {
        // As recorded.
        for (line, expected) in [
            (
                "[    0.123456] VFS: Cannot open root device \"vda\" or unknown-block(0,0): error -6",
                "VFS: Cannot open root device \"vda\" or unknown-block(0,0): error -6",
            ),
            ("[    0.2][    T1] fbcon", "fbcon"),
            (
                "[23] Nov 30 11:22:49 Child connection from 10.0.2.2:58700",
                "DATE Child connection from 10.0.2.2:#",
            ),
            (
                "[23] Nov 30 11:22:49 Pubkey auth succeeded for 'root' with ssh-ed25519 key SHA256:ficm3mgDGglwrlnOg/UN51y1uk0I50AYyZ8xlg2ndS4 from 10.0.2.2:58700",
                "DATE Pubkey auth succeeded for 'root' with ssh-ed25519 key SHA256:KEY from 10.0.2.2:#",
            ),
            (
                "Linux version 6.1.192 (kbisect@kbisect) (gcc 12.2.0) #1 Thu Jan  1 00:00:00 UTC 1970",
                "Linux version 6.1.192 (kbisect@kbisect) (gcc 12.2.0) #N",
            ),
            (
                "tsc: Detected 2500.123 MHz processor",
                "tsc: Detected # MHz processor",
            ),
            (
                "Calibrating delay loop... 4990.56 BogoMIPS (lpj=9981128)",
                "Calibrating delay loop... # BogoMIPS (lpj=#)",
            ),
            (
                "Memory: 247780K/261616K available (4096K kernel code, 13580K reserved)",
                "Memory: # K/# K available (# K kernel code, # K reserved)",
            ),
            (
                "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable",
                "BIOS-e820: [mem 0x#-0x#] usable",
            ),
            ("CPU: 0 PID: 17 Comm: init", "CPU: 0 PID: # Comm: init"),
            (
                "init[1]: segfault at 0 ip 00007f3c5a1b2c3d",
                "init[#]: segfault at 0 ip #",
            ),
            (
                "no session: Connection closed by 127.0.0.1 port 44561",
                "no session: Connection closed by 127.0.0.1 port #",
            ),
            (
                "EXT4-fs (vda): mounted 4b1f2d7e-0c1d-4f5a-9b7a-1c2d3e4f5a6b",
                "EXT4-fs (vda): mounted ID",
            ),
            ("up 3.25 seconds", "up # seconds"),
            ("2026-11-30T11:22:49+00:00 host x", "DATE host x"),
        ] {
            assert_eq!(comparable(line), expected);
        }
    }

    #[test]
    fn numbers_that_tell_something_stay() {
        for line in [
            "kept 33600",
            "Failed to execute /init (error -8)",
            "unknown-block(254,0)",
            "ata1: SATA link down (SStatus 0 SControl 300)",
            "guest: failed: ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up",
            "exit status 127",
        ] {
            assert_eq!(comparable(line), line);
        }
    }

    #[test]
    fn a_comparable_line_stays_as_it_is() {
        for line in [
            "[    0.5] [    0.6] Memory: 5K/6K 0xff 1:02:03",
            "[12] Nov 30 11:22:49 deadbeef01 x[3]",
        ] {
            let once = comparable(line);
            assert_eq!(comparable(&once), once);
        }
    }
}
