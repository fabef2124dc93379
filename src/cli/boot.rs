//! `kbisect boot`: boots a kernel and watches its console; oracles call it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use regex::bytes::Regex;

use crate::boot::{Accel, Board, Clock, Drive, Forward, Memory, Nic, Step, Watch};
use crate::model::sanitize;
use crate::oracle::{self, BootCall, First};
use crate::run;
use crate::settings::{TIME_HINT, parse_duration};
use crate::supervise::{CancelToken, Spec};
use crate::{Error, Result};

/// Arguments of `kbisect boot`.
#[derive(Debug, Args)]
pub struct BootArgs {
    /// Kernel, a bzImage [default: $KBISECT_IMAGE]
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// Start the boot loader on the first drive instead of a kernel
    #[arg(long, conflicts_with_all = ["kernel", "initrd", "append"], requires = "drives")]
    boot_loader: bool,
    /// Initial RAM disk [default: $KBISECT_GUEST/initrd.cpio, if $KBISECT_MACHINE is set and the guest
    /// has no root.img]
    #[arg(long, value_name = "FILE")]
    initrd: Option<PathBuf>,
    /// Text to append to the kernel's command line
    #[arg(
        long,
        value_name = "STRING",
        default_value = "",
        allow_hyphen_values = true
    )]
    append: String,
    /// Machine type; microvm has no PCI, so only virtio devices [default: that of $KBISECT_MACHINE, or pc]
    #[arg(long, value_name = "TYPE")]
    machine: Option<MachineArg>,
    /// Attach a disk image, after that of the guest; the guest's writes are discarded
    #[arg(
        long = "drive",
        id = "drives",
        value_name = "FILE[,if=virtio|nvme|ahci|ata|scsi][,format=raw|qcow2]"
    )]
    drives: Vec<Drive>,
    /// Attach a network card [default: that of $KBISECT_MACHINE, or none]
    #[arg(long, value_name = "MODEL")]
    nic: Option<NicArg>,
    /// Forward a port of the host ("auto": a free one) to a port of the guest; --exec gets the first
    /// in $KBISECT_PORT
    #[arg(long = "forward", value_name = "HOSTPORT:GUESTPORT")]
    forwards: Vec<Forward>,
    /// Memory of the guest [default: 256, or 512 with $KBISECT_GUEST/root.img]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    memory: Option<u32>,
    /// When this appears, type the text of the next --send; may be repeated, in order
    #[arg(long, value_name = "REGEX", requires = "send")]
    when: Vec<Regex>,
    /// Text to type, followed by Enter
    #[arg(
        long,
        value_name = "TEXT",
        requires = "when",
        allow_hyphen_values = true
    )]
    send: Vec<String>,
    /// Mark of success, awaited after all --when
    #[arg(long, value_name = "REGEX")]
    until: Regex,
    /// Fail when this appears; a kernel panic always fails
    #[arg(long, value_name = "REGEX")]
    fail_on: Vec<Regex>,
    /// Limit of wall time: 90, 90s, 10m [default: $KBISECT_TIMEOUT, or 300]
    #[arg(long, value_name = "TIME", value_parser = time)]
    timeout: Option<Duration>,
    /// Limit of QEMU's CPU time in seconds [default: 5 times the start's, at least 12]
    #[arg(long, value_name = "SECONDS")]
    cpu_limit: Option<u64>,
    /// How the guest is executed; "auto": with KVM, if a test boot with it works
    #[arg(long, value_name = "HOW", default_value = "auto")]
    accel: AccelArg,
    /// Clock of the guest. "icount": by executed instructions, so that every boot is the same; "auto":
    /// icount, unless there is a network, KVM or $KBISECT_GUEST/root.img
    #[arg(long, value_name = "WHAT", default_value = "auto")]
    clock: ClockArg,
    /// File for the console log [default: $KBISECT_TRIAL/console.log, or a temporary file]
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// File for the figures of the boot [default: $KBISECT_TRIAL/boot.json, if that is set]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// When the mark appears, run this command on the host while the guest keeps running; its exit
    /// status decides. Takes all arguments that follow
    #[arg(long, value_name = "COMMAND", num_args = 1.., allow_hyphen_values = true)]
    exec: Vec<OsString>,
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| TIME_HINT.to_owned())
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MachineArg {
    Pc,
    Q35,
    Microvm,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NicArg {
    Virtio,
    E1000,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AccelArg {
    Auto,
    Kvm,
    Tcg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ClockArg {
    Auto,
    Host,
    Icount,
}

impl BootArgs {
    fn call(self) -> Result<BootCall> {
        if self.when.len() != self.send.len() {
            return Err(Error::usage("each --when needs one --send"));
        }
        let steps = self.when.into_iter().zip(self.send);
        let mut command = self.exec.into_iter();
        Ok(BootCall {
            first: match self.boot_loader {
                true => First::BootLoader,
                false => First::Kernel {
                    image: self.kernel,
                    initrd: self.initrd,
                    append: self.append,
                },
            },
            board: self.machine.map(|machine| match machine {
                MachineArg::Pc => Board::Pc,
                MachineArg::Q35 => Board::Q35,
                MachineArg::Microvm => Board::Microvm,
            }),
            drives: self.drives,
            nic: self.nic.map(|nic| match nic {
                NicArg::Virtio => Nic::Virtio,
                NicArg::E1000 => Nic::E1000,
            }),
            forwards: self.forwards,
            memory: self.memory.map(Memory),
            watch: Watch {
                steps: steps.map(|(when, send)| Step { when, send }).collect(),
                until: self.until,
                fail_on: self.fail_on,
            },
            wall: self.timeout,
            cpu: self.cpu_limit.map(Duration::from_secs),
            accel: match self.accel {
                AccelArg::Auto => None,
                AccelArg::Kvm => Some(Accel::Kvm),
                AccelArg::Tcg => Some(Accel::Tcg),
            },
            clock: match self.clock {
                ClockArg::Auto => None,
                ClockArg::Host => Some(Clock::Host),
                ClockArg::Icount => Some(Clock::Icount),
            },
            log: self.log,
            report: self.report,
            command: command
                .next()
                .map(|program| Spec::new(program).args(command)),
        })
    }
}

pub(super) fn run(args: BootArgs) -> Result<u8> {
    let cancel = CancelToken::new();
    run::stop_at_the_first_signal(&cancel)
        .and_then(|()| args.call()?.run(&cancel, &mut say))
        .or_else(|error| oracle::broken(error, &mut say))
}

fn say(text: &str) {
    // Where standard error is gone, there is nobody to tell.
    let _ = writeln!(io::stderr(), "kbisect boot: {}", sanitize(text));
}
