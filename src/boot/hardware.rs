//! The machine that an oracle asks for, in words: `machine=q35 disk=nvme nic=virtio boot=grub`.

use std::fmt;
use std::str::FromStr;

use super::{Interface, Nic};

/// QEMU's machine type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Board {
    /// `pc`: i440FX and PIIX3.
    #[default]
    Pc,
    /// `q35`: PCI Express, with an AHCI controller of its own.
    Q35,
    /// `microvm`: no PCI; devices on virtio-mmio.
    Microvm,
}

/// How the kernel gets into memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loader {
    /// QEMU loads it.
    #[default]
    Direct,
    /// GRUB loads it from `/boot` on the guest's disk.
    Grub,
}

/// The parts of a machine that a kernel needs drivers for. The default is the least: a console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// The machine type.
    pub board: Board,
    /// How the guest's disk is attached, if the guest has one.
    pub disk: Option<Interface>,
    /// The network card.
    pub nic: Option<Nic>,
    /// How the kernel gets into memory.
    pub loader: Loader,
}

/// The words of [`Hardware`]: for each key the values, as they are written and as they are meant.
const BOARDS: [(&str, Board); 3] = [
    ("pc", Board::Pc),
    ("q35", Board::Q35),
    ("microvm", Board::Microvm),
];
const DISKS: [(&str, Option<Interface>); 6] = [
    ("none", None),
    ("virtio", Some(Interface::Virtio)),
    ("nvme", Some(Interface::Nvme)),
    ("ahci", Some(Interface::Ahci)),
    ("ata", Some(Interface::Ata)),
    ("scsi", Some(Interface::Scsi)),
];
const NICS: [(&str, Option<Nic>); 3] = [
    ("none", None),
    ("virtio", Some(Nic::Virtio)),
    ("e1000", Some(Nic::E1000)),
];
const LOADERS: [(&str, Loader); 2] = [("direct", Loader::Direct), ("grub", Loader::Grub)];

impl Hardware {
    /// The keys that [`Self::set`] knows.
    pub const KEYS: [&'static str; 4] = ["machine", "disk", "nic", "boot"];

    /// Sets one part: `set("disk", "nvme")`.
    ///
    /// # Errors
    /// A sentence that names the values there are, if `key` or `value` is unknown.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "machine" => self.board = pick(key, value, &BOARDS)?,
            "disk" => self.disk = pick(key, value, &DISKS)?,
            "nic" => self.nic = pick(key, value, &NICS)?,
            "boot" => self.loader = pick(key, value, &LOADERS)?,
            _ => {
                return Err(format!(
                    "`{}` is none of {}",
                    key.escape_debug(),
                    Self::KEYS.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// Sets one part, as [`Self::set`] does, to something that is there: not to `none`.
    ///
    /// # Errors
    /// A sentence that names the values there are, if `key` or `value` is unknown.
    pub fn replace(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "disk" => self.disk = pick(key, value, &DISKS[1..])?,
            "nic" => self.nic = pick(key, value, &NICS[1..])?,
            _ => self.set(key, value)?,
        }
        Ok(())
    }

    /// Can there be such a machine?
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn check(&self) -> Result<(), String> {
        if let Some(disk) = self.disk {
            self.board.takes_disk(disk)?;
        } else if self.loader == Loader::Grub {
            return Err("boot=grub needs a disk to boot from, such as disk=nvme".to_owned());
        }
        self.nic.map_or(Ok(()), |nic| self.board.takes_nic(nic))
    }
}

impl Board {
    /// Can a disk be attached to it like this?
    ///
    /// # Errors
    /// A sentence that says what can, if not.
    pub fn takes_disk(self, disk: Interface) -> Result<(), String> {
        match (self, disk) {
            (Self::Q35, Interface::Ata) => Err(
                "q35 has no IDE: its SATA controller is AHCI, so say ahci, or machine pc"
                    .to_owned(),
            ),
            (
                Self::Microvm,
                Interface::Nvme | Interface::Ahci | Interface::Ata | Interface::Scsi,
            ) => Err(format!(
                "microvm has no PCI, so no disk on {}: say virtio, or another machine",
                word(&Some(disk), &DISKS)
            )),
            _ => Ok(()),
        }
    }

    /// Can it have this network card?
    ///
    /// # Errors
    /// A sentence that says which it can have, if not.
    pub fn takes_nic(self, nic: Nic) -> Result<(), String> {
        match (self, nic) {
            (Self::Microvm, Nic::E1000) => {
                Err("microvm has no PCI, so no e1000: say virtio, or another machine".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn pick<T: Copy>(key: &str, value: &str, values: &[(&str, T)]) -> Result<T, String> {
    let found = values.iter().find(|(word, _)| *word == value);
    found.map(|(_, meant)| *meant).ok_or_else(|| {
        let words: Vec<&str> = values.iter().map(|(word, _)| *word).collect();
        format!(
            "{key}={} is not known; {key} is one of {}",
            value.escape_debug(),
            words.join(", ")
        )
    })
}

fn word<T: PartialEq>(meant: &T, values: &[(&'static str, T)]) -> &'static str {
    let found = values.iter().find(|(_, value)| value == meant);
    // Each value has a word: a test goes through all.
    found.map_or("", |(word, _)| *word)
}

/// `machine=pc disk=none nic=none boot=direct`, which [`FromStr`] reads.
impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "machine={} disk={} nic={} boot={}",
            word(&self.board, &BOARDS),
            word(&self.disk, &DISKS),
            word(&self.nic, &NICS),
            word(&self.loader, &LOADERS)
        )
    }
}

/// Words `KEY=VALUE` with blanks between them. What is not named keeps its default.
impl FromStr for Hardware {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut hardware = Self::default();
        for word in text.split_whitespace() {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| format!("`{}` has no `=`", word.escape_debug()))?;
            hardware.set(key, value)?;
        }
        Ok(hardware)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_is_read_as_it_is_written() {
        for (_, board) in BOARDS {
            for (_, disk) in DISKS {
                for (_, nic) in NICS {
                    for (_, loader) in LOADERS {
                        let hardware = Hardware {
                            board,
                            disk,
                            nic,
                            loader,
                        };
                        assert_eq!(hardware.to_string().parse(), Ok(hardware));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_named_is_not_there() {
        let hardware: Hardware = "disk=nvme".parse().unwrap();
        let text = "machine=pc disk=nvme nic=none boot=direct";
        assert_eq!(hardware.to_string(), text);
    }

    #[test]
    fn a_part_is_replaced_by_one_that_is_there() {
        let mut hardware: Hardware = "disk=nvme nic=virtio".parse().unwrap();
        hardware.replace("disk", "scsi").unwrap();
        hardware.replace("machine", "q35").unwrap();
        let text = "machine=q35 disk=scsi nic=virtio boot=direct";
        assert_eq!(hardware.to_string(), text);
        for key in ["disk", "nic"] {
            let error = hardware.replace(key, "none").unwrap_err();
            assert!(!error.contains("one of none"), "{error}");
        }
        assert_eq!(hardware.to_string(), text);
    }

    #[test]
    fn a_wrong_word_is_told_with_the_right_ones() {
        let error = |text: &str| text.parse::<Hardware>().unwrap_err();
        assert!(error("disk=floppy").ends_with("virtio, nvme, ahci, ata, scsi"));
        assert!(error("cpu=fast").contains("machine, disk, nic, boot"));
        assert!(error("disk").contains("has no `=`"));
    }

    #[test]
    fn a_machine_that_cannot_be_is_told() {
        let check = |text: &str| text.parse::<Hardware>().unwrap().check();
        for machine in [
            "",
            "machine=q35 disk=ahci boot=grub",
            "machine=microvm disk=virtio nic=virtio",
        ] {
            assert_eq!(check(machine), Ok(()), "{machine}");
        }
        for machine in [
            "boot=grub",
            "machine=q35 disk=ata",
            "machine=microvm nic=e1000",
        ] {
            assert!(check(machine).is_err(), "{machine}");
        }
    }
}
