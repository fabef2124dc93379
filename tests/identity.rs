//! No verdict outlives what it rests on: toy projects whose compiler, oracle, environment or included files are
//! changed while a run is under way, or between its sittings.
#![allow(clippy::unwrap_used)]

mod toy;

use std::fs;

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
