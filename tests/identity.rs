//! No verdict outlives what it rests on: toy projects whose compiler, oracle, environment or included files are
//! changed while a run is under way, or between its sessions.
#![allow(clippy::unwrap_used)]

mod toy;

use std::fs;
use std::path::Path;

use toy::{CALLS, Ended, Rule, Spec, TWELVE_NEEDED, Toy, set};

/// The end that all runs of the twelve are to have.
fn assert_twelve_certified(toy: &Toy, ended: &Ended) {
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
    assert_eq!(ended.result.as_ref().unwrap()["status"], "minimal");
}

/// The run stopped, and named all of this.
fn assert_stopped(ended: &Ended, names: &[&str]) {
    assert_ne!(ended.code, 0, "{}", ended.said());
    for name in names {
        assert!(
            ended.said().contains(name),
            "{name} is not named: {}",
            ended.said()
        );
    }
}

/// In this judgement, by number, the oracle does `otherwise` before it gives its verdict.
fn in_judgement(number: usize, otherwise: &str) -> String {
    let twist = format!("{CALLS}\nif [ $calls = {number} ]; then {otherwise}; fi");
    Rule::all(&TWELVE_NEEDED).script(&twist)
}

/// A compiler that copies: a fake. `$(CROSS_COMPILE)gcc -o OUT IN`; asked for what it calls, it says nothing.
const FAKE_COMPILER: &str =
    "#!/bin/sh\n[ \"$1\" = -o ] || { echo fake gcc 1.0; exit 0; }\ncp \"$3\" \"$2\"\n";

/// The same after an upgrade: it forgets half of what it is given.
const WRONG_COMPILER: &str = "#!/bin/sh\n[ \"$1\" = -o ] || { echo fake gcc 1.0; exit 0; }\n\
     grep -v CONFIG_X7= \"$3\" >\"$2\"\n";

/// A toy that is compiled by the fake.
fn compiled(oracle: &str) -> Toy {
    let recipe = "$(CROSS_COMPILE)gcc -o $(O)/out.bin $(KCONFIG_CONFIG)";
    let spec = Spec::twelve().recipe(recipe).oracle(oracle);
    let temp = tempfile::Builder::new().prefix("toy-").tempdir().unwrap();
    let spec = Spec {
        project: format!(
            "make-args = [\"CROSS_COMPILE={}/cross/fake-\"]",
            temp.path().display()
        ),
        ..spec
    };
    let toy = Toy::within(temp, &spec);
    toy.script("cross/fake-gcc", FAKE_COMPILER);
    toy
}

/// As a package manager replaces a program: by a new file.
fn replace(by: &str) -> String {
    format!("cp \"$toy/{by}\" \"$toy/cross/new\"; mv \"$toy/cross/new\" \"$toy/cross/fake-gcc\"")
}

#[test]
fn a_compiler_that_is_upgraded_during_a_run_is_named_and_nothing_is_certified() {
    for number in [1, 4, 9] {
        let toy = compiled(&in_judgement(number, &replace("wrong")));
        toy.script("wrong", WRONG_COMPILER);
        let ended = toy.run(&["-j", "1"]);
        assert_stopped(&ended, &["fake-gcc", "during the run"]);
        let ended = toy.resume();
        assert_stopped(&ended, &["fake-gcc"]);
        toy.script("cross/fake-gcc", FAKE_COMPILER);
        assert_twelve_certified(&toy, &toy.resume());
    }
}

#[test]
fn a_compiler_that_comes_to_be_found_first_during_a_run_is_named() {
    let toy =
        Toy::new(&Spec::twelve().oracle(&in_judgement(4, "cp \"$toy/wrong\" \"$toy/bin/gcc\"")));
    toy.script("wrong", WRONG_COMPILER);
    fs::create_dir_all(toy.path("bin")).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = toy.command(&["run", "-j", "1"]);
    command.env("PATH", format!("{}:{path}", toy.path("bin").display()));
    let ended = toy.ended(&command.output().unwrap());
    assert_stopped(&ended, &["gcc (was /", "during the run"]);
}

#[test]
fn a_compiler_that_is_replaced_by_an_equal_one_is_the_same() {
    let toy = compiled(&in_judgement(4, &replace("same")));
    toy.script("same", FAKE_COMPILER);
    let ended = toy.run(&["-j", "1"]);
    assert_twelve_certified(&toy, &ended);
    let said = "a program of the build was written to meanwhile";
    assert!(ended.said().contains(said), "{}", ended.said());
}

#[test]
fn what_was_built_while_the_compiler_was_another_one_for_a_moment_does_not_count() {
    // Only in the build before the fourth judgement.
    let builds = "$(TOY)/state/builds";
    let cross = "$(TOY)/cross";
    let compile = "$(CROSS_COMPILE)gcc -o $(O)/out.bin $(KCONFIG_CONFIG)";
    let swap =
        |name: &str| format!("cp $(TOY)/{name} {cross}/new; mv {cross}/new {cross}/fake-gcc");
    let toy = compiled(&Rule::all(&TWELVE_NEEDED).script(""));
    let makefile = toy.read("src/Makefile").replace(
        compile,
        &format!(
            "@printf x >>{builds}; if [ $$(wc -c <{builds}) = 4 ]; then {}; {compile}; {}; else {compile}; fi",
            swap("wrong"),
            swap("same")
        ),
    );
    toy.write("src/Makefile", &makefile);
    toy.script("wrong", WRONG_COMPILER);
    toy.script("same", FAKE_COMPILER);
    let ended = toy.run(&["-j", "1"]);
    assert_twelve_certified(&toy, &ended);
    assert!(ended.said().contains("is made again"), "{}", ended.said());
}

#[test]
fn a_run_of_which_no_helpers_nor_variables_are_noted_goes_on() {
    let toy = Toy::new(&Spec::twelve().oracle(&in_judgement(5, "exit 126")));
    assert_eq!(toy.run(&["-j", "1"]).code, 1);
    // As an older kbisect wrote it.
    let mut info: serde_json::Value = serde_json::from_str(&toy.read("out/run.json")).unwrap();
    let key = info["key"].as_object_mut().unwrap();
    for later in ["helpers", "environment", "outside"] {
        assert!(key.remove(later).is_some(), "{later} is not noted");
    }
    for oracle in key["oracles"].as_array_mut().unwrap() {
        assert!(oracle.as_object_mut().unwrap().remove("uses").is_some());
    }
    toy.write("out/run.json", &info.to_string());
    assert_twelve_certified(&toy, &toy.resume());
}

/// Goes on with the search, with these variables beside those of this process.
fn resume_with(toy: &Toy, variables: &[(&str, &str)]) -> Ended {
    let mut command = toy.command(&["resume", "out"]);
    command.envs(variables.iter().copied());
    toy.ended(&command.output().unwrap())
}

/// A toy whose run was stopped in the fifth judgement, with these variables.
fn stopped_with(variables: &[(&str, &str)]) -> Toy {
    let toy = Toy::new(&Spec::twelve().oracle(&in_judgement(5, "exit 126")));
    let mut command = toy.command(&["run", "-j", "1"]);
    command.envs(variables.iter().copied());
    assert_eq!(toy.ended(&command.output().unwrap()).code, 1);
    toy
}

#[test]
fn a_run_goes_on_only_with_the_variables_with_which_it_began() {
    let toy = stopped_with(&[("KCFLAGS", "-O2"), ("TOY_DB_PW", "hush-1")]);
    assert!(!toy.read("out/run.json").contains("hush"));
    let ended = resume_with(&toy, &[("KCFLAGS", "-O3"), ("TOY_DB_PW", "hush-2")]);
    let names = [
        "not begun with the same environment",
        "KCFLAGS: it was `-O2`, and is `-O3`",
        "TOY_DB_PW: it had another value",
    ];
    assert_stopped(&ended, &names);
    assert!(!ended.said().contains("hush"), "{}", ended.said());
    let ended = resume_with(&toy, &[("TOY_DB_PW", "hush-1")]);
    assert_stopped(&ended, &["KCFLAGS: it was `-O2`, and is not set"]);
    assert!(!ended.said().contains("TOY_DB_PW"), "{}", ended.said());
    // Who and where somebody is does not matter.
    let ended = resume_with(
        &toy,
        &[
            ("KCFLAGS", "-O2"),
            ("TOY_DB_PW", "hush-1"),
            ("SSH_TTY", "/dev/pts/99"),
            ("TERM", "vt52"),
            ("XDG_SESSION_ID", "99"),
            ("LC_TIME", "de_DE.UTF-8"),
            ("TILIX_ID", "99"),
            ("BUILD_NUMBER", "99"),
        ],
    );
    assert_twelve_certified(&toy, &ended);
    assert!(!toy.read("out/result.json").contains("hush"));
}

#[test]
fn a_run_goes_on_only_with_the_network_card_and_the_rust_with_which_it_began() {
    for name in ["KBISECT_NIC", "RUSTUP_TOOLCHAIN", "CARGO_BUILD_TARGET"] {
        let toy = stopped_with(&[(name, "one")]);
        assert_stopped(&resume_with(&toy, &[(name, "two")]), &[name]);
        assert_twelve_certified(&toy, &resume_with(&toy, &[(name, "one")]));
    }
}

#[test]
fn options_for_make_from_outside_are_told_and_no_build_sees_them() {
    let toy = Toy::new(&Spec::twelve().recipe(
        "@[ \"$(SNEAKED)\" = '' ] || { echo sneaked in; exit 1; }\ncp $(KCONFIG_CONFIG) $(O)/out.bin",
    ));
    let makefile = toy.read("src/Makefile").replace(
        "%config: FORCE\n",
        "%config: FORCE\n\t@[ \"$(SNEAKED)\" = '' ] || { echo sneaked in; exit 1; }\n",
    );
    toy.write("src/Makefile", &makefile);
    let mut command = toy.command(&["run", "-j", "1"]);
    command.env("MAKEFLAGS", "SNEAKED=1");
    let ended = toy.ended(&command.output().unwrap());
    assert_twelve_certified(&toy, &ended);
    let said = "builds do not see MAKEFLAGS";
    assert!(ended.said().contains(said), "{}", ended.said());
}

#[test]
fn a_makefile_outside_of_the_source_that_is_edited_during_a_run_is_named() {
    let toy = Toy::new(&Spec::twelve().oracle(&in_judgement(4, "echo '# x' >>\"$toy/common.mk\"")));
    toy.write("common.mk", "# common\n");
    let makefile = toy.read("src/Makefile");
    toy.write("src/Makefile", &format!("include ../common.mk\n{makefile}"));
    assert_stopped(&toy.run(&["-j", "1"]), &["/common.mk", "during the run"]);
    assert_stopped(&toy.resume(), &["/common.mk was changed"]);
    toy.write("common.mk", "# common\n");
    assert_twelve_certified(&toy, &toy.resume());
}

#[test]
fn a_kconfig_file_outside_of_the_source_that_is_edited_during_a_run_is_named() {
    let edit = "sed -i s/X7/Y7/ \"$toy/elsewhere/Kconfig\"";
    let temp = tempfile::Builder::new().prefix("toy-").tempdir().unwrap();
    let elsewhere = temp.path().join("elsewhere");
    let spec = Spec {
        project: format!("make-args = [\"EXTERNAL={}\"]", elsewhere.display()),
        ..Spec::twelve().oracle(&in_judgement(4, edit))
    };
    let toy = Toy::within(temp, &spec);
    let kconfig = toy.read("src/Kconfig");
    toy.write("elsewhere/Kconfig", &kconfig);
    toy.write("src/Kconfig", "source \"$(EXTERNAL)/Kconfig\"\n");
    let makefile = toy.read("src/Makefile");
    toy.write("src/Makefile", &format!("export EXTERNAL\n{makefile}"));
    assert_stopped(
        &toy.run(&["-j", "1"]),
        &["elsewhere/Kconfig", "during the run"],
    );
    assert_stopped(&toy.resume(), &["elsewhere/Kconfig"]);
    toy.write("elsewhere/Kconfig", &kconfig);
    assert_twelve_certified(&toy, &toy.resume());
}

/// An oracle that accepts what its rules in a folder beside it, and one elsewhere, accept: each is a name that must
/// be on.
fn ruled(elsewhere: &Path, otherwise: &str) -> String {
    let rules = format!("\"${{0%/*}}\"/rules.d/* {}", elsewhere.display());
    format!(
        "#!/bin/sh\ntoy=${{0%/oracle/*}}\n{CALLS}\n{otherwise}\n\
         for name in $(cat {rules}); do grep -q \"^CONFIG_$name=y\" \"$KBISECT_IMAGE\" || exit 1; done\n"
    )
}

/// A toy with such an oracle, and the folder of the rule elsewhere: not among the system's temporary files.
fn ruled_toy(otherwise: &str) -> (Toy, tempfile::TempDir) {
    let elsewhere = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let rule = elsewhere.path().join("rule");
    let otherwise = otherwise.replace("ELSEWHERE", &rule.display().to_string());
    let toy = Toy::new(&Spec::twelve().oracle(&ruled(&rule, &otherwise)));
    toy.write("oracle/rules.d/one", "X3\n");
    toy.write("oracle/rules.d/two", "X7\n");
    fs::write(rule, "X11\n").unwrap();
    (toy, elsewhere)
}

#[test]
fn rules_that_are_edited_during_a_run_are_named_and_nothing_is_certified() {
    for (edit, name) in [
        ("echo X1 >\"$toy/oracle\"/rules\".d/one\"", "rules.d/one"),
        ("echo X1 >\"$toy/oracle\"/rules\".d/new\"", "rules.d/"),
        ("f=ELSEWHERE; sh -c 'echo X1 >$1' . $f", "/rule"),
    ] {
        let (toy, elsewhere) = ruled_toy(&format!("if [ $calls = 4 ]; then {edit}; fi"));
        let ended = toy.run(&["-j", "1"]);
        assert_stopped(&ended, &[name, "was changed during the run"]);
        assert_stopped(&toy.resume(), &[name]);
        let _ = fs::remove_file(toy.path("oracle/rules.d/new"));
        toy.write("oracle/rules.d/one", "X3\n");
        fs::write(elsewhere.path().join("rule"), "X11\n").unwrap();
        assert_twelve_certified(&toy, &toy.resume());
    }
}

#[test]
fn what_an_oracle_writes_itself_is_told_once_and_stops_no_run() {
    // By a program, so that its text does not say that it is written.
    let log = "sh -c 'echo $2 >>$1' . \"$toy/oracle\"/rules\".log\" $calls\n: \"$toy/oracle/rules.log\"\n\
               [ $calls != 9 ] || exit 126";
    let (toy, _elsewhere) = ruled_toy(log);
    toy.write("oracle/rules.log", "");
    let ended = toy.run(&["-j", "1"]);
    assert_eq!(ended.code, 1, "{}", ended.said());
    let said = "writes to rules.log when it judges";
    assert_eq!(ended.said().matches(said).count(), 1, "{}", ended.said());
    let ended = toy.resume();
    assert_twelve_certified(&toy, &ended);
    assert!(!ended.said().contains(said), "{}", ended.said());
}

#[test]
fn a_log_that_an_oracle_writes_only_when_it_rejects_stops_no_run() {
    // By a program, so that its text does not say that it is written.
    let log = "if ! grep -q ^CONFIG_X3=y \"$KBISECT_IMAGE\"; then \
               sh -c 'echo no >>$1' . \"$toy/oracle\"/rules\".log\"; fi\n: \"$toy/oracle/rules.log\"";
    let (toy, _elsewhere) = ruled_toy(log);
    toy.write("oracle/rules.log", "");
    let ended = toy.run(&["-j", "1"]);
    assert_twelve_certified(&toy, &ended);
    let said = "writes to rules.log when it judges";
    assert_eq!(ended.said().matches(said).count(), 1, "{}", ended.said());
}

#[test]
fn what_an_oracle_leaves_beside_it_stops_no_run_and_no_resume() {
    // Of a module that it imports once, and in a folder that it makes itself.
    let leave = "mkdir -p \"$toy/oracle\"/rules.d/__pycache__\n\
                 : >\"$toy/oracle\"/rules\".d/__pycache__/x.pyc\"\n\
                 sh -c 'mkdir -p $1; : >>$1/x' . \"$toy/oracle\"/sta\"te\"\n\
                 cat \"$toy/oracle/state/x\"\n[ $calls != 5 ] || exit 126";
    let (toy, _elsewhere) = ruled_toy(leave);
    assert_stopped(&toy.run(&["-j", "1"]), &["126"]);
    assert!(toy.path("oracle/state/x").is_file());
    assert_twelve_certified(&toy, &toy.resume());
}

#[test]
fn a_start_of_another_config_is_not_judged_again_in_the_place_of_the_first() {
    let stop = format!("{CALLS}\ntest $calls != 3 || exit 126");
    let toy = Toy::new(&Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(&stop)));
    // Kconfig calls a program, which gives another answer later.
    let other = toy.path("state/other");
    let kconfig = format!(
        "{}\nconfig OTHER\n\tdef_bool $(shell,test -e {} && echo y || echo n)\n",
        toy.read("src/Kconfig"),
        other.display()
    );
    toy.write("src/Kconfig", &kconfig);
    let stopped = toy.run(&["-j", "1"]);
    assert_eq!(stopped.code, 1, "{}", stopped.said());
    let before = toy.read("state/calls");
    fs::remove_dir_all(toy.path("out/trials/0001")).unwrap();
    fs::write(&other, "").unwrap();
    // What Kconfig said before is kept there.
    fs::remove_dir_all(toy.path("cache")).unwrap();
    let ended = toy.resume();
    assert_eq!(ended.code, 1, "{}", ended.said());
    let said = ended.said();
    assert!(said.contains("makes another configuration"), "{said}");
    assert_eq!(toy.read("state/calls"), before);
}
