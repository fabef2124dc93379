//! Reads QEMU's log of the blocks that it translated: the addresses of the code that ran.
//!
//! With `-d in_asm` QEMU writes each block of the guest's code when it is translated for the first
//! time, so what is in the log was about to be executed once at least. A block is
//!
//! ```text
//! ----------------
//! IN:
//! 0xffffffff810000ac:  0f 01 15 4d 2f a2 00     lgdtq    0xa22f4d(%rip)
//! ```
//!
//! The file comes from outside: it may be cut off, huge, or something else altogether.

use std::io::{BufRead, Read};
use std::ops::Range;

use crate::{Error, Result};

/// More than this is not read: a boot to a login has some 20 MB.
const MOST: u64 = 2 << 30;

/// Longer lines are cut: what stands at their beginning is all that matters.
const LINE: u64 = 4096;

/// Programs run here (x86-64): the kernel is above, and below is firmware, which the kernel may call.
const PROGRAMS: Range<u64> = 1 << 20..1 << 47;

/// Which instructions ran, by address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// Those that ran first before any program did: the kernel started.
    starting: Addresses,
    /// Those that ran first when programs ran: most likely for them.
    serving: Addresses,
}

/// Each once, in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Addresses(Vec<u64>);

impl Addresses {
    fn new(mut all: Vec<u64>) -> Self {
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    fn any_in(&self, range: &Range<u64>) -> bool {
        let first = self.0.partition_point(|address| *address < range.start);
        self.0
            .get(first)
            .is_some_and(|address| *address < range.end)
    }

    fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        Self::new(self.0)
    }
}

/// Does `log` look like QEMU's: is there a block in it with an address in it? What comes after the first
/// is not read.
///
/// # Errors
/// It cannot be read.
pub fn is_log(log: impl Read) -> std::io::Result<bool> {
    let mut input = std::io::BufReader::new(log.take(MOST));
    let (mut line, mut is_within) = (Vec::new(), false);
    loop {
        line.clear();
        if (&mut input).take(LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        if line.last() != Some(&b'\n') {
            skip_line(&mut input)?;
        }
        if is_within && address(&line).is_some() {
            return Ok(true);
        }
        is_within |= line.starts_with(b"IN:");
    }
}

impl Ran {
    /// Those that lie in a range, the kernel's code, of what `log` says.
    ///
    /// The first block where programs are, after one in the kernel, is the first program's: once the
    /// kernel is at its own addresses, it does not go back to those that it was loaded at.
    ///
    /// # Errors
    /// The log cannot be read, is larger than 2 GiB, or has no block in it, as that of another
    /// program, or of a QEMU that writes them in another way.
    pub fn read(log: impl Read, kernel: &Range<u64>) -> Result<Self> {
        let mut input = std::io::BufReader::new(log.take(MOST + 1));
        let (mut read, mut blocks) = (0, 0_u64);
        let (mut starting, mut serving, mut has_programs) = (Vec::new(), Vec::new(), false);
        let mut line = Vec::new();
        loop {
            line.clear();
            let failed = |e| Error::failed("the trace cannot be read").because(e);
            let mut got = (&mut input)
                .take(LINE)
                .read_until(b'\n', &mut line)
                .map_err(failed)?;
            if got == 0 {
                break;
            }
            if line.last() != Some(&b'\n') {
                got += skip_line(&mut input).map_err(failed)?;
            }
            read += got as u64;
            if read > MOST {
                return Err(Error::failed("the trace is larger than 2 GiB"));
            }
            if line.starts_with(b"IN:") {
                blocks += 1;
            } else if let Some(address) = address(&line) {
                if !kernel.contains(&address) {
                    has_programs |= !starting.is_empty() && PROGRAMS.contains(&address);
                } else if has_programs {
                    serving.push(address);
                } else {
                    starting.push(address);
                }
            }
        }
        if blocks == 0 {
            return Err(Error::failed("there is no block of code in the trace")
                .hint("it must be what QEMU writes with `-d in_asm -D FILE`"));
        }
        let starting = Addresses::new(starting);
        // QEMU translates some code again, for its own reasons.
        serving.retain(|address| starting.0.binary_search(address).is_err());
        Ok(Self {
            serving: Addresses::new(serving),
            starting,
        })
    }

    /// Together with those of another log of the same kernel.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            starting: self.starting.and(other.starting),
            serving: self.serving.and(other.serving),
        }
    }

    /// Did anything run here?
    #[must_use]
    pub fn any_in(&self, range: &Range<u64>) -> bool {
        self.starting.any_in(range) || self.serves_in(range)
    }

    /// Did anything run here for the first time when programs ran?
    #[must_use]
    pub fn serves_in(&self, range: &Range<u64>) -> bool {
        self.serving.any_in(range)
    }

    /// Did an instruction at just this address run?
    #[must_use]
    pub fn enters(&self, address: u64) -> bool {
        self.any_in(&(address..address.saturating_add(1)))
    }

    /// Did nothing run in the range that was read?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starting.0.is_empty() && self.serving.0.is_empty()
    }
}

/// Passes over the rest of a line; how much it was.
fn skip_line(input: &mut impl BufRead) -> std::io::Result<usize> {
    let mut skipped = 0;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let (len, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), false),
        };
        input.consume(len);
        skipped += len;
        if is_end {
            return Ok(skipped);
        }
    }
}

/// `0xffffffff810000ac:  0f 01 ...`: the address.
fn address(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"0x")?;
    let end = rest.iter().position(|byte| *byte == b':')?;
    let digits = std::str::from_utf8(&rest[..end]).ok()?;
    // No sign, no blanks: from_str_radix takes a plus.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const KERNEL: Range<u64> = 0xffff_ffff_8100_0000..0xffff_ffff_8200_0000;

    const LOG: &str = "----------------\nIN: \n0xfffffff0:  ea 5b e0 00 f0  ljmpw  $0xf000:$0xe05b\n\n\
        ----------------\nIN: \n0xffffffff810000b3:  31 c0  xorl %eax, %eax\n\
        0xffffffff810000b5:  8e d8  movl %eax, %ds\n\n----------------\nIN: \n\
        0xffffffff810000b3:  31 c0  xorl %eax, %eax\n";

    #[test]
    fn a_log_is_known_by_a_block_with_an_address_in_it() {
        let is = |text: &str| is_log(text.as_bytes()).unwrap();
        assert!(is(LOG));
        assert!(!is(""));
        assert!(!is("CONFIG_PCI=y\n"));
        assert!(!is("IN: \nno address\n"));
        assert!(!is("0xfffffff0:  ea  ljmpw\n"));
    }

    #[test]
    fn what_ran_in_the_kernel_is_found_and_what_ran_elsewhere_is_not() {
        let ran = Ran::read(LOG.as_bytes(), &KERNEL).unwrap();
        assert_eq!(
            ran.starting.0,
            [0xffff_ffff_8100_00b3, 0xffff_ffff_8100_00b5]
        );
        assert!(ran.any_in(&(0xffff_ffff_8100_00b0..0xffff_ffff_8100_00b4)));
        assert!(!ran.any_in(&(0xffff_ffff_8100_00b6..0xffff_ffff_8200_0000)));
        assert!(!ran.any_in(&(0xffff_ffff_8100_0000..0xffff_ffff_8100_00b3)));
    }

    #[test]
    fn a_log_that_is_cut_off_anywhere_says_what_it_says_up_to_there() {
        let whole = Ran::read(LOG.as_bytes(), &KERNEL).unwrap();
        for end in 0..LOG.len() {
            let Ok(part) = Ran::read(&LOG.as_bytes()[..end], &KERNEL) else {
                assert!(end < 21, "{end}");
                continue;
            };
            assert!(
                part.starting.0.iter().all(|a| whole.starting.0.contains(a)),
                "{end}"
            );
        }
    }

    #[test]
    fn what_is_no_trace_is_refused_and_hostile_lines_are_passed_over() {
        for text in ["", "Linux version 6.1\n", "0xffffffff810000b3:  31 c0\n"] {
            assert!(Ran::read(text.as_bytes(), &KERNEL).is_err(), "{text:?}");
        }
        let mut hostile = b"IN:\n0x+ffffffff810000b3: x\n0x: y\n0xg: z\n0xffffffff810000".to_vec();
        hostile.extend(vec![b'f'; 1 << 20]);
        hostile.extend(b":\n\xff\xfe\n0x\xff: \n0xffffffffffffffffffff: 90\n");
        hostile.extend(b"0xffffffff81000001:  90  nop\n");
        let ran = Ran::read(&*hostile, &KERNEL).unwrap();
        assert_eq!(ran.starting.0, [0xffff_ffff_8100_0001]);
    }

    #[test]
    fn two_logs_say_what_ran_in_either() {
        let of = |starting: &[u64], serving: &[u64]| Ran {
            starting: Addresses::new(starting.to_vec()),
            serving: Addresses::new(serving.to_vec()),
        };
        let both = of(&[3, 1], &[7]).and(of(&[3, 2], &[5]));
        assert_eq!(both, of(&[1, 2, 3], &[5, 7]));
    }

    #[test]
    fn what_runs_first_after_a_program_did_is_told_from_what_the_kernel_does_to_start() {
        let program = "IN: \n0x00410331:  48 89 e7  movq %rsp, %rdi\n";
        let block = |address: &str| format!("IN: \n{address}:  90  nop\n");
        // Firmware is where programs are, too, but before the kernel.
        let log = [
            block("0x000fe05b"),
            block("0xffffffff81000001"),
            block("0xffffffffc0000000"),
            block("0x000a8000"),
            block("0xffffffff81000002"),
            program.to_owned(),
            block("0xffffffff81000001"),
            block("0xffffffff81000003"),
        ];
        let ran = Ran::read(log.concat().as_bytes(), &KERNEL).unwrap();
        let at = |low: u64| 0xffff_ffff_8100_0000 + low..0xffff_ffff_8100_0000 + low + 1;
        assert!(ran.any_in(&at(2)) && !ran.serves_in(&at(2)));
        assert!(ran.any_in(&at(3)) && ran.serves_in(&at(3)));
        assert!(
            !ran.serves_in(&at(1)),
            "it ran before, and was only translated again"
        );
    }
}
