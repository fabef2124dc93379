//! The modules of a kernel that was not built here which its guest gets: those for the machine, not all 1,100.

use std::fs;
use std::path::{Path, PathBuf};

use crate::guest::Medium;
use crate::kmod::{Modules, Packed, Wanted};
use crate::model::contract;
use crate::oracle::Oracle;
use crate::{Error, Result};

/// What the machines of `kbisect boot` and the prepared guest may need, in the order of the words of its flags. What a
/// kernel has built in, or does not have, is left out; what these depend on is not.
const NAMES: &[&str] = &[
    // The bus and the network cards.
    "virtio_pci",
    "virtio_mmio",
    "virtio_net",
    "e1000",
    "af_packet",
    "unix",
    "ipv6",
    // Disks (`--drive`).
    "virtio_blk",
    "nvme",
    "ata_piix",
    "ata_generic",
    "ahci",
    "virtio_scsi",
    "sd_mod",
    // What is on them.
    "ext4",
    "ext2",
    "squashfs",
    "vfat",
    "nls_ascii",
    "nls_cp437",
    "nls_iso8859_1",
    // The console, and what programs run on.
    "8250",
    "8250_pci",
    "binfmt_script",
    "devpts",
    "tmpfs",
    "rtc_cmos",
    "virtio_rng",
];

/// Does its guest boot without the kernel's modules? One on a disk has no initial RAM disk to which they are appended.
pub(super) fn leaves_modules(oracle: &Oracle) -> bool {
    let medium = oracle.guest().map(|guest| guest.medium());
    let is_own = oracle.mentions(contract::MODULES) || oracle.mentions("--initrd");
    medium == Some(Medium::Disk) && !is_own
}

/// The name of the archive.
const ARCHIVE: &str = "start-modules.cpio";

/// Packs the modules in `folder` (`lib/modules/VERSION`) that a guest needs. Returns the archive, in the folder `work`,
/// and what is in it.
///
/// # Errors
/// A module cannot be read; the archive cannot be written.
pub(super) fn pack(folder: &Path, work: &Path) -> Result<(PathBuf, Packed)> {
    let packed = Modules::installed(folder)
        .and_then(|modules| modules.pack(Wanted::Named(NAMES)))
        .map_err(|e| {
            let error = Error::usage(format!(
                "the modules in {} cannot be given to the guest",
                folder.display()
            ));
            error.because(e).hint(
                "--start-modules is the folder lib/modules/VERSION of the --start-kernel, whole",
            )
        })?;
    let path = work.join(ARCHIVE);
    fs::write(&path, &packed.archive).map_err(|e| Error::io("write", &path, e))?;
    Ok((path, packed))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_any_of_the_modules_needs_none() {
        let (folder, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (path, packed) = pack(folder.path(), work.path()).unwrap();
        assert!(packed.names.is_empty());
        assert_eq!(fs::read(path).unwrap(), packed.archive);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        let (folder, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(folder.path().join("ext4.ko"), "half").unwrap();
        let error = pack(folder.path(), work.path()).unwrap_err();
        assert!(
            error.to_string().contains("cannot be given to the guest"),
            "{error}"
        );
        assert!(!work.path().join(ARCHIVE).exists());
        // Nobody asks for this one.
        fs::rename(
            folder.path().join("ext4.ko"),
            folder.path().join("other.ko"),
        )
        .unwrap();
        pack(folder.path(), work.path()).unwrap();
    }
}
