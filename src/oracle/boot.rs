//! Boots the kernel of a trial for its oracle: `kbisect boot`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use tempfile::TempDir;

use super::asked::{Asked, Root, RootDisk};
use super::initrd::with_modules;
use super::unloaded;
use crate::boot::{
    Accel, Board, Budget, Clock, Disk, Drive, Finished, Firmware, Forward, GrubDisk, Kernel,
    Machine, Memory, Nameless, Nic, Outcome, Plan, Record, Watch, boot, choose_accel,
};
use crate::model::contract;
use crate::supervise::{CancelToken, How, Spec};
use crate::{Error, ErrorKind, Result};

/// The exit status of a broken oracle: nothing is known about the kernel.
pub const BROKEN: u8 = 126;

/// The exit status when nothing is known about the kernel: kbisect repeats the trial.
pub const CANNOT_TELL: u8 = 125;

/// Memory of a guest.
const MEMORY: Memory = Memory(256);

/// Memory of a guest on a disk: of a distribution, that is.
const DISK_MEMORY: Memory = Memory(512);

/// A boot that an oracle, or a person, asks for. What is said here goes before what the environment says of the
/// machine that the oracle's header asks for.
#[derive(Debug)]
pub struct BootCall {
    /// The machine's type. None: the header's, or the plain PC.
    pub board: Option<Board>,
    /// What runs first.
    pub first: First,
    /// The disks. They come after that of the guest.
    pub drives: Vec<Drive>,
    /// The network card. None: the header's, if it asks for one.
    pub nic: Option<Nic>,
    /// Ports that are forwarded.
    pub forwards: Vec<Forward>,
    /// Memory of the guest. None: what suits it.
    pub memory: Option<Memory>,
    /// What to wait for on the console.
    pub watch: Watch,
    /// Limit of wall time. The one that the trial has left holds, too.
    pub wall: Option<Duration>,
    /// Limit of QEMU's CPU time. None: by the boot of the start.
    pub cpu: Option<Duration>,
    /// How the guest is executed. None: with KVM if it works.
    pub accel: Option<Accel>,
    /// The clock of the guest. None: the one that suits the machine.
    pub clock: Option<Clock>,
    /// File for the console. None: in the folder of the trial, or a temporary one.
    pub log: Option<PathBuf>,
    /// File for the figures. None: in the folder of the trial, if there is one.
    pub report: Option<PathBuf>,
    /// The command that decides once the mark has appeared.
    pub command: Option<Spec>,
}

/// What a machine runs first.
#[derive(Debug)]
pub enum First {
    /// A kernel.
    Kernel {
        /// Its file. None: the one of the trial.
        image: Option<PathBuf>,
        /// The initial RAM disk. None: that of the guest of the header, if it has one.
        initrd: Option<PathBuf>,
        /// Text for the end of its command line.
        append: String,
    },
    /// The boot loader of the first disk. The guest's is not there.
    BootLoader,
}

/// What kbisect tells its oracles by the environment.
struct Trial {
    image: Option<PathBuf>,
    dir: Option<PathBuf>,
    baseline: Option<PathBuf>,
    evidence: Option<PathBuf>,
    timeout: Option<Duration>,
    /// Where the trace goes: a file of our own in the folder that was given, as an oracle may boot
    /// more than once.
    trace: Option<PathBuf>,
    config: Option<PathBuf>,
    /// The archive of the kernel's modules.
    modules: Option<PathBuf>,
}

/// The folder of the trial, if an oracle calls this process.
fn trial_dir() -> Option<PathBuf> {
    path(contract::TRIAL)
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// Does an oracle call this process? Then a wrong call must not be taken for its verdict.
#[must_use]
pub fn is_within_an_oracle() -> bool {
    trial_dir().is_some()
}

impl Trial {
    fn from_env() -> Self {
        let timeout = env::var(contract::TIMEOUT)
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        Self {
            image: path(contract::IMAGE),
            dir: trial_dir(),
            baseline: path(contract::BASELINE),
            evidence: path(contract::EVIDENCE),
            // A little less: whoever gave it to us ends us then, and we want to say why.
            timeout: timeout.map(|seconds| Duration::from_secs(seconds).mul_f32(0.95)),
            trace: path(contract::TRACE).map(|dir| dir.join(format!("{}.in_asm", process::id()))),
            config: path(contract::CONFIG),
            modules: path(contract::MODULES),
        }
    }

    /// What is added to the kernel's command line, so that its code lies where `vmlinux` says.
    fn append(&self) -> &'static str {
        let is_moved = || {
            let text = fs::read_to_string(self.config.as_ref()?).ok()?;
            Some(text.lines().any(|line| line == "CONFIG_RANDOMIZE_BASE=y"))
        };
        // Only there it means something: other kernels hand it to init.
        if self.trace.is_some() && is_moved() == Some(true) {
            " nokaslr"
        } else {
            ""
        }
    }

    /// The figures of the start's own boot; none when it is the start that boots.
    fn start(&self, report: Option<&Path>) -> Result<Option<Record>> {
        match (&self.baseline, report.and_then(Path::file_name)) {
            (Some(baseline), Some(name)) => Record::read(&baseline.join(name)),
            _ => Ok(None),
        }
    }
}

/// Where the console goes.
struct ConsoleLog {
    path: PathBuf,
    temporary: Option<TempDir>,
}

impl ConsoleLog {
    fn new(asked: Option<PathBuf>, trial: &Trial) -> Result<Self> {
        if let Some(path) = asked.or_else(|| Some(trial.dir.as_ref()?.join("console.log"))) {
            return Ok(Self {
                path,
                temporary: None,
            });
        }
        let dir = tempfile::Builder::new()
            .prefix("kbisect-boot-")
            .tempdir()
            .map_err(|error| Error::failed("cannot make a folder for the log").because(error))?;
        Ok(Self {
            path: dir.path().join("console.log"),
            temporary: Some(dir),
        })
    }

    /// There is something to be seen in it.
    fn keep(self) {
        if let Some(dir) = self.temporary {
            let _ = dir.keep();
        }
    }
}

impl BootCall {
    /// Boots, for the trial that the environment names if an oracle calls. Returns the exit status, which is the
    /// verdict. `say` is told what happened, in words for people.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the call does not fit together, [`ErrorKind::Interrupted`] when `cancel` came
    /// first, else when QEMU cannot be started or a file cannot be written.
    pub fn run(mut self, cancel: &CancelToken, say: &mut dyn FnMut(&str)) -> Result<u8> {
        let trial = Trial::from_env();
        let report = self.report.take();
        let report = report.or_else(|| Some(trial.dir.as_ref()?.join("boot.json")));
        let start = trial.start(report.as_deref())?;
        let log = ConsoleLog::new(self.log.take(), &trial)?;
        let root = self.complete(&Asked::from_env()?)?;
        // Both are gone when the guest has ended.
        let _joined = self.add_modules(&trial)?;
        let (plan, _disk) = self.plan(root, &trial, start.as_ref(), &log, cancel, say)?;
        let finished = boot(&plan, cancel)?;
        if finished.outcome == Outcome::Cancelled {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        if let Some(report) = report {
            Record::new(plan.machine.accel, &finished).write(&report)?;
        }
        if !finished.outcome.is_pass() {
            log.keep();
        }
        conclude(&plan, &trial, &finished, say)
    }

    /// Adds what the header asks for and nothing here says otherwise. Returns the guest's disk.
    fn complete(&mut self, asked: &Asked) -> Result<Option<Root>> {
        self.board = self.board.or(Some(asked.hardware.board));
        self.nic = self.nic.or(asked.hardware.nic);
        if self.nic.is_none() && !self.forwards.is_empty() {
            return Err(Error::usage(
                "a port can only be forwarded to a machine with a network card",
            )
            .hint("say --nic virtio, or `nic=virtio` in the oracle's header"));
        }
        let First::Kernel { initrd, append, .. } = &mut self.first else {
            return Ok(None);
        };
        let root = asked.root()?;
        if let Some(root) = &root {
            // Before the rest: of two roots the kernel takes the last.
            *append = format!("{} {append}", root.arguments());
            self.memory = self.memory.or(Some(DISK_MEMORY));
        } else if initrd.is_none() {
            *initrd = asked.initrd();
        }
        Ok(root)
    }

    /// Appends the modules of the trial's kernel to the initial RAM disk. Without one nothing could load them.
    fn add_modules(&mut self, trial: &Trial) -> Result<Option<Nameless>> {
        let First::Kernel { initrd, .. } = &mut self.first else {
            return Ok(None);
        };
        let (Some(initrd), Some(modules)) = (initrd, &trial.modules) else {
            return Ok(None);
        };
        let joined = with_modules(initrd, modules, trial.dir.as_deref())?;
        *initrd = joined.path();
        let memory = room_for(self.memory.unwrap_or(MEMORY), modules)?;
        self.memory = Some(memory);
        Ok(Some(joined))
    }

    fn plan(
        mut self,
        root: Option<Root>,
        trial: &Trial,
        start: Option<&Record>,
        log: &ConsoleLog,
        cancel: &CancelToken,
        say: &mut dyn FnMut(&str),
    ) -> Result<(Plan, Option<GrubDisk>)> {
        let (kernel, initrd) = match &self.first {
            First::Kernel { image, initrd, .. } => {
                (image.as_ref().or(trial.image.as_ref()), initrd.as_ref())
            }
            First::BootLoader => (trial.image.as_ref(), None),
        };
        // Before QEMU says it in its own words, after a trial of KVM.
        let drives = self.drives.iter().map(|drive| drive.file.as_path());
        let files = kernel.into_iter().chain(initrd).map(PathBuf::as_path);
        let guest = root.iter().flat_map(Root::files);
        for file in files.chain(guest).chain(drives) {
            fs::File::open(file)
                .map_err(|e| Error::usage(format!("cannot read {}", file.display())).because(e))?;
        }
        // Only QEMU's translator knows which code is executed.
        let wanted = match trial.trace {
            Some(_) => Some(Accel::Tcg),
            None => self.accel,
        };
        let kernel = kernel.cloned();
        let accel = accel(wanted, kernel.as_deref(), start, cancel, say)?;
        let clock = match self.clock {
            // A distribution has limits of time of its own, and by executed instructions its boot takes minutes.
            None if root.is_some() => Clock::Host,
            None => Clock::suited_to(accel, self.nic),
            Some(Clock::Icount) if accel == Accel::Kvm => {
                return Err(Error::usage("KVM does not count instructions")
                    .hint("say --accel tcg with --clock icount"));
            }
            Some(clock) => clock,
        };
        let (firmware, disk) = match self.first {
            First::BootLoader => (Firmware::FirstDrive, None),
            First::Kernel { initrd, append, .. } => {
                let kernel = Kernel {
                    image: kernel.ok_or_else(|| {
                        let error = Error::usage("no kernel");
                        error.hint("say --kernel FILE, or --boot-loader with a --drive")
                    })?,
                    initrd,
                    append: append + trial.append() + unhurried(accel, clock),
                };
                with_root(kernel, root, &mut self.drives, trial, cancel)?
            }
        };
        let machine = Machine {
            board: self.board.unwrap_or_default(),
            firmware,
            drives: self.drives,
            nic: self.nic,
            memory: self.memory.unwrap_or(MEMORY),
            accel,
            clock,
            trace: trial.trace.clone(),
        };
        machine.check()?;
        let wall = self.wall.into_iter().chain(trial.timeout).min();
        let plan = Plan {
            budget: Budget::plan(wall, self.cpu, start, &machine),
            machine,
            forwards: self.forwards,
            watch: self.watch,
            command: self.command,
            console_log: log.path.clone(),
        };
        Ok((plan, disk))
    }
}

/// What starts this kernel. The guest's disk becomes the first of `drives`; it may have to be made, and is there as
/// long as what is returned.
fn with_root(
    kernel: Kernel,
    root: Option<Root>,
    drives: &mut Vec<Drive>,
    trial: &Trial,
    cancel: &CancelToken,
) -> Result<(Firmware, Option<GrubDisk>)> {
    let Some(Root {
        interface, disk, ..
    }) = root
    else {
        return Ok((Firmware::Direct(kernel), None));
    };
    match disk {
        RootDisk::Whole(file) => {
            let format = Disk::Raw;
            let drive = Drive {
                file,
                interface,
                format,
            };
            drives.insert(0, drive);
            Ok((Firmware::Direct(kernel), None))
        }
        RootDisk::Grub(images) => {
            let disk = GrubDisk::make(&images, &kernel, trial.dir.as_deref(), cancel)?;
            drives.insert(0, disk.drive(interface));
            Ok((Firmware::FirstDrive, Some(disk)))
        }
    }
}

/// What is added to the kernel's command line where it is emulated by the host's clock: it counts ticks once to see
/// whether its timer works, and on a busy machine some are late. Under KVM kernels leave that out by themselves.
fn unhurried(accel: Accel, clock: Clock) -> &'static str {
    match (accel, clock) {
        (Accel::Tcg, Clock::Host) => " no_timer_check",
        _ => "",
    }
}

/// The memory of a guest that also gets these modules: they lie in it packed, unpacked and loaded. A kernel is not to
/// fail because it has many.
fn room_for(memory: Memory, modules: &Path) -> Result<Memory> {
    let size = fs::metadata(modules).map_err(|e| Error::io("look at", modules, e))?;
    let mib = u32::try_from((3 * size.len()).div_ceil(1 << 20)).unwrap_or(u32::MAX);
    Ok(Memory(memory.0.saturating_add(mib)))
}

/// What an error of `kbisect boot` comes to: within an oracle and unless it was interrupted, a broken oracle. `say`
/// is told of the error then, in words for people.
///
/// # Errors
/// The error itself, if it is for the caller: an interruption, or a wrong call by a person.
pub fn broken(error: Error, say: &mut dyn FnMut(&str)) -> Result<u8> {
    match error.kind() {
        ErrorKind::Interrupted => Err(error),
        ErrorKind::Usage if !is_within_an_oracle() => Err(error),
        _ => {
            let hint = error.hint_text().map(|hint| format!(" ({hint})"));
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            let (cause, hint) = (cause.unwrap_or_default(), hint.unwrap_or_default());
            say(&format!("{error}{cause}{hint}"));
            Ok(BROKEN)
        }
    }
}

fn accel(
    wanted: Option<Accel>,
    kernel: Option<&Path>,
    start: Option<&Record>,
    cancel: &CancelToken,
    say: &mut dyn FnMut(&str),
) -> Result<Accel> {
    match (wanted, start, kernel) {
        (Some(accel), ..) => Ok(accel),
        // As the start: its figures are the measure, and this kernel may be a bad one.
        (None, Some(start), _) => Ok(start.accel),
        (None, None, Some(kernel)) => {
            let choice = choose_accel(kernel, cancel)?;
            if let Some(reason) = choice.reason {
                say(&format!("using {}: {reason}", choice.accel));
            }
            Ok(choice.accel)
        }
        (None, None, None) => Ok(Accel::Tcg),
    }
}

/// Says how the boot ended, to whoever calls and in the trial; returns the exit status.
fn conclude(
    plan: &Plan,
    trial: &Trial,
    finished: &Finished,
    say: &mut dyn FnMut(&str),
) -> Result<u8> {
    let figures = format!(
        "{:.1} s, {:.1} s CPU, {}",
        finished.wall.as_secs_f64(),
        finished.cpu.as_secs_f64(),
        plan.machine.accel
    );
    if finished.outcome.is_pass() {
        say(&format!("reached `{}` ({figures})", plan.watch.until));
        return Ok(0);
    }
    let mut evidence = finished.evidence(plan);
    if trial.modules.is_some()
        && let Some(modules) = unloaded::modules(&plan.console_log)
    {
        evidence += &format!("; {modules}");
    }
    say(&format!(
        "{evidence} ({figures}); console: {}",
        plan.console_log.display()
    ));
    if let Some(path) = &trial.evidence {
        // The command may have said it better.
        if fs::metadata(path).map_or(true, |metadata| metadata.len() == 0) {
            fs::write(path, format!("{evidence}\n"))
                .map_err(|error| Error::io("write", path, error))?;
        }
    }
    if !finished.is_conclusive(plan) {
        return Ok(CANNOT_TELL);
    }
    Ok(match finished.outcome {
        Outcome::Command(How::Exited(status)) => u8::try_from(status).unwrap_or(1),
        _ => 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_counts_its_ticks_unless_a_busy_host_can_make_them_late() {
        assert_eq!(unhurried(Accel::Tcg, Clock::Host), " no_timer_check");
        assert_eq!(unhurried(Accel::Tcg, Clock::Icount), "");
        assert_eq!(unhurried(Accel::Kvm, Clock::Host), "");
    }
}
