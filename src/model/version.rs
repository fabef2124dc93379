//! The version that each of our files on disk names.

use serde::Deserialize;

/// The `v` of a JSON object; nothing where there is none. It is read first: of what is newer nothing else
/// need be as it is here.
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
