//! How an oracle is called: its environment, its folder, its limits.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Oracle;
use super::form::Form;
use crate::model::{WorkerId, contract};
use crate::supervise::{Spec, quote};
use crate::{Error, Result};

/// The file, in the directory of an oracle in a trial, with the command that repeats what was
/// done there.
pub const COMMAND: &str = "command";

/// What an oracle is to judge.
#[derive(Debug, Clone)]
pub struct Job {
    /// The built boot image, or another project's product.
    pub image: PathBuf,
    /// The resolved config.
    pub config: PathBuf,
    /// The source tree.
    pub source: PathBuf,
    /// The build tree.
    pub build: PathBuf,
    /// The log of the build, if all of the kernel was built in it.
    pub build_log: Option<PathBuf>,
    /// The archive of the kernel's modules, if it has any.
    pub modules: Option<PathBuf>,
    /// The directory of the trial; each oracle gets one of its own in it.
    pub trial_dir: PathBuf,
    /// How long each oracle may take.
    pub timeout: Duration,
    /// The worker, which an oracle sees as `KBISECT_SLOT`.
    pub slot: WorkerId,
    /// The directory of the start's own trial; none while the start is judged.
    pub baseline: Option<PathBuf>,
    /// The folder of the [guest](crate::guest::GuestDir) for oracles that were not given [one](Oracle::booting).
    pub guest: Option<PathBuf>,
    /// Our own executable, which oracles call as `kbisect`.
    pub kbisect: PathBuf,
    /// The folder for traces of the code that the kernel executes; none without tracing.
    pub trace: Option<PathBuf>,
}

impl Oracle {
    /// The call: its program, environment, folder and limits.
    pub(super) fn spec(&self, job: &Job, form: &Form, dir: &Path, evidence: &Path) -> Result<Spec> {
        let absolute = |path: &Path| {
            std::path::absolute(path).map_err(|e| Error::io("find the folder of", path, e))
        };
        let mut spec = Spec::new(self.program())
            .args(&self.argument)
            .cwd(dir)
            .wall(job.timeout + grace(job.timeout))
            .in_fixed_locale()
            .env(contract::IMAGE, absolute(&job.image)?)
            .env(contract::CONFIG, absolute(&job.config)?)
            .env(contract::SOURCE, absolute(&job.source)?)
            .env(contract::BUILD, absolute(&job.build)?)
            .env(contract::TRIAL, dir)
            .env(contract::TIMEOUT, seconds(job.timeout).to_string())
            .env(contract::EVIDENCE, evidence)
            .env(contract::SLOT, job.slot.to_string())
            .env("PATH", path_with(&absolute(&job.kbisect)?)?);
        // What an outer kbisect set for its own oracle must not be seen by ours.
        spec = match &job.baseline {
            Some(start) => spec.env(contract::BASELINE, absolute(start)?.join(&form.folder)),
            None => spec.env_remove(contract::BASELINE),
        };
        spec = match self.guest.as_ref().or(job.guest.as_ref()) {
            Some(guest) => spec.env(contract::GUEST, absolute(guest)?),
            None => spec.env_remove(contract::GUEST),
        };
        spec = match self.header() {
            Some(header) => spec.env(contract::MACHINE, header.hardware().to_string()),
            None => spec.env_remove(contract::MACHINE),
        };
        spec = match form.level {
            Some(level) => spec.env(contract::LEVEL, level.to_string()),
            None => spec.env_remove(contract::LEVEL),
        };
        spec = match &job.build_log {
            Some(log) => spec.env(contract::BUILD_LOG, absolute(log)?),
            None => spec.env_remove(contract::BUILD_LOG),
        };
        spec = match &job.modules {
            Some(archive) => spec.env(contract::MODULES, absolute(archive)?),
            None => spec.env_remove(contract::MODULES),
        };
        spec = match &job.trace {
            Some(folder) => spec.env(contract::TRACE, absolute(folder)?),
            None => spec.env_remove(contract::TRACE),
        };
        Ok(spec)
    }
}

/// The command for a shell that does what `spec` does: for people who want to see it fail.
pub(super) fn by_hand(spec: &Spec, kbisect: &Path) -> String {
    let quoted = |text: &OsStr| quote(&text.to_string_lossy());
    let mut text = String::new();
    if let Some(dir) = &spec.cwd {
        text += &format!("cd {} &&\n", quoted(dir.as_os_str()));
    }
    // The link that oracles call us by goes with the run; what it leads to stays.
    let own = fs::canonicalize(kbisect).unwrap_or_else(|_| kbisect.to_owned());
    let own = own.parent().unwrap_or(Path::new("/"));
    text += &format!("PATH={}:\"$PATH\" \\\n", quoted(own.as_os_str()));
    for (name, value) in spec.env.iter().filter(|(name, _)| name != "PATH") {
        text += &format!("{}={} \\\n", name.to_string_lossy(), quoted(value));
    }
    text += &quoted(spec.program.as_os_str());
    for arg in &spec.args {
        text += &format!(" {}", quoted(arg));
    }
    text.push('\n');
    text
}

/// How much longer than `timeout` an oracle lives: `kbisect boot` has the same limit, and says
/// better than we could how far the kernel got.
fn grace(timeout: Duration) -> Duration {
    (timeout / 10).min(Duration::from_secs(10))
}

/// Whole seconds, rounded up.
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// `PATH`, with the folder of `program` in front.
fn path_with(program: &Path) -> Result<OsString> {
    let own = program.parent().unwrap_or(Path::new("/"));
    let rest = env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(own.to_owned()).chain(env::split_paths(&rest));
    env::join_paths(dirs).map_err(|e| {
        Error::failed(format!("the folder {} cannot be in PATH", own.display())).because(e)
    })
}
