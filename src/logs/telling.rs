//! How much a line of a console tells of a failure.

/// How much a line tells. The later, the more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Telling {
    /// It depends on the host's load, or is an echo of what was typed, or a shell's greeting.
    Noise,
    /// It says something, but nothing of a failure.
    Plain,
    /// It says that something went wrong.
    Error,
}

/// The kernel's clocks are measured against the host's: what they say depends on how busy that is. Greetings.
const NOISE: &[&str] = &[
    "tsc:",
    "tsc_",
    "tsc-early",
    "clocksource:",
    "sched_clock:",
    "calibrating delay loop",
    "apic timer",
    "apic frequency",
    "to io-apic",
    "trying to set up timer",
    "..... works",
    "..... failed",
    "..... (found apic",
    "..timer:",
    "pit calibration",
    "random: crng ",
    "random: fast init",
    "random: get_random",
    "kernel offset: ",
    "hrtimer: interrupt took",
    "nmi handler took too long",
    // A shell's greeting.
    "built-in shell (ash)",
    "for a list of built-in commands",
];

/// Words of a failure, in lower case. They are looked for in all of a line.
const ERRORS: &[&str] = &[
    "abort",
    "bug:",
    "can't",
    "cannot",
    "couldn't",
    "could not",
    "denied",
    "does not exist",
    "error",
    "fail",
    "fatal",
    "illegal",
    "invalid",
    "kernel panic",
    "missing",
    "no init found",
    "no such",
    "not a directory",
    "not found",
    "not implemented",
    "not permitted",
    "not supported",
    "no pty",
    "oops",
    "out of memory",
    "refused",
    "segfault",
    "segmentation fault",
    "timed out",
    "unable",
    "unexpected",
    "unknown filesystem",
    "unreachable",
    "unsupported",
    "warning:",
];

/// Lines with such words that come before the one that says it better, or that are common to good boots.
const PLAIN: &[&str] = &[
    "/dev/root: can't open blockdev",
    "can't access tty; job control turned off",
    "lastlog",
    "correctable error",
    "error reporting",
    "errors=",
    "please append a correct",
    "unknown kernel command line parameters",
    // A busy host alone causes these, too.
    "soft lockup",
    "self-detected stall",
];

/// How much a line tells, as `comparable` gave it or as it was.
#[must_use]
pub fn telling(line: &str) -> Telling {
    let line = line.to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| line.contains(text));
    if line.trim().is_empty() || has(NOISE) || is_echo(&line) {
        Telling::Noise
    } else if has(ERRORS) && !has(PLAIN) {
        Telling::Error
    } else {
        Telling::Plain
    }
}

/// Is it what was typed at the guest's prompt? A bare prompt is none.
fn is_echo(line: &str) -> bool {
    let typed = |prompt| line.strip_prefix(prompt).map(str::trim);
    let typed = typed("guest# ").or_else(|| typed("/ # "));
    typed.is_some_and(|typed| !typed.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_tell_more_than_what_depends_on_the_hosts_load() {
        // As recorded.
        for (line, expected) in [
            ("tsc: Unable to calibrate against PIT", Telling::Noise),
            ("....... failed.", Telling::Noise),
            (
                "..MP-BIOS bug: 8254 timer not connected to IO-APIC",
                Telling::Noise,
            ),
            (
                "guest# want \"the file\" \"! touch /x\" || echo \"missing: $1\"",
                Telling::Noise,
            ),
            ("random: crng init done", Telling::Noise),
            ("getrandom: Function not implemented", Telling::Error),
            (" ", Telling::Noise),
            ("guest#", Telling::Plain),
            ("guest: sshd is up", Telling::Plain),
            ("/dev/root: Can't open blockdev", Telling::Plain),
            (
                "sh: can't access tty; job control turned off",
                Telling::Plain,
            ),
            (
                "The futex facility returned an unexpected error code.",
                Telling::Error,
            ),
            ("ifconfig: socket: Function not implemented", Telling::Error),
            (
                "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
                Telling::Error,
            ),
        ] {
            assert_eq!(telling(line), expected, "{line}");
        }
    }
}
