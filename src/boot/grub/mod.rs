//! A disk from which GRUB boots the kernel of a trial: a copy of `boot.img` with this kernel in it, then `root.img`.

mod config;
mod files;
mod image;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Disk, Drive, Interface, Kernel, Nameless};
use crate::supervise::CancelToken;
use crate::{Error, Result};
use files::BootFiles;

/// The images of a guest that GRUB boots. They are never written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The boot record with GRUB, the partition table, and the first partition, `/boot`.
    pub boot: PathBuf,
    /// The second partition, the root file system.
    pub root: PathBuf,
}

/// A disk from which GRUB boots a kernel. It is there as long as this value.
#[derive(Debug)]
pub struct GrubDisk {
    /// The description of a disk in several files.
    description: Nameless,
    _boot: Nameless,
    _root: Nameless,
}

impl GrubDisk {
    /// Makes the disk, with files in `folder`, or in that for temporary files.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when GRUB cannot hand the command line to the kernel; else when
    /// the images are damaged, the kernel does not fit, or `debugfs` or room is missing. None of these says anything
    /// about the kernel.
    pub fn make(
        images: &Images,
        kernel: &Kernel,
        folder: Option<&Path>,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let read = |path: &Path| fs::read(path).map_err(|e| Error::io("read", path, e));
        let wrong = |e| Error::failed("cannot make a disk for GRUB").because(e);
        let image = read(&kernel.image)?;
        let initrd = kernel.initrd.as_deref().map(read).transpose()?;
        let config = config::config(
            &kernel.command_line(),
            initrd.is_some().then_some("/initrd"),
        )?;
        let begin = image::boot_partition(&images.boot, &images.root)?;
        let boot = Nameless::new(folder).map_err(wrong)?;
        image::copy(&images.boot, boot.file())?;
        let mut files = BootFiles::new(&boot, begin, folder, cancel);
        files.add("/", "vmlinuz", &image);
        if let Some(initrd) = &initrd {
            files.add("/", "initrd", initrd);
        }
        files.add("/grub", "grub.cfg", config.as_bytes());
        files.write()?;
        let root = File::open(&images.root).map_err(|e| Error::io("read", &images.root, e))?;
        let root = Nameless::of(root);
        let description = Nameless::new(folder).map_err(wrong)?;
        let extents = [extent(&boot).map_err(wrong)?, extent(&root).map_err(wrong)?];
        description
            .file()
            .write_all(describe(&extents).as_bytes())
            .map_err(wrong)?;
        Ok(Self {
            description,
            _boot: boot,
            _root: root,
        })
    }

    /// The disk, to be attached to a machine.
    #[must_use]
    pub fn drive(&self, interface: Interface) -> Drive {
        Drive {
            file: self.description.path(),
            interface,
            format: Disk::Vmdk,
        }
    }
}

/// The length in sectors, and the path: of ours, so that no character in it means anything to QEMU.
fn extent(file: &Nameless) -> std::io::Result<(u64, PathBuf)> {
    let length = file.file().metadata()?.len();
    Ok((length / image::SECTOR, file.path()))
}

/// The description of a disk, in the format of VMDK, that consists of these files.
fn describe(extents: &[(u64, PathBuf)]) -> String {
    let mut text = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n\
         createType=\"twoGbMaxExtentFlat\"\n"
        .to_owned();
    for (sectors, path) in extents {
        text += &format!("RW {sectors} FLAT \"{}\" 0\n", path.display());
    }
    text + "ddb.virtualHWVersion = \"4\"\nddb.adapterType = \"ide\"\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_described_as_its_files_one_after_the_other() {
        let text = describe(&[(2048, "/proc/1/fd/5".into()), (9, "/proc/1/fd/6".into())]);
        let extents: Vec<&str> = text.lines().filter(|line| line.starts_with("RW")).collect();
        assert_eq!(
            extents,
            [
                "RW 2048 FLAT \"/proc/1/fd/5\" 0",
                "RW 9 FLAT \"/proc/1/fd/6\" 0"
            ]
        );
    }
}
