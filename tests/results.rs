//! What a run ends with is made of what it found out, whoever writes to its files meanwhile or later:
//! toy projects, end to end.
#![allow(clippy::unwrap_used)]

mod toy;

use std::fs;
use std::process::Command;

use toy::{CALLS, Ended, Rule, Spec, TWELVE_NEEDED, Toy, set, symbols_on};

/// The end that all runs of the twelve are to have, with all their files.
fn assert_twelve(toy: &Toy, ended: &Ended) {
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED), "{}", ended.said());
    let config = symbols_on(&toy.read("out/minimal.config"));
    assert_eq!(config, set(&TWELVE_NEEDED), "{}", ended.said());
    assert_eq!(ended.result.as_ref().unwrap()["status"], "minimal");
    let kept = ended.result.as_ref().unwrap()["kept"].as_array().unwrap();
    assert_eq!(kept.len(), TWELVE_NEEDED.len());
}

/// The twelve, with an oracle that does `otherwise`, in shell, each time that it judges.
fn twelve_and(otherwise: &str) -> Toy {
    let twist = format!("{CALLS}\n{otherwise}");
    Toy::new(&Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(&twist)))
}

#[test]
fn the_answer_is_what_was_judged_although_the_oracle_writes_to_the_files_of_the_best() {
    let other =
        "echo CONFIG_X1=y >\"$toy/out/best.config\"; echo CONFIG_X1=y >\"$toy/out/best.fragment\"";
    let toy = twelve_and(other);
    let ended = toy.run(&["-j", "1"]);
    assert_twelve(&toy, &ended);
    let best = symbols_on(&toy.read("out/best.config"));
    assert_eq!(best, set(&TWELVE_NEEDED));
    assert_eq!(symbols_on(&toy.read("out/best.fragment")), best);
    assert!(ended.stderr.contains("best.config"), "{}", ended.said());
}

#[test]
fn the_files_of_the_best_are_those_of_the_best_where_a_run_is_stopped() {
    let toy = twelve_and("echo CONFIG_X1=y >\"$toy/out/best.config\"");
    let ended = toy.run(&["-j", "1", "--budget-trials", "5"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    let best = symbols_on(&toy.read("out/best.config"));
    assert!(best.is_superset(&set(&TWELVE_NEEDED)), "{best:?}");
    assert_eq!(symbols_on(&toy.read("out/best.fragment")), best);
}

#[test]
fn an_oracle_that_writes_to_the_records_of_a_run_changes_nothing_of_its_result() {
    for (name, other) in [
        ("run.json", "sed -i 's/X7/X8/' \"$toy/out/run.json\""),
        (
            "journal.jsonl",
            "sed -i 's/\"pass\"/{\"fail\":\"oracle\"}/' \"$toy/out/journal.jsonl\"",
        ),
        ("journal.jsonl", "rm -f \"$toy/out/journal.jsonl\""),
    ] {
        let toy = twelve_and(&format!("if [ $calls = 6 ]; then {other}; fi"));
        let ended = toy.run(&["-j", "1"]);
        assert_twelve(&toy, &ended);
        assert!(ended.stderr.contains(name), "{}", ended.said());
        let again = toy.resume();
        assert!(
            again.stderr.contains("already finished"),
            "{}",
            again.said()
        );
        assert_twelve(&toy, &again);
        assert_eq!(toy.kbisect(&["report", "out"]).stdout, {
            let text = again.stdout.clone();
            text[..text.find("files: ").unwrap()].to_owned()
        });
    }
}

#[test]
fn records_that_an_oracle_wrote_to_are_put_back_where_the_run_stops_with_an_error() {
    let flip = "sed -i 's/\"pass\"/{\"fail\":\"oracle\"}/' \"$toy/out/journal.jsonl\"";
    let toy = twelve_and(&format!(
        "if [ $calls = 6 ]; then {flip}; fi; if [ $calls = 8 ]; then exit 126; fi"
    ));
    assert_eq!(toy.run(&["-j", "1"]).code, 1);
    let resumed = toy.resume();
    assert!(
        !resumed.said().contains("the search restarts"),
        "{}",
        resumed.said()
    );
    assert_twelve(&toy, &resumed);
}

#[test]
fn files_of_the_result_that_were_changed_since_are_made_anew() {
    for name in ["minimal.config", "minimal.fragment", "result.json"] {
        let toy = twelve_and("");
        assert_twelve(&toy, &toy.run(&[]));
        let right = toy.read(&format!("out/{name}"));
        toy.write(&format!("out/{name}"), &right.replace("X7", "X8"));
        assert_twelve(&toy, &toy.resume());
        assert_eq!(
            symbols_on(&toy.read(&format!("out/{name}"))),
            symbols_on(&right)
        );
    }
}

#[test]
fn an_oracle_that_writes_to_what_it_is_given_is_told_once_and_the_run_goes_on() {
    for other in [
        "echo CONFIG_X1=y >\"$KBISECT_CONFIG\"",
        "rm -f \"$KBISECT_CONFIG\"; mkdir \"$KBISECT_CONFIG\"",
        "rm -rf \"$KBISECT_CONFIG\"",
        "echo CONFIG_X1=y >\"$KBISECT_BUILD/.config\"",
    ] {
        let toy = twelve_and(other);
        let ended = toy.run(&["-j", "1"]);
        assert_twelve(&toy, &ended);
        let told = ended.stderr.matches("$KBISECT_TRIAL to write to").count();
        assert_eq!(told, 1, "{other}: {}", ended.said());
    }
}

#[test]
fn what_one_oracle_writes_to_the_config_the_next_one_does_not_see() {
    let spec = Spec::twelve();
    let settings = "oracle = [\"./oracle/first\", \"./oracle/check\"]\n";
    let toy = Toy::new(
        &spec.oracle(
            &Rule::all(&TWELVE_NEEDED)
                .script("")
                .replace("KBISECT_IMAGE", "KBISECT_CONFIG"),
        ),
    );
    toy.script(
        "oracle/first",
        "#!/bin/sh\nprintf 'CONFIG_X3=y\\nCONFIG_X7=y\\nCONFIG_X11=y\\n' >\"$KBISECT_CONFIG\"\n",
    );
    let own = toy.read("kbisect.toml");
    let rest = own.split_once('\n').unwrap().1;
    toy.write("kbisect.toml", &format!("{settings}{rest}"));
    assert_twelve(&toy, &toy.run(&["-j", "1"]));
}

#[test]
fn a_trial_folder_that_is_lost_during_the_run_is_made_again() {
    let toy = twelve_and("if [ $calls -gt 4 ]; then rm -f \"$toy\"/out/trials/*/config; fi");
    assert_twelve(&toy, &toy.run(&["-j", "1"]));
    assert!(fs::read_dir(toy.path("out/trials")).unwrap().count() > 4);
}

#[test]
fn a_finished_answer_is_shown_with_what_has_changed_since() {
    let toy = twelve_and("");
    assert_twelve(&toy, &toy.run(&[]));
    let again = toy.resume();
    assert!(!again.said().contains("changed"), "{}", again.said());
    let source = toy.read("src/Kconfig");
    let oracle = toy.read("oracle/check");
    let check = |words: &[&str]| {
        let again = toy.resume();
        assert_twelve(&toy, &again);
        for words in words {
            assert!(again.stderr.contains(words), "{words}: {}", again.said());
        }
        // A search with what is there now is another one.
        assert_eq!(toy.run(&[]).code, 2);
    };
    toy.write("src/Kconfig", &source.replace("X5", "Y5"));
    check(&["since then this has changed: source", "Kconfig"]);
    toy.write("src/Kconfig", &source);
    toy.script("oracle/check", &format!("{oracle}\n# edited\n"));
    check(&["since then this has changed: oracles", "check was changed"]);
    fs::remove_file(toy.path("oracle/check")).unwrap();
    check(&["cannot be told", "oracle/check"]);
    toy.script("oracle/check", &oracle);
    fs::rename(toy.path("src"), toy.path("gone")).unwrap();
    check(&["cannot be told"]);
}

#[test]
fn an_answer_that_needs_nothing_is_verified_and_a_wrong_one_is_not() {
    let spec = Spec::twelve_with(&Rule::all(&[]));
    let toy = Toy::new(&spec);
    let ended = toy.run(&[]);
    assert_eq!(
        (ended.code, toy.answer()),
        (0, set(&[])),
        "{}",
        ended.said()
    );
    let verified = toy.kbisect(&["verify", "out"]);
    assert_eq!(verified.code, 0, "{}", verified.said());
    assert!(
        verified.stdout.contains("verified: nothing is needed"),
        "{}",
        verified.said()
    );
    assert!(
        toy.read("out/verify/journal.jsonl")
            .matches("\"pass\"")
            .count()
            > 1
    );
    fs::remove_dir_all(toy.path("out/verify")).unwrap();
    toy.script("oracle/check", &Rule::on("X3").script(""));
    let refused = toy.kbisect(&["verify", "out"]);
    assert_eq!(refused.code, 3, "{}", refused.said());
    // Another oracle, and a fragment that asks for more than is claimed.
    toy.script("oracle/check", &spec.oracle);
    fs::remove_dir_all(toy.path("out/verify")).unwrap();
    toy.write("out/minimal.fragment", "CONFIG_X1=y\n");
    let refused = toy.kbisect(&["verify", "out"]);
    assert_eq!(refused.code, 1, "{}", refused.said());
}

#[test]
fn a_config_that_was_tampered_with_is_not_verified_whatever_else_differs() {
    let toy = twelve_and("");
    assert_twelve(&toy, &toy.run(&[]));
    let right = toy.read("out/minimal.config");
    let verify = |variable: (&str, &str)| {
        let _ = fs::remove_dir_all(toy.path("out/verify"));
        let mut command = toy.command(&["verify", "out"]);
        command.env(variable.0, variable.1);
        toy.ended(&command.output().unwrap())
    };
    let other = ("TOY_OTHER", "1");
    assert_eq!(verify(other).code, 0);
    let wrong = right.replace("CONFIG_X7=y", "# CONFIG_X7 is not set");
    assert_ne!(wrong, right);
    toy.write("out/minimal.config", &wrong);
    for variable in [other, ("LC_TIME", "de_DE.UTF-8")] {
        let ended = verify(variable);
        assert_eq!(ended.code, 1, "{}", ended.said());
        let said = "is not what minimal.fragment resolves to";
        assert!(ended.said().contains(said), "{}", ended.said());
        assert!(!ended.stdout.contains("verified"), "{}", ended.said());
    }
    // With another source nobody can tell, and nothing is verified.
    let kconfig = toy.read("src/Kconfig");
    toy.write("src/Kconfig", &format!("{kconfig}# edited\n"));
    let ended = verify(other);
    assert_eq!(ended.code, 1, "{}", ended.said());
    assert!(ended.said().contains("cannot be told"), "{}", ended.said());
    toy.write("out/minimal.config", &right);
    assert_eq!(verify(other).code, 0);
}

/// The twelve, with an oracle that leaves a file of its own and stops the run in the eighth judgement; in others
/// it does `otherwise` first.
fn stopped_at_the_eighth(otherwise: &str) -> Toy {
    let twist = "echo mine >\"$KBISECT_TRIAL/mine\"; if [ $calls = 8 ]; then exit 126; fi";
    let toy = twelve_and(&format!("{twist}\n{otherwise}"));
    assert_eq!(toy.run(&["-j", "1"]).code, 1);
    toy
}

/// How often the start was judged.
fn starts(toy: &Toy) -> usize {
    let journal = toy.read("out/journal.jsonl");
    journal.matches("\"record\":\"start\"").count()
}

#[test]
fn a_start_of_which_a_file_is_lost_or_changed_is_judged_again() {
    let damages: [fn(&Toy); 3] = [
        |toy| fs::remove_file(toy.path("out/trials/0001/check/mine")).unwrap(),
        |toy| toy.write("out/trials/0001/check/mine", "other\n"),
        |toy| fs::remove_dir_all(toy.path("out/trials/0001")).unwrap(),
    ];
    for damage in damages {
        let toy = stopped_at_the_eighth("");
        damage(&toy);
        let ended = toy.resume();
        assert_twelve(&toy, &ended);
        assert_eq!(starts(&toy), 2, "{}", ended.said());
    }
    let toy = stopped_at_the_eighth("");
    assert_twelve(&toy, &toy.resume());
    assert_eq!(starts(&toy), 1);
}

#[test]
fn a_start_that_is_refused_when_it_is_judged_again_makes_the_oracle_doubtful() {
    // Once, in the first judgement of the second session; then the run is stopped again, and goes the same way.
    let toy = stopped_at_the_eighth(
        "if [ $calls = 9 ]; then verdict=1; fi; if [ $calls = 14 ]; then exit 126; fi",
    );
    fs::remove_dir_all(toy.path("out/trials/0001")).unwrap();
    assert_eq!(toy.resume().code, 1);
    let ended = toy.resume();
    assert!(
        !ended.said().contains("the search restarts"),
        "{}",
        ended.said()
    );
    assert_twelve(&toy, &ended);
    // It took more than without the refusal.
    let steady = stopped_at_the_eighth("if [ $calls = 14 ]; then exit 126; fi");
    fs::remove_dir_all(steady.path("out/trials/0001")).unwrap();
    assert_eq!(steady.resume().code, 1);
    assert_twelve(&steady, &steady.resume());
    assert!(
        toy.verdicts() > steady.verdicts(),
        "{} {} {}",
        toy.verdicts(),
        steady.verdicts(),
        ended.said()
    );
    let differed = &ended.result.as_ref().unwrap()["cost"]["differed"];
    assert_eq!(differed, 1);
}

#[test]
fn a_start_that_is_refused_each_time_when_it_is_judged_again_ends_the_run() {
    let toy = stopped_at_the_eighth("if [ $calls -gt 8 ]; then verdict=1; fi");
    fs::remove_dir_all(toy.path("out/trials/0001")).unwrap();
    let ended = toy.resume();
    assert_eq!(ended.code, 3, "{}", ended.said());
    assert!(ended.result.is_none());
}

/// What a limit of the machine stops, in shell, and the words by which it is named.
const LIMITS: [(&str, &str); 4] = [
    (
        "ulimit -f 1; cat /dev/zero >\"$toy/state/big\" || exit 1",
        "File size limit exceeded",
    ),
    ("kill -XCPU $$", "CPU time limit exceeded"),
    ("echo 'sh: 1: Cannot fork'; exit 2", "Cannot fork"),
    (
        "echo 'ls: error while loading shared libraries: libc.so.6: cannot open shared object file: Error 24'; exit 127",
        "Error 24",
    ),
];

/// Runs the project, in which something fails twice in a row, so that the run ends, and goes on with it.
fn assert_ends_and_goes_on(toy: &Toy, jobs: &str, words: &str) {
    let ended = toy.run(&["-j", jobs]);
    assert_eq!(ended.code, 1, "{}", ended.said());
    assert!(ended.stderr.contains(words), "{words}: {}", ended.said());
    assert!(ended.stderr.contains("kbisect resume"), "{}", ended.said());
    let before = toy.verdicts();
    let resumed = toy.resume();
    let known = format!("{before} verdicts are known");
    assert!(resumed.stderr.contains(&known), "{}", resumed.said());
    assert_twelve(toy, &resumed);
}

#[test]
fn an_oracle_that_a_limit_stops_is_asked_again_and_twice_ends_the_run_only_if_this_machine_shows_it()
 {
    for (fault, words) in LIMITS {
        let once = twelve_and(&format!("if [ $calls = 6 ]; then {fault}; fi"));
        let ended = once.run(&["-j", "1"]);
        assert_twelve(&once, &ended);
        assert!(ended.stderr.contains("is tried again"), "{}", ended.said());
        let twice = twelve_and(&format!(
            "if [ $calls = 6 -o $calls = 7 ]; then {fault}; fi"
        ));
        if words == "CPU time limit exceeded" {
            assert_ends_and_goes_on(&twice, "1", "ulimit -t");
            continue;
        }
        // A guest may have said so.
        let ended = twice.run(&["-j", "1"]);
        assert_twelve(&twice, &ended);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.said());
        let journal = twice.read("out/journal.jsonl");
        assert!(journal.contains("\"unresolved\""), "{words}");
    }
}

#[test]
fn a_build_that_a_limit_stops_is_made_again_and_is_no_verdict() {
    for (fault, words) in LIMITS {
        let fault = fault.replace("$toy", "$(TOY)").replace("$$", "$$$$");
        let builds = "$(TOY)/state/builds";
        let recipe = format!(
            "@printf x >>{builds}; n=$$(wc -c <{builds}); if [ $$n = 6 -o $$n = 7 ]; then {fault}; fi; {}",
            toy::COPY
        );
        let toy = Toy::new(&Spec::twelve().recipe(&recipe));
        let ended = toy.run(&["-j", "1"]);
        assert_twelve(&toy, &ended);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.said());
        assert!(!toy.read("out/journal.jsonl").contains("\"fail\":\"build\""));
    }
}

#[test]
fn a_run_that_may_not_write_more_names_the_limit_and_goes_on_without_it() {
    let toy = twelve_and("");
    let limited = || {
        let program = env!("CARGO_BIN_EXE_kbisect");
        let script = format!("ulimit -f 8; exec {program} run -j 1");
        let own = toy.command(&[]);
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).current_dir(toy.path(""));
        let env = own
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        toy.ended(&shell.envs(env).output().unwrap())
    };
    // The helper for Kconfig is made without a limit.
    assert_eq!(toy.kbisect(&["plan"]).code, 0);
    let ended = limited();
    assert_eq!(ended.code, 1, "{}", ended.said());
    assert!(ended.stderr.contains("ulimit -f"), "{}", ended.said());
    assert_twelve(&toy, &toy.run(&["-j", "1"]));
}

#[test]
fn a_make_that_is_killed_twice_ends_the_run_that_can_be_resumed() {
    // The sixth build, and the same once more.
    let builds = "$(TOY)/state/builds";
    let killed = "$(TOY)/state/killed";
    let recipe = format!(
        "@printf x >>{builds}; if [ $$(wc -c <{builds}) = 6 ]; then cp $(KCONFIG_CONFIG) {killed}; fi\n\
         @if cmp -s $(KCONFIG_CONFIG) {killed}; then printf x >>{killed}.n; \
         if [ $$(wc -c <{killed}.n) -le 2 ]; then kill -9 $$PPID; fi; fi\n{}",
        toy::COPY
    );
    for jobs in ["1", "3"] {
        let toy = Toy::new(&Spec::twelve().recipe(&recipe));
        assert_ends_and_goes_on(&toy, jobs, "make was killed by signal 9");
    }
}

#[test]
fn what_trials_cost_is_estimated_even_if_the_run_was_stopped_right_after_its_start() {
    let has_costs = |toy: &Toy| {
        toy.read("out/journal.jsonl")
            .contains("\"record\":\"costs\"")
    };
    // Objects, whose times make the estimate.
    let objects: String = (1..=12)
        .map(|n| {
            format!(
                "@! grep -q CONFIG_X{n}=y $(KCONFIG_CONFIG) || {{ cd $(O) && echo 'int x{n};' >x{n}.c && \\\n\
                 $(CC) -c -o x{n}.o x{n}.c && \\\n\
                 echo 'deps_x{n}.o := $$(wildcard include/config/X{n})' >.x{n}.o.cmd; }}\n"
            )
        })
        .collect();
    let mut spec = Spec::twelve()
        .oracle(&Rule::all(&TWELVE_NEEDED).script(""))
        .recipe(&format!("{objects}cp $(KCONFIG_CONFIG) $(O)/out.bin"));
    "compiler = \"gcc\"".clone_into(&mut spec.project);
    let toy = Toy::new(&spec);
    assert_eq!(toy.run(&["-j", "1", "--budget-trials", "1"]).code, 4);
    assert!(has_costs(&toy), "the toy must have costs");
    // As if it had been killed before it noted them.
    let journal = toy.read("out/journal.jsonl");
    let start = journal
        .lines()
        .position(|line| line.contains("\"record\":\"start\""))
        .unwrap();
    let kept: Vec<&str> = journal.lines().take(start + 1).collect();
    toy.write("out/journal.jsonl", &(kept.join("\n") + "\n"));
    let ended = toy.resume();
    assert_twelve(&toy, &ended);
    assert!(has_costs(&toy), "{}", ended.said());
}

#[test]
fn a_run_keeps_what_became_of_each_line_of_its_start_and_why() {
    let symbols = [
        ("NETWORK", "select HELPER"),
        ("ABSENT", ""),
        ("NEEDY", "depends on ABSENT"),
    ];
    let mut spec = Spec::new(&symbols, &Rule::all(&["NETWORK"]));
    spec.kconfig += "config HELPER\n\tbool\n\nconfig FOLLOWS\n\tbool\n\tdefault NETWORK\n\n\
        config ALWAYS\n\tbool\n\tdefault y\n\tselect FORCED\n\n\
        config FORCED\n\tbool \"forced\" if NETWORK\n\n\
        config SIZE\n\tint \"size\"\n\tdefault 5\n\tdepends on NETWORK\n";
    let start = "CONFIG_NETWORK=y\nCONFIG_NEEDY=y\nCONFIG_NETWORC=y\nCONFIG_HELPER=y\nCONFIG_FORCED=y\n\
        CONFIG_SIZE=5\n";
    let toy = Toy::new(&spec.start(start));
    let ended = toy.run(&["-j", "1"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    let run: serde_json::Value = serde_json::from_str(&toy.read("out/run.json")).unwrap();
    let by_network = || serde_json::json!(["NETWORK"]);
    let expected = serde_json::json!({
        "dropped": [{ "symbol": "SIZE", "value": "5", "why": "default", "default": "5" }],
        "fixed": [
            { "symbol": "NEEDY", "value": "y", "why": "no-prompt", "set": { "why": "unknown" }, "needs": ["ABSENT"] },
            { "symbol": "HELPER", "value": "y", "why": "no-prompt",
              "set": { "why": "selected", "by": by_network() } },
            { "symbol": "FORCED", "value": "y", "why": "forced", "by": ["ALWAYS"] },
        ],
        "missing": [{ "symbol": "NEEDY", "value": "y", "got": "n", "why": "needs", "needs": ["ABSENT"] }],
        "unknown": [{ "symbol": "NETWORC", "line": 3, "near": ["NETWORK"] }],
        "implied": [
            { "symbol": "ALWAYS", "value": "y", "why": "default", "default": "y" },
            { "symbol": "FOLLOWS", "value": "y", "why": "default", "default": "NETWORK" },
            { "symbol": "FORCED", "value": "y", "why": "selected", "by": ["ALWAYS"] },
            { "symbol": "HELPER", "value": "y", "why": "selected", "by": by_network() },
            { "symbol": "SIZE", "value": "5", "why": "default", "default": "5" },
        ],
    });
    assert_eq!(run["analysis"], expected, "{:#}", run["analysis"]);
    // A program that reads the run gets it as it was written.
    let (info, _) = kbisect::journal::RunDir::read(&toy.path("out")).unwrap();
    assert_eq!(serde_json::to_value(info.analysis).unwrap(), expected);
    // An older kbisect did not keep it: the run is read all the same.
    let mut older = run;
    older.as_object_mut().unwrap().remove("analysis").unwrap();
    toy.write("out/run.json", &older.to_string());
    assert_eq!(toy.kbisect(&["report", "out"]).code, 0);
}

#[test]
fn a_run_that_was_killed_before_it_noted_its_start_as_the_best_notes_it_when_it_goes_on() {
    let spec = Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(""));
    let toy = Toy::new(&spec);
    assert_eq!(toy.run(&["-j", "1", "--budget-trials", "1"]).code, 4);
    let place = |journal: &str, record: &str| {
        let record = format!("\"record\":\"{record}\"");
        journal.lines().position(|line| line.contains(&record))
    };
    let journal = toy.read("out/journal.jsonl");
    let kept = journal.lines().take(place(&journal, "start").unwrap() + 1);
    let kept: Vec<&str> = kept.collect();
    toy.write("out/journal.jsonl", &(kept.join("\n") + "\n"));
    let ended = toy.resume();
    assert_twelve(&toy, &ended);
    let journal = toy.read("out/journal.jsonl");
    let best = place(&journal, "best").unwrap();
    assert!(best < place(&journal, "told").unwrap(), "{journal}");
    // Otherwise the first pass would be shown as the best, even if it were taken back.
    let first = journal.lines().nth(best).unwrap();
    assert!(first.contains("\"requests\":12"), "{first}");
}
