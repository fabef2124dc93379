//! What a failed build comes to, with fake compilers and disks.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::super::plan::Launcher;
use super::*;
use crate::kmod::tests::module;
use crate::model::{Config, Symbol, Value};

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
        modules: None,
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

fn run_at(log: &Path, plan: &MakePlan, tree: &Path, cancel: &CancelToken) -> Result<(Built, Cost)> {
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
    let makefile = "all:\n\t@echo '  CC      a.o'\n\t@echo '  AS      b.o'\n\t@echo '  CC [M]  d.o'\n\t@echo '  LD      c'\n\t@cp $(O)/.config $(O)/image\n";
    let (built, cost) = run(makefile, &CancelToken::new()).unwrap();
    let Built::Product(product) = built else {
        panic!("{built:?}")
    };
    assert_eq!(product.size, 11);
    assert_eq!(cost.objects, 3);
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

fn config_of(text: &str) -> Config {
    let symbols = text
        .lines()
        .filter_map(|l| l.strip_prefix("CONFIG_")?.strip_suffix("=y"));
    symbols
        .map(|s| (Symbol::new(s).unwrap(), Value::YES))
        .collect()
}

/// Builds a config with modules, or without, in a tree whose makefile copies the module of the source: the product.
fn with_modules(dir: &Path, plan: &MakePlan, tree: &Path, text: &str) -> Product {
    let config = ResolvedConfig::new(text.into(), config_of(text));
    let jobs = JobServer::new(NonZeroUsize::MIN).unwrap();
    let log = dir.join("log");
    let cancel = CancelToken::new();
    let (built, _) = build(plan, tree, &config, &jobs, &log, &cancel, &mut |_| {}).unwrap();
    match built {
        Built::Product(product) => product,
        built => panic!("{built:?}"),
    }
}

#[test]
fn a_product_has_the_modules_of_its_config_and_its_hash_covers_them() {
    // As Kbuild: without MODULES nothing may be asked of `modules`, and a list of an earlier build stays.
    let makefile = "all:\n\t@echo >$(O)/image\nmodules:\n\t@grep -q MODULES=y $(O)/.config\n\
                    \t@cp a.ko $(O)/a.ko; echo a.ko >$(O)/modules.order\n";
    let (dir, mut plan, tree) = project(makefile);
    let source = plan.source.join("a.ko");
    let module = |info: &str| fs::write(&source, module(&["depends=", info])).unwrap();
    let (with, without) = ("CONFIG_MODULES=y\n", "CONFIG_X=y\n");
    module("version=1");
    let no_modules = with_modules(dir.path(), &plan, &tree, with);
    assert_eq!(no_modules.modules, None, "they are not wanted");
    plan.modules = Some("modules".into());
    let first = with_modules(dir.path(), &plan, &tree, with);
    assert_eq!(first.modules, plan.modules_in(&tree));
    assert!(first.modules.is_some() && first.hash != no_modules.hash);
    assert_eq!(with_modules(dir.path(), &plan, &tree, with), first);
    module("version=2");
    let second = with_modules(dir.path(), &plan, &tree, with);
    assert_ne!(second.hash, first.hash, "the image is the same");
    assert_eq!(plan.product_in(&tree).unwrap(), second);
    assert_eq!(
        with_modules(dir.path(), &plan, &tree, without),
        no_modules,
        "of those of the build before, nothing is left"
    );
    assert_eq!(plan.modules_in(&tree), None);
}

#[test]
fn an_image_whose_modules_are_no_modules_is_an_error() {
    let makefile =
        "all modules:\n\t@echo >$(O)/image; echo a.ko | tee $(O)/a.ko >$(O)/modules.order\n";
    let (dir, mut plan, tree) = project(makefile);
    plan.modules = Some("modules".into());
    let text = "CONFIG_MODULES=y\n";
    let config = ResolvedConfig::new(text.into(), config_of(text));
    let jobs = JobServer::new(NonZeroUsize::MIN).unwrap();
    let (log, cancel) = (dir.path().join("log"), CancelToken::new());
    let error = build(&plan, &tree, &config, &jobs, &log, &cancel, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("no kernel module"), "{error}");
}
