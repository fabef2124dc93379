//! One judgement: sets the tree back, builds, asks the oracles.

use std::error::Error as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::files::{BUILD_COMMAND, BUILD_LOG, CONFIG, WHOLE_LOG};
use super::given::Given;
use super::outcome::TrialResult;
use super::runner::TrialRunner;
use super::spec::Role;
use super::subject::Subject;
use crate::build::{self, Built, Product, Tree};
use crate::kconfig::parse_config;
use crate::model::{
    Config, Forecast, Origin, ResolvedConfig, Stage, Timings, Verdict, WorkerId, WorkerState,
};
use crate::oracle::{self, Oracle, OracleVerdict};
use crate::supervise::CancelToken;
use crate::{Error, ErrorKind, Result};

/// What oracles say together.
pub(super) enum Answer {
    /// A verdict, and why.
    Verdict(Verdict, Option<String>),
    /// One failed, and says in this line that the machine gave out.
    Complaint(String),
    /// They were stopped: that became of the trial.
    Stopped(TrialResult),
}

impl Answer {
    /// What became of a trial with this answer on `image`, a hash and a size.
    pub(super) fn result(
        self,
        image: Option<(String, u64)>,
        timings: Timings,
        origin: Origin,
    ) -> TrialResult {
        match self {
            Self::Stopped(result) => result,
            Self::Complaint(evidence) => TrialResult::Complained {
                evidence,
                image,
                timings,
                origin,
            },
            Self::Verdict(verdict, evidence) => TrialResult::Judged {
                verdict,
                evidence,
                image,
                timings,
                origin,
            },
        }
    }
}

/// A built image, and what it took.
struct Image {
    product: Product,
    timings: Timings,
    /// All that make said of it, if it was built just now.
    log: Option<PathBuf>,
}

/// What make said each time that it was run for one build, in one file in the folder of the trial.
fn whole_log(folder: &Path, logs: &[PathBuf]) -> Result<Option<PathBuf>> {
    if logs.len() < 2 {
        return Ok(logs.first().cloned());
    }
    let path = folder.join(WHOLE_LOG);
    let write = |e| Error::io("write the log", &path, e);
    let mut whole = File::create(&path).map_err(write)?;
    for log in logs {
        let mut part = File::open(log).map_err(|e| Error::io("read the log", log, e))?;
        io::copy(&mut part, &mut whole).map_err(write)?;
    }
    Ok(Some(path))
}

/// An error and its causes, in one line.
fn described(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl TrialRunner {
    /// Runs one trial as `worker`, and says through `state` what is being done. What becomes of the source
    /// meanwhile is not its business: see [`TrialRunner::judge`].
    pub(super) fn judge_once(
        &self,
        worker: WorkerId,
        subject: &Subject<'_>,
        cancel: &CancelToken,
        state: &mut dyn FnMut(WorkerState),
    ) -> Result<TrialResult> {
        let trial = subject.trial;
        let wanted = subject.config.fingerprint;
        state(WorkerState::Preparing { trial });
        // A tree that holds the product has no log of how it was built.
        let from = match self.oracles.iter().any(Oracle::reads_build_log) {
            true => Origin::Empty,
            false => subject.origin,
        };
        let done = self
            .trees
            .with_tree(worker, wanted, from, cancel, |tree, holds| {
                let origin = holds.map_or(Origin::Empty, |_| Origin::Earlier);
                let image = if holds == Some(wanted) {
                    // It is judged once more: there is nothing to build.
                    Image {
                        product: self.plan.product_in(tree.path())?,
                        timings: Timings::default(),
                        log: None,
                    }
                } else {
                    match self.build(tree, origin, subject, cancel, state)? {
                        Ok(image) => image,
                        Err(result) => return Ok(result),
                    }
                };
                let Image {
                    product,
                    mut timings,
                    log,
                } = image;
                let job = oracle::Job {
                    baseline: subject.baseline.map(Path::to_owned),
                    // One of a build that began with earlier objects says nothing of these.
                    build_log: log.filter(|_| origin == Origin::Empty),
                    ..self.job(worker, tree.path(), subject.dir.join(CONFIG), subject.dir)
                };
                let text = (job.config.clone(), &*subject.config.text);
                let given = Given::new(text, &[tree.path().join(&self.plan.config)])?;
                let before = tree.built(wanted, &product)?;
                let answer = self.ask(&job, subject, &given, cancel, state, &mut timings);
                // It is judged again as it lies there, and later trials begin with a copy of it.
                let is_changed = self.plan.product_in(tree.path()).ok().as_ref() != Some(&product);
                // If it was not put back, nobody knows what it holds.
                let restored = given.is_there().then_some(&*self.plan.config);
                let mut undone = tree.undo_writes(&before, restored);
                if is_changed && undone.is_ok() && !tree.is_discarded() {
                    undone = tree.discard().map(|()| None);
                }
                let text = match undone {
                    Ok(written) => written.and_then(|written| self.trees.warning_of(&written)),
                    // The verdict is one on what was built before.
                    Err(e) => Some(format!(
                        "an oracle writes to the build tree, and it cannot be undone: {}. The verdict counts. The \
                         tree is removed before it is used again. Let the oracle write to $KBISECT_TRIAL, or to a copy",
                        described(&e)
                    )),
                };
                if let Some(text) = text {
                    (subject.warn)(text);
                }
                let image = Some((product.hash, product.size));
                match answer? {
                    // One that was stopped, or complained, may have been at work on it.
                    Answer::Verdict(..) if is_changed => Err(Error::failed(
                        "an oracle changed the product that it was to judge",
                    )
                    .hint("let it work on a copy, in $KBISECT_TRIAL; then `kbisect resume`")),
                    answer => Ok(answer.result(image, timings, origin)),
                }
            })?;
        Ok(done.unwrap_or(TrialResult::Cancelled))
    }

    /// Builds the config of a trial in a tree: its image, or what came of the trial instead.
    fn build(
        &self,
        tree: &Tree,
        origin: Origin,
        subject: &Subject<'_>,
        cancel: &CancelToken,
        state: &mut dyn FnMut(WorkerState),
    ) -> Result<Result<Image, TrialResult>> {
        let trial = subject.trial;
        state(WorkerState::Building { trial, objects: 0 });
        let log = subject.dir.join(BUILD_LOG);
        let command = subject.dir.join(BUILD_COMMAND);
        fs::write(
            &command,
            self.plan
                .of_config(&subject.config.config)
                .command_line(tree.path())
                + "\n",
        )
        .map_err(|e| Error::io("write", &command, e))?;
        let forecast = self.forecast_in(tree.path(), &subject.config.config);
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
        let timings = Timings {
            build_wall: cost.wall,
            build_cpu: cost.cpu,
            oracle_wall: Duration::ZERO,
            objects: cost.objects,
            cached: cost.cached(),
            forecast,
        };
        let no_product = |verdict, why| {
            Ok(Err(TrialResult::Judged {
                verdict,
                evidence: Some(why),
                image: None,
                timings,
                origin,
            }))
        };
        let product = match built {
            Built::Product(product) => product,
            // Of the start, something is wrong with the project; else there was one.
            Built::NoProduct if subject.role == Role::Start => self.plan.product_in(tree.path())?,
            Built::NoProduct => {
                let why = "make succeeded, and left no product".to_owned();
                return no_product(Verdict::Fail(Stage::Build), why);
            }
            Built::Failed(why) => return no_product(Verdict::Fail(Stage::Build), why),
            Built::Unresolved(why) => return no_product(Verdict::Unresolved, why),
            Built::Starved(why) => {
                if build::is_clock_skew(&why) {
                    // Of times that are wrong make may also be silent, later.
                    self.trees.forget()?;
                }
                return Ok(Err(TrialResult::Starved(why)));
            }
            Built::Cancelled => return Ok(Err(TrialResult::Cancelled)),
        };
        if let Some(why) = &cost.overcome {
            (subject.warn)(format!(
                "the build of trial {trial} failed, and passed when it was made again at once. Is something \
                 wrong with this machine? It said: {why}"
            ));
        }
        self.check_config(tree.path(), subject.config)?;
        let config = &subject.config.config;
        self.forecasts
            .learn(tree.path(), config, &cost.notes, cost.cpu);
        let log = whole_log(subject.dir, &cost.logs)?;
        Ok(Ok(Image {
            product,
            timings,
            log,
        }))
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
            build_log: None,
            modules: self.plan.modules_in(tree),
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
    pub(super) fn forecast_in(&self, tree: &Path, config: &Config) -> Option<Forecast> {
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

    /// Asks the oracles in turn, up to the first that does not accept.
    pub(super) fn ask(
        &self,
        job: &oracle::Job,
        subject: &Subject<'_>,
        given: &Given,
        cancel: &CancelToken,
        state: &mut dyn FnMut(WorkerState),
        timings: &mut Timings,
    ) -> Result<Answer> {
        let trial = subject.trial;
        for oracle in &self.oracles {
            let name = oracle.name().to_owned();
            state(WorkerState::Judging {
                trial,
                oracle: name,
            });
            let outcome = oracle.judge_by(subject.forms, job, cancel);
            for text in oracle.take_warnings() {
                self.source.warn(text);
            }
            // Its verdict is one on what was built before; the next oracle and later trials look at them, too.
            let changed = given.put_back()?;
            if !changed.is_empty() && self.told.set(()).is_ok() {
                (subject.warn)(format!(
                    "the oracle {} writes to files that it is to look at ({}): they are put back. It has \
                     $KBISECT_TRIAL to write to",
                    oracle.name(),
                    changed.join(", ")
                ));
            }
            let outcome = match outcome {
                Ok(outcome) => outcome,
                Err(e) if e.kind() == ErrorKind::Interrupted => {
                    return Ok(Answer::Stopped(TrialResult::Cancelled));
                }
                Err(e) => return Err(e),
            };
            timings.oracle_wall += outcome.wall;
            match outcome.verdict {
                OracleVerdict::Accept => {}
                OracleVerdict::Reject => {
                    let why = outcome.evidence;
                    return Ok(Answer::Verdict(Verdict::Fail(Stage::Oracle), why));
                }
                OracleVerdict::CannotTell => {
                    return Ok(Answer::Verdict(Verdict::Unresolved, outcome.evidence));
                }
                OracleVerdict::Starved => {
                    let why = outcome.evidence.unwrap_or_default();
                    return Ok(Answer::Stopped(TrialResult::Starved(why)));
                }
                OracleVerdict::Complains => {
                    return Ok(Answer::Complaint(outcome.evidence.unwrap_or_default()));
                }
                OracleVerdict::Broken { how } => {
                    let log = job.trial_dir.join(&outcome.folder).join("oracle.log");
                    let why = outcome.evidence.map(|why| format!(": {why}"));
                    return Err(Error::failed(format!(
                        "the oracle {} is broken ({how}){}",
                        oracle.name(),
                        why.unwrap_or_default()
                    ))
                    .hint(format!("its output is in {}", log.display())));
                }
            }
        }
        Ok(Answer::Verdict(Verdict::Pass, None))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::path::Path;

    use crate::model::Verdict;
    use crate::oracle;
    use crate::trial::outcome::TrialResult;
    use crate::trial::watched::tests::setting;

    #[test]
    fn the_log_of_a_build_that_was_made_again_has_all_that_make_said() {
        let fails_once =
            "if [ -e ../failed ]; then echo second; else echo first; touch ../failed; exit 1; fi";
        let mut setting = setting(fails_once);
        let program = setting.dir.path().join("accept");
        let script = "#!/bin/sh\ncp \"$KBISECT_BUILD_LOG\" log\n";
        fs::write(&program, script).unwrap();
        setting.runner.oracles = vec![oracle::find(program.to_str().unwrap()).unwrap()];
        let result = setting.judge(Some(Path::new("/start"))).unwrap();
        let TrialResult::Judged { verdict, .. } = &result else {
            panic!("{result:?}");
        };
        assert_eq!(*verdict, Verdict::Pass, "{result:?}");
        let log = fs::read_to_string(setting.dir.path().join("trial/accept/log")).unwrap();
        let (first, second) = (log.find("\nfirst\n"), log.find("\nsecond\n"));
        assert!(first.is_some() && first < second, "{log}");
    }
}
