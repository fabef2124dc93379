//! A virtual machine as data, and the QEMU command line that makes it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::platform::processor;
use super::{Accel, Board, Disk, Drive, Nic, PortForward};
use crate::{Error, Result};

/// What the guest's clocks follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The host's time: for guests that programs outside talk to.
    Host,
    /// The number of instructions executed: the same boot every time, however busy the host
    /// is. Only with [`Accel::Tcg`].
    Icount,
}

impl Clock {
    /// The clock for a machine: reproducible where nothing outside takes part.
    #[must_use]
    pub fn suited_to(accel: Accel, nic: Option<Nic>) -> Self {
        match (accel, nic) {
            (Accel::Tcg, None) => Self::Icount,
            _ => Self::Host,
        }
    }
}

/// Memory of the guest in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(pub u32);

/// What the machine starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// A kernel, loaded by QEMU.
    Direct(Kernel),
    /// The boot loader on the first drive.
    FirstDrive,
}

/// A kernel that QEMU loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The bzImage.
    pub image: PathBuf,
    /// The initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// What is added to `console=ttyS0 panic=-1` on the kernel's command line.
    pub append: String,
}

impl Kernel {
    /// Its command line.
    #[must_use]
    pub fn command_line(&self) -> String {
        let line = format!("console=ttyS0 panic=-1 {}", self.append);
        line.trim_end().to_owned()
    }
}

/// A virtual machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its type.
    pub board: Board,
    /// What it starts.
    pub firmware: Firmware,
    /// Its drives, in order.
    pub drives: Vec<Drive>,
    /// Its network card.
    pub nic: Option<Nic>,
    /// Its memory.
    pub memory: Memory,
    /// What executes it.
    pub accel: Accel,
    /// What its clocks follow.
    pub clock: Clock,
    /// Where QEMU writes each block of the guest's code when it is first translated; only with
    /// [`Accel::Tcg`].
    pub trace: Option<PathBuf>,
}

impl Machine {
    /// Does its board take its disks and its network card?
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it does not.
    pub fn check(&self) -> Result<()> {
        let disks = self.drives.iter().map(|drive| drive.interface);
        disks
            .map(|disk| self.board.takes_disk(disk))
            .chain(self.nic.map(|nic| self.board.takes_nic(nic)))
            .collect::<Result<(), _>>()
            .map_err(Error::usage)
    }

    /// The arguments for [`QEMU`](super::QEMU); the serial console is the named pipes
    /// `console`.in and `console`.out.
    #[must_use]
    pub fn args(&self, console: &Path, forwards: &[PortForward]) -> Vec<OsString> {
        let mut args = Args(Vec::new());
        let platform = self.board.platform();
        // The least that boots: each device that is there by default costs time in the
        // firmware and in the kernel, and may hide that an option is needed.
        args.add("-nodefaults").add("-no-user-config");
        args.add("-machine")
            .add(platform.machine)
            .add("-m")
            .add(self.memory.0.to_string());
        let (cpu, accel) = processor(self.accel);
        args.add("-accel").add(accel).add("-cpu").add(cpu);
        if self.clock == Clock::Icount {
            args.add("-icount").add("shift=5,sleep=off");
            args.add("-rtc").add("clock=vm,base=2024-01-01");
        }
        args.add("-display").add("none");
        // With `panic=-1` a panic ends QEMU at once.
        args.add("-no-reboot");
        args.add("-chardev")
            .add(with_path("pipe,id=console,path=", console, ""));
        args.add("-serial").add("chardev:console");
        if let Firmware::Direct(kernel) = &self.firmware {
            args.add("-kernel").add(&kernel.image);
            if let Some(initrd) = &kernel.initrd {
                args.add("-initrd").add(initrd);
            }
            args.add("-append").add(kernel.command_line());
        }
        for (number, drive) in self.drives.iter().enumerate() {
            self.add_drive(&mut args, number, drive);
        }
        if let Some(nic) = self.nic {
            self.add_nic(&mut args, nic, forwards);
        }
        if let Some(trace) = &self.trace {
            args.add("-d").add("in_asm").add("-D").add(trace);
        }
        args.0
    }

    fn add_drive(&self, args: &mut Args, number: usize, drive: &Drive) {
        let format = match drive.format {
            Disk::Raw => "raw",
            Disk::Qcow2 => "qcow2",
            Disk::Vmdk => "vmdk",
        };
        let options = format!(",if=none,id=drive{number},format={format},snapshot=on");
        args.add("-drive")
            .add(with_path("file=", &drive.file, &options));
        let before = self.drives[..number].iter();
        let nth = before
            .filter(|other| other.interface == drive.interface)
            .count();
        let mut devices = self.board.platform().disk(drive.interface, number, nth);
        if number == 0
            && self.firmware == Firmware::FirstDrive
            && let Some(disk) = devices.last_mut()
        {
            disk.push_str(",bootindex=0");
        }
        for device in devices {
            args.add("-device").add(device);
        }
    }

    fn add_nic(&self, args: &mut Args, nic: Nic, forwards: &[PortForward]) {
        let mut network = "user,id=net".to_owned();
        for forward in forwards {
            network += &format!(",hostfwd=tcp:127.0.0.1:{}-:{}", forward.host, forward.guest);
        }
        args.add("-netdev").add(network);
        args.add("-device").add(self.board.platform().nic(nic));
    }
}

struct Args(Vec<OsString>);

impl Args {
    fn add(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.0.push(arg.as_ref().to_owned());
        self
    }
}

/// A QEMU option with a path in it, where a comma has to be doubled.
fn with_path(before: &str, path: &Path, after: &str) -> OsString {
    let mut option = before.as_bytes().to_vec();
    for &byte in path.as_os_str().as_bytes() {
        option.push(byte);
        if byte == b',' {
            option.push(byte);
        }
    }
    option.extend_from_slice(after.as_bytes());
    OsString::from_vec(option)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine {
            board: Board::Pc,
            firmware: Firmware::Direct(Kernel {
                image: "/b/bzImage".into(),
                initrd: Some("/i.gz".into()),
                append: String::new(),
            }),
            drives: Vec::new(),
            nic: None,
            memory: Memory(256),
            accel: Accel::Tcg,
            clock: Clock::Icount,
            trace: None,
        }
    }

    fn line(machine: &Machine, forwards: &[PortForward]) -> String {
        let args = machine.args(Path::new("/t,1/s"), forwards);
        args.iter()
            .map(|arg| arg.to_str().unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_plain_machine_has_a_console_and_nothing_else() {
        let expected = "-nodefaults\n-no-user-config\n-machine\npc\n-m\n256\n-accel\ntcg\n-cpu\n\
            qemu64\n-icount\nshift=5,sleep=off\n-rtc\nclock=vm,base=2024-01-01\n-display\nnone\n\
            -no-reboot\n-chardev\npipe,id=console,path=/t,,1/s\n-serial\nchardev:console\n\
            -kernel\n/b/bzImage\n-initrd\n/i.gz\n-append\nconsole=ttyS0 panic=-1";
        assert_eq!(line(&machine(), &[]), expected);
    }

    #[test]
    fn drives_and_a_network_are_added_on_request() {
        let mut machine = machine();
        machine.accel = Accel::Kvm;
        machine.clock = Clock::Host;
        machine.nic = Some(Nic::E1000);
        machine.drives = [
            "a,b.img,if=nvme",
            "c.qcow2",
            "d,if=ata",
            "e,if=ahci",
            "f,if=scsi",
        ]
        .map(|drive| drive.parse().unwrap())
        .to_vec();
        machine.firmware = Firmware::FirstDrive;
        let forwards = [
            PortForward {
                host: 2222,
                guest: 22,
            },
            PortForward { host: 80, guest: 8 },
        ];
        let expected = "-nodefaults\n-no-user-config\n-machine\npc\n-m\n256\n-accel\nkvm\n-cpu\n\
            host\n-display\nnone\n-no-reboot\n-chardev\npipe,id=console,path=/t,,1/s\n-serial\n\
            chardev:console\n\
            -drive\nfile=a,,b.img,if=none,id=drive0,format=raw,snapshot=on\n\
            -device\nnvme,drive=drive0,serial=kbisect0,bootindex=0\n\
            -drive\nfile=c.qcow2,if=none,id=drive1,format=qcow2,snapshot=on\n\
            -device\nvirtio-blk-pci,drive=drive1\n\
            -drive\nfile=d,if=none,id=drive2,format=raw,snapshot=on\n\
            -device\nide-hd,drive=drive2\n\
            -drive\nfile=e,if=none,id=drive3,format=raw,snapshot=on\n\
            -device\nahci,id=ahci3\n-device\nide-hd,drive=drive3,bus=ahci3.0\n\
            -drive\nfile=f,if=none,id=drive4,format=raw,snapshot=on\n\
            -device\nvirtio-scsi-pci,id=scsi4\n-device\nscsi-hd,drive=drive4,bus=scsi4.0\n\
            -netdev\nuser,id=net,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=tcp:127.0.0.1:80-:8\n\
            -device\ne1000,netdev=net,romfile=";
        assert_eq!(line(&machine, &forwards), expected);
    }

    #[test]
    fn a_guest_that_others_talk_to_follows_the_time_of_the_host() {
        assert_eq!(Clock::suited_to(Accel::Tcg, None), Clock::Icount);
        assert_eq!(Clock::suited_to(Accel::Tcg, Some(Nic::Virtio)), Clock::Host);
        assert_eq!(Clock::suited_to(Accel::Kvm, None), Clock::Host);
    }

    /// The devices of a machine with two disks on each of `buses` and the card `nic`.
    fn devices(board: Board, buses: &[&str], nic: Nic) -> Vec<String> {
        let drive = |bus: &&str| format!("d,if={bus}").parse().unwrap();
        let machine = Machine {
            board,
            drives: buses.iter().chain(buses).map(drive).collect(),
            nic: Some(nic),
            ..machine()
        };
        machine.check().unwrap();
        let line = line(&machine, &[]);
        let words: Vec<&str> = line.split('\n').collect();
        let devices = words.windows(2).filter(|pair| pair[0] == "-device");
        devices.map(|pair| pair[1].to_owned()).collect()
    }

    #[test]
    fn a_q35_has_an_ahci_controller_of_its_own() {
        let expected = [
            "ide-hd,drive=drive0,bus=ide.0",
            "nvme,drive=drive1,serial=kbisect1",
            "ide-hd,drive=drive2,bus=ide.1",
            "nvme,drive=drive3,serial=kbisect3",
            "e1000,netdev=net,romfile=",
        ];
        assert_eq!(devices(Board::Q35, &["ahci", "nvme"], Nic::E1000), expected);
    }

    #[test]
    fn more_disks_than_a_q35_has_ports_get_a_controller_each() {
        let devices = devices(Board::Q35, &["ahci"; 4], Nic::Virtio);
        assert_eq!(devices[5], "ide-hd,drive=drive5,bus=ide.5");
        assert_eq!(
            devices[6..8],
            ["ahci,id=ahci6", "ide-hd,drive=drive6,bus=ahci6.0"]
        );
    }

    #[test]
    fn a_microvm_has_its_devices_on_virtio_mmio() {
        let expected = [
            "virtio-blk-device,drive=drive0",
            "virtio-blk-device,drive=drive1",
            "virtio-net-device,netdev=net",
        ];
        assert_eq!(devices(Board::Microvm, &["virtio"], Nic::Virtio), expected);
    }

    #[test]
    fn the_board_is_what_qemu_is_told() {
        for (board, word) in [(Board::Q35, "q35"), (Board::Microvm, "microvm")] {
            let machine = Machine { board, ..machine() };
            assert!(line(&machine, &[]).contains(&format!("-machine\n{word}\n")));
        }
    }

    #[test]
    fn a_disk_or_card_that_the_board_cannot_have_is_a_wrong_call() {
        let refused = |board: Board, bus: &str, nic: Option<Nic>| {
            let machine = Machine {
                board,
                drives: vec![format!("d,if={bus}").parse().unwrap()],
                nic,
                ..machine()
            };
            let error = machine.check().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Usage);
            error.to_string()
        };
        assert!(refused(Board::Q35, "ata", None).contains("ahci"));
        for bus in ["nvme", "ahci", "ata", "scsi"] {
            assert!(refused(Board::Microvm, bus, None).contains("virtio"));
        }
        assert!(refused(Board::Microvm, "virtio", Some(Nic::E1000)).contains("virtio"));
    }
}
