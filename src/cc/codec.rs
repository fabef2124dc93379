//! Bytes of the cache's files: little-endian numbers and byte strings with their length.

/// Writes.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn u32(&mut self, n: u32) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    pub(super) fn u64(&mut self, n: u64) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    pub(super) fn count(&mut self, n: usize) {
        // Of files and symbols that a compiler has read.
        self.u32(u32::try_from(n).unwrap_or(u32::MAX));
    }

    pub(super) fn hash(&mut self, hash: &[u8; 32]) {
        self.0.extend_from_slice(hash);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// All of it, after a mark that names its kind and version, and with its hash at the end.
    pub(super) fn sealed(self, mark: &[u8; 8]) -> Vec<u8> {
        let mut all = mark.to_vec();
        all.extend_from_slice(&self.0);
        let hash = blake3::hash(&all);
        all.extend_from_slice(hash.as_bytes());
        all
    }
}

/// Reads; every method gives nothing where the bytes end too early.
#[derive(Debug)]
pub(super) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    /// What was [sealed](Writer::sealed) under `mark`, if it is still that, byte for byte.
    pub(super) fn open(bytes: &'b [u8], mark: &[u8; 8]) -> Option<Self> {
        let (all, hash) = bytes.split_last_chunk::<32>()?;
        let is_whole = blake3::hash(all).as_bytes() == hash;
        is_whole.then_some(Self(all.strip_prefix(mark)?))
    }

    fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*taken))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*taken))
    }

    /// A number of things that take at least `least` bytes each: not more than there can be.
    pub(super) fn count(&mut self, least: usize) -> Option<usize> {
        let n = self.u32()? as usize;
        (n.checked_mul(least)? <= self.0.len()).then_some(n)
    }

    pub(super) fn hash(&mut self) -> Option<[u8; 32]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn bytes(&mut self) -> Option<&'b [u8]> {
        let len = self.u32()? as usize;
        self.take(len)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MARK: &[u8; 8] = b"test   1";

    #[test]
    fn what_was_written_is_read() {
        let mut writer = Writer::default();
        writer.u32(7);
        writer.u64(1 << 40);
        writer.bytes(b"text");
        writer.hash(&[3; 32]);
        let bytes = writer.sealed(MARK);
        let mut reader = Reader::open(&bytes, MARK).unwrap();
        assert_eq!(reader.u32(), Some(7));
        assert_eq!(reader.u64(), Some(1 << 40));
        assert_eq!(reader.bytes(), Some(&b"text"[..]));
        assert_eq!(reader.hash(), Some([3; 32]));
        assert_eq!(reader.u32(), None);
    }

    #[test]
    fn what_was_changed_cut_or_is_of_another_version_is_not_opened() {
        let mut writer = Writer::default();
        writer.bytes(b"text");
        let bytes = writer.sealed(MARK);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Reader::open(&changed, MARK).is_none());
            assert!(Reader::open(&bytes[..at], MARK).is_none());
        }
        assert!(Reader::open(&bytes, b"test   2").is_none());
    }

    #[test]
    fn a_count_that_cannot_be_is_none() {
        let mut writer = Writer::default();
        writer.u32(u32::MAX);
        let bytes = writer.sealed(MARK);
        assert_eq!(Reader::open(&bytes, MARK).unwrap().count(4), None);
    }
}
