//! Builds are incremental, and a build tree may have leftovers in it: no answer that stands on them is
//! certified.
#![allow(clippy::unwrap_used)]

mod toy;

use std::fs;
use std::time::{Duration, SystemTime};

use toy::{CALLS, COPY, Ended, Rule, Spec, TWELVE_NEEDED, Toy, set};

/// The exit code of a run that cannot rely on its builds or its oracle.
const UNRELIABLE: i32 = 6;

/// The run must find out that its answer stands on leftovers, and say so, and so must a resumed one.
fn assert_leftovers_are_noticed(toy: &Toy, ended: &Ended) {
    for ended in [ended, &toy.resume()] {
        assert_eq!(ended.code, UNRELIABLE, "{}", ended.said());
        assert!(
            ended.said().contains("empty build tree"),
            "{}",
            ended.said()
        );
        assert!(ended.result.is_none(), "{}", ended.said());
    }
}

/// The command that makes an object, a file of its name, of each symbol that is on.
const OBJECTS: &str = "for s in $$(sed -n 's/^CONFIG_\\(.*\\)=y/\\1/p' $(KCONFIG_CONFIG)); do \
                       echo CONFIG_$$s=y >$(O)/$$s.o; done";

#[test]
fn modules_that_an_oracle_installed_in_the_build_tree_are_no_proof() {
    // It installs a module where X5 makes it, and needs it. The next trial must not find it.
    let install = "case $image in *CONFIG_X5=y*) touch \"$KBISECT_BUILD/module\";; esac\n\
                   [ -e \"$KBISECT_BUILD/module\" ] || verdict=1";
    let oracle = Rule::all(&TWELVE_NEEDED).script(install);
    for flags in [&[][..], &["--confidence", "none"]] {
        let toy = Toy::new(&Spec::twelve().oracle(&oracle));
        let ended = toy.run(flags);
        assert_eq!(ended.code, 0, "{}", ended.said());
        assert_eq!(toy.answer(), set(&["X3", "X5", "X7", "X11"]));
        let warnings = ended
            .stderr
            .matches("an oracle writes to the build tree (module)");
        assert_eq!(warnings.count(), 1, "{}", ended.said());
    }
}

#[test]
fn a_file_that_an_oracle_left_in_the_build_tree_makes_nothing_needed() {
    // It writes where X5 is on, and rejects what it wrote where X5 is off.
    for (write, is_written) in [
        ("touch \"$tree/new\"", "[ -e \"$tree/new\" ]"),
        (
            "mkdir -p \"$tree/lib/x\"; touch \"$tree/lib/x/new\"",
            "[ -d \"$tree/lib\" ]",
        ),
        (
            "echo patched >\"$tree/part\"",
            "grep -q patched \"$tree/part\"",
        ),
    ] {
        let poison = format!(
            "tree=$KBISECT_BUILD\n\
             if on X5; then {write}; elif {is_written}; then verdict=1; fi"
        );
        let oracle = Rule::all(&TWELVE_NEEDED).script(&poison);
        // Made once in each tree.
        let recipe =
            "@[ -e $(O)/part ] || echo built >$(O)/part\n@cp $(KCONFIG_CONFIG) $(O)/out.bin";
        let spec = Spec::twelve().recipe(recipe).oracle(&oracle);
        for flags in [&["-j", "1"][..], &["--confidence", "none"]] {
            let toy = Toy::new(&spec);
            let ended = toy.run(flags);
            assert_eq!(ended.code, 0, "{write}: {}", ended.said());
            assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{write}");
            let warnings = ended.stderr.matches("an oracle writes to the build tree");
            assert_eq!(warnings.count(), 1, "{}", ended.said());
        }
    }
}

#[test]
fn what_an_oracle_wrote_to_the_build_tree_before_a_kill_is_not_judged() {
    // kbisect is killed while the answer itself is judged, after the oracle has written. It is asked again.
    for (write, is_written) in [
        ("echo patched >\"$KBISECT_IMAGE\"", "false"),
        (
            "touch \"$KBISECT_BUILD/new\"",
            "[ -e \"$KBISECT_BUILD/new\" ]",
        ),
    ] {
        let kill = format!(
            "others=no; for x in 1 2 4 5 6 8 9 10 12; do ! on X$x || others=yes; done\n\
             if {is_written}; then verdict=1; fi\n\
             if [ $verdict$others = 0no ] && ! [ -e \"$toy/state/killed\" ]; then\n\
             touch \"$toy/state/killed\"; {write}; kill -9 $PPID; exit 0; fi"
        );
        let spec = Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(&kill));
        let toy = Toy::new(&spec);
        let flags = ["-j", "1", "--confidence", "none"];
        let ended = toy.run(&flags);
        assert_eq!(ended.code, 128 + 9, "{}", ended.said());
        let ended = toy.resume();
        assert_eq!(ended.code, 0, "{}", ended.said());
        assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
    }
}

#[test]
fn a_verdict_counts_where_the_writes_of_its_oracle_cannot_be_undone() {
    // Folders so deep that they cannot be looked at; in one trial only, of which the tree is discarded.
    let deep = format!(
        "{CALLS}\n\
         if [ $calls = 3 ]; then\n\
         cd \"$KBISECT_BUILD\"; name=$(printf %0200d 0)\n\
         for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do mkdir $name; cd -P ./$name; done\n\
         fi"
    );
    let toy = Toy::new(&Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(&deep)));
    let ended = toy.run(&["-j", "1"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
    let said = "it cannot be undone: cannot read the folder";
    assert_eq!(ended.stderr.matches(said).count(), 1, "{}", ended.said());
}

#[test]
fn objects_of_options_that_were_switched_off_are_no_part_of_an_answer() {
    let recipe =
        format!("@{OBJECTS}\n@cat $(O)/*.o >$(O)/out.bin; cksum <$(KCONFIG_CONFIG) >>$(O)/out.bin");
    for flags in [&[][..], &["--confidence", "none"], &["--deterministic"]] {
        let toy = Toy::new(&Spec::twelve().recipe(&recipe));
        assert_leftovers_are_noticed(&toy, &toy.run(flags));
    }
}

#[test]
fn an_object_that_a_failed_compiler_left_is_no_part_of_an_answer() {
    // make ignores that a command fails, and the product of another configuration stays.
    let recipe = "-@grep -q CONFIG_X3=y $(KCONFIG_CONFIG) && cp $(KCONFIG_CONFIG) $(O)/out.bin";
    let toy = Toy::new(&Spec::twelve().recipe(recipe));
    assert_leftovers_are_noticed(&toy, &toy.run(&[]));
}

#[test]
fn what_fails_to_build_because_of_leftovers_is_not_needed() {
    // A link that finds the object of X5 where that is off.
    let recipe = format!(
        "@{OBJECTS}\n\
         @if [ -e $(O)/X5.o ] && ! grep -q CONFIG_X5=y $(KCONFIG_CONFIG); then \
         echo 'ld: multiple definition of x5'; exit 1; fi\n\
         @cp $(KCONFIG_CONFIG) $(O)/out.bin"
    );
    let spec = Spec::twelve().recipe(&recipe);
    let toy = Toy::new(&spec);
    let ended = toy.run(&["-j", "1"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
    // Where each verdict is taken as it comes, nothing is taken back.
    let toy = Toy::new(&spec);
    assert_leftovers_are_noticed(&toy, &toy.run(&["--confidence", "none"]));
}

#[test]
fn an_image_that_an_oracle_spoiled_before_it_was_stopped_is_not_judged() {
    // Its machine gives out while it is at work on the image; then it is asked again.
    for call in [3, 5] {
        let spoil = format!(
            "{CALLS}\nif [ $calls = {call} ]; then echo x >\"$KBISECT_IMAGE\"; echo 'sh: 3: Cannot fork'; exit 1; fi"
        );
        let oracle = Rule::all(&TWELVE_NEEDED).script(&spoil);
        let toy = Toy::new(&Spec::twelve().oracle(&oracle));
        let ended = toy.run(&["-j", "1", "--confidence", "none"]);
        assert_eq!(ended.code, 0, "{}", ended.said());
        assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
        let lines: Vec<&str> = ended.stderr.lines().collect();
        let is_again = |line: &&str| line.ends_with("Cannot fork") && line.contains("tried again");
        assert_eq!(lines.iter().filter(|line| is_again(line)).count(), 1);
        let is_reused = |line: &&&str| line.starts_with("trial ") && !line.contains("built ");
        let reused: Vec<_> = lines.iter().filter(is_reused).collect();
        assert!(reused.is_empty(), "{call}: {reused:?}");
    }
}

/// The twelve with a product that make makes anew only where it is older than the configuration. Where this holds, in
/// shell, of the number of the build, `$$n`, the clock of whoever makes it is wrong.
fn by_times(is_wrong: &str) -> Toy {
    let toy = Toy::new(&Spec::twelve());
    let rule = "\n.PHONY: count\n\
        count: ; @printf x >>$(TOY)/state/builds\n\
        $(O)/out.bin: $(KCONFIG_CONFIG) | count\n\
        \tcp $< $@\n\
        \t@n=$$(wc -c <$(TOY)/state/builds); if WRONG; then touch -d '+1 hour' $@; fi\n";
    let makefile = toy.read("src/Makefile");
    let (head, _) = makefile.split_once("all:").unwrap();
    let rule = rule.replace("WRONG", is_wrong);
    toy.write("src/Makefile", &format!("{head}all: $(O)/out.bin\n{rule}"));
    toy
}

#[test]
fn a_clock_that_goes_wrong_for_a_while_makes_nothing_needed_or_needless() {
    for is_wrong in ["[ $$n = 1 ]", "[ $$n = 4 ]", "[ $$n = 9 ]"] {
        let toy = by_times(is_wrong);
        let ended = toy.run(&["-j", "1"]);
        assert_eq!(ended.code, 0, "{is_wrong}: {}", ended.said());
        assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
    }
}

#[test]
fn a_source_that_is_newer_than_the_clock_says_is_judged_when_that_is_mended() {
    let toy = by_times("false");
    let makefile = toy.read("src/Makefile");
    let makefile = makefile.replace("$(KCONFIG_CONFIG) |", "$(KCONFIG_CONFIG) late |");
    toy.write("src/Makefile", &makefile);
    toy.write("src/late", "");
    let late = fs::File::open(toy.path("src/late")).unwrap();
    let now = SystemTime::now();
    late.set_modified(now + Duration::from_secs(3600)).unwrap();
    let ended = toy.run(&["-j", "1"]);
    assert_eq!(ended.code, 1, "{}", ended.said());
    assert!(
        ended.said().contains("set the clock right"),
        "{}",
        ended.said()
    );
    late.set_modified(now).unwrap();
    let ended = toy.resume();
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
}

#[test]
fn a_product_with_a_time_in_it_that_the_oracle_always_accepts_is_not_certified() {
    let stamp = "date +%s%N >$(O)/out.bin";
    for flags in [&[][..], &["--confidence", "none"]] {
        let toy = Toy::new(&Spec::twelve().recipe(stamp).oracle("#!/bin/sh\nexit 0\n"));
        let ended = toy.run(flags);
        assert_eq!(ended.code, 1, "{}", ended.said());
        assert!(
            ended.said().contains("not reproducible"),
            "{}",
            ended.said()
        );
        assert!(ended.result.is_none(), "{}", ended.said());
    }
}

#[test]
fn a_product_with_a_time_in_it_that_depends_on_the_configuration_is_certified() {
    let recipe = format!("{}\n@date +%s%N >>$(O)/out.bin", toy::COPY);
    let toy = Toy::new(&Spec::twelve().recipe(&recipe));
    let ended = toy.run(&[]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
    assert!(
        ended.stdout.contains("not reproducible"),
        "{}",
        ended.said()
    );
    assert_eq!(ended.result.unwrap()["rebuilt"]["product"], "other");
}

/// How often something was judged once more in an empty tree.
fn rebuilds(toy: &Toy) -> usize {
    let journal = toy.read("out/journal.jsonl");
    let is_rebuilt =
        |l: &&str| l.contains("\"record\":\"told\"") && l.contains("\"origin\":\"empty\"");
    journal.lines().filter(is_rebuilt).count()
}

#[test]
fn an_answer_is_built_once_from_an_empty_tree_and_the_report_says_so() {
    for flags in [&[][..], &["--confidence", "none"], &["--deterministic"]] {
        let toy = Toy::new(&Spec::twelve());
        let ended = toy.run(flags);
        assert_eq!(ended.code, 0, "{}", ended.said());
        assert_eq!(rebuilds(&toy), 1, "{flags:?}");
        assert!(
            ended.stderr.contains("empty build tree"),
            "{}",
            ended.said()
        );
        assert!(
            ended.stdout.contains("empty build tree"),
            "{}",
            ended.said()
        );
        assert_eq!(ended.result.unwrap()["rebuilt"]["product"], "same");
        let again = toy.run(flags);
        assert_eq!((again.code, rebuilds(&toy)), (0, 1), "{}", again.said());
    }
}

#[test]
fn a_start_that_is_the_answer_was_built_from_an_empty_tree_before() {
    let spec = Spec::twelve_with(&Rule::all(&["X1", "X2"]));
    let toy = Toy::new(&spec.start(&toy::fragment(["X1", "X2"])));
    let ended = toy.run(&[]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(rebuilds(&toy), 0);
    assert_eq!(ended.result.unwrap()["rebuilt"]["product"], "same");
}

#[test]
fn a_run_that_is_stopped_before_the_last_build_goes_on_with_it() {
    let whole = Toy::new(&Spec::twelve());
    assert_eq!(whole.run(&["-j", "1"]).code, 0);
    let journal = whole.read("out/journal.jsonl");
    let trials = journal
        .lines()
        .filter(|l| l.contains("\"record\":\"began\""));
    let trials = trials.count();
    let toy = Toy::new(&Spec::twelve());
    for budget in trials - 2..trials {
        let budget = budget.to_string();
        let ended = toy.run(&["-j", "1", "--budget-trials", &budget]);
        assert_eq!(ended.code, 4, "{}", ended.said());
        assert_eq!(rebuilds(&toy), 0);
    }
    let ended = toy.run(&["-j", "1"]);
    assert_eq!((ended.code, rebuilds(&toy)), (0, 1), "{}", ended.said());
    assert_eq!(toy.verdicts(), whole.verdicts(), "nothing was made twice");
}

#[test]
fn a_run_that_is_killed_in_the_last_build_repeats_nothing_else() {
    let whole = Toy::new(&Spec::twelve());
    assert_eq!(whole.run(&["-j", "1"]).code, 0);
    // The start, and what the search was told.
    let judged = whole.verdicts() + 1;
    let kill = format!("{CALLS}\nif [ $calls = {judged} ]; then kill -9 $PPID; exit 0; fi");
    let spec = Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(&kill));
    let toy = Toy::new(&spec);
    let ended = toy.run(&["-j", "1"]);
    assert_eq!(
        (ended.code, rebuilds(&toy)),
        (128 + 9, 0),
        "{}",
        ended.said()
    );
    let ended = toy.resume();
    assert_eq!((ended.code, rebuilds(&toy)), (0, 1), "{}", ended.said());
    assert_eq!(toy.verdicts(), whole.verdicts());
}

#[test]
fn with_clean_builds_a_project_that_leaves_something_behind_gets_the_right_answer() {
    let recipe =
        format!("@{OBJECTS}\n@cat $(O)/*.o >$(O)/out.bin; cksum <$(KCONFIG_CONFIG) >>$(O)/out.bin");
    let toy = Toy::new(&Spec::twelve().recipe(&recipe));
    let ended = toy.run(&["--clean-builds"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
    // Verdicts of the one kind do not count for the other.
    let ended = toy.run(&[]);
    assert_eq!(ended.code, 2, "{}", ended.said());
    assert!(ended.said().contains("--clean-builds"), "{}", ended.said());
}

const CHECK_AND_LOG: [&str; 5] = [
    "--clean-builds",
    "--oracle",
    "oracle/check",
    "--oracle",
    "builds-clean",
];

#[test]
fn builds_clean_takes_part_in_a_whole_run_and_its_repetitions() {
    // A build without X3 has a warning.
    let recipe = format!(
        "@grep -q CONFIG_X3=y $(KCONFIG_CONFIG) || echo 'a.c:1:2: warning: no X3'\n@{COPY}"
    );
    let rule = Rule::all(&["X7", "X11"]);
    let toy = Toy::new(&Spec::twelve_with(&rule).recipe(&recipe));
    let ended = toy.run(&CHECK_AND_LOG);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
    let result = ended.result.unwrap();
    assert_eq!(result["status"], "minimal", "{result}");
    let said = result.to_string();
    assert!(said.contains("a.c:1:2: warning: no X3"), "{said}");
}

#[test]
fn builds_clean_rejects_a_start_whose_build_has_a_warning() {
    let recipe = format!("@echo 'a.c:1:2: warning: unused'\n@{COPY}");
    let toy = Toy::new(&Spec::twelve().recipe(&recipe));
    let ended = toy.run(&CHECK_AND_LOG);
    assert_eq!(ended.code, 3, "{}", ended.said());
    assert!(
        ended.said().contains("a.c:1:2: warning: unused"),
        "{}",
        ended.said()
    );
}
