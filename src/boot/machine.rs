//! A virtual machine as data, and the QEMU command line that makes it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Disk, Drive, Interface, Nic, PortForward};

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

/// A virtual machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
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
    /// The arguments for `qemu-system-x86_64`; the serial console is the named pipes
    /// `console`.in and `console`.out.
    #[must_use]
    pub fn args(&self, console: &Path, forwards: &[PortForward]) -> Vec<OsString> {
        let mut args = Args(Vec::new());
        // The least that boots: each device that is there by default costs time in the
        // firmware and in the kernel, and may hide that an option is needed.
        args.add("-nodefaults").add("-no-user-config");
        args.add("-machine")
            .add("pc")
            .add("-m")
            .add(self.memory.0.to_string());
        let (accel, cpu) = match self.accel {
            Accel::Kvm => ("kvm", "host"),
            Accel::Tcg => ("tcg", "qemu64"),
        };
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
            let append = format!("console=ttyS0 panic=-1 {}", kernel.append);
            args.add("-append").add(append.trim_end());
        }
        for (number, drive) in self.drives.iter().enumerate() {
            self.add_drive(&mut args, number, drive);
        }
        if let Some(nic) = self.nic {
            add_nic(&mut args, nic, forwards);
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
        };
        let options = format!(",if=none,id=drive{number},format={format},snapshot=on");
        args.add("-drive")
            .add(with_path("file=", &drive.file, &options));
        let mut device = match drive.interface {
            Interface::Virtio => format!("virtio-blk-pci,drive=drive{number}"),
            Interface::Nvme => format!("nvme,drive=drive{number},serial=kbisect{number}"),
            Interface::Ata => format!("ide-hd,drive=drive{number}"),
            Interface::Ahci => {
                args.add("-device").add(format!("ahci,id=ahci{number}"));
                format!("ide-hd,drive=drive{number},bus=ahci{number}.0")
            }
            Interface::Scsi => {
                args.add("-device")
                    .add(format!("virtio-scsi-pci,id=scsi{number}"));
                format!("scsi-hd,drive=drive{number},bus=scsi{number}.0")
            }
        };
        if number == 0 && self.firmware == Firmware::FirstDrive {
            device.push_str(",bootindex=0");
        }
        args.add("-device").add(device);
    }
}

fn add_nic(args: &mut Args, nic: Nic, forwards: &[PortForward]) {
    let mut network = "user,id=net".to_owned();
    for forward in forwards {
        network += &format!(",hostfwd=tcp:127.0.0.1:{}-:{}", forward.host, forward.guest);
    }
    args.add("-netdev").add(network);
    // No boot ROM: nothing boots from the network here.
    args.add("-device").add(match nic {
        Nic::Virtio => "virtio-net-pci,netdev=net,romfile=",
        Nic::E1000 => "e1000,netdev=net,romfile=",
    });
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
}
