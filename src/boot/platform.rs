//! What QEMU calls each machine, its processor and its buses.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Board, Interface, Nic};

/// The program that boots kernels.
pub const QEMU: &str = "qemu-system-x86_64";

/// What executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// The processor itself.
    Kvm,
    /// QEMU's translator: slower, and needs nothing of the host.
    Tcg,
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        })
    }
}

/// How QEMU makes a [`Board`].
#[derive(Debug)]
pub(super) struct Platform {
    /// For `-machine`.
    pub(super) machine: &'static str,
    /// How the names of its virtio devices end: on PCI, or on virtio-mmio.
    virtio: &'static str,
    /// How many ports its own AHCI controller has, whose buses are `ide.0`, `ide.1` ...
    own_ahci_ports: usize,
}

const PC: Platform = Platform {
    machine: "pc",
    virtio: "pci",
    own_ahci_ports: 0,
};

const Q35: Platform = Platform {
    machine: "q35",
    virtio: "pci",
    own_ahci_ports: 6,
};

const MICROVM: Platform = Platform {
    machine: "microvm",
    virtio: "device",
    own_ahci_ports: 0,
};

/// The processor, for `-cpu`, and what executes its instructions, for `-accel`.
pub(super) fn processor(accel: Accel) -> (&'static str, &'static str) {
    match accel {
        Accel::Kvm => ("host", "kvm"),
        Accel::Tcg => ("qemu64", "tcg"),
    }
}

impl Board {
    pub(super) fn platform(self) -> &'static Platform {
        match self {
            Self::Pc => &PC,
            Self::Q35 => &Q35,
            Self::Microvm => &MICROVM,
        }
    }
}

impl Platform {
    /// The devices that attach drive `number`; the last is the disk. `nth` counts the drives on the same bus.
    pub(super) fn disk(&self, interface: Interface, number: usize, nth: usize) -> Vec<String> {
        let drive = format!("drive=drive{number}");
        match interface {
            Interface::Virtio => vec![format!("virtio-blk-{},{drive}", self.virtio)],
            Interface::Nvme => vec![format!("nvme,{drive},serial=kbisect{number}")],
            Interface::Ata => vec![format!("ide-hd,{drive}")],
            Interface::Ahci if nth < self.own_ahci_ports => {
                vec![format!("ide-hd,{drive},bus=ide.{nth}")]
            }
            Interface::Ahci => vec![
                format!("ahci,id=ahci{number}"),
                format!("ide-hd,{drive},bus=ahci{number}.0"),
            ],
            // Of a board with PCI: the others take none.
            Interface::Scsi => vec![
                format!("virtio-scsi-pci,id=scsi{number}"),
                format!("scsi-hd,{drive},bus=scsi{number}.0"),
            ],
        }
    }

    /// The device of a network card.
    pub(super) fn nic(&self, nic: Nic) -> String {
        // No boot ROM: nothing boots from the network here.
        match nic {
            Nic::Virtio if self.virtio == "device" => "virtio-net-device,netdev=net".to_owned(),
            Nic::Virtio => format!("virtio-net-{},netdev=net,romfile=", self.virtio),
            Nic::E1000 => "e1000,netdev=net,romfile=".to_owned(),
        }
    }
}
