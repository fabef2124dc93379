//! The format version in each file that kbisect writes.

use std::path::Path;

use serde::Deserialize;

use crate::{Error, Result};

/// Checks that a file's version is not above `newest`. Call it before reading the file: a newer file may differ in
/// any way. A file without a version passes; its reader decides.
///
/// # Errors
/// It is newer.
pub fn understand(json: &[u8], newest: u32, file: &Path) -> Result<()> {
    match version_of(json) {
        Some(v) if v > newest => Err(Error::newer(file.display())),
        _ => Ok(()),
    }
}

/// The `v` of a JSON object, if it has one.
#[must_use]
pub fn version_of(json: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u32,
    }
    let versioned: Versioned = serde_json::from_slice(json).ok()?;
    Some(versioned.v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_whatever_else_is_there() {
        assert_eq!(version_of(br#"{"new": [1], "v": 99}"#), Some(99));
        for none in [&br#"{"v": "one"}"#[..], b"{}", b"{\"v\": 1"] {
            assert_eq!(version_of(none), None);
        }
    }
}
