//! Hashes of values with several parts.

/// Adds a part, so that no part can run into the next.
pub(super) fn add(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
}
