//! Programs that stand in for another one: they become it, or run it within their own process group.
//!
//! For the compiler launcher, which make starts and ends like the compiler itself. Whoever ends its
//! group ends its children with it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Error, Read, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::time::Duration;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{UsageWho, getrusage};

/// What a child that was run in passing left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relayed {
    /// Its exit status, as a shell would give it.
    pub status: u8,
    /// What it wrote to standard output.
    pub output: Vec<u8>,
    /// What it wrote to standard error.
    pub messages: Vec<u8>,
}

/// Becomes `program`; comes back only when that is not possible.
#[must_use]
pub fn become_program(program: &OsString, args: &[OsString]) -> Error {
    Command::new(program).args(args).exec()
}

/// Runs `program` to its end, with `input` to read.
///
/// # Errors
/// It cannot be started, or there is no memory for what it reads or says.
pub fn relay(program: &OsString, args: &[OsString], input: &[u8]) -> Result<Relayed, Error> {
    // Files, so that neither waits for the other, whatever it reads and writes first; in memory, as a full
    // disk is not to be its fault.
    let file = || {
        memfd_create(c"kbisect", MFdFlags::MFD_CLOEXEC)
            .map(File::from)
            .or_else(|_| tempfile::tempfile())
    };
    let (mut stdin, mut stdout, mut stderr) = (file()?, file()?, file()?);
    stdin.write_all(input)?;
    stdin.rewind()?;
    let status = Command::new(program)
        .args(args)
        .stdin(stdin)
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .status()?;
    let all = |file: &mut File| {
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes).map(|_| bytes)
    };
    let signalled = || status.signal().map(|signal| 128 + signal);
    let code = status.code().or_else(signalled).unwrap_or(1);
    Ok(Relayed {
        status: u8::try_from(code).unwrap_or(1),
        output: all(&mut stdout)?,
        messages: all(&mut stderr)?,
    })
}

/// CPU time of this process and of its children that have ended.
#[must_use]
pub fn cpu_so_far() -> Duration {
    let of = |who| {
        let Ok(usage) = getrusage(who) else {
            return Duration::ZERO;
        };
        [usage.user_time(), usage.system_time()]
            .into_iter()
            .map(|time| {
                // A time that is not negative.
                let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
                Duration::from_micros(micros.unsigned_abs())
            })
            .sum()
    };
    of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sh(script: &str, input: &[u8]) -> Relayed {
        relay(&"sh".into(), &["-c".into(), script.into()], input).unwrap()
    }

    #[test]
    fn a_child_in_passing_gives_what_it_wrote_and_its_status() {
        let done = sh("echo out; echo err >&2; exit 3", b"");
        assert_eq!(done.status, 3);
        assert_eq!(
            (&done.output[..], &done.messages[..]),
            (&b"out\n"[..], &b"err\n"[..])
        );
        assert_eq!(sh("kill -9 $$", b"").status, 137);
    }

    #[test]
    fn a_child_in_passing_reads_its_input_or_not() {
        assert_eq!(sh("wc -c >&2", &[b'x'; 1 << 20]).messages, b"1048576\n");
        assert_eq!(sh("exit 0", &[b'x'; 1 << 20]).status, 0);
    }
}
