//! The disks of a machine.

use std::path::PathBuf;
use std::str::FromStr;

/// How a drive is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// virtio-blk.
    Virtio,
    /// NVMe.
    Nvme,
    /// IDE: of the PIIX3 on `pc`.
    Ata,
    /// SATA on an AHCI controller.
    Ahci,
    /// A SCSI disk on virtio-scsi.
    Scsi,
}

/// The format of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// The bytes of the disk.
    Raw,
    /// QEMU's own.
    Qcow2,
    /// The description of a disk in several files. Only kbisect makes such.
    Vmdk,
}

/// A drive. The guest's writes are thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    /// The image.
    pub file: PathBuf,
    /// How it is attached.
    pub interface: Interface,
    /// Its format. Never guessed from the content, which the guest could have written.
    pub format: Disk,
}

/// `FILE[,if=virtio|nvme|ahci|ata|scsi][,format=raw|qcow2]`. The format is qcow2 if the name says so,
/// raw otherwise.
impl FromStr for Drive {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut file, mut interface, mut format) = (text, Interface::Virtio, None);
        // From the end, so that the file may have commas in its name.
        while let Some((rest, option)) = file.rsplit_once(',') {
            match option {
                "if=virtio" => interface = Interface::Virtio,
                "if=nvme" => interface = Interface::Nvme,
                "if=ata" => interface = Interface::Ata,
                "if=ahci" => interface = Interface::Ahci,
                "if=scsi" => interface = Interface::Scsi,
                "format=raw" => format = Some(Disk::Raw),
                "format=qcow2" => format = Some(Disk::Qcow2),
                _ if option.starts_with("if=") || option.starts_with("format=") => {
                    return Err(format!(
                        "`{option}` is none of if=virtio, if=nvme, if=ahci, if=ata, if=scsi, format=raw, format=qcow2"
                    ));
                }
                _ => break,
            }
            file = rest;
        }
        if file.is_empty() {
            return Err("the file is missing".to_owned());
        }
        let named = if file.ends_with(".qcow2") {
            Disk::Qcow2
        } else {
            Disk::Raw
        };
        Ok(Self {
            file: file.into(),
            interface,
            format: format.unwrap_or(named),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_drive_is_refused() {
        for drive in ["", ",if=nvme", "a,if=usb", "a,format=vmdk"] {
            assert!(drive.parse::<Drive>().is_err(), "{drive}");
        }
    }
}
