//! A child that runs, and how it ends.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::log::{self, Drain};
use super::marker::{self, SpawnId};
use super::pidfd::{pidfd_open, poll_timeout};
use super::spec::JobTokens;
use super::{Ended, How, LimitKind, Limits, Spec, gate, group, limits, orphans, watchdog};
use crate::{Error, Result};

/// How old the CPU time of a group may be where limits are concerned: each look reads all of `/proc`.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often a running child is looked at for descendants that ended without a parent.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// A running child. Dropped, it is killed with its group.
///
/// It stays on the thread that started it: `PR_SET_PDEATHSIG` means the death of the parent
/// *thread*, so a child whose starter ended would be killed out of the blue.
#[derive(Debug)]
pub struct Running {
    pid: Pid,
    pidfd: Option<OwnedFd>,
    started: Instant,
    grace: Duration,
    last_look: Option<(Instant, Duration)>,
    spawn: SpawnId,
    /// CPU time of descendants that were reaped here, not by the process.
    reaped_cpu: Duration,
    last_tidy: Instant,
    drain: Option<Drain>,
    tokens: Option<Arc<dyn JobTokens>>,
    reaped: bool,
    not_send: PhantomData<*const ()>,
}

impl Running {
    /// Starts `spec`, whose limits are the caller's business here.
    ///
    /// # Errors
    /// The program, its working directory or its log cannot be had; the error names which.
    pub fn spawn(spec: &Spec) -> Result<Self> {
        let (out, err, drain) = log::outputs(&spec.log, spec.log_limit)?;
        let mut running = Self::spawn_onto(spec, out, err)?;
        running.drain = drain;
        Ok(running)
    }

    pub(super) fn spawn_onto(spec: &Spec, out: Stdio, err: Stdio) -> Result<Self> {
        watchdog::start();
        let mut command = Command::new(&spec.program);
        command
            .args(&spec.args)
            .stdin(input(spec)?)
            .stdout(out)
            .stderr(err)
            .process_group(0);
        for name in &spec.env_remove {
            command.env_remove(name);
        }
        command.envs(spec.env.iter().map(|(name, value)| (name, value)));
        if let Some(cwd) = &spec.cwd {
            command.current_dir(cwd);
        }
        if let Some(tokens) = &spec.tokens {
            tokens.configure(&mut command);
        }
        let spawn = SpawnId::next();
        let (name, value) = marker::variable(spawn);
        command.env(name, value);
        let beginning = gate::beginning();
        let watchdog = watchdog::line();
        let parent = nix::unistd::getpid();
        let file_size = spec.file_size;
        // SAFETY: between fork and exec only async-signal-safe calls are made, and nothing is
        // allocated: prctl, getppid, getpid, signal, write, getrlimit and setrlimit (bare system calls), and
        // an error made from a number.
        unsafe {
            command.pre_exec(move || {
                if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                    return Err(io::Error::last_os_error());
                }
                // Our parent may have died before the request was in place.
                if libc::getppid() != parent.as_raw() {
                    return Err(io::Error::from_raw_os_error(libc::ESRCH));
                }
                // From here on, not when the parent gets to it: it may be killed before.
                watchdog::guard_this(watchdog, spawn);
                limits::restore_file_size();
                if let Some(size) = file_size {
                    limits::lower_file_size(size)?;
                }
                Ok(())
            });
        }
        let started = Instant::now();
        let child = command.spawn().map_err(|error| {
            // It may have told the watchdog of itself before.
            watchdog::release(spawn);
            cannot_start(spec, error)
        })?;
        #[cfg(test)]
        super::tests::child_has_begun();
        // A process id fits into pid_t, which the kernel handed out as one.
        #[allow(clippy::cast_possible_wrap)]
        let pid = Pid::from_raw(child.id() as i32);
        orphans::enter(pid, spawn);
        drop(beginning);
        Ok(Self {
            pid,
            pidfd: pidfd_open(pid),
            started,
            grace: spec.grace,
            last_look: None,
            spawn,
            reaped_cpu: Duration::ZERO,
            last_tidy: started,
            drain: None,
            tokens: spec.tokens.clone(),
            reaped: false,
            not_send: PhantomData,
        })
    }

    /// The number of the process, and of its group.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// A descriptor that becomes readable when the process has ended; not before Linux 5.3.
    #[must_use]
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// Wall time since the start.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.started.elapsed()
    }

    /// CPU time of the group so far.
    pub fn cpu(&mut self) -> Duration {
        let cpu = group::cpu(self.pid) + self.reaped_cpu;
        self.last_look = Some((Instant::now(), cpu));
        cpu
    }

    /// The time for which the child itself, with all its threads, ran or waited for a core: what
    /// its CPU time would be on an idle machine, more or less.
    pub fn wanted(&mut self) -> Duration {
        group::wanted(self.pid).unwrap_or_else(|| self.cpu())
    }

    /// Do all threads of the child sleep? None does that runs, or would if the machine gave it a core, or that waits
    /// for the disk.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        group::is_asleep(self.pid)
    }

    /// CPU time of the group, at most half a second old: cheaper than [`Self::cpu`], which reads
    /// all of `/proc`.
    pub fn recent_cpu(&mut self) -> Duration {
        match self.last_look {
            Some((at, cpu)) if at.elapsed() < LOOK_EVERY => cpu,
            _ => self.cpu(),
        }
    }

    /// The limit that is exceeded, if one is.
    pub fn exceeded(&mut self, limits: &Limits) -> Option<LimitKind> {
        if limits.wall.is_some_and(|limit| self.wall() >= limit) {
            Some(LimitKind::Wall)
        } else if limits.cpu.is_some_and(|limit| self.recent_cpu() >= limit) {
            Some(LimitKind::Cpu)
        } else {
            None
        }
    }

    /// Waits for the end, at most `timeout`, and says whether it has come. The process is not
    /// reaped: [`Self::end`] does that.
    ///
    /// # Errors
    /// The system calls fail, which is not expected.
    pub fn wait(&self, timeout: Duration) -> Result<bool> {
        let until = Instant::now() + timeout;
        loop {
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            match waitid(Id::Pid(self.pid), flags) {
                Ok(WaitStatus::StillAlive) => {}
                Ok(_) => return Ok(true),
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(self.cannot_wait(error)),
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.sleep(left)?;
        }
    }

    fn sleep(&self, left: Duration) -> Result<()> {
        let Some(pidfd) = self.pidfd() else {
            // Without a descriptor to wait for there is only looking again.
            std::thread::sleep(left.min(Duration::from_millis(20)));
            return Ok(());
        };
        match poll(
            &mut [PollFd::new(pidfd, PollFlags::POLLIN)],
            poll_timeout(left),
        ) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(self.cannot_wait(error)),
        }
    }

    fn cannot_wait(&self, error: Errno) -> Error {
        Error::failed(format!("cannot wait for process {}", self.pid)).because(error)
    }

    /// Ends the group and reaps the process.
    ///
    /// With `None` the process has ended, or may take as long as it likes. Otherwise the group
    /// gets SIGTERM, and the process the grace of its [`Spec`]; if it ends by then or not,
    /// `why` is how it ended. What is left of the group after that gets SIGKILL.
    ///
    /// # Errors
    /// A log with a limit could not be written to its end: a full disk is not to become a
    /// verdict. The system calls fail, which is not expected.
    pub fn end(mut self, why: Option<How>) -> Result<Ended> {
        match why {
            None => while !self.wait(Duration::from_secs(3600))? {},
            Some(_) => {
                group::signal(self.pid, Signal::SIGTERM);
                // A stopped process would sleep through its grace.
                group::signal(self.pid, Signal::SIGCONT);
                self.wait(self.grace)?;
            }
        }
        let (status, cpu) = self.sweep_and_reap()?;
        if let Some(drain) = self.drain.take() {
            drain.finish()?;
        }
        Ok(Ended {
            how: why.unwrap_or(status),
            wall: self.wall(),
            cpu,
        })
    }

    /// Reaps from time to time what ended without a parent, or there would be ever more of it.
    pub(super) fn tidy(&mut self) {
        if self.last_tidy.elapsed() >= TIDY_EVERY {
            self.tidy_now();
        }
    }

    pub(super) fn tidy_now(&mut self) {
        self.reaped_cpu += orphans::tidy(self.pid, self.spawn);
        self.last_tidy = Instant::now();
    }

    fn sweep_and_reap(&mut self) -> Result<(How, Duration)> {
        let swept = orphans::sweep(self.pid, self.spawn);
        if let Some(tokens) = self.tokens.as_ref().filter(|_| swept.alive) {
            tokens.suspect();
        }
        // Dead, but still a zombie: nobody else can get the number before the watchdog has
        // forgotten it.
        while !self.wait(Duration::from_secs(3600))? {}
        watchdog::release(self.spawn);
        // Between the two it is nobody's: who looks for orphans must not take it for one, and reap it.
        let ending = gate::beginning();
        orphans::leave(self.pid);
        let reaped = reap(self.pid);
        drop(ending);
        let (how, cpu) = reaped.map_err(|error| self.cannot_wait(error))?;
        self.reaped = true;
        Ok((how, cpu + swept.cpu + self.reaped_cpu))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped {
            // There is nobody to tell.
            let _ = self.sweep_and_reap();
        }
    }
}

fn reap(pid: Pid) -> Result<(How, Duration), Errno> {
    loop {
        let mut status = 0;
        // SAFETY: rusage is plain numbers, for which zeros are valid.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both pointers are to live locals.
        if unsafe { libc::wait4(pid.as_raw(), &raw mut status, 0, &raw mut usage) } < 0 {
            match Errno::last() {
                Errno::EINTR => continue,
                error => return Err(error),
            }
        }
        let how = if libc::WIFEXITED(status) {
            How::Exited(libc::WEXITSTATUS(status))
        } else {
            How::Signalled(libc::WTERMSIG(status))
        };
        return Ok((how, duration(usage.ru_utime) + duration(usage.ru_stime)));
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

fn cannot_start(spec: &Spec, error: io::Error) -> Error {
    if let Some(cwd) = spec.cwd.as_ref().filter(|cwd| !cwd.is_dir()) {
        return Error::io("work in", cwd, error);
    }
    let program = spec.program.display();
    let missing = error.kind() == io::ErrorKind::NotFound;
    let failed = Error::failed(format!("cannot start {program}")).because(error);
    if !missing {
        failed
    } else if spec.program.exists() {
        failed.hint("it is there: is the interpreter in its first line missing?")
    } else {
        failed.hint(format!("is {program} installed, and in PATH?"))
    }
}

/// What the child reads.
fn input(spec: &Spec) -> Result<Stdio> {
    let Some(path) = &spec.stdin else {
        return Ok(Stdio::null());
    };
    let file = File::open(path).map_err(|e| Error::io("read", path, e))?;
    Ok(file.into())
}
