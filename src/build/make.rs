//! Runs make on a configuration and reports the result.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::attempt::{Ended, Mode, Site};
use super::clean;
use super::evidence::BuildFailure;
use super::failure::Failure;
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
    /// The machine gave out; with the line that says so.
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
        plan,
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
        cost.wall += took.wall;
        cost.cpu += took.cpu;
        cost.objects += took.objects;
        let failure = match ended {
            Ended::Made => {
                cost.overcome = failures.first().map(|failure| failure.line().to_owned());
                return match tree.join(&plan.product).exists() {
                    true => plan.product_in(tree).map(Built::Product),
                    false => Ok(Built::NoProduct),
                };
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
mod tests {
    use std::fs::File;
    use std::num::NonZeroUsize;
    use std::path::PathBuf;

    use super::super::plan::Launcher;
    use super::*;
    use crate::model::Config;

    /// A project of one file: `make` copies the configuration to the product.
    fn project(makefile: &str) -> (tempfile::TempDir, MakePlan, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (source, tree) = (dir.path().join("source"), dir.path().join("tree"));
        fs::create_dir_all(&source).unwrap();
        fs::create_dir_all(&tree).unwrap();
        fs::write(source.join("Makefile"), makefile).unwrap();
        let plan = MakePlan {
            source,
            args: vec!["all".into()],
            output_variable: "O".into(),
            env: vec![],
            product: "image".into(),
            config: ".config".into(),
            limit: Duration::from_secs(30),
            launcher: None,
        };
        (dir, plan, tree)
    }

    fn run(makefile: &str, cancel: &CancelToken) -> Result<(Built, Cost)> {
        let (dir, plan, tree) = project(makefile);
        run_at(&dir.path().join("log"), &plan, &tree, cancel)
    }

    fn run_at(
        log: &Path,
        plan: &MakePlan,
        tree: &Path,
        cancel: &CancelToken,
    ) -> Result<(Built, Cost)> {
        let config = ResolvedConfig::new("CONFIG_X=y\n".into(), Config::default());
        let jobs = JobServer::new(NonZeroUsize::MIN).unwrap();
        build(plan, tree, &config, &jobs, log, cancel, &mut |_| {})
    }

    /// Builds with a compiler, a shell script, that makes `$@`; `$n` is how often it was called before. What came
    /// of it, and how often it was called.
    fn compile(script: &str) -> (Built, Cost, usize) {
        let rule = "all:\n\t@sh ../cc $(O)/image\n";
        let (dir, plan, tree) = project(rule);
        let calls = dir.path().join("calls");
        let script = format!(
            "n=$(wc -l <../calls)\necho >>../calls\necho '  CC      a.o'\n{script}\necho >$1\n"
        );
        fs::write(dir.path().join("cc"), script).unwrap();
        fs::write(&calls, "").unwrap();
        let log = dir.path().join("log");
        let (built, cost) = run_at(&log, &plan, &tree, &CancelToken::new()).unwrap();
        let calls = fs::read_to_string(&calls).unwrap().lines().count();
        (built, cost, calls)
    }

    #[test]
    fn what_fails_once_and_then_passes_is_built() {
        for says in [
            "gcc: internal compiler error: Segmentation fault signal terminated program cc1",
            "a.c:1:1: error: expected declaration specifiers",
        ] {
            let once = format!("if [ $n = 0 ]; then echo '{says}'; exit 1; fi");
            let (built, cost, calls) = compile(&once);
            assert!(matches!(built, Built::Product(_)), "{built:?}");
            assert_eq!(cost.overcome.as_deref(), Some(says));
            assert_eq!((calls, cost.objects), (2, 2), "both makes count");
        }
    }

    #[test]
    fn what_fails_twice_in_the_same_way_is_the_configs_fault() {
        let (built, cost, calls) =
            compile("echo \"a.c:$n:1: error: x\"; echo 'b.c:1:1: error: no'; exit 1");
        assert_eq!(built, Built::Failed("b.c:1:1: error: no".into()));
        assert_eq!((calls, cost.overcome), (2, None));
    }

    #[test]
    fn what_fails_each_time_in_another_way_is_no_verdict() {
        let (built, _, _) = compile("echo \"a.c:$n:1: error: x\"; exit 1");
        let Built::Unresolved(why) = built else {
            panic!("{built:?}")
        };
        for n in 0..3 {
            assert!(why.contains(&format!("a.c:{n}:1: error: x")), "{why}");
        }
    }

    #[test]
    fn what_fails_differently_once_and_then_twice_alike_is_the_configs_fault() {
        let script = "if [ $n = 0 ]; then echo 'x.c:1:1: error: odd'; else echo 'a.c:1:1: error: no'; fi; exit 1";
        let (built, _, calls) = compile(script);
        assert_eq!(built, Built::Failed("a.c:1:1: error: no".into()));
        assert_eq!(calls, 3);
    }

    #[test]
    fn a_compiler_that_always_crashes_is_no_verdict() {
        let (built, _, calls) = compile("echo 'gcc: internal compiler error: in f'; exit 1");
        let Built::Unresolved(why) = built else {
            panic!("{built:?}")
        };
        assert!(why.contains("gcc: internal compiler error: in f"), "{why}");
        assert_eq!(calls, 2);
    }

    #[test]
    fn what_is_made_again_is_made_from_clean_objects() {
        // A linker that finds fault with an object that another program has spoilt; make takes it for made.
        let makefile = "all: $(O)/image\n\
            $(O)/a.o: ; @echo compiled >>../calls; echo good >$@; [ -e ../spoilt ] || echo bad >$@; touch ../spoilt\n\
            $(O)/image: $(O)/a.o\n\
            \t@grep -q good $< || { echo \"ld: $<: undefined reference to f\"; exit 1; }; cp $< $@\n";
        let (dir, plan, tree) = project(makefile);
        let log = dir.path().join("log");
        let (built, _) = run_at(&log, &plan, &tree, &CancelToken::new()).unwrap();
        assert!(matches!(built, Built::Product(_)), "{built:?}");
        let calls = fs::read_to_string(dir.path().join("calls")).unwrap();
        assert_eq!(calls.lines().count(), 2);
    }

    #[test]
    fn what_is_made_again_does_not_come_from_the_object_cache() {
        let makefile = "all:\n\t@echo \"a.c:1:1: error: $(KBISECT_CC_CACHE)\"; false\n";
        let (dir, mut plan, tree) = project(makefile);
        let cache = dir.path().join("cache");
        plan.launcher = Some(Launcher {
            command: "gcc".into(),
            env: vec![(cc::CACHE.into(), cache.clone().into())],
            store: Some(cc::Store::within(&cache, 0)),
        });
        let log = dir.path().join("log");
        run_at(&log, &plan, &tree, &CancelToken::new()).unwrap();
        let said = |log: PathBuf| fs::read_to_string(log).unwrap();
        let name = cache.display().to_string();
        assert!(said(log.clone()).contains(&name));
        assert!(!said(log.with_extension("again.log")).contains(&name));
    }

    /// What becomes of a build on a fake disk that is full.
    fn on_a_full_disk(makefile: &str) -> Built {
        let (dir, plan, tree) = project(makefile);
        let config = ResolvedConfig::new("CONFIG_X=y\n".into(), Config::default());
        let jobs = JobServer::new(NonZeroUsize::MIN).unwrap();
        let site = Site {
            plan: &plan,
            tree: &tree,
            jobs: &jobs,
            notes: dir.path().join("objects"),
            room: Room::fake(dir.path(), || Err(std::io::ErrorKind::StorageFull.into())),
            cancel: &CancelToken::new(),
        };
        let log = dir.path().join("log");
        build_at(site, &config, &log, &mut |_| {}).unwrap().0
    }

    #[test]
    fn a_full_disk_is_no_verdict() {
        let built = on_a_full_disk("all:\n\t@echo 'a.c:1:1: error: no'; false\n");
        assert!(matches!(built, Built::Starved(_)), "{built:?}");
    }

    #[test]
    fn a_product_made_on_a_full_disk_is_no_product() {
        let built = on_a_full_disk("all:\n\t@: >$(O)/image\n");
        assert!(matches!(built, Built::Starved(_)), "{built:?}");
    }

    #[test]
    fn what_says_each_time_that_the_machine_fails_is_no_verdict_and_no_reason_to_stop() {
        for says in [
            "cp: write error",
            "a.c:1:1: error: #error Cannot allocate memory",
            "curl: (6) Could not resolve host: example.org",
        ] {
            let (built, _, calls) = compile(&format!("echo '{says}'; exit 1"));
            let Built::Unresolved(why) = built else {
                panic!("{built:?}")
            };
            assert!(why.contains(says), "{why}");
            assert_eq!(calls, 2, "made again at once, and no more");
        }
    }

    #[test]
    fn what_says_once_that_the_machine_fails_is_judged_by_what_comes_after() {
        let says = "cc1: out of memory";
        let once = format!("if [ $n = 0 ]; then echo '{says}'; exit 1; fi\n");
        let (built, cost, _) = compile(&once);
        assert!(matches!(built, Built::Product(_)), "{built:?}");
        assert_eq!(cost.overcome.as_deref(), Some(says));
        let (built, _, calls) = compile(&(once + "echo 'a.c:1:1: error: no'; exit 1"));
        assert_eq!(built, Built::Failed("a.c:1:1: error: no".into()));
        assert_eq!(calls, 3);
    }

    #[test]
    fn what_is_made_while_the_clock_is_wrong_is_no_verdict() {
        for ends in ["cp $(O)/.config $@", "echo 'a.c:1:1: error: no'; false"] {
            let makefile = format!(
                "all: $(O)/image\n$(O)/image: $(O)/late FORCE\n\t@{ends}\n\
                 $(O)/late: ; @touch -d '+1 hour' $@\nFORCE:\n"
            );
            let (dir, plan, tree) = project(&makefile);
            let log = dir.path().join("log");
            fs::write(tree.join("late"), "").unwrap();
            let late = File::options().write(true).open(tree.join("late")).unwrap();
            let hour = Duration::from_secs(3600);
            late.set_modified(std::time::SystemTime::now() + hour)
                .unwrap();
            let (built, _) = run_at(&log, &plan, &tree, &CancelToken::new()).unwrap();
            let Built::Starved(why) = built else {
                panic!("{built:?}")
            };
            assert!(why.contains("in the future"), "{why}");
        }
    }

    #[test]
    fn a_build_that_takes_too_long_is_no_verdict_and_no_reason_to_stop() {
        let (dir, mut plan, tree) = project("all:\n\t@sleep 1000\n");
        plan.limit = Duration::from_millis(20);
        let log = dir.path().join("log");
        let (built, _) = run_at(&log, &plan, &tree, &CancelToken::new()).unwrap();
        assert!(matches!(built, Built::Unresolved(_)), "{built:?}");
    }

    #[test]
    fn a_make_of_which_the_log_was_lost_is_no_verdict() {
        // As a log on a full disk: nothing that is said gets into it.
        let makefile = "all:\n\t@rm ../log; false\n";
        let (built, _) = run(makefile, &CancelToken::new()).unwrap();
        assert!(matches!(built, Built::Starved(_)), "{built:?}");
    }

    #[test]
    fn a_build_gives_its_product_and_counts_its_objects() {
        let makefile = "all:\n\t@echo '  CC      a.o'\n\t@echo '  AS      b.o'\n\t@echo '  LD      c'\n\t@cp $(O)/.config $(O)/image\n";
        let (built, cost) = run(makefile, &CancelToken::new()).unwrap();
        let Built::Product(product) = built else {
            panic!("{built:?}")
        };
        assert_eq!(product.size, 11);
        assert_eq!(cost.objects, 2);
    }

    #[test]
    fn a_project_that_is_not_kbuild_is_told_where_its_configuration_is() {
        let (_dir, mut plan, _) = project("");
        let command = |plan: &MakePlan| {
            let text = plan.command_line(Path::new("/t"));
            text.split_once(" -C ")
                .unwrap()
                .1
                .split_once(' ')
                .unwrap()
                .1
                .to_owned()
        };
        assert_eq!(command(&plan), "O=/t all");
        plan.args.push("CFLAGS=-O2 -g".into());
        let line = plan.command_line(Path::new("/my trees/t"));
        assert!(
            line.ends_with(" 'O=/my trees/t' all 'CFLAGS=-O2 -g'"),
            "{line}"
        );
        plan.args.pop();
        plan.output_variable = "OUT".into();
        assert_eq!(command(&plan), "OUT=/t/ KCONFIG_CONFIG=/t/.config all");
    }

    #[test]
    fn a_compiler_error_fails_the_config() {
        let makefile = "all:\n\t@echo 'a.c:1:1: error: no'; false\n";
        let (built, _) = run(makefile, &CancelToken::new()).unwrap();
        assert_eq!(built, Built::Failed("a.c:1:1: error: no".into()));
    }

    #[test]
    fn a_source_tree_that_vanishes_is_no_verdict() {
        let makefile = "all:\n\t@rm -r $(CURDIR); echo 'a.c:1:1: error: no'; false\n";
        let error = run(makefile, &CancelToken::new()).unwrap_err();
        assert!(error.to_string().contains("is gone"), "{error}");
    }

    #[test]
    fn a_program_that_is_missing_is_no_verdict() {
        let makefile = "all:\n\tno-such-compiler -c x.c\n";
        let error = run(makefile, &CancelToken::new()).unwrap_err();
        assert!(error.to_string().contains("no-such-compiler"), "{error}");
    }

    #[test]
    fn a_make_that_leaves_no_product_says_so_and_to_read_it_is_an_error_with_a_hint() {
        let (dir, plan, tree) = project("all:\n\t@true\n");
        let log = dir.path().join("log");
        let (built, _) = run_at(&log, &plan, &tree, &CancelToken::new()).unwrap();
        assert_eq!(built, Built::NoProduct);
        let error = plan.product_in(&tree).unwrap_err();
        assert!(error.hint_text().unwrap().contains("product"));
    }

    #[test]
    fn a_cancelled_build_gives_no_verdict() {
        let cancel = CancelToken::new();
        cancel.cancel();
        let (built, _) = run("all:\n\t@sleep 100\n", &cancel).unwrap();
        assert_eq!(built, Built::Cancelled);
    }
}
