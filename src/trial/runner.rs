//! Makes trials as their specs say, on this machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::files::{BUILD_LOG, CONFIG};
use super::outcome::{TrialOutcome, TrialResult};
use super::spec::{Baseline, Needs, Role, TrialSpec, VERSION, Work};
use super::stand_in::StandIn;
use super::subject::Subject;
use super::watch::Watch;
use crate::build::{Forecasts, MakePlan, TreePool};
use crate::identity;
use crate::kconfig::Resolver;
use crate::model::{Config, Forecast, Fragment, ResolvedConfig, TrialId, WorkerId, WorkerState};
use crate::oracle::{Forms, Oracle};
use crate::supervise::{self, CancelToken, JobServer};
use crate::{Error, Result};

/// What a trial tells while it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A line that the user should see.
    Warning(String),
    /// The worker does something else now.
    State(WorkerState),
}

/// Somebody who makes trials, for several threads at once.
pub trait Runner: Send + Sync {
    /// Makes a trial as `worker`, and tells what is being done.
    ///
    /// # Errors
    /// Whatever stops a run: a broken oracle, an edited source, a full disk where notes are written.
    fn run(
        &self,
        worker: WorkerId,
        spec: &TrialSpec,
        cancel: &CancelToken,
        tell: &dyn Fn(News),
    ) -> Result<TrialOutcome>;
}

/// Makes trials on this machine. All its workers share it.
pub struct TrialRunner {
    /// The folder of all trials: each has one in it. Absolute, since make, oracles and their guests run elsewhere.
    pub trials: PathBuf,
    /// What it has.
    pub needs: Needs,
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
    /// The kernel that stands for the start, if there is one.
    pub stand_in: Option<StandIn>,
    /// Our own executable, which oracles call as `kbisect`.
    pub kbisect: PathBuf,
    /// What builds will take.
    pub forecasts: Forecasts,
    /// The source tree, as it is to stay.
    pub source: Arc<identity::SourceTree>,
    /// Set once it was told that an oracle writes to what it is given.
    pub told: OnceLock<()>,
    /// What else builds use, as it is to stay.
    pub watch: Watch,
}

impl Runner for TrialRunner {
    fn run(
        &self,
        worker: WorkerId,
        spec: &TrialSpec,
        cancel: &CancelToken,
        tell: &dyn Fn(News),
    ) -> Result<TrialOutcome> {
        self.check(spec)?;
        match &spec.work {
            Work::Resolve { fragment } => {
                let result = self.resolve(fragment, cancel, tell)?;
                Ok(TrialOutcome::new(spec.key, result))
            }
            Work::Judge {
                trial,
                config,
                origin,
                baseline,
                role,
            } => {
                let folder = self.folder_with(*trial, config)?;
                let baseline = self.start(baseline.as_ref())?;
                let subject = Subject {
                    trial: *trial,
                    config,
                    dir: &folder,
                    baseline: baseline.as_deref(),
                    role: *role,
                    // What is judged once more was judged by the fast form.
                    forms: match spec.key.round {
                        0 => Forms::Each,
                        _ => Forms::Last,
                    },
                    origin: *origin,
                    warn: &|text| tell(News::Warning(text)),
                };
                let mut state = |state| tell(News::State(state));
                let is_built = *role != Role::StandIn;
                let result = match is_built {
                    true => self.judge(worker, &subject, cancel, &mut state),
                    false => self.judge_stand_in(worker, &subject, cancel, &mut state),
                };
                if let Ok(TrialResult::Judged { verdict, .. }) = &result
                    && verdict.is_pass()
                    && is_built
                {
                    self.trees.accepted(worker, config.fingerprint);
                }
                let warnings = supervise::warnings().into_iter();
                for text in warnings.chain(self.source.take_warnings()) {
                    tell(News::Warning(text));
                }
                Ok(TrialOutcome::new(spec.key, result?))
            }
        }
    }
}

impl TrialRunner {
    /// Is this what was made ready here?
    fn check(&self, spec: &TrialSpec) -> Result<()> {
        if spec.v != VERSION {
            return Err(Error::newer(format!("the trial {}", spec.key)));
        }
        let others = self.needs.differences(&spec.needs);
        if !others.is_empty() {
            return Err(Error::failed(format!(
                "a trial needs another {} than this worker has",
                others.join(", ")
            )));
        }
        let is_of_key = match &spec.work {
            Work::Judge { config, .. } => config.fingerprint == spec.key.of,
            Work::Resolve { .. } => true,
        };
        if is_of_key {
            return Ok(());
        }
        Err(Error::failed(format!(
            "the config of the trial {} is not the one that its key names",
            spec.key
        )))
    }

    /// The folder of a trial.
    pub(super) fn folder(&self, trial: TrialId) -> PathBuf {
        self.trials.join(trial.folder())
    }

    /// The same, with the config in it.
    fn folder_with(&self, trial: TrialId, config: &ResolvedConfig) -> Result<PathBuf> {
        let folder = self.folder(trial);
        let path = folder.join(CONFIG);
        // Whoever asks for the trial may have the same folder.
        if fs::read(&path).is_ok_and(|bytes| bytes == config.text.as_bytes()) {
            return Ok(folder);
        }
        fs::create_dir_all(&folder).map_err(|e| Error::io("make the folder", &folder, e))?;
        fs::write(&path, &config.text).map_err(|e| Error::io("write", &path, e))?;
        Ok(folder)
    }

    /// The folder of the start's own trial, which oracles compare others with.
    fn start(&self, baseline: Option<&Baseline>) -> Result<Option<PathBuf>> {
        let Some(Baseline { trial, .. }) = baseline else {
            return Ok(None);
        };
        let start = self.folder(*trial);
        fs::metadata(&start).map_err(|e| Error::io("look at", &start, e))?;
        Ok(Some(start))
    }

    fn resolve(
        &self,
        fragment: &Fragment,
        cancel: &CancelToken,
        tell: &dyn Fn(News),
    ) -> Result<TrialResult> {
        tell(News::State(WorkerState::Resolving));
        let resolved = self.resolver.resolve(fragment, cancel);
        for text in self.resolver.warnings() {
            tell(News::Warning(text));
        }
        resolved.map(TrialResult::Resolved)
    }

    /// Learns what builds take from the one of `trial`, of `config`, which an earlier session made and which took
    /// `cpu`. Nothing is learnt if its tree or its notes are gone.
    pub fn recall(&self, trial: TrialId, config: &ResolvedConfig, cpu: Duration) {
        if self.trees.base_holds() == Some(config.fingerprint) {
            let (tree, log) = (self.trees.base_path(), self.folder(trial).join(BUILD_LOG));
            self.forecasts.learn_again(&tree, &config.config, &log, cpu);
        }
    }

    /// What it would take to build a config, begun from what was built and promoted last; nothing
    /// if nobody can tell.
    #[must_use]
    pub fn forecast(&self, config: &Config) -> Option<Forecast> {
        self.forecast_in(&self.trees.base_path(), config)
    }

    /// The objects that are in the image of a config; none if nobody can tell.
    #[must_use]
    pub fn objects(&self, config: &Config) -> BTreeSet<String> {
        self.forecasts.listed(config)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use serde_json::json;

    use super::*;
    use crate::kconfig::parse_config;
    use crate::model::ContentId;
    use crate::model::Verdict;
    use crate::oracle;
    use crate::trial::spec::Role;
    use crate::trial::watched::tests::{Setting, setting};

    /// A fake resolver: takes a fragment for what Kconfig makes of it.
    struct Same;

    impl Resolver for Same {
        fn resolve(&self, fragment: &Fragment, _: &CancelToken) -> Result<ResolvedConfig> {
            Ok(config(&fragment.to_string()))
        }
    }

    fn config(text: &str) -> ResolvedConfig {
        ResolvedConfig::new(text.into(), parse_config(text))
    }

    fn needs() -> Needs {
        Needs::of_json(&json!({ "source": "12", "oracles": [{ "name": "accept" }] }))
    }

    /// Of a project whose product is a copy of its configuration.
    fn runner() -> Setting {
        let mut setting = setting("true");
        let program = setting.dir.path().join("accept");
        fs::write(&program, "#!/bin/sh\necho fine >note\n").unwrap();
        setting.runner.oracles = vec![oracle::find(program.to_str().unwrap()).unwrap()];
        (setting.runner.resolver, setting.runner.needs) = (Arc::new(Same), needs());
        setting
    }

    fn judge(text: &str, baseline: Option<TrialId>) -> TrialSpec {
        let work = Work::Judge {
            trial: TrialId(7),
            config: config(text),
            origin: crate::model::Origin::Earlier,
            baseline: baseline.map(|trial| Baseline {
                trial,
                files: ContentId::of(&json!({})),
            }),
            role: match baseline {
                Some(_) => Role::Candidate,
                None => Role::Start,
            },
        };
        TrialSpec::new(work.key(0, 0), work, &needs())
    }

    fn run(runner: &TrialRunner, spec: &TrialSpec) -> Result<TrialOutcome> {
        runner.run(WorkerId(0), spec, &CancelToken::new(), &|_| ())
    }

    #[test]
    fn a_spec_that_was_sent_is_all_that_a_trial_takes() {
        let Setting { dir, runner } = runner();
        let sent = serde_json::to_string(&judge("CONFIG_X=y\n", None)).unwrap();
        let spec: TrialSpec = serde_json::from_str(&sent).unwrap();
        let outcome = run(&runner, &spec).unwrap();
        let TrialResult::Judged { verdict, .. } = &outcome.result else {
            panic!("{outcome:?}");
        };
        assert_eq!((*verdict, outcome.key), (Verdict::Pass, spec.key));
        let folder = dir.path().join("trials/0007");
        assert_eq!(
            fs::read_to_string(folder.join("config")).unwrap(),
            "CONFIG_X=y\n"
        );
        assert!(outcome.files.is_empty(), "its folder is here");
        let outcome = outcome.with_files_of(&folder);
        for name in ["config", "build.log", "accept/oracle.log", "accept/note"] {
            assert!(outcome.files.contains(name), "{name}: {outcome:?}");
        }
        assert!(outcome.files.iter().all(|name| folder.join(name).is_file()));
        // What was accepted may become the base.
        runner.trees.promote(spec.key.of);
        assert_eq!(runner.trees.base_holds(), Some(spec.key.of));
    }

    #[test]
    fn what_is_judged_once_more_is_judged_by_the_full_form() {
        let Setting { dir, mut runner } = runner();
        let program = dir.path().join("accept");
        fs::write(
            &program,
            "#!/bin/sh\n# kbisect: level=fast,full\n[ $KBISECT_LEVEL = full ]\n",
        )
        .unwrap();
        runner.oracles = vec![oracle::find(program.to_str().unwrap()).unwrap()];
        let verdict = |round| {
            let TrialSpec { work, .. } = judge("CONFIG_X=y\n", None);
            let spec = TrialSpec::new(work.key(round, 0), work, &needs());
            match run(&runner, &spec).unwrap().result {
                TrialResult::Judged { verdict, .. } => verdict,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(verdict(0), Verdict::Fail(crate::model::Stage::Oracle));
        assert_eq!(verdict(1), Verdict::Pass);
    }

    #[test]
    fn a_fragment_is_resolved_without_a_folder() {
        let Setting { dir, runner } = runner();
        let work = Work::Resolve {
            fragment: Fragment::default(),
        };
        let spec = TrialSpec::new(work.key(0, 0), work, &needs());
        let outcome = run(&runner, &spec).unwrap();
        assert_eq!(outcome.result, TrialResult::Resolved(config("")));
        assert!(outcome.files.is_empty() && !dir.path().join("trials").exists());
    }

    #[test]
    fn a_trial_that_this_runner_cannot_make_is_refused_before_anything_is_done() {
        let Setting { dir, runner } = runner();
        let says = |spec: &TrialSpec| run(&runner, spec).unwrap_err().to_string();
        let mut other = judge("CONFIG_X=y\n", None);
        other.needs = Needs::of_json(&json!({ "source": "34", "oracles": [{ "name": "accept" }] }));
        assert_eq!(
            says(&other),
            "a trial needs another source than this worker has"
        );
        let mut newer = judge("CONFIG_X=y\n", None);
        newer.v += 1;
        assert!(says(&newer).contains("newer"), "{}", says(&newer));
        let mut tampered = judge("CONFIG_X=y\n", None);
        tampered.key = judge("CONFIG_Y=y\n", None).key;
        assert!(says(&tampered).contains("is not the one that its key names"));
        assert!(!dir.path().join("trials").exists());
        // The baseline is gone.
        let without = judge("CONFIG_X=y\n", Some(TrialId(1)));
        assert!(says(&without).contains("0001"), "{}", says(&without));
    }
}
