//! An [`Index`] as bytes.
//!
//! Numbers are little-endian: the magic line, the number of entries, for each the length of its path, the
//! path, the stamp, the hash and whether it is racy; last the BLAKE3 of all that.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::index::{Entry, Index};
use super::stamp::{Reading, Stamp};

/// Changes with the format.
const MAGIC: &[u8] = b"kbisect source index 1\n";

pub(super) fn encode(index: &Index) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend((index.entries.len() as u64).to_le_bytes());
    for Entry { path, reading } in &index.entries {
        let path = path.as_os_str().as_bytes();
        let stamp = &reading.stamp;
        bytes.extend((path.len() as u64).to_le_bytes());
        bytes.extend(path);
        bytes.extend(stamp.mode.to_le_bytes());
        bytes.extend(stamp.size.to_le_bytes());
        bytes.extend(stamp.modified.to_le_bytes());
        bytes.extend(stamp.changed.to_le_bytes());
        bytes.extend(stamp.inode.to_le_bytes());
        bytes.extend(reading.sum);
        bytes.push(u8::from(reading.is_racy));
    }
    let hash = blake3::hash(&bytes);
    bytes.extend(hash.as_bytes());
    bytes
}

/// `None`: it is damaged, or of another version.
pub(super) fn decode(bytes: &[u8]) -> Option<Index> {
    let (bytes, hash) = bytes.split_last_chunk::<32>()?;
    let mut rest = Rest(bytes.strip_prefix(MAGIC)?);
    if blake3::hash(bytes) != *hash {
        return None;
    }
    let count = u64::from_le_bytes(rest.take()?);
    let mut entries = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(u64::from_le_bytes(rest.take()?)).ok()?;
        let (path, after) = rest.0.split_at_checked(length)?;
        rest.0 = after;
        let stamp = Stamp {
            mode: u32::from_le_bytes(rest.take()?),
            size: u64::from_le_bytes(rest.take()?),
            modified: i128::from_le_bytes(rest.take()?),
            changed: i128::from_le_bytes(rest.take()?),
            inode: u64::from_le_bytes(rest.take()?),
        };
        let sum = rest.take()?;
        let [racy] = rest.take()?;
        entries.push(Entry {
            path: OsString::from_vec(path.to_vec()).into(),
            reading: Reading {
                stamp,
                sum,
                is_racy: racy != 0,
            },
        });
    }
    rest.0.is_empty().then_some(Index { entries })
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn index() -> Index {
        let stamp = Stamp {
            mode: 0o100_100,
            size: 5,
            modified: -1,
            changed: 1 << 70,
            inode: 7,
        };
        let entry = |path: &str| Entry {
            path: path.into(),
            reading: Reading {
                stamp,
                sum: [9; 32],
                is_racy: true,
            },
        };
        Index {
            entries: vec![entry("Makefile"), entry("mm/slab.c")],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(decode(&encode(&index())).unwrap(), index());
        assert_eq!(
            decode(&encode(&Index::default())).unwrap(),
            Index::default()
        );
    }

    #[test]
    fn a_damaged_index_is_none() {
        let bytes = encode(&index());
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_none(), "{cut}");
            let mut flipped = bytes.clone();
            flipped[cut] ^= 1;
            assert!(decode(&flipped).is_none(), "{cut}");
        }
    }

    #[test]
    fn the_format_is_what_its_version_says() {
        let hash = blake3::hash(&encode(&index())).to_hex();
        assert_eq!(&hash[..16], "8304693f5eb20ce0");
    }
}
