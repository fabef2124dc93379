//! Compressed files: gzip, xz, zstd.

use std::fmt;
use std::io::{self, Read};

/// The most that is unpacked, in bytes: a kernel with all its drivers is some 100 MB. A small file that unpacks to
/// more than this was made to fill the memory.
const LIMIT: u64 = 512 << 20;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// gzip, as `/proc/config.gz` is.
    Gzip,
    /// xz, as most distributions' kernels are.
    Xz,
    /// Zstandard.
    Zstd,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        })
    }
}

impl Packing {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Gzip, Self::Xz, Self::Zstd];

    /// What a file of this kind begins with.
    pub(super) fn magic(self) -> &'static [u8] {
        match self {
            // With the one method that there is.
            Self::Gzip => b"\x1f\x8b\x08",
            Self::Xz => b"\xfd7zXZ\x00",
            Self::Zstd => b"\x28\xb5\x2f\xfd",
        }
    }

    /// How a file that begins with these bytes is compressed; none if it is not.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|p| bytes.starts_with(p.magic()))
    }

    /// Unpacks `bytes`. What follows the end of the compressed data is left alone.
    ///
    /// # Errors
    /// The data is damaged or cut off, or is more than 512 MiB when it is unpacked.
    pub fn unpack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.unpack_up_to(LIMIT, bytes)
    }

    /// The same, with another limit, in bytes.
    pub(super) fn unpack_up_to(self, limit: u64, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => all(limit, flate2::read::GzDecoder::new(bytes)),
            Self::Xz => all(limit, lzma_rust2::XzReader::new(bytes, false)),
            Self::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(bytes);
                all(limit, decoder.map_err(io::Error::other)?)
            }
        }
    }
}

fn all(limit: u64, reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = reader.take(limit + 1).read_to_end(&mut bytes)?;
    if read as u64 > limit {
        let text = format!("it unpacks to more than {} MiB", limit >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}
