//! One trial: set the tree back, build, look the image up, ask the oracles.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::build::{self, Built, Forecasts, MakePlan, TreePool};
use crate::kconfig::{Resolver, parse_config};
use crate::model::{
    Ballot, Config, Forecast, Judgement, ResolvedConfig, Source, Stage, Timings, TrialId, Verdict,
    WorkerId, WorkerState,
};
use crate::oracle::{self, Oracle, OracleVerdict};
use crate::supervise::{CancelToken, JobServer};
use crate::{Error, ErrorKind, Result};

use super::executor::{Reuse, TrialResult};

/// The resolved config, in the directory of a trial.
pub const CONFIG: &str = "config";

/// The output of make, there.
const BUILD_LOG: &str = "build.log";

/// The command for make, there, for people who want to see it fail.
pub const BUILD_COMMAND: &str = "build.command";

/// What all workers of this machine share.
pub struct Bench {
    /// Kconfig.
    pub resolver: Arc<dyn Resolver>,
    /// How to build.
    pub plan: MakePlan,
    /// The build trees.
    pub trees: TreePool,
    /// The job slots of all builds together.
    pub jobs: JobServer,
    /// All must accept.
    pub oracles: Vec<Oracle>,
    /// How long each oracle may take.
    pub timeout: Duration,
    /// The folder of the prepared guest, if an oracle wants it.
    pub guest: Option<PathBuf>,
    /// Our own executable, which oracles call as `kbisect`.
    pub kbisect: PathBuf,
    /// Verdicts by image.
    pub images: Images,
    /// What builds will take.
    pub forecasts: Forecasts,
}

/// The verdicts on images, shared between the dispatcher, which knows them, and the workers,
/// which ask before they boot one.
#[derive(Debug, Default)]
pub struct Images(Mutex<HashMap<String, Ballot>>);

impl Images {
    pub(super) fn learn(&self, judgement: &Judgement) {
        if let Some(image) = &judgement.image {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(image.clone()).or_default().add(judgement);
        }
    }

    fn of(&self, image: &str) -> Option<Judgement> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(image)?.winner().cloned()
    }
}

/// What is judged in a trial.
pub(super) struct Subject<'a> {
    pub(super) trial: TrialId,
    pub(super) config: &'a ResolvedConfig,
    pub(super) dir: &'a Path,
    pub(super) baseline: Option<&'a Path>,
    pub(super) reuse: Reuse,
    /// Told of what the user should see.
    pub(super) warn: &'a dyn Fn(String),
}

impl Bench {
    /// Runs one trial as `worker`, and says through `state` what is being done.
    pub(super) fn judge(
        &self,
        worker: WorkerId,
        subject: &Subject<'_>,
        cancel: &CancelToken,
        state: &mut dyn FnMut(WorkerState),
    ) -> Result<TrialResult> {
        let trial = subject.trial;
        state(WorkerState::Preparing { trial });
        let done = self.trees.with_tree(worker, cancel, |tree, _| {
            state(WorkerState::Building { trial, objects: 0 });
            let log = subject.dir.join(BUILD_LOG);
            let command = subject.dir.join(BUILD_COMMAND);
            fs::write(&command, self.plan.command_line(tree.path()) + "\n")
                .map_err(|e| Error::io("write", &command, e))?;
            let forecast = self.forecast(tree.path(), &subject.config.config);
            let mut progress = |objects| state(WorkerState::Building { trial, objects });
            let (built, cost) = build::build(
                &self.plan,
                tree.path(),
                subject.config,
                &self.jobs,
                &log,
                cancel,
                &mut progress,
            )?;
            let mut timings = Timings {
                build_wall: cost.wall,
                build_cpu: cost.cpu,
                oracle_wall: Duration::ZERO,
                objects: cost.objects,
                cached: cost.cached(),
                forecast,
            };
            let no_product = |verdict, why| {
                Ok(TrialResult::Judged {
                    verdict,
                    source: Source::Tested,
                    evidence: Some(why),
                    image: None,
                    timings,
                })
            };
            let product = match built {
                Built::Product(product) => product,
                Built::Failed(why) => return no_product(Verdict::Fail(Stage::Build), why),
                Built::Unresolved(why) => return no_product(Verdict::Unresolved, why),
                Built::Starved(why) => return Ok(TrialResult::Starved(why)),
                Built::Cancelled => return Ok(TrialResult::Cancelled),
            };
            if let Some(why) = &cost.overcome {
                (subject.warn)(format!(
                    "the build of trial {trial} failed, and passed when it was made again at once. Is something \
                     wrong with this machine? It said: {why}"
                ));
            }
            self.check_config(tree.path(), subject.config)?;
            tree.built(subject.config.fingerprint)?;
            let config = &subject.config.config;
            self.forecasts
                .learn(tree.path(), config, &cost.notes, cost.cpu);
            let image = Some((product.hash.clone(), product.size));
            // Modules are not in the image: an oracle may look at them.
            let is_all = subject.config.config.modules() == 0;
            let may = is_all && subject.reuse == Reuse::SameImage;
            if let Some(known) = self.images.of(&product.hash).filter(|_| may) {
                let says =
                    |why: String| format!("the same image as in trial {}: {why}", known.trial);
                return Ok(TrialResult::Judged {
                    verdict: known.verdict,
                    source: Source::SameImage,
                    evidence: known.evidence.map(says),
                    image,
                    timings,
                });
            }
            let job = oracle::Job {
                baseline: subject.baseline.map(Path::to_owned),
                ..self.job(worker, tree.path(), subject.dir.join(CONFIG), subject.dir)
            };
            let (verdict, evidence) = match self.ask(&job, trial, cancel, state, &mut timings)? {
                Ok(answer) => answer,
                Err(result) => return Ok(result),
            };
            Ok(TrialResult::Judged {
                verdict,
                source: Source::Tested,
                evidence,
                image,
                timings,
            })
        })?;
        Ok(done.unwrap_or(TrialResult::Cancelled))
    }

    /// What oracles are asked about a tree that was built: of the start, and without a trace.
    pub(super) fn job(
        &self,
        slot: WorkerId,
        tree: &Path,
        config: PathBuf,
        trial_dir: &Path,
    ) -> oracle::Job {
        oracle::Job {
            image: tree.join(&self.plan.product),
            config,
            source: self.plan.source.clone(),
            build: tree.to_owned(),
            trial_dir: trial_dir.to_owned(),
            timeout: self.timeout,
            slot,
            baseline: None,
            guest: self.guest.clone(),
            kbisect: self.kbisect.clone(),
            trace: None,
        }
    }

    /// What the build of a config in this tree will take.
    pub(super) fn forecast(&self, tree: &Path, config: &Config) -> Option<Forecast> {
        // In a tree that is empty still there is nothing.
        let text = fs::read_to_string(tree.join(&self.plan.config)).ok()?;
        let from = parse_config(&text);
        self.forecasts.predict(tree, &from, config)
    }

    /// Did make build what it was given, or something that it made of it? Then the verdict would
    /// be about another configuration.
    fn check_config(&self, tree: &Path, given: &ResolvedConfig) -> Result<()> {
        let path = tree.join(&self.plan.config);
        let text = fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        let built = parse_config(&text);
        if built.fingerprint() == given.fingerprint {
            return Ok(());
        }
        let differences = given.config.diff(&built);
        let names: Vec<String> = differences.iter().map(|d| d.0.to_string()).collect();
        Err(Error::failed(format!(
            "make changed the configuration that it was given: {}",
            names.join(", ")
        ))
        .hint("what Kconfig makes of a fragment here is not what it makes of it in a build: please report this, with the source that it happens with"))
    }

    /// Asks the oracles in turn, up to the first that does not accept. What came of the trial, if they give no
    /// verdict.
    fn ask(
        &self,
        job: &oracle::Job,
        trial: TrialId,
        cancel: &CancelToken,
        state: &mut dyn FnMut(WorkerState),
        timings: &mut Timings,
    ) -> Result<Result<(Verdict, Option<String>), TrialResult>> {
        for oracle in &self.oracles {
            let name = oracle.name().to_owned();
            state(WorkerState::Judging {
                trial,
                oracle: name,
            });
            let outcome = match oracle.judge(job, cancel) {
                Ok(outcome) => outcome,
                Err(e) if e.kind() == ErrorKind::Interrupted => {
                    return Ok(Err(TrialResult::Cancelled));
                }
                Err(e) => return Err(e),
            };
            timings.oracle_wall += outcome.wall;
            match outcome.verdict {
                OracleVerdict::Accept => {}
                OracleVerdict::Reject => {
                    return Ok(Ok((Verdict::Fail(Stage::Oracle), outcome.evidence)));
                }
                OracleVerdict::CannotTell => {
                    return Ok(Ok((Verdict::Unresolved, outcome.evidence)));
                }
                OracleVerdict::Starved => {
                    let why = outcome.evidence.unwrap_or_default();
                    return Ok(Err(TrialResult::Starved(why)));
                }
                OracleVerdict::Broken { how } => {
                    let log = job.trial_dir.join(oracle.name()).join("oracle.log");
                    let why = outcome.evidence.unwrap_or_default();
                    return Err(Error::failed(format!(
                        "the oracle {} is broken ({how}) {why}",
                        oracle.name()
                    ))
                    .hint(format!("its output is in {}", log.display())));
                }
            }
        }
        Ok(Ok((Verdict::Pass, None)))
    }
}
