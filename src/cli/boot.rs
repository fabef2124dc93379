//! `kbisect boot`: boots a kernel and watches its console; oracles call it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::time::Duration;

use clap::{Args, ValueEnum};
use regex::bytes::Regex;
use tempfile::TempDir;

use crate::boot::{
    self, Accel, Budget, Clock, Drive, Finished, Firmware, Forward, Kernel, Machine, Memory, Nic,
    Outcome, Plan, Record, Step, Watch,
};
use crate::model::{contract, sanitize};
use crate::settings::{TIME_HINT, parse_duration};
use crate::supervise::{CancelToken, How, Signals, Spec};
use crate::{Error, ErrorKind, Result};

/// The oracle itself is broken: nothing is known about the kernel.
pub(super) const BROKEN: u8 = 126;
/// The exit status when nothing is known about the kernel: kbisect tries again.
const CANNOT_TELL: u8 = 125;

/// Arguments of `kbisect boot`.
#[derive(Debug, Args)]
pub struct BootArgs {
    /// Kernel, a bzImage [default: $KBISECT_IMAGE]
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// Start the boot loader on the first drive instead of a kernel
    #[arg(long, conflicts_with_all = ["kernel", "initrd", "append"], requires = "drives")]
    boot_loader: bool,
    /// Initial RAM disk
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
    /// Attach a disk image; the guest's writes are discarded
    #[arg(
        long = "drive",
        id = "drives",
        value_name = "FILE[,if=virtio|nvme|ata][,format=raw|qcow2]"
    )]
    drives: Vec<Drive>,
    /// Attach a network card
    #[arg(long, value_name = "MODEL")]
    nic: Option<NicArg>,
    /// Forward a port of the host ("auto": a free one) to a port of the guest; --exec gets the first
    /// in $KBISECT_PORT
    #[arg(long = "forward", value_name = "HOSTPORT:GUESTPORT", requires = "nic")]
    forwards: Vec<Forward>,
    /// Memory of the guest
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    memory: u32,
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
    /// Limit of QEMU's CPU time in seconds [default: 5 times the start's, at least 20]
    #[arg(long, value_name = "SECONDS")]
    cpu_limit: Option<u64>,
    /// How the guest is executed; "auto": with KVM, if a test boot with it works
    #[arg(long, value_name = "HOW", default_value = "auto")]
    accel: AccelArg,
    /// Clock of the guest. "icount": by executed instructions, so that every boot is the same; "auto":
    /// icount, unless there is a network or KVM
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

/// What kbisect tells its oracles.
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
}

impl Trial {
    fn from_env() -> Self {
        let path = |name| {
            env::var_os(name)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        };
        let timeout = env::var(contract::TIMEOUT)
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        Self {
            image: path(contract::IMAGE),
            dir: path(contract::TRIAL),
            baseline: path(contract::BASELINE),
            evidence: path(contract::EVIDENCE),
            // A little less: whoever gave it to us ends us then, and we want to say why.
            timeout: timeout.map(|seconds| Duration::from_secs(seconds).mul_f32(0.95)),
            trace: path(contract::TRACE).map(|dir| dir.join(format!("{}.in_asm", process::id()))),
            config: path(contract::CONFIG),
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
}

/// Are we called by an oracle? Then a wrong call must not be taken for its verdict.
pub(super) fn is_within_an_oracle() -> bool {
    env::var_os(contract::TRIAL).is_some_and(|dir| !dir.is_empty())
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

/// Runs `kbisect boot`.
///
/// # Errors
/// The arguments do not fit together, or the user interrupted it. What else goes wrong is
/// printed, and is exit status 126.
pub fn run(args: BootArgs) -> Result<ExitCode> {
    match try_run(args) {
        Ok(code) => Ok(code),
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(error) if error.kind() == ErrorKind::Usage && !is_within_an_oracle() => Err(error),
        Err(error) => {
            let hint = error
                .hint_text()
                .map(|hint| format!(" ({hint})"))
                .unwrap_or_default();
            let because = std::error::Error::source(&error);
            let because = because
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            say(&format!("{error}{because}{hint}"));
            Ok(ExitCode::from(BROKEN))
        }
    }
}

fn try_run(args: BootArgs) -> Result<ExitCode> {
    let trial = Trial::from_env();
    // Whatever the signal, there is nothing to be finished: the first one ends it.
    let cancel = CancelToken::new();
    let signals = Signals::install(&cancel)?;
    let requests = signals.requests().clone();
    let first = cancel.clone();
    std::thread::spawn(move || {
        if requests.recv().is_ok() {
            first.cancel();
        }
    });

    let report = args
        .report
        .clone()
        .or_else(|| Some(trial.dir.as_ref()?.join("boot.json")));
    let start = start_record(&trial, report.as_deref())?;
    let log = ConsoleLog::new(args.log.clone(), &trial)?;
    let plan = plan(args, &trial, start.as_ref(), &log, &cancel)?;
    let finished = boot::boot(&plan, &cancel)?;
    if finished.outcome == Outcome::Cancelled {
        return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
    }
    if let Some(report) = report {
        Record::new(plan.machine.accel, &finished).write(&report)?;
    }
    if !finished.outcome.is_pass() {
        log.keep();
    }
    conclude(&plan, &trial, &finished)
}

/// The figures of the start's own boot; none when it is the start that boots.
fn start_record(trial: &Trial, report: Option<&Path>) -> Result<Option<Record>> {
    match (&trial.baseline, report.and_then(Path::file_name)) {
        (Some(baseline), Some(name)) => Record::read(&baseline.join(name)),
        _ => Ok(None),
    }
}

fn plan(
    args: BootArgs,
    trial: &Trial,
    start: Option<&Record>,
    log: &ConsoleLog,
    cancel: &CancelToken,
) -> Result<Plan> {
    if args.when.len() != args.send.len() {
        return Err(Error::usage("each --when needs one --send"));
    }
    let kernel = args.kernel.or_else(|| trial.image.clone());
    // Before QEMU says it in its own words, after a trial of KVM.
    let files = kernel.iter().chain(&args.initrd);
    let files = files.chain(args.drives.iter().map(|drive| &drive.file));
    for file in files {
        fs::File::open(file)
            .map_err(|e| Error::usage(format!("cannot read {}", file.display())).because(e))?;
    }
    // Only QEMU's translator knows which code is executed.
    let wanted = match trial.trace {
        Some(_) => AccelArg::Tcg,
        None => args.accel,
    };
    let accel = accel(wanted, kernel.as_deref(), start, cancel)?;
    let firmware = if args.boot_loader {
        Firmware::FirstDrive
    } else {
        let image = kernel.ok_or_else(|| {
            Error::usage("no kernel").hint("say --kernel FILE, or --boot-loader with a --drive")
        })?;
        Firmware::Direct(Kernel {
            image,
            initrd: args.initrd,
            append: format!("{}{}", args.append, trial.append()),
        })
    };
    let nic = args.nic.map(|nic| match nic {
        NicArg::Virtio => Nic::Virtio,
        NicArg::E1000 => Nic::E1000,
    });
    let clock = match args.clock {
        ClockArg::Auto => Clock::suited_to(accel, nic),
        ClockArg::Host => Clock::Host,
        ClockArg::Icount if accel == Accel::Kvm => {
            return Err(Error::usage("KVM does not count instructions")
                .hint("say --accel tcg with --clock icount"));
        }
        ClockArg::Icount => Clock::Icount,
    };
    let seconds = Duration::from_secs;
    let wall = args.timeout.into_iter().chain(trial.timeout).min();
    let steps = args.when.into_iter().zip(args.send);
    let mut command = args.exec.into_iter();
    Ok(Plan {
        machine: Machine {
            firmware,
            drives: args.drives,
            nic,
            memory: Memory(args.memory),
            accel,
            clock,
            trace: trial.trace.clone(),
        },
        forwards: args.forwards,
        watch: Watch {
            steps: steps.map(|(when, send)| Step { when, send }).collect(),
            until: args.until,
            fail_on: args.fail_on,
        },
        command: command
            .next()
            .map(|program| Spec::new(program).args(command)),
        budget: Budget::plan(wall, args.cpu_limit.map(seconds), start, accel, clock),
        console_log: log.path.clone(),
    })
}

fn accel(
    wanted: AccelArg,
    kernel: Option<&Path>,
    start: Option<&Record>,
    cancel: &CancelToken,
) -> Result<Accel> {
    match (wanted, start, kernel) {
        (AccelArg::Kvm, ..) => Ok(Accel::Kvm),
        (AccelArg::Tcg, ..) => Ok(Accel::Tcg),
        // As the start: its figures are the measure, and this kernel may be a bad one.
        (AccelArg::Auto, Some(start), _) => Ok(start.accel),
        (AccelArg::Auto, None, Some(kernel)) => {
            let choice = boot::choose_accel(kernel, cancel)?;
            if let Some(reason) = choice.reason {
                say(&format!("using {}: {reason}", choice.accel));
            }
            Ok(choice.accel)
        }
        (AccelArg::Auto, None, None) => Ok(Accel::Tcg),
    }
}

fn conclude(plan: &Plan, trial: &Trial, finished: &Finished) -> Result<ExitCode> {
    let figures = format!(
        "{:.1} s, {:.1} s CPU, {}",
        finished.wall.as_secs_f64(),
        finished.cpu.as_secs_f64(),
        plan.machine.accel
    );
    if finished.outcome.is_pass() {
        say(&format!("reached `{}` ({figures})", plan.watch.until));
        return Ok(ExitCode::SUCCESS);
    }
    let evidence = finished.evidence(plan);
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
        return Ok(ExitCode::from(CANNOT_TELL));
    }
    Ok(match finished.outcome {
        Outcome::Command(How::Exited(status)) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        _ => ExitCode::FAILURE,
    })
}

fn say(text: &str) {
    // Where standard error is gone, there is nobody to tell.
    let _ = writeln!(io::stderr(), "kbisect boot: {}", sanitize(text));
}
