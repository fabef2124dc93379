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

    /// Unpacks a file: all that it has, one after the other, if it was put together from several.
    ///
    /// # Errors
    /// The data is damaged or cut off, something else follows it, or it is more than 512 MiB when it is unpacked.
    pub fn unpack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.unpack_up_to(LIMIT, bytes)
    }

    /// The same, with another limit, in bytes.
    pub(super) fn unpack_up_to(self, limit: u64, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => all(limit, flate2::read::MultiGzDecoder::new(bytes)),
            Self::Xz => all(limit, xz(bytes, true)),
            Self::Zstd => {
                let mut unpacked = Vec::new();
                let mut rest = bytes;
                while !rest.is_empty() {
                    let left = limit - unpacked.len() as u64;
                    unpacked.extend(zstd_frame(left, &mut rest)?);
                }
                Ok(unpacked)
            }
        }
    }

    /// Unpacks what `bytes` begin with, whatever follows it.
    ///
    /// # Errors
    /// As for [`Self::unpack`].
    pub(super) fn unpack_first(self, mut bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => all(LIMIT, flate2::read::GzDecoder::new(bytes)),
            Self::Xz => all(LIMIT, xz(bytes, false)),
            Self::Zstd => zstd_frame(LIMIT, &mut bytes),
        }
    }
}

/// Its dictionary may take as much memory as what is unpacked.
fn xz(bytes: &[u8], allow_multiple_streams: bool) -> impl Read {
    const KIB: u32 = (LIMIT >> 10) as u32;
    lzma_rust2::XzReader::new_mem_limit(bytes, allow_multiple_streams, KIB)
}

/// Unpacks a frame of zstd, and leaves what follows it. A frame that is to be skipped is empty.
fn zstd_frame(limit: u64, bytes: &mut &[u8]) -> io::Result<Vec<u8>> {
    use ruzstd::decoding::StreamingDecoder;
    use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
    let mut decoder = match StreamingDecoder::new(&mut *bytes) {
        Ok(decoder) => decoder,
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
            length,
            ..
        })) => {
            let length = usize::try_from(length).ok();
            let rest = length.and_then(|length| bytes.get(length..));
            *bytes = rest.ok_or(io::ErrorKind::UnexpectedEof)?;
            return Ok(Vec::new());
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    let unpacked = all(limit, &mut decoder)?;
    let frame = decoder.into_frame_decoder();
    // The decoder reads the checksum, and leaves it to its caller to compare.
    let theirs = frame.get_checksum_from_data();
    if theirs.is_some() && theirs != frame.get_calculated_checksum() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its checksum is another one",
        ));
    }
    Ok(unpacked)
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
