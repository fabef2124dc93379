//! A trial whose verdict counts only if the source stayed what it was.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::outcome::TrialResult;
use super::runner::TrialRunner;
use super::subject::Subject;
use super::watch::Since;
use crate::build::{TreePool, has_source, source_gone};
use crate::identity::{
    Building, Generation, Seen, SourceTree, Toolset, changed, left_by_build, written_by_builds,
};
use crate::model::{WorkerId, WorkerState};
use crate::supervise::CancelToken;
use crate::{Error, ErrorKind, Result};

/// How often a trial is made while somebody writes to the source. Files that are written to each time are
/// written by the build itself.
const TRIES: u32 = 3;

/// Beside the build trees: the state of the source that they are built from.
const STATE: &str = "source-state";

/// What was written to meanwhile, and is again what it was.
#[derive(Debug)]
struct Touched {
    source: BTreeSet<PathBuf>,
    tools: bool,
}

/// Are the trees in `folder` built from the source, and by the programs, in the state in which they are? If not,
/// they may hold what was built from contents that are not there any more, and make may not see that, as it looks
/// at times only: then they are forgotten.
///
/// In one session that cannot be: a tree is promoted only with a verdict that counts.
///
/// # Errors
/// The file of the state cannot be written, or a stamp not be removed.
pub fn check_trees(
    trees: &TreePool,
    folder: &Path,
    source: &SourceTree,
    toolset: &Toolset,
) -> Result<()> {
    let path = folder.join(STATE);
    let (state, tools) = (source.state_id(), toolset.state_id());
    let was = fs::read_to_string(&path).unwrap_or_default();
    let mut was = was.lines();
    // Earlier versions noted nothing of programs.
    let is_same = was.next() == Some(&*state) && was.next().is_none_or(|was| was == tools);
    if !is_same {
        trees.forget()?;
    }
    fs::write(&path, format!("{state}\n{tools}\n")).map_err(|e| Error::io("write", &path, e))
}

impl TrialRunner {
    /// Runs one trial as `worker`, and says through `state` what is being done. If somebody wrote to the source
    /// or to a program of the build meanwhile, and it is again what it was, the trial is made once more.
    ///
    /// # Errors
    /// Whatever stops a trial; the source or a program is not what it was.
    pub(super) fn judge(
        &self,
        worker: WorkerId,
        subject: &Subject<'_>,
        cancel: &CancelToken,
        state: &mut dyn FnMut(WorkerState),
    ) -> Result<TrialResult> {
        let mut each_time: Option<BTreeSet<PathBuf>> = None;
        for attempt in 0..=TRIES {
            let unsettled = self.watch.unsettled().remove(&worker);
            let since = match unsettled {
                Some(since) => since,
                None => Since {
                    source: self.source.generation(),
                    tools: self.watch.toolset.look()?,
                },
            };
            let result = self.judge_once(worker, subject, cancel, state);
            let is_cancelled = match &result {
                Ok(result) => matches!(result, TrialResult::Cancelled),
                Err(error) => error.kind() == ErrorKind::Interrupted,
            };
            if is_cancelled {
                self.watch.unsettled().insert(worker, since);
                return result;
            }
            let touched = match self.touched(since, subject) {
                Ok(touched) if touched.is_nothing() => return result,
                Ok(touched) => touched,
                // An error of the trial has its cause there.
                Err(error) => {
                    self.trees.forget_tree_of(worker)?;
                    return Err(match result {
                        Ok(_) => error,
                        Err(source) => error.because(source),
                    });
                }
            };
            // It may be built from what was there for a moment.
            self.trees.forget_tree_of(worker)?;
            self.source.warn(format!(
                "trial {} is made again: {} written to meanwhile",
                subject.trial,
                touched.names()
            ));
            let by_build: BTreeSet<PathBuf> = match &each_time {
                None => touched.source,
                Some(before) => before.intersection(&touched.source).cloned().collect(),
            };
            if attempt + 1 == TRIES && !by_build.is_empty() {
                let paths: Vec<PathBuf> = by_build.iter().cloned().collect();
                self.source.expect_writes(&by_build);
                self.source.warn(written_by_builds(&self.source, &paths));
            }
            each_time = Some(by_build);
        }
        Err(Error::failed(
            "the source, or a program of the build, is written to again and again while it is built",
        )
        .hint("let nobody write to it while a run uses it; then `kbisect resume`"))
    }

    /// What was written to since then, and is again what it was?
    ///
    /// # Errors
    /// It is not what it was.
    fn touched(&self, since: Since, subject: &Subject<'_>) -> Result<Touched> {
        let source = self.touched_source(since.source, subject)?;
        let tools = self.watch.toolset.look()? != since.tools;
        Ok(Touched { source, tools })
    }

    /// Which files were written to since then, and are again what they were?
    ///
    /// # Errors
    /// The source is not what it was.
    fn touched_source(
        &self,
        since: Generation,
        subject: &Subject<'_>,
    ) -> Result<BTreeSet<PathBuf>> {
        if !has_source(&self.plan.source) {
            return Err(source_gone(&self.plan.source));
        }
        // A verdict that came before the run was cancelled counts.
        let never = CancelToken::new();
        let changes = match self.source.look(since, &never)? {
            Seen::Same => return Ok(BTreeSet::new()),
            Seen::Touched(paths) => return Ok(paths),
            Seen::Changed(changes) => changes,
        };
        let added: BTreeSet<PathBuf> = changes.added.iter().cloned().collect();
        match (changes.only_adds(), self.source.is_by_builds(&changes)) {
            // What builds left before is there again.
            (true, true) => {
                self.source.adopt(&added, &never)?;
                return Ok(BTreeSet::new());
            }
            (false, true) => {
                return Err(Error::failed(format!(
                    "builds of this project write to its source tree, and not always the same: {changes}"
                ))
                .hint("trials would build from each other's files: a build must write to its build tree only"));
            }
            (false, false) => return Err(changed(&changes)),
            (true, false) => {}
        }
        let building = Building {
            product: &self.plan.product,
            output_variable: &self.plan.output_variable,
        };
        let checked = building.check(self.source.root(), &changes.added);
        // The first build shows what builds of this project leave.
        let is_start = subject.baseline.is_none();
        if checked.is_ok() && !is_start {
            return Err(changed(&changes));
        }
        // If it is wrong, the next run can tell who left it.
        self.source.adopt(&added, &never)?;
        checked?;
        self.source
            .warn(left_by_build(&self.source, &changes.added));
        Ok(BTreeSet::new())
    }
}

impl Touched {
    fn is_nothing(&self) -> bool {
        self.source.is_empty() && !self.tools
    }

    /// `the source was (a.c)`, for people.
    fn names(&self) -> String {
        if self.source.is_empty() {
            return "a program of the build was".to_owned();
        }
        let names = Seen::Touched(self.source.clone()).names();
        let tools = if self.tools {
            " and a program of the build were"
        } else {
            " was"
        };
        format!("the source ({names}){tools}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use std::num::NonZeroUsize;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use std::sync::Arc;

    use super::super::spec::Needs;
    use super::super::watch::Watch;
    use super::*;
    use crate::build::{Forecasts, Kbuild, MakePlan};
    use crate::kconfig::{Resolver, parse_config};
    use crate::model::{Fragment, Origin, ResolvedConfig, TrialId, Verdict};
    use crate::oracle;
    use crate::supervise::JobServer;
    use crate::trial::spec::Role;

    /// A fake resolver: nobody asks it.
    struct Nobody;

    impl Resolver for Nobody {
        fn resolve(&self, _: &Fragment, _: &CancelToken) -> Result<ResolvedConfig> {
            Err(Error::failed("not asked"))
        }
    }

    pub(in super::super) struct Setting {
        pub(in super::super) dir: tempfile::TempDir,
        pub(in super::super) runner: TrialRunner,
    }

    /// A project whose build does `recipe` first, in the source, which has the file `a.c`.
    pub(in super::super) fn setting(recipe: &str) -> Setting {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        let source = path.join("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("a.c"), "int a;\n").unwrap();
        let makefile = format!("all:\n\t{recipe}\n\tcp $(O)/.config $(O)/image\n");
        fs::write(source.join("Makefile"), makefile).unwrap();
        let program = path.join("accept");
        fs::write(&program, "#!/bin/sh\nexit 0\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let plan = MakePlan {
            source: source.clone(),
            args: vec!["all".into()],
            output_variable: "O".into(),
            modules: None,
            env: vec![],
            product: "image".into(),
            config: ".config".into(),
            limit: Duration::from_secs(60),
            launcher: None,
        };
        let cancel = CancelToken::new();
        let runner = TrialRunner {
            trials: path.join("trials"),
            needs: Needs::of_json(&serde_json::Value::Null),
            resolver: Arc::new(Nobody),
            plan,
            trees: TreePool::open(&path.join("trees"), 1, None).unwrap(),
            jobs: JobServer::new(NonZeroUsize::MIN).unwrap(),
            oracles: vec![oracle::find(program.to_str().unwrap()).unwrap()],
            timeout: Duration::from_secs(60),
            guest: None,
            stand_in: None,
            kbisect: "/kbisect".into(),
            forecasts: Forecasts::new(Kbuild::new(&source, "x86_64")),
            source: Arc::new(SourceTree::open(&source, &path.join("cache"), &cancel).unwrap()),
            told: std::sync::OnceLock::new(),
            watch: Watch::default(),
        };
        Setting { dir, runner }
    }

    impl Setting {
        /// Judges the start, or another trial, which has a start to compare with.
        pub(in super::super) fn judge(&self, baseline: Option<&Path>) -> Result<TrialResult> {
            let text = "CONFIG_X=y\n";
            let dir = self.dir.path().join("trial");
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("config"), text).unwrap();
            let subject = Subject {
                trial: TrialId(1),
                config: &ResolvedConfig::new(text.into(), parse_config(text)),
                dir: &dir,
                baseline,
                role: match baseline {
                    Some(_) => Role::Candidate,
                    None => Role::Start,
                },
                forms: crate::oracle::Forms::Each,
                origin: Origin::Earlier,
                warn: &|_| (),
            };
            let cancel = CancelToken::new();
            // As if it were of another configuration: it is built.
            self.runner.trees.forget_tree_of(WorkerId(0)).unwrap();
            self.runner
                .judge(WorkerId(0), &subject, &cancel, &mut |_| {})
        }

        fn builds(&self) -> usize {
            let text = fs::read_to_string(self.dir.path().join("builds"));
            text.unwrap_or_default().lines().count()
        }
    }

    fn passes(result: Result<TrialResult>) -> bool {
        matches!(
            result.unwrap(),
            TrialResult::Judged {
                verdict: Verdict::Pass,
                ..
            }
        )
    }

    const NOTE: &str = "echo x >>../builds";

    /// Writes what was there, until the clock of the file system has gone on.
    const WRITE: &str = "t=$$(stat -c %z a.c); while [ \"$$(stat -c %z a.c)\" = \"$$t\" ]; do echo 'int a;' >a.c; done";

    #[test]
    fn a_trial_during_which_nobody_writes_to_the_source_counts() {
        let setting = setting(NOTE);
        assert!(passes(setting.judge(None)));
        assert_eq!(setting.builds(), 1);
        assert!(setting.runner.source.take_warnings().is_empty());
    }

    #[test]
    fn an_edit_of_the_source_is_no_verdict_and_is_named() {
        let setting = setting("echo 'int b;' >a.c; false");
        let error = setting.judge(None).unwrap_err();
        assert_eq!(error.to_string(), "the source was changed: a.c");
        assert!(error.hint_text().unwrap().contains("put it back"));
    }

    #[test]
    fn a_trial_during_which_the_source_was_edited_and_put_back_is_made_again() {
        // Only in the first build; it fails, and is no verdict.
        let edit = format!(
            "{NOTE}; if [ $$(wc -l <../builds) = 1 ]; then echo 'int b;' >a.c; {WRITE}; exit 1; fi"
        );
        let setting = setting(&edit);
        assert!(passes(setting.judge(Some(Path::new("/start")))));
        // It failed, passed when it was made once more at once, and then the trial was made again.
        assert_eq!(setting.builds(), 3);
        let warnings = setting.runner.source.take_warnings();
        assert_eq!(
            warnings,
            ["trial 1 is made again: the source (a.c) was written to meanwhile"]
        );
    }

    #[test]
    fn what_each_build_writes_with_the_same_contents_is_told_and_no_reason_for_doubt() {
        let setting = setting(&format!("{NOTE}; {WRITE}"));
        let start = Path::new("/start");
        assert!(passes(setting.judge(Some(start))));
        assert_eq!(setting.builds(), 4);
        let warnings = setting.runner.source.take_warnings();
        assert!(
            warnings
                .last()
                .unwrap()
                .contains("each build of this project writes to its source")
        );
        assert!(passes(setting.judge(Some(start))));
        assert_eq!(setting.builds(), 5);
    }

    #[test]
    fn a_build_in_the_source_tree_stops_the_run_and_names_the_variable() {
        let setting = setting("cp $(O)/.config .config; touch a.o");
        let error = setting.judge(None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(
            error.to_string().ends_with("/source: .config, a.o"),
            "{error}"
        );
        assert!(error.hint_text().unwrap().contains("output-variable"));
    }

    #[test]
    fn what_the_start_leaves_in_the_source_is_told_once_and_a_later_file_stops_the_run() {
        let setting = setting("[ -e version.h ] || echo 1 >version.h; cp ../more . || true");
        let start = Path::new("/start");
        assert!(passes(setting.judge(None)));
        assert_eq!(setting.runner.source.take_warnings().len(), 1);
        assert!(passes(setting.judge(Some(start))));
        assert!(setting.runner.source.take_warnings().is_empty());
        fs::write(setting.dir.path().join("more"), "").unwrap();
        let error = setting.judge(Some(start)).unwrap_err();
        assert_eq!(error.to_string(), "the source was changed: more (added)");
    }

    #[test]
    fn trees_of_a_source_that_was_written_to_since_are_forgotten() {
        let setting = setting(NOTE);
        let TrialRunner { trees, source, .. } = &setting.runner;
        let folder = setting.dir.path().join("trees");
        let promote = || {
            assert!(passes(setting.judge(None)));
            let fingerprint = parse_config("").fingerprint();
            trees.accepted(WorkerId(0), fingerprint);
            trees.promote(fingerprint);
        };
        promote();
        check_trees(trees, &folder, source, &Toolset::default()).unwrap();
        assert!(
            trees.base_holds().is_none(),
            "nobody knows what they are built from"
        );
        promote();
        check_trees(trees, &folder, source, &Toolset::default()).unwrap();
        assert!(trees.base_holds().is_some());
        let path = source.root().join("a.c");
        let old = std::time::UNIX_EPOCH + Duration::from_secs(1000);
        fs::File::open(path).unwrap().set_modified(old).unwrap();
        source
            .look(source.generation(), &CancelToken::new())
            .unwrap();
        check_trees(trees, &folder, source, &Toolset::default()).unwrap();
        assert!(trees.base_holds().is_none());
    }
}
