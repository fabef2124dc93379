//! What kbisect certifies is true, also where the machine, the oracle or the source misbehaves:
//! toy projects, end to end.
#![allow(clippy::unwrap_used)]

mod toy;

use std::fs;
use std::path::Path;

use rayon::prelude::*;
use toy::{CALLS, Ended, Rule, SmallDisk, Spec, TWELVE_NEEDED, Toy, set};

/// The end that all runs of the twelve are to have.
fn assert_twelve_certified(toy: &Toy, ended: &Ended) {
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
    assert_eq!(ended.result.as_ref().unwrap()["status"], "minimal");
}

/// `A` to `F`, of which `B` depends on `A`; needed are `C` and `D`, and `A` goes only together with
/// `B`.
fn partners() -> Spec {
    let symbols = [
        ("A", ""),
        ("B", "depends on A"),
        ("C", ""),
        ("D", ""),
        ("E", ""),
        ("F", ""),
    ];
    let a_with_b = Rule::Any(vec![Rule::off("A"), Rule::on("B")]);
    Spec::new(&symbols, &Rule::All(vec![Rule::all(&["C", "D"]), a_with_b]))
}

#[test]
fn a_steady_oracle_gets_the_certified_answer_that_brute_force_finds() {
    let toy = Toy::new(&Spec::twelve());
    assert_twelve_certified(&toy, &toy.run(&[]));
}

#[test]
fn what_only_the_fast_form_of_an_oracle_needs_is_removed_and_the_difference_is_told() {
    let script = Rule::all(&TWELVE_NEEDED).script("");
    let (first, rest) = script.split_once('\n').unwrap();
    // It takes X9 for needed.
    let wrong = "if [ \"$KBISECT_LEVEL\" = fast ] && ! grep -q '^CONFIG_X9=y' \"$KBISECT_CONFIG\"; then exit 1; fi";
    let script = format!("{first}\n# kbisect: level=fast,full\n{wrong}\n{rest}");
    assert!(!TWELVE_NEEDED.contains(&"X9"));
    let toy = Toy::new(&Spec::twelve().oracle(&script));
    let ended = toy.run(&[]);
    assert_twelve_certified(&toy, &ended);
    let told = "rejected a kernel at level fast and accepts it at level full";
    assert!(ended.stderr.contains(told), "{}", ended.said());
}

/// From this build on the disk has less room than a build needs for a while. What the tool says of
/// it is lost, as the log, which has `noise` bytes, is on the same disk; and as the tool removes what
/// it could not write, there is room again for what kbisect writes.
#[allow(clippy::print_stderr, reason = "whoever looks at the test must know")]
fn disk_full_from_build(number: usize, noise: usize) {
    let fill = "cat /dev/zero >$(TOY)/out/filler 2>/dev/null; truncate -s -48K $(TOY)/out/filler";
    let scratch = "$(O)/scratch";
    let spec = Spec::twelve().in_build(number, fill);
    let spec = spec.clone().recipe(&format!(
        "@head -c {noise} /dev/zero | tr '\\0' '\\n'\n\
         {}\n\
         @head -c 65536 /dev/zero >{scratch}; ended=$$?; rm -f {scratch}; exit $$ended",
        spec.recipe
    ));
    let toy = Toy::new(&spec);
    let Some(_disk) = SmallDisk::mount(&toy.path("out"), 3000) else {
        eprintln!("not tried: no file system can be mounted");
        return;
    };
    let ended = toy.run(&["-j", "1"]);
    assert_eq!(ended.code, 1, "{}", ended.said());
    fs::remove_file(toy.path("out/filler")).unwrap();
    let resumed = toy.resume();
    let journal = toy.read("out/journal.jsonl");
    assert!(
        !journal.contains("\"fail\":\"build\""),
        "{}{journal}",
        ended.said()
    );
    assert_twelve_certified(&toy, &resumed);
}

#[test]
fn a_full_disk_that_leaves_an_empty_log_is_no_verdict() {
    for number in [5, 14] {
        disk_full_from_build(number, 0);
    }
}

#[test]
fn a_full_disk_that_cuts_the_log_is_no_verdict() {
    for number in [5, 14] {
        disk_full_from_build(number, 4096);
    }
}

/// Builds in which something goes wrong once: of the first ones, of the search and of the
/// certificate.
const BUILDS: [usize; 6] = [2, 4, 8, 12, 14, 16];

#[test]
fn a_compiler_that_crashes_once_makes_nothing_needed() {
    let crash = "echo 'gcc: internal compiler error: Segmentation fault signal terminated program \
                 cc1'; exit 1";
    for number in BUILDS {
        let toy = Toy::new(&Spec::twelve().in_build(number, crash));
        assert_twelve_certified(&toy, &toy.run(&["-j", "1"]));
    }
}

#[test]
fn a_build_that_fails_once_makes_nothing_needed() {
    let failure = "echo 'drivers/x.c:1:2: error: expected identifier'; exit 1";
    for number in BUILDS {
        let toy = Toy::new(&Spec::twelve().in_build(number, failure));
        assert_twelve_certified(&toy, &toy.run(&["-j", "1"]));
    }
}

#[test]
fn what_never_builds_without_a_request_is_still_certified() {
    let recipe = "@grep -q CONFIG_X3=y $(KCONFIG_CONFIG) || { echo 'x.c:1:2: error: X3'; exit 1; }\n\
                  cp $(KCONFIG_CONFIG) $(O)/out.bin";
    let spec = Spec::twelve_with(&Rule::all(&["X7", "X11"])).recipe(recipe);
    let toy = Toy::new(&spec);
    assert_twelve_certified(&toy, &toy.run(&[]));
}

#[test]
fn a_request_that_goes_only_with_what_depends_on_it_is_not_kept_by_default() {
    for algorithm in ["split", "ddmin", "halving", "one-by-one"] {
        let toy = Toy::new(&partners());
        let ended = toy.run(&["-j", "1", "--algorithm", algorithm]);
        assert_eq!(ended.code, 0, "{}", ended.said());
        assert_eq!(toy.answer(), set(&["C", "D"]), "{}", ended.said());
        let verified = toy.kbisect(&["verify", "out"]);
        assert_eq!(verified.code, 0, "{}", verified.said());
    }
}

#[test]
fn a_certificate_of_leaves_only_says_so_and_is_no_success() {
    let symbols = [("A", ""), ("B", "depends on A"), ("C", "")];
    let spec = Spec::new(&symbols, &Rule::all(&["B"]));
    let toy = Toy::new(&spec);
    let ended = toy.run(&["--certify", "leaves"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    assert_eq!(toy.answer(), set(&["A", "B"]), "{}", ended.said());
    let words = "minimal if the oracle is monotone";
    assert!(ended.stdout.contains(words), "{}", ended.said());
    let result = toy.read("out/result.json");
    assert!(!result.contains("\"status\": \"minimal\""), "{result}");
    let toy = Toy::new(&spec);
    let ended = toy.run(&[]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&["A", "B"]), "{}", ended.said());
    assert!(!ended.stdout.contains(words), "{}", ended.said());
}

/// An oracle for the twelve whose verdicts are flipped, so many of a hundred. The chance is seeded,
/// and differs for each judgement.
fn flipping(percent: u32, seed: usize) -> Spec {
    let flip = format!(
        "{CALLS}\n\
         chance=$(echo {seed} $calls | sha256sum | cut -c1-6)\n\
         if [ $((0x$chance % 100)) -lt {percent} ]; then verdict=$((1 - verdict)); fi"
    );
    Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(&flip))
}

/// Flips of a hundred, and seeds. With some of these no two verdicts differ within the first three
/// repeats. One of a hundred may be wrong, so one of these.
const FLIPS: [(u32, usize); 10] = [
    (5, 5),
    (5, 8),
    (5, 100),
    (10, 1),
    (10, 2),
    (10, 3),
    (20, 1),
    (20, 2),
    (20, 3),
    (30, 8),
];

#[test]
fn a_certificate_over_a_flipping_oracle_is_as_sure_as_it_was_asked_to_be() {
    let certified = |&(percent, seed): &(u32, usize)| {
        let toy = Toy::new(&flipping(percent, seed));
        let ended = toy.run(&["-j", "1", "--confidence", "0.99"]);
        (ended.code == 0).then(|| (percent, seed, toy.answer()))
    };
    let certified: Vec<_> = FLIPS.par_iter().filter_map(certified).collect();
    assert!(certified.len() >= FLIPS.len() / 2, "{certified:?}");
    let needed = set(&TWELVE_NEEDED);
    let wrong = certified.iter().filter(|(.., answer)| *answer != needed);
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.len() <= 1, "{wrong:?}");
}

/// In this judgement, by number, the oracle does `otherwise` before it gives its verdict.
fn in_judgement(number: usize, otherwise: &str) -> Spec {
    let twist = format!("{CALLS}\nif [ $calls = {number} ]; then {otherwise}; fi");
    Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(&twist))
}

#[test]
fn a_source_that_is_edited_during_a_run_is_named_and_nothing_is_certified() {
    for number in [1, 4, 9] {
        let edit = "sed -i s/X7/Y7/ \"$toy/src/Kconfig\"";
        let toy = Toy::new(&in_judgement(number, edit));
        let before = toy.read("src/Kconfig");
        let ended = toy.run(&["-j", "1"]);
        assert_ne!(ended.code, 0, "{}", ended.said());
        assert!(ended.said().contains("Kconfig"), "{}", ended.said());
        let ended = toy.resume();
        assert_ne!(ended.code, 0, "still edited: {}", ended.said());
        toy.write("src/Kconfig", &before);
        assert_twelve_certified(&toy, &toy.resume());
    }
}

#[test]
fn a_makefile_that_is_edited_during_a_run_is_named_and_nothing_is_certified() {
    let edit = "echo '# edited' >>\"$toy/src/Makefile\"";
    let toy = Toy::new(&in_judgement(4, edit));
    let before = toy.read("src/Makefile");
    let ended = toy.run(&["-j", "1"]);
    assert_ne!(ended.code, 0, "{}", ended.said());
    assert!(ended.said().contains("Makefile"), "{}", ended.said());
    toy.write("src/Makefile", &before);
    assert_twelve_certified(&toy, &toy.resume());
}

#[test]
fn a_helper_of_the_oracle_that_is_edited_during_a_run_is_named_and_nothing_is_certified() {
    let script = format!(
        "#!/bin/sh\ntoy=${{0%/oracle/*}}\n{CALLS}\n\
         [ $calls = 9 ] && echo 'exit 1' >>\"$toy/oracle/helper\"\n\
         exec \"${{0%/*}}/helper\"\n"
    );
    let toy = Toy::new(&Spec::twelve().oracle(&script));
    let helper = Rule::all(&TWELVE_NEEDED)
        .script("")
        .replace("exit \"$verdict\"", "");
    let helper = format!("{helper}\n[ \"$verdict\" = 0 ] || exit 1\n");
    toy.script("oracle/helper", &helper);
    let ended = toy.run(&["-j", "1"]);
    assert_ne!(ended.code, 0, "{}", ended.said());
    assert!(ended.said().contains("helper"), "{}", ended.said());
    toy.script("oracle/helper", &helper);
    assert_twelve_certified(&toy, &toy.resume());
}

#[test]
fn a_source_that_was_edited_and_put_back_between_runs_is_the_same_source() {
    // 126: the oracle is broken, and the run stops.
    let toy = Toy::new(&in_judgement(5, "exit 126"));
    assert_eq!(toy.run(&["-j", "1"]).code, 1);
    let before = toy.read("src/Kconfig");
    toy.write("src/Kconfig", &before.replace("X5", "Y5"));
    let ended = toy.resume();
    assert_ne!(ended.code, 0, "{}", ended.said());
    assert!(ended.said().contains("Kconfig"), "{}", ended.said());
    toy.write("src/Kconfig", &before);
    assert_twelve_certified(&toy, &toy.resume());
}

#[test]
fn a_product_that_the_configuration_does_not_change_proves_nothing() {
    for confidence in ["none", "0.99"] {
        // It looks at the configuration, which does change.
        let oracle = Rule::all(&TWELVE_NEEDED)
            .script("")
            .replace("KBISECT_IMAGE", "KBISECT_CONFIG");
        let spec = Spec::twelve()
            .recipe("echo hi >$(O)/out.bin")
            .oracle(&oracle);
        let toy = Toy::new(&spec);
        let ended = toy.run(&["--confidence", confidence]);
        if ended.code == 0 {
            assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
        }
        assert!(ended.said().contains("product"), "{}", ended.said());
    }
}

#[test]
fn an_oracle_that_needs_nothing_gets_the_empty_set() {
    let toy = Toy::new(&Spec::twelve_with(&Rule::all(&[])));
    let ended = toy.run(&[]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&[]));
}

#[test]
fn a_start_means_to_kbisect_what_it_means_to_conf() {
    let lines = [
        "CONFIG_X3=y # text",
        "CONFIG_X3=yes",
        "CONFIG_X3=yCONFIG_X4=y",
        "CONFIG_X4=yCONFIG_X3=y",
        " CONFIG_X3=y",
        "CONFIG_X3=y\n#CONFIG_X3 is not set",
        "CONFIG_X3=y\n#  CONFIG_X3 is not set",
        "CONFIG_X3=y\n# CONFIG_X3 is not set # tail",
        "CONFIG_X3=y\n# CONFIG_X3 is not settled",
        "CONFIG_X3=y\n# CONFIG_X3 is not set",
    ];
    for line in lines {
        let spec = Spec::twelve_with(&Rule::all(&["X3"]));
        let start = format!("CONFIG_X1=y\nCONFIG_X2=y\n{line}\n");
        let toy = Toy::new(&spec.start(&start));
        let ended = toy.run(&[]);
        let is_on = toy.resolve_text(&start).contains("X3");
        let right = if is_on { 0 } else { 3 };
        assert_eq!(ended.code, right, "{line:?}: {}", ended.said());
        if is_on {
            assert_eq!(toy.answer(), set(&["X3"]), "{line:?}");
        }
    }
}

#[test]
fn a_setting_that_cannot_be_used_is_refused_before_there_is_a_run() {
    let toy = Toy::new(&Spec::twelve());
    let ended = toy.run(&["--build-jobs", "99999"]);
    assert_eq!(ended.code, 2, "{}", ended.said());
    assert!(!toy.path("out/run.json").exists());
    assert_twelve_certified(&toy, &toy.run(&[]));
}

/// If the advice is to resume, that does it.
fn assert_advice_leads_on(toy: &Toy, ended: &Ended) {
    if ended.code != 0 && ended.said().contains("kbisect resume") {
        let resumed = toy.resume();
        assert_eq!(resumed.code, 0, "{}\n{}", ended.said(), resumed.said());
    }
}

#[test]
fn a_run_without_its_description_does_not_send_from_one_command_to_the_other() {
    let toy = Toy::new(&in_judgement(5, "exit 126"));
    assert_eq!(toy.run(&["-j", "1"]).code, 1);
    fs::remove_file(toy.path("out/run.json")).unwrap();
    let ended = toy.resume();
    assert_ne!(ended.code, 0, "{}", ended.said());
    assert_advice_leads_on(&toy, &toy.run(&["-j", "1"]));
}

#[test]
fn a_run_without_its_trials_goes_on_or_says_how() {
    let toy = Toy::new(&in_judgement(8, "exit 126"));
    assert_eq!(toy.run(&["-j", "1"]).code, 1);
    fs::remove_dir_all(toy.path("out/trials")).unwrap();
    assert_advice_leads_on(&toy, &toy.resume());
}

#[test]
fn a_child_of_an_oracle_in_a_session_of_its_own_does_not_outlive_the_trial() {
    let child = "setsid sh -c 'echo $$ >>\"$0/state/pids\"; exec sleep 3000' \"$toy\" \
                 </dev/null >/dev/null 2>&1 &\n\
                 until [ \"$(cat \"$toy/state/pids\" 2>/dev/null | wc -l)\" -ge $calls ]; do :; done";
    let twist = format!("{CALLS}\n{child}");
    let toy = Toy::new(&Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(&twist)));
    let ended = toy.run(&["-j", "1"]);
    let pids = toy.read("state/pids");
    let is_alive = |pid: &&str| {
        let line = fs::read(Path::new("/proc").join(pid).join("cmdline"));
        line.is_ok_and(|line| line.starts_with(b"sleep\x003000"))
    };
    let alive: Vec<&str> = pids.lines().filter(is_alive).collect();
    for pid in &alive {
        let pid = nix::unistd::Pid::from_raw(pid.parse().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
    assert!(pids.lines().count() > 10, "{}", ended.said());
    assert_eq!(alive, Vec::<&str>::new());
    assert_twelve_certified(&toy, &ended);
}

#[test]
fn what_make_leaves_in_the_source_is_named_at_once() {
    let toy = Toy::new(&Spec::twelve().recipe(&format!("{}\ntouch $(srctree)/.config", toy::COPY)));
    let ended = toy.run(&[]);
    let names_it = ["src/.config", " .config", "`.config"]
        .iter()
        .any(|name| ended.said().contains(name));
    assert!(names_it, "{}", ended.said());
}

#[test]
fn a_value_of_the_start_holds_over_the_base() {
    let spec = Spec::twelve();
    let kconfig = format!("config I\n\tint \"i\"\n\tdefault 7\n\n{}", spec.kconfig);
    let start = format!("CONFIG_I=42\n{}", spec.start);
    let mut spec = spec.start(&start);
    spec.kconfig = kconfig;
    let toy = Toy::new(&spec.oracle("#!/bin/sh\nexec grep -q CONFIG_I=42 \"$KBISECT_IMAGE\"\n"));
    toy.write("base", "CONFIG_I=1\n");
    let ended = toy.run(&["--base", "base"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    // An old `conf` takes the first of two lines.
    let fragment = toy.read("out/minimal.fragment");
    let of_i: Vec<&str> = fragment
        .lines()
        .filter(|l| l.starts_with("CONFIG_I="))
        .collect();
    assert_eq!(of_i, ["CONFIG_I=42"], "{fragment}");
}

#[test]
fn a_base_that_sets_all_of_the_start_is_blamed() {
    let toy = Toy::new(&Spec::twelve());
    let start = toy.read("start");
    toy.write("base", &start);
    let ended = toy.run(&["--base", "base"]);
    assert_eq!(ended.code, 2, "{}", ended.said());
    assert!(ended.said().contains("base"), "{}", ended.said());
}

#[test]
fn a_run_of_another_version_of_the_search_goes_on_with_its_verdicts() {
    let toy = Toy::new(&Spec::twelve());
    let ended = toy.run(&["--algorithm", "ddmin", "--budget-trials", "9"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    // As if it had been begun by one that searches in another way.
    let path = toy.path("out/run.json");
    let text = fs::read_to_string(&path).unwrap();
    let other = text.replace(r#""algorithm": "ddmin""#, r#""algorithm": "one-by-one""#);
    assert_ne!(other, text);
    fs::write(&path, other).unwrap();
    let known = toy.verdicts();
    assert_twelve_certified(&toy, &toy.resume());
    let journal = toy.read("out/journal.jsonl");
    assert!(journal.contains(r#""record":"anew""#), "{journal}");
    assert!(toy.verdicts() > known);
}

#[test]
fn a_run_whose_trials_were_removed_ends_with_the_same_answer() {
    let toy = Toy::new(&Spec::twelve());
    let ended = toy.run(&["--budget-trials", "8"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    fs::remove_dir_all(toy.path("out/trials")).unwrap();
    assert_twelve_certified(&toy, &toy.resume());
}

#[test]
fn with_each_way_of_searching_the_twelve_are_certified() {
    for args in [
        &["--deterministic"][..],
        &["--deterministic", "-j", "3"],
        &["--confidence", "none"],
        &["--confidence", "0.999"],
        &["--confidence", "0.6"],
        &["--algorithm", "gbr", "-j", "3"],
    ] {
        let toy = Toy::new(&Spec::twelve());
        assert_twelve_certified(&toy, &toy.run(args));
    }
}

#[test]
fn an_oracle_that_changes_the_product_stops_the_run() {
    let twist = "echo x >>\"$KBISECT_IMAGE\"";
    let toy = Toy::new(&Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(twist)));
    let ended = toy.run(&[]);
    assert_eq!(ended.code, 1, "{}", ended.said());
    assert!(
        ended.said().contains("changed the product"),
        "{}",
        ended.said()
    );
}

#[test]
fn an_edit_that_was_put_back_leaves_no_tree_to_judge_with_other_workers() {
    // In the build that is under way while the source is edited the product is one that always passes.
    let edit = "cp \"$toy/src/Makefile\" \"$toy/state/Makefile\"; \
                printf 'all:\\n\\techo CONFIG_X3=y CONFIG_X7=y CONFIG_X11=y >$(O)/out.bin\\n' >>\"$toy/src/Makefile\"";
    let toy = Toy::new(&in_judgement(6, edit));
    let before = toy.read("src/Makefile");
    let ended = toy.run(&["-j", "4"]);
    assert_ne!(ended.code, 0, "{}", ended.said());
    toy.write("src/Makefile", &before);
    let ended = toy.kbisect(&["resume", "out", "-j", "1", "--budget-trials", "1"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    let ended = toy.kbisect(&["resume", "out", "-j", "4"]);
    assert_twelve_certified(&toy, &ended);
}
