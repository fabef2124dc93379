//! One run of make, and its result.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::evidence::{BuildFailure, clock_skew, read_failure};
use super::plan::MakePlan;
use super::source::{has_source, source_gone};
use crate::cc;
use crate::supervise::{self, CancelToken, How, JobServer, Log, Room, Spec};
use crate::{Error, Result};

/// How make is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As the plan says.
    First,
    /// Once more, after a failure: nothing comes from a cache of objects.
    Again,
    /// The same, and what does not depend on what failed is made all the same.
    KeepGoing,
}

/// How a run of make ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// make says that all was made.
    Made,
    /// It failed.
    Failed(BuildFailure),
    /// It took longer than the plan allows.
    TimedOut,
    /// It was stopped because it was no longer wanted.
    Cancelled,
}

/// What a run of make took.
#[derive(Debug, Default)]
pub(super) struct Took {
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    /// Objects made anew.
    pub(super) objects: u32,
}

/// Where make works, and what watches it.
pub(super) struct Site<'a> {
    pub(super) plan: &'a MakePlan,
    pub(super) tree: &'a Path,
    pub(super) jobs: &'a JobServer,
    /// Where the compiler launcher notes what it did.
    pub(super) notes: PathBuf,
    /// The room on the disks that make writes to.
    pub(super) room: Room,
    pub(super) cancel: &'a CancelToken,
}

impl Site<'_> {
    /// Runs make; calls `progress` with the number of objects so far. Output goes to `log`.
    ///
    /// # Errors
    /// make cannot be run; the source tree is gone.
    pub(super) fn run(
        &mut self,
        mode: Mode,
        log: &Path,
        progress: &mut dyn FnMut(u32),
    ) -> Result<(Ended, Took)> {
        let Some(slot) = self.jobs.slot(self.cancel)? else {
            return Ok((Ended::Cancelled, Took::default()));
        };
        let file = File::create(log).map_err(|e| Error::io("write the log", log, e))?;
        if let Err(error) = supervise::reserve(&file) {
            let why = format!("there is no room for {}: {error}", log.display());
            let starved = Ended::Failed(BuildFailure::Starved(why));
            return Ok((starved, Took::default()));
        }
        let mut spec = self.spec(mode).log(Log::Append(log.to_owned()));
        slot.configure(&mut spec);
        let mut counter = ObjectCounter::new(log);
        let room = &mut self.room;
        let ended = supervise::run_with(&spec, self.cancel, &mut || {
            room.look();
            if let Some(objects) = counter.look() {
                progress(objects);
            }
        })?;
        counter.look();
        drop(slot);
        supervise::release(&file).map_err(|e| Error::io("write the log", log, e))?;
        let took = Took {
            wall: ended.wall,
            cpu: ended.cpu,
            objects: counter.objects,
        };
        Ok((self.outcome(ended.how, log)?, took))
    }

    fn outcome(&mut self, how: How, log: &Path) -> Result<Ended> {
        // Whatever was made, or failed: make may have left what was made of another configuration.
        if let (How::Exited(_), Some(why)) = (&how, clock_skew(log)) {
            return Ok(Ended::Failed(BuildFailure::Starved(why)));
        }
        let failure = match how {
            // A program may not have noticed that its writes failed, nor make that the program did.
            How::Exited(0) => match self.room.lost() {
                Some(why) => BuildFailure::Starved(why),
                None => return Ok(Ended::Made),
            },
            How::Cancelled => return Ok(Ended::Cancelled),
            // Whatever the log says: without a source, nothing is said of the configuration.
            How::Exited(_) if !has_source(&self.plan.source) => {
                return Err(source_gone(&self.plan.source));
            }
            // Nor without room, which what failed may not have been able to say.
            How::Exited(_) => match self.room.lost() {
                Some(why) => BuildFailure::Starved(why),
                None => read_failure(log),
            },
            // Somebody else's signal, most likely the kernel's for want of memory.
            How::Signalled(signal) => {
                BuildFailure::Starved(format!("make was killed by signal {signal}"))
            }
            How::TimedOut(_) => return Ok(Ended::TimedOut),
        };
        Ok(Ended::Failed(failure))
    }

    fn spec(&self, mode: Mode) -> Spec {
        let plan = self.plan;
        let mut spec = Spec::new("make")
            .arg("-C")
            .arg(&plan.source)
            .arg("--no-print-directory")
            .args(plan.places(self.tree))
            .args(&plan.args)
            .wall(plan.limit)
            // make waits for its compilers, gives its job slots back and removes half-written
            // targets when it is asked to end.
            .grace(Duration::from_secs(10))
            .in_english()
            .env_remove("KCONFIG_ALLCONFIG")
            .env_remove("KCONFIG_CONFIG")
            // With -i or -k in it make would leave what is out of date, and say that it succeeded.
            .env_remove("GNUMAKEFLAGS")
            // The outermost make must name itself in the same way, whoever started us.
            .env_remove("MAKELEVEL");
        if mode == Mode::KeepGoing {
            spec = spec.arg("--keep-going");
        }
        for (name, value) in &plan.env {
            spec = spec.env(name, value);
        }
        if let Some(launcher) = &plan.launcher {
            // The same command in every mode: Kbuild compiles anew what was compiled by another.
            spec = spec.arg(format!("CC={}", launcher.command));
            for (name, value) in &launcher.env {
                spec = spec.env(name, value);
            }
            if launcher.store.is_some() {
                spec = spec.env(cc::NOTES, &self.notes);
            }
        }
        if mode != Mode::First {
            // Our own launcher, without its cache, becomes the compiler.
            spec.env.retain(|(name, _)| name != cc::CACHE);
            spec = spec.env_remove(cc::CACHE).env("CCACHE_DISABLE", "1");
        }
        spec
    }
}

/// Counts the compiled objects in a build log that grows.
struct ObjectCounter<'a> {
    log: &'a Path,
    read: u64,
    partial: Vec<u8>,
    objects: u32,
}

impl<'a> ObjectCounter<'a> {
    fn new(log: &'a Path) -> Self {
        Self {
            log,
            read: 0,
            partial: Vec::new(),
            objects: 0,
        }
    }

    /// Reads what is new; the number of objects if it has changed. A log that cannot be read
    /// now is read the next time: this is only for people to see.
    fn look(&mut self) -> Option<u32> {
        let mut file = File::open(self.log).ok()?;
        file.seek(SeekFrom::Start(self.read)).ok()?;
        let mut new = Vec::new();
        self.read += file.read_to_end(&mut new).ok()? as u64;
        self.partial.extend_from_slice(&new);
        let whole = self
            .partial
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |i| i + 1);
        let before = self.objects;
        for line in self
            .partial
            .drain(..whole)
            .as_slice()
            .split(|b| *b == b'\n')
        {
            if is_object_line(line) {
                self.objects += 1;
            }
        }
        (self.objects != before).then_some(self.objects)
    }
}

/// `  CC      mm/slab.o` and `  AS      ...`, Kbuild's short lines; with `[M]` before what is of a module.
fn is_object_line(line: &[u8]) -> bool {
    let of_module: [&[u8]; 2] = [b"  CC [M]  ", b"  AS [M]  "];
    line.starts_with(b"  CC  ")
        || line.starts_with(b"  AS  ")
        || of_module.iter().any(|start| line.starts_with(start))
}
