//! The machine and the guest that the header of an oracle asks for, as the environment says.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::boot::{Hardware, Images, Interface, Loader};
use crate::model::{Level, contract};
use crate::{Error, Result};

/// What `kbisect boot` makes where no flag says otherwise.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The machine.
    pub(super) hardware: Hardware,
    level: Level,
    /// The folder of the guest.
    guest: Option<PathBuf>,
}

/// A guest's disk.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Root {
    /// How it is attached.
    pub(super) interface: Interface,
    /// What is on it.
    pub(super) disk: RootDisk,
    level: Level,
}

/// What is on a guest's disk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RootDisk {
    /// The root file system, and nothing else.
    Whole(PathBuf),
    /// GRUB with `/boot`, and the root file system.
    Grub(Images),
}

impl Asked {
    /// Reads the environment. Without a machine in it there was no header: nothing is asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when a variable has a value that it cannot have.
    pub(super) fn from_env() -> Result<Self> {
        Self::of(|name| env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let text = |name| variable(name).map(|value| value.to_string_lossy().into_owned());
        let wrong = |name, error| Error::usage(format!("{name} is wrong: {error}"));
        let Some(machine) = text(contract::MACHINE) else {
            return Ok(Self::default());
        };
        let hardware = machine.parse().map_err(|e| wrong(contract::MACHINE, e))?;
        let level = text(contract::LEVEL).map(|level| level.parse());
        Ok(Self {
            hardware,
            level: level
                .transpose()
                .map_err(|e| wrong(contract::LEVEL, e))?
                .unwrap_or_default(),
            guest: variable(contract::GUEST).map(PathBuf::from),
        })
    }

    /// The initial RAM disk of a guest that has no disk.
    pub(super) fn initrd(&self) -> Option<PathBuf> {
        self.file("initrd.cpio")
    }

    /// The disk of the guest, if it has one.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the machine cannot boot this guest.
    pub(super) fn root(&self) -> Result<Option<Root>> {
        let Hardware { disk, loader, .. } = self.hardware;
        let guest = self.guest.as_deref().unwrap_or(Path::new("."));
        let disk = match (self.file("root.img"), disk, loader) {
            (Some(_), None, _) => {
                return Err(Error::usage(format!(
                    "the guest in {} is a disk, and the machine has none",
                    guest.display()
                ))
                .hint("say in the oracle's header how it is attached, such as `disk=virtio`"));
            }
            (None, _, Loader::Grub) => {
                return Err(Error::usage("boot=grub needs a guest with a disk")
                    .hint("say in the oracle's header which, such as `guest=debian`"));
            }
            (None, _, Loader::Direct) => return Ok(None),
            (Some(root), Some(interface), Loader::Direct) => (interface, RootDisk::Whole(root)),
            (Some(root), Some(interface), Loader::Grub) => {
                let boot = guest.join("boot.img");
                (interface, RootDisk::Grub(Images { boot, root }))
            }
        };
        let (interface, disk) = disk;
        Ok(Some(Root {
            interface,
            disk,
            level: self.level,
        }))
    }

    /// A file of the guest, if it has it.
    fn file(&self, name: &str) -> Option<PathBuf> {
        let path = self.guest.as_ref()?.join(name);
        path.exists().then_some(path)
    }
}

impl Root {
    /// What the kernel has to be told of it.
    pub(super) fn arguments(&self) -> String {
        let disk = match self.interface {
            Interface::Virtio => "vda",
            Interface::Nvme => "nvme0n1",
            Interface::Ahci | Interface::Ata | Interface::Scsi => "sda",
        };
        let partition = match (&self.disk, self.interface) {
            (RootDisk::Whole(_), _) => "",
            (RootDisk::Grub(_), Interface::Nvme) => "p2",
            (RootDisk::Grub(_), _) => "2",
        };
        let init = match self.level {
            Level::Fast => " init=/kbisect/init",
            Level::Full => "",
        };
        format!("root=/dev/{disk}{partition} rw rootfstype=ext4{init}")
    }

    /// The files that are needed.
    pub(super) fn files(&self) -> Vec<&Path> {
        match &self.disk {
            RootDisk::Whole(root) => vec![root],
            RootDisk::Grub(Images { boot, root }) => vec![boot, root],
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::ErrorKind;

    fn asked(machine: &str, level: &str, guest: Option<&TempDir>) -> Result<Asked> {
        Asked::of(|name| match name {
            contract::MACHINE => Some(machine.into()),
            contract::LEVEL => (!level.is_empty()).then(|| level.into()),
            contract::GUEST => guest.map(|dir| dir.path().into()),
            _ => None,
        })
    }

    fn guest(files: &[&str]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            fs::write(dir.path().join(name), "").unwrap();
        }
        dir
    }

    #[test]
    fn without_a_header_nothing_is_asked_for() {
        let dir = guest(&["root.img", "initrd.cpio"]);
        let asked = Asked::of(|name| match name {
            contract::GUEST => Some(dir.path().into()),
            contract::LEVEL => Some("quick".into()),
            _ => None,
        });
        let asked = asked.unwrap();
        assert_eq!(asked.hardware, Hardware::default());
        assert_eq!((asked.root().unwrap(), asked.initrd()), (None, None));
    }

    #[test]
    fn a_wrong_machine_or_level_is_a_wrong_call() {
        for (machine, level, variable) in [
            ("disk=floppy", "fast", "KBISECT_MACHINE"),
            ("machine=q35", "quick", "KBISECT_LEVEL"),
        ] {
            let error = asked(machine, level, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(variable), "{error}");
        }
    }

    #[test]
    fn a_guest_on_a_disk_is_attached_and_told_to_the_kernel() {
        let dir = guest(&["root.img", "boot.img"]);
        let arguments = |machine: &str, level: &str| {
            let root = asked(machine, level, Some(&dir)).unwrap().root();
            root.unwrap().unwrap().arguments()
        };
        let fast = "rw rootfstype=ext4 init=/kbisect/init";
        for (disk, direct, grub) in [
            ("virtio", "vda", "vda2"),
            ("nvme", "nvme0n1", "nvme0n1p2"),
            ("ahci", "sda", "sda2"),
            ("ata", "sda", "sda2"),
            ("scsi", "sda", "sda2"),
        ] {
            let disk = format!("disk={disk}");
            assert_eq!(
                arguments(&disk, "fast"),
                format!("root=/dev/{direct} {fast}")
            );
            let disk = format!("{disk} boot=grub");
            assert_eq!(arguments(&disk, "fast"), format!("root=/dev/{grub} {fast}"));
        }
        for level in ["", "full"] {
            let full = "root=/dev/vda rw rootfstype=ext4";
            assert_eq!(arguments("disk=virtio", level), full);
        }
        let root = asked("disk=nvme boot=grub", "", Some(&dir)).unwrap().root();
        let names = ["boot.img", "root.img"].map(|name| dir.path().join(name));
        assert_eq!(root.unwrap().unwrap().files(), names);
    }

    #[test]
    fn a_guest_in_memory_has_an_initial_ram_disk() {
        let dir = guest(&["initrd.cpio"]);
        let asked = asked("disk=nvme", "", Some(&dir)).unwrap();
        assert_eq!(asked.root().unwrap(), None);
        assert_eq!(asked.initrd(), Some(dir.path().join("initrd.cpio")));
    }

    #[test]
    fn a_machine_that_cannot_boot_the_guest_is_a_wrong_call() {
        let (disk, ram) = (guest(&["root.img"]), guest(&["initrd.cpio"]));
        let error = |machine: &str, guest: Option<&TempDir>| {
            let error = asked(machine, "", guest).unwrap().root().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            error.to_string()
        };
        assert!(error("nic=virtio", Some(&disk)).contains("is a disk"));
        for guest in [Some(&ram), None] {
            assert!(error("disk=nvme boot=grub", guest).contains("boot=grub"));
        }
    }
}
