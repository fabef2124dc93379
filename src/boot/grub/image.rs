//! `boot.img`: a disk that begins with GRUB and its `/boot`, and whose second partition begins where the file ends.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::{Error, Result};

/// Bytes of a sector.
pub(super) const SECTOR: u64 = 512;
/// Where the partition table begins, and how long its entries are.
const TABLE: usize = 446;
const ENTRY: usize = 16;
/// What is copied, or left out, at once.
const CHUNK: usize = 1 << 16;

/// Where `/boot` begins, in bytes.
///
/// # Errors
/// The two images do not make one disk.
pub(super) fn boot_partition(boot: &Path, root: &Path) -> Result<u64> {
    let length = |path: &Path| {
        let metadata = std::fs::metadata(path).map_err(|e| Error::io("look at", path, e))?;
        Ok(metadata.len())
    };
    let (boot_length, root_length) = (length(boot)?, length(root)?);
    let mut sector = [0; SECTOR as usize];
    let read = File::open(boot).and_then(|mut file| file.read_exact(&mut sector));
    if let Err(error) = read
        && error.kind() != io::ErrorKind::UnexpectedEof
    {
        return Err(Error::io("read", boot, error));
    }
    offset(&sector, boot_length, root_length).ok_or_else(|| {
        Error::failed(format!(
            "{} and {} do not make one disk with two partitions",
            boot.display(),
            root.display()
        ))
        .hint("make the guest again")
    })
}

fn offset(sector: &[u8; SECTOR as usize], boot: u64, root: u64) -> Option<u64> {
    let partition = |number: usize| {
        let entry = &sector[TABLE + number * ENTRY..][..ENTRY];
        let bytes = |at: usize| {
            let number = entry[at..at + 4].try_into().ok().map(u32::from_le_bytes);
            u64::from(number.unwrap_or(0)) * SECTOR
        };
        (bytes(8), bytes(12))
    };
    let ((first, first_length), (second, second_length)) = (partition(0), partition(1));
    let is_whole = sector.ends_with(&[0x55, 0xaa])
        && first >= SECTOR
        && first_length > 0
        && first + first_length <= boot
        && second == boot
        && second_length == root
        && root > 0;
    is_whole.then_some(first)
}

/// Copies the image. Where it is empty, so is the copy.
///
/// # Errors
/// It cannot be read, or there is no room.
pub(super) fn copy(from: &Path, to: &File) -> Result<()> {
    let wrong = |e| Error::failed(format!("cannot copy {}", from.display())).because(e);
    let mut source = File::open(from).map_err(wrong)?;
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    loop {
        let length = source.read(&mut chunk).map_err(wrong)?;
        if length == 0 {
            break;
        }
        let piece = &chunk[..length];
        if piece.iter().any(|&byte| byte != 0) {
            to.write_all_at(piece, at).map_err(wrong)?;
        }
        at += length as u64;
    }
    to.set_len(at).map_err(wrong)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The first sector of a disk with these partitions, in sectors.
    fn sector(partitions: [(u32, u32); 2]) -> [u8; 512] {
        let mut sector = [0; 512];
        for (number, (begin, length)) in partitions.into_iter().enumerate() {
            let entry = &mut sector[TABLE + number * ENTRY..][..ENTRY];
            entry[4] = 0x83;
            entry[8..12].copy_from_slice(&begin.to_le_bytes());
            entry[12..].copy_from_slice(&length.to_le_bytes());
        }
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        sector
    }

    #[test]
    fn the_second_partition_is_the_second_file() {
        let good = sector([(2, 6), (8, 4)]);
        assert_eq!(offset(&good, 8 * SECTOR, 4 * SECTOR), Some(2 * SECTOR));
        // Too long or too short a file.
        assert_eq!(offset(&good, 9 * SECTOR, 4 * SECTOR), None);
        assert_eq!(offset(&good, 7 * SECTOR, 4 * SECTOR), None);
        assert_eq!(offset(&good, 8 * SECTOR, 5 * SECTOR), None);
        assert_eq!(offset(&good, 8 * SECTOR, 3 * SECTOR), None);
        for partitions in [
            [(0, 6), (8, 4)],
            [(2, 7), (8, 4)],
            [(2, 0), (8, 4)],
            [(2, 6), (8, 0)],
        ] {
            let bad = sector(partitions);
            let root = u64::from(partitions[1].1) * SECTOR;
            assert_eq!(offset(&bad, 8 * SECTOR, root), None, "{partitions:?}");
        }
        let mut unsigned = good;
        unsigned[511] = 0;
        assert_eq!(offset(&unsigned, 8 * SECTOR, 4 * SECTOR), None);
    }

    #[test]
    fn a_file_that_is_no_disk_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (boot, root) = (dir.path().join("boot.img"), dir.path().join("root.img"));
        std::fs::write(&boot, "short").unwrap();
        std::fs::write(&root, "").unwrap();
        let error = boot_partition(&boot, &root).unwrap_err();
        assert!(
            error.to_string().contains("do not make one disk"),
            "{error}"
        );
    }

    #[test]
    fn a_copy_is_the_same_and_empty_where_that_is() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        let mut bytes = vec![0; 10 * CHUNK + 100];
        bytes[3 * CHUNK + 1] = 1;
        std::fs::write(&path, &bytes).unwrap();
        let copied = tempfile::tempfile().unwrap();
        copy(&path, &copied).unwrap();
        let mut read = vec![1; bytes.len()];
        copied.read_exact_at(&mut read, 0).unwrap();
        assert!(read == bytes);
        let metadata = copied.metadata().unwrap();
        assert_eq!(metadata.len(), bytes.len() as u64);
        assert!(metadata.blocks() * 512 <= 2 * CHUNK as u64);
    }
}
