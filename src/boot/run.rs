//! Runs a machine until its console, a limit or its end decides the outcome.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::outcome::{Finished, Limit, Outcome};
use super::serial::{LOG_LIMIT, Serial};
use super::silence::{Look, Silence};
use super::{Budget, Console, Forward, HostPort, Machine, PortForward, QEMU, Watch};
use crate::model::{contract, sanitize_line};
use crate::supervise::{self, CancelToken, How, LimitKind, Limits, Log, Running, Spec};
use crate::{Error, Result};

/// Where QEMU makes its temporary files.
const TMPDIR: &str = "TMPDIR";
/// How often limits are looked at.
const TICK: Duration = Duration::from_millis(200);
/// How long QEMU may take to end when it is told to; there is nothing in it to save.
const GRACE: Duration = Duration::from_secs(1);
/// How long the line of a bad sign may take to be complete.
const REST_OF_LINE: Duration = Duration::from_secs(1);
/// How long a guest may be idle before its first byte: until then no kernel waits for anything
/// that takes long.
const SILENT_IDLE: Duration = Duration::from_secs(10);
/// How often another free port is tried, when somebody took the one before.
const PORT_ATTEMPTS: u32 = 5;

/// A boot to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The machine.
    pub machine: Machine,
    /// Ports to be forwarded to it.
    pub forwards: Vec<Forward>,
    /// What to look for on its console.
    pub watch: Watch,
    /// What to run on the host when the mark is reached, while the guest runs on. Its exit
    /// status decides then. It gets `KBISECT_PORT`, the host's port of the first forward; log
    /// and limits are set here.
    pub command: Option<Spec>,
    /// What it may take.
    pub budget: Budget,
    /// Where the console goes, as it comes. The output of QEMU itself and of the command go
    /// beside it, to `.qemu.log` and `.exec.log`.
    pub console_log: PathBuf,
}

impl Finished {
    /// Does it say something about the kernel, as far as the machine allows to tell? When the
    /// wall time is used up and the CPU time by far not, then the machine was too busy.
    #[must_use]
    pub fn is_conclusive(&self, plan: &Plan) -> bool {
        let starved = |cpu: Duration| self.cpu < cpu / 2;
        let wall = self.outcome == Outcome::Limit(Limit::Wall);
        self.outcome.is_conclusive() && !(wall && plan.budget.cpu.is_some_and(starved))
    }

    /// Why it did not pass: what happened, and the line that tells most. Safe to print.
    #[must_use]
    pub fn evidence(&self, plan: &Plan) -> String {
        let budget = &plan.budget;
        let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs();
        let mark = plan.watch.until.as_str();
        let what = match &self.outcome {
            Outcome::Panic(line) => return line.clone(),
            Outcome::FailOn(line) => return format!("on the console: {line}"),
            Outcome::Reached(_) => "the mark was reached".to_owned(),
            Outcome::Command(How::Exited(status)) => format!("the command said {status}"),
            Outcome::Command(How::Signalled(signal)) => {
                format!("the command was ended by signal {signal}")
            }
            Outcome::Command(_) | Outcome::Cancelled => "stopped".to_owned(),
            Outcome::Exited(How::Exited(0)) => {
                format!("the guest ended or restarted before `{mark}` appeared")
            }
            Outcome::Exited(How::Signalled(signal)) => {
                format!("QEMU was ended by signal {signal} before `{mark}` appeared")
            }
            Outcome::Exited(_) => format!("QEMU broke down before `{mark}` appeared"),
            Outcome::Limit(_) if self.first_byte_cpu.is_none() => {
                "no first byte on the console".to_owned()
            }
            Outcome::Limit(Limit::Cpu | Limit::Silent) => format!(
                "ran out of its CPU budget of {} s before `{mark}` appeared",
                seconds(budget.cpu)
            ),
            Outcome::Limit(Limit::Wall) => {
                format!("not done after {} s", seconds(Some(budget.wall)))
            }
            Outcome::Limit(Limit::Idle) => format!("it waits, and `{mark}` has not appeared"),
            Outcome::Limit(Limit::Flood) => {
                format!("more than {} MiB on the console", LOG_LIMIT >> 20)
            }
        };
        let evidence = match self.last_line.as_str() {
            "" => what,
            line => format!("{what}; last line: {line}"),
        };
        sanitize_line(&evidence, 400)
    }
}

/// Boots.
///
/// # Errors
/// QEMU, the command or a log cannot be had: nothing is known about the kernel.
pub fn boot(plan: &Plan, cancel: &CancelToken) -> Result<Finished> {
    let mut attempt = 1;
    loop {
        let forwards = choose_ports(&plan.forwards)?;
        match Guest::start(plan, &forwards)?.run(cancel)? {
            Ran::Finished(finished) => return Ok(finished),
            // Between our look and QEMU's start somebody else took the port.
            Ran::NotStarted { message, .. }
                if attempt < PORT_ATTEMPTS
                    && plan
                        .forwards
                        .iter()
                        .any(|forward| forward.host == HostPort::Auto)
                    && message.contains("host forwarding") =>
            {
                attempt += 1;
            }
            Ran::NotStarted { how, message } => return Err(not_started(how, &message)),
        }
    }
}

fn not_started(how: How, message: &str) -> Error {
    let how = match how {
        How::Signalled(signal) => format!("was ended by signal {signal}"),
        How::Exited(status) => format!("ended with status {status}"),
        How::TimedOut(_) | How::Cancelled => "was stopped".to_owned(),
    };
    let because = if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    };
    Error::failed(format!("{QEMU} {how} before the guest started{because}"))
}

fn choose_ports(forwards: &[Forward]) -> Result<Vec<PortForward>> {
    // All are held until all are chosen, so that no two are the same.
    let mut held = Vec::new();
    let mut chosen = Vec::new();
    for forward in forwards {
        let host = match forward.host {
            HostPort::Fixed(port) => port,
            HostPort::Auto => {
                let failed = |error| Error::failed("cannot find a free port").because(error);
                let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
                let port = listener.local_addr().map_err(failed)?.port();
                held.push(listener);
                port
            }
        };
        chosen.push(PortForward {
            host,
            guest: forward.guest,
        });
    }
    Ok(chosen)
}

enum Ran {
    Finished(Finished),
    /// QEMU itself said no.
    NotStarted {
        how: How,
        message: String,
    },
}

/// A guest that runs.
struct Guest<'a> {
    plan: &'a Plan,
    port: Option<u16>,
    console: Console,
    serial: Serial,
    qemu: Running,
    command: Option<Running>,
    first_byte_cpu: Option<Duration>,
    silence: Silence,
    failing_since: Option<Instant>,
}

impl<'a> Guest<'a> {
    fn start(plan: &'a Plan, forwards: &[PortForward]) -> Result<Self> {
        let serial = Serial::new(&plan.console_log)?;
        let pipes = serial.pipes().unwrap_or_default();
        let mut spec = Spec::new(QEMU)
            .args(plan.machine.args(&pipes, forwards))
            .log(Log::File(beside(&plan.console_log, "qemu.log")))
            .log_limit(supervise::LOG_LIMIT)
            .grace(GRACE);
        // What the guest writes to its disks goes to a temporary file: into a folder whose room is watched while an
        // oracle runs, and not into QEMU's own choice, /var/tmp.
        if env::var_os(TMPDIR).is_none_or(|folder| folder.is_empty())
            && let Some(folder) = plan.console_log.parent().filter(|folder| folder.is_dir())
        {
            spec = spec.env(TMPDIR, folder);
        }
        Ok(Self {
            plan,
            port: forwards.first().map(|forward| forward.host),
            console: Console::new(plan.watch.clone()),
            serial,
            qemu: Running::spawn(&spec)?,
            command: None,
            first_byte_cpu: None,
            silence: Silence::default(),
            failing_since: None,
        })
    }

    fn run(mut self, cancel: &CancelToken) -> Result<Ran> {
        let outcome = loop {
            if cancel.is_cancelled() {
                break Outcome::Cancelled;
            }
            if let Some(outcome) = self.look()? {
                break outcome;
            }
            self.sleep();
        };
        let wall = self.qemu.wall();
        if let Some(command) = self.command.take() {
            command.end(Some(How::Cancelled))?;
        }
        let exited = matches!(outcome, Outcome::Exited(_));
        let ended = self.qemu.end((!exited).then_some(How::Cancelled))?;
        let outcome = if exited {
            Outcome::Exited(ended.how)
        } else {
            outcome
        };
        let refused = matches!(ended.how, How::Exited(status) if status != 0);
        if exited && refused && self.serial.received() == 0 {
            let message = last_line_of(&beside(&self.plan.console_log, "qemu.log"));
            return Ok(Ran::NotStarted {
                how: ended.how,
                message,
            });
        }
        let last_line = match outcome {
            Outcome::Command(_) => last_line_of(&beside(&self.plan.console_log, "exec.log")),
            _ => self.console.last_line(),
        };
        let reached = self.console.reached().is_some();
        Ok(Ran::Finished(Finished {
            outcome,
            wall,
            cpu: ended.cpu,
            first_byte_cpu: self.first_byte_cpu,
            longest_silence: reached.then(|| self.silence.longest()),
            last_line,
        }))
    }

    /// Has it come to something?
    fn look(&mut self) -> Result<Option<Outcome>> {
        // Asked before the console is read, so that nothing is left there after the end.
        let exited = self.qemu.wait(Duration::ZERO)?;
        self.read_console(exited)?;
        let reached = self.console.reached();
        if let (Some(line), None) = (reached, &self.plan.command) {
            return Ok(Some(Outcome::Reached(line.to_owned())));
        }
        if let Some(failure) = self.console.failure() {
            return Ok(Some(failure.into()));
        }
        if reached.is_some()
            && let Some(outcome) = self.look_at_command()?
        {
            return Ok(Some(outcome));
        }
        if exited {
            // How is known when it has been reaped.
            return Ok(Some(Outcome::Exited(How::Exited(0))));
        }
        Ok(self.exceeded().map(Outcome::Limit))
    }

    fn read_console(&mut self, exited: bool) -> Result<()> {
        let before = self.serial.received();
        while self.serial.pump(&mut self.console)?
            && self.console.failure().is_none()
            && self.serial.received() <= LOG_LIMIT
        {}
        if self.serial.received() > before {
            if before == 0 {
                self.first_byte_cpu = Some(self.qemu.cpu());
            }
            self.silence.end();
        }
        if self.console.is_failing() {
            let since = *self.failing_since.get_or_insert_with(Instant::now);
            if exited || since.elapsed() >= REST_OF_LINE {
                self.console.finish();
            }
        }
        Ok(())
    }

    /// Starts the command, the first time, and says how it ended when it has.
    fn look_at_command(&mut self) -> Result<Option<Outcome>> {
        let Some(command) = self.command.take() else {
            if let Some(spec) = &self.plan.command {
                let log = Log::File(beside(&self.plan.console_log, "exec.log"));
                let mut spec = spec.clone().log(log).log_limit(supervise::LOG_LIMIT);
                if let Some(port) = self.port {
                    spec = spec.env(contract::PORT, port.to_string());
                }
                self.command = Some(Running::spawn(&spec)?);
            }
            return Ok(None);
        };
        if command.wait(Duration::ZERO)? {
            return Ok(Some(Outcome::Command(command.end(None)?.how)));
        }
        self.command = Some(command);
        Ok(None)
    }

    fn exceeded(&mut self) -> Option<Limit> {
        let budget = &self.plan.budget;
        if self.serial.received() > LOG_LIMIT {
            return Some(Limit::Flood);
        }
        let limits = Limits {
            wall: Some(budget.wall),
            cpu: budget.cpu,
        };
        match self.qemu.exceeded(&limits) {
            Some(LimitKind::Wall) => return Some(Limit::Wall),
            Some(LimitKind::Cpu) => return Some(Limit::Cpu),
            None => {}
        }
        let silence = Limits {
            wall: None,
            cpu: budget.first_byte_cpu,
        };
        if self.first_byte_cpu.is_none() && self.qemu.exceeded(&silence).is_some() {
            return Some(Limit::Silent);
        }
        let idle = match self.first_byte_cpu {
            None => budget.idle.min(SILENT_IDLE),
            Some(_) => budget.idle,
        };
        // While the command runs it is the one that waits.
        (self.command.is_none() && self.slept() >= idle).then_some(Limit::Idle)
    }

    /// How long the guest has slept since it last said something.
    fn slept(&mut self) -> Duration {
        let now = Instant::now();
        if self.silence.is_due(now, TICK) {
            let asleep = self.qemu.is_asleep();
            let wanted = self.qemu.wanted();
            self.silence.look(now, Look { wanted, asleep });
        }
        self.silence.slept()
    }

    /// Waits until something happens, at most a tick.
    fn sleep(&self) {
        let mut fds = Vec::with_capacity(4);
        fds.extend(
            self.serial
                .interests()
                .map(|(fd, flags)| PollFd::new(fd, flags)),
        );
        let processes = [Some(&self.qemu), self.command.as_ref()];
        for pidfd in processes.into_iter().flatten().filter_map(Running::pidfd) {
            fds.push(PollFd::new(pidfd, PollFlags::POLLIN));
        }
        // An error, an interrupt, the time: the loop looks again in all cases.
        let tick = u16::try_from(TICK.as_millis()).unwrap_or(u16::MAX);
        let _ = poll(&mut fds, PollTimeout::from(tick));
    }
}

/// `console.log`: `console.qemu.log`.
fn beside(console_log: &Path, extension: impl AsRef<OsStr>) -> PathBuf {
    console_log.with_extension(extension)
}

/// The last line of a log that is not blank, safe to print.
fn last_line_of(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let lines = text.rsplit(|&byte| byte == b'\n');
    lines
        .map(|line| sanitize_line(&String::from_utf8_lossy(line), 200))
        .find(|line| !line.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_ended_says_nothing_about_the_kernel() {
        let tells = |outcome: Outcome| outcome.is_conclusive();
        assert!(!tells(Outcome::Exited(How::Signalled(9))));
        assert!(!tells(Outcome::Exited(How::Exited(1))));
        assert!(!tells(Outcome::Command(How::Signalled(9))));
        assert!(tells(Outcome::Exited(How::Exited(0))));
        assert!(tells(Outcome::Command(How::Exited(1))));
        assert!(tells(Outcome::Limit(Limit::Cpu)));
    }

    #[test]
    fn no_two_free_ports_are_the_same() {
        let forwards = vec!["auto:22".parse().unwrap(); 20];
        let chosen = choose_ports(&forwards).unwrap();
        let mut ports: Vec<_> = chosen.iter().map(|forward| forward.host).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
    }
}
