//! `autoconf.h`, the header with the values of all symbols.

/// Where Kbuild, and where BusyBox, writes all values.
pub(super) const AUTOCONF: &[&str] = &["include/generated/autoconf.h", "include/autoconf.h"];

/// Is this that header? Of its values only those count that are mentioned.
pub(super) fn is_autoconf(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    AUTOCONF.iter().any(|autoconf| autoconf.as_bytes() == path)
}
