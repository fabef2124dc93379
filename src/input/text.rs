//! Text: is it a configuration, and a whole one?

use crate::{Error, Result};

/// What Kconfig writes on top of a `.config`, today's and that before Linux 2.6.38.
const HEADERS: [&[u8]; 2] = [
    b"Automatically generated file; DO NOT EDIT",
    b"Automatically generated make config: don't edit",
];

/// In how many of the first lines the header is looked for: some distributions put theirs above it.
const TOP: usize = 20;

/// The first lines of a text.
fn top(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| *b == b'\n').take(TOP)
}

/// Was this text written by Kconfig as a whole `.config`? It has a header that says so. A defconfig and a fragment
/// have none, and the two cannot be told apart by their text.
#[must_use]
pub fn is_whole(text: &[u8]) -> bool {
    top(text).any(|line| {
        let says = |header: &[u8]| memchr::memmem::find(line, header).is_some();
        line.starts_with(b"#") && HEADERS.iter().any(|header| says(header))
    })
}

/// The architecture that the header of a whole `.config` of Linux names, as make's `ARCH`; none if the text has no
/// such header.
#[must_use]
pub fn architecture(text: &[u8]) -> Option<&str> {
    let named = |line| {
        let rest = std::str::from_utf8(line).ok()?.strip_prefix("# Linux/")?;
        let (arch, rest) = rest.split_once(' ')?;
        rest.contains("Kernel Configuration").then_some(arch)
    };
    top(text).find_map(named).filter(|_| is_whole(text))
}

/// The version of Linux that the header of a whole `.config` names; none if the text has no such header.
#[must_use]
pub fn version(text: &[u8]) -> Option<&str> {
    let named = |line| {
        let rest = std::str::from_utf8(line).ok()?.strip_prefix("# Linux/")?;
        let (_, rest) = rest.split_once(' ')?;
        rest.trim_end().strip_suffix(" Kernel Configuration")
    };
    top(text).find_map(named).filter(|_| is_whole(text))
}

/// Refuses what cannot be a configuration.
pub(super) fn check(name: &str, bytes: &[u8]) -> Result<()> {
    let what = if bytes.iter().all(u8::is_ascii_whitespace) {
        "is empty"
    } else if bytes.starts_with(b"#!") {
        "is a script"
    } else if bytes.contains(&0) {
        "is a binary file in which no configuration is known"
    } else {
        return Ok(());
    };
    Err(Error::usage(format!("{name} {what}")).hint(
        "it must be a .config, a defconfig or a fragment with lines like CONFIG_PCI=y; these compressed with gzip, \
         xz or zstd; or a kernel image that has its configuration in it",
    ))
}
