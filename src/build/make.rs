//! Runs make on a configuration and reports the result.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::attempt::{Ended, Mode, Site};
use super::clean;
use super::evidence::BuildFailure;
use super::failure::Failure;
use super::modules;
use super::plan::{MakePlan, Product};
use super::trouble;
use crate::cc;
use crate::error::unless_absent;
use crate::model::ResolvedConfig;
use crate::supervise::{self, CancelToken, JobServer, Room};
use crate::{Error, Result};

/// After so many compiled objects the cache is looked at: is it too large?
const MANY: u32 = 100;

/// What came of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Built {
    /// The product.
    Product(Product),
    /// make says that all was made, and there is no product.
    NoProduct,
    /// The source does not build so; with the first error.
    Failed(String),
    /// It failed, and nobody can tell whether the source builds so: the compiler crashed, each failure was
    /// another, or the log says that the machine or the network failed; with their lines. Or it took too long.
    Unresolved(String),
    /// The machine ran out of memory or disk; with the line that says so.
    Starved(String),
    /// It was stopped because it was no longer wanted.
    Cancelled,
}

/// What a build took, with all that was made again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// Wall time, without the wait for a job slot.
    pub wall: Duration,
    /// CPU time of all processes.
    pub cpu: Duration,
    /// Objects made anew.
    pub objects: u32,
    /// What our own launcher noted of each object.
    pub notes: Vec<cc::Note>,
    /// The line of a failure that did not come again: made once more, all was made.
    pub overcome: Option<String>,
    /// The files with what make said, one for each time that it was run.
    pub logs: Vec<PathBuf>,
}

impl Cost {
    /// How many of the objects came from the object cache.
    #[must_use]
    pub fn cached(&self) -> u32 {
        let notes = self.notes.iter();
        let cached = notes.filter(|note| note.means != cc::Means::Compiled);
        // A kernel has some thousands.
        cached.count() as u32
    }

    /// How many were compiled.
    #[must_use]
    pub fn compiled(&self) -> u32 {
        // make's log has no word of some that it compiles, and the launcher none of assembler.
        self.objects.saturating_sub(self.cached())
    }
}

/// Builds `config` in `tree`, with the job slots of `jobs`; calls `progress` with the number
/// of objects compiled so far. Output goes to `log`, and of what is made again to files beside it.
///
/// What fails is made again at once, from clean objects: a failure counts only if one of its errors comes
/// twice.
///
/// # Errors
/// make cannot be run, or its product cannot be read; the source tree or a
/// program that the build calls is gone. That the *source* does not build is no error but
/// [`Built::Failed`].
pub fn build(
    plan: &MakePlan,
    tree: &Path,
    config: &ResolvedConfig,
    jobs: &JobServer,
    log: &Path,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(u32),
) -> Result<(Built, Cost)> {
    let beside = log.parent().unwrap_or(Path::new("."));
    let temporary = supervise::temporary_folder(&plan.env);
    let site = Site {
        plan: &plan.of_config(&config.config),
        tree,
        jobs,
        notes: notes_of(log),
        room: Room::of([beside, tree, &temporary]),
        cancel,
    };
    build_at(site, config, log, progress)
}

fn build_at(
    mut site: Site<'_>,
    config: &ResolvedConfig,
    log: &Path,
    progress: &mut dyn FnMut(u32),
) -> Result<(Built, Cost)> {
    // The log begins anew, too.
    unless_absent(fs::remove_file(&site.notes)).map_err(|e| Error::io("remove", &site.notes, e))?;
    let mut cost = Cost::default();
    let built = again_if_it_fails(&mut site, config, log, &mut cost, progress)?;
    cost.notes = cc::read_notes(&site.notes);
    if cost.compiled() > MANY
        && let Some(store) = site.plan.launcher.as_ref().and_then(|l| l.store.as_ref())
    {
        store.shrink();
    }
    Ok((built, cost))
}

fn again_if_it_fails(
    site: &mut Site<'_>,
    config: &ResolvedConfig,
    log: &Path,
    cost: &mut Cost,
    progress: &mut dyn FnMut(u32),
) -> Result<Built> {
    let (plan, tree) = (site.plan, site.tree);
    let mut failures: Vec<Failure> = Vec::new();
    for (mode, log) in [
        (Mode::First, log.to_owned()),
        (Mode::Again, log.with_extension("again.log")),
        // Other files may have been first to fail: now all that fail get their turn.
        (Mode::KeepGoing, log.with_extension("third.log")),
    ] {
        if let Some(failure) = failures.last() {
            clean::remove_failed(tree, &plan.config, failure)?;
        }
        give_config(tree, plan, config)?;
        let before = cost.objects;
        let mut progress = |objects| progress(before + objects);
        let (ended, took) = site.run(mode, &log, &mut progress)?;
        cost.logs.push(log);
        cost.wall += took.wall;
        cost.cpu += took.cpu;
        cost.objects += took.objects;
        let failure = match ended {
            Ended::Made => {
                cost.overcome = failures.first().map(|failure| failure.line().to_owned());
                return product(plan, tree, config);
            }
            Ended::Cancelled => return Ok(Built::Cancelled),
            // Whoever wants to know goes on from what was made: not at once, for it takes long.
            Ended::TimedOut => {
                let limit = plan.limit.as_secs();
                return Ok(Built::Unresolved(format!(
                    "the build took longer than {limit} s"
                )));
            }
            Ended::Failed(BuildFailure::Starved(why)) => return Ok(Built::Starved(why)),
            Ended::Failed(BuildFailure::ToolMissing(why)) => {
                return Err(Error::failed(format!("the build lacks a program: {why}"))
                    .hint("`kbisect doctor` tells what is missing; then `kbisect resume`"));
            }
            Ended::Failed(BuildFailure::Other(failure)) => failure,
        };
        if let Some(line) = failures.iter().find_map(|f| f.in_common(&failure)) {
            return Ok(Built::Failed(line.to_owned()));
        }
        let crashed_before = failures.last().is_some_and(Failure::is_crash);
        let crashes = crashed_before && failure.is_crash();
        failures.push(failure);
        // There was room each time: what the log says need not be the machine's word.
        let troubles = failures.iter().filter(|f| f.is_trouble()).count();
        if crashes || troubles > 1 {
            break;
        }
    }
    let lines: Vec<&str> = failures.iter().map(Failure::line).collect();
    // A disk may be full only while make writes to it: nobody is to go on before there is room.
    if let Some(line) = lines.iter().find(|line| trouble::is_full_disk(line)) {
        return Ok(Built::Starved((*line).to_owned()));
    }
    Ok(Built::Unresolved(
        if failures.last().is_some_and(Failure::is_trouble) {
            format!(
                "the build fails, and says that the machine or the network does: {}",
                lines[lines.len() - 1]
            )
        } else if failures.iter().all(Failure::is_crash) {
            format!("the compiler crashes: {}", lines[0])
        } else {
            format!(
                "make failed each time in another way: {}",
                lines.join(" / ")
            )
        },
    ))
}

/// What was made of a config: its product, with the modules.
fn product(plan: &MakePlan, tree: &Path, config: &ResolvedConfig) -> Result<Built> {
    if !tree.join(&plan.product).exists() {
        return Ok(Built::NoProduct);
    }
    if plan.modules.is_some()
        && let Err(no_room) = modules::pack(tree, &config.config)?
    {
        return Ok(Built::Starved(no_room));
    }
    plan.product_in(tree).map(Built::Product)
}

/// Gives the tree its configuration.
fn give_config(tree: &Path, plan: &MakePlan, config: &ResolvedConfig) -> Result<()> {
    let path = tree.join(&plan.config);
    // Written only when it differs: a newer file makes Kbuild run Kconfig once more.
    if fs::read(&path).ok().as_deref() != Some(config.text.as_bytes()) {
        fs::write(&path, &config.text).map_err(|e| Error::io("write", &path, e))?;
    }
    Ok(())
}

/// Where the launcher notes what it does in the build with this log.
pub(super) fn notes_of(log: &Path) -> PathBuf {
    log.with_extension("objects")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
