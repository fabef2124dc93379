//! A ladder from outside: its steps, its table, and what becomes of it when it is interrupted, on toys.
#![allow(clippy::unwrap_used)]

mod toy;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use toy::{CALLS, Ended, Rule, Spec, Toy, set, symbols_on};

/// `X1` to `X12`, and three oracles: `a` needs `X3`, `b` needs `X3` and `X7`, `c` needs `X7` and `X11`.
fn toy() -> Toy {
    let toy = Toy::new(&Spec::twelve());
    for (name, needs) in [
        ("a", &["X3"][..]),
        ("b", &["X3", "X7"]),
        ("c", &["X7", "X11"]),
    ] {
        toy.script(&format!("oracle/{name}"), &Rule::all(needs).script(""));
    }
    toy
}

const STEPS: [&str; 6] = [
    "--oracle", "oracle/a", "--oracle", "oracle/b", "--oracle", "oracle/c",
];

fn climb(toy: &Toy, args: &[&str]) -> Ended {
    toy.kbisect(&[&["ladder"], args].concat())
}

fn all(toy: &Toy) -> Ended {
    climb(toy, &STEPS)
}

/// `ladder.json`.
fn ladder(toy: &Toy) -> Value {
    serde_json::from_str(&toy.read("out/ladder.json")).unwrap()
}

fn states(toy: &Toy) -> Vec<String> {
    let ladder = ladder(toy);
    let steps = ladder["steps"].as_array().unwrap().iter();
    steps
        .map(|step| step["state"].as_str().unwrap().to_owned())
        .collect()
}

fn answer(toy: &Toy, step: &str) -> BTreeSet<String> {
    symbols_on(&toy.read(&format!("out/{step}/minimal.fragment")))
}

/// The symbols of a list of requests.
fn symbols(list: &Value) -> Vec<&str> {
    let requests = list.as_array().unwrap().iter();
    requests
        .map(|request| request["symbol"].as_str().unwrap())
        .collect()
}

fn check_answers(toy: &Toy) {
    assert_eq!(answer(toy, "01-a"), set(&["X3"]));
    assert_eq!(answer(toy, "02-b"), set(&["X3", "X7"]));
    assert_eq!(answer(toy, "03-c"), set(&["X7", "X11"]));
    assert_eq!(states(toy), ["minimal", "minimal", "minimal"]);
}

#[test]
fn each_step_is_a_run_and_the_table_says_what_it_adds() {
    let toy = toy();
    let ended = all(&toy);
    assert_eq!(ended.code, 0, "{}", ended.said());
    check_answers(&toy);
    let ladder = ladder(&toy);
    assert_eq!(ladder["v"], 1);
    let [a, b, c] = [0, 1, 2].map(|step| &ladder["steps"][step]);
    assert_eq!(
        (symbols(&a["adds"]), symbols(&a["drops"])),
        (vec!["X3"], vec![])
    );
    assert_eq!(
        (symbols(&b["adds"]), symbols(&b["drops"])),
        (vec!["X7"], vec![])
    );
    assert_eq!(
        (symbols(&c["adds"]), symbols(&c["drops"])),
        (vec!["X11"], vec!["X3"])
    );
    for text in [
        "1 a ",
        "needs: X3\n",
        "2 b ",
        "adds: X7\n",
        "3 c ",
        "adds: X11\n    does without: X3\n",
    ] {
        assert!(ended.stdout.contains(text), "{text}: {}", ended.stdout);
    }
    assert!(
        ended.stdout.contains("3 steps, 3 of them certified"),
        "{}",
        ended.stdout
    );
    // The table once more, and what is for runs works on each step.
    let told = toy.kbisect(&["report", "out"]);
    assert_eq!(told.code, 0, "{}", told.said());
    assert!(ended.stdout.contains(&told.stdout), "{}", told.stdout);
    for args in [
        &["report", "out/02-b"][..],
        &["resume", "out/02-b"],
        &["verify", "out/02-b"],
    ] {
        let ended = toy.kbisect(args);
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.said());
    }
    for command in ["resume", "trace"] {
        let ended = toy.kbisect(&[command, "out"]);
        assert_eq!(ended.code, 2, "{}", ended.said());
        assert!(
            ended.stderr.contains("out has a ladder in it"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_step_begins_with_what_the_former_ones_need_unless_the_prior_is_given() {
    let trials = |flags: &[&str]| {
        let toy = toy();
        toy.script("oracle/twin", &Rule::all(&["X3"]).script(""));
        let steps = [
            "--oracle",
            "oracle/a",
            "--oracle",
            "oracle/twin",
            "--deterministic",
        ];
        let ended = climb(&toy, &[&steps, flags].concat());
        assert_eq!(ended.code, 0, "{}", ended.said());
        let count = |step: usize| ladder(&toy)["steps"][step]["trials"].as_u64().unwrap();
        (count(0), count(1), ended.stderr)
    };
    let told = "nothing smaller passes (earlier steps say which requests are likely to be needed)";
    let (first, second, said) = trials(&[]);
    assert!(second < first, "{first} {second}");
    assert_eq!(said.matches(told).count(), 1, "{said}");
    let (first, second, said) = trials(&["--prior", "none"]);
    assert_eq!(first, second);
    assert!(!said.contains(told), "{said}");
}

/// The same steps, but oracle `b` does `then` in its call of this number: `$pid` is kbisect.
fn disturbed(call: usize, then: &str) -> Toy {
    let toy = toy();
    let wait = "until [ -s \"$toy/state/pid\" ]; do :; done; pid=$(cat \"$toy/state/pid\")";
    let twist = format!("{CALLS}\nif [ $calls = {call} ]; then {wait}; {then}; fi");
    toy.script("oracle/b", &Rule::all(&["X3", "X7"]).script(&twist));
    toy
}

fn all_with_pid(toy: &Toy) -> Ended {
    toy.with_pid(&[&["ladder", "-j", "1"], &STEPS[..]].concat())
}

#[test]
fn an_interrupted_ladder_goes_on_where_it_was() {
    let toy = disturbed(4, "kill -INT $pid; exec sleep 3000");
    let ended = all_with_pid(&toy);
    assert_eq!(ended.code, 130, "{}", ended.said());
    assert!(
        ended
            .stderr
            .ends_with("to go on: kbisect ladder --output out\n"),
        "{}",
        ended.stderr
    );
    let first = toy.read("out/01-a/journal.jsonl");
    assert!(!toy.path("out/03-c").exists());
    // By its folder alone, from another folder and without the settings file.
    let out = toy.path("out");
    let mut command = toy.command(&["ladder", "--output", out.to_str().unwrap(), "-j", "2"]);
    let ended = toy.ended(&command.current_dir(toy.path("state")).output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.said());
    check_answers(&toy);
    assert_eq!(toy.read("out/01-a/journal.jsonl"), first);
    // At its end it is only shown.
    let journals =
        || ["01-a", "02-b", "03-c"].map(|step| toy.read(&format!("out/{step}/journal.jsonl")));
    let before = journals();
    let ended = all(&toy);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(journals(), before);
}

#[test]
fn a_ladder_that_was_killed_goes_on_to_its_answers() {
    let toy = disturbed(4, "kill -KILL $pid; exit 125");
    let ended = all_with_pid(&toy);
    assert_eq!(ended.code, 128 + 9, "{}", ended.said());
    assert_eq!(states(&toy), ["minimal", "waiting", "waiting"]);
    let ended = all(&toy);
    assert_eq!(ended.code, 0, "{}", ended.said());
    check_answers(&toy);
    // Before its file knew of the end of a step.
    let mut early = ladder(&toy);
    for step in early["steps"].as_array_mut().unwrap() {
        step["state"] = "waiting".into();
    }
    toy.write("out/ladder.json", &early.to_string());
    fs::remove_dir_all(toy.path("out/03-c")).unwrap();
    let ended = all(&toy);
    assert_eq!(ended.code, 0, "{}", ended.said());
    check_answers(&toy);
    // Before it had a file at all.
    fs::remove_dir_all(toy.path("out")).unwrap();
    toy.write("out/lock", "");
    toy.write("out/.kbisect-new-abc", "{");
    let ended = all(&toy);
    assert_eq!(ended.code, 0, "{}", ended.said());
}

#[test]
fn a_step_whose_start_does_not_pass_is_told_and_passed_over() {
    let toy = toy();
    let refuses = Rule::all(&["X3"]).script("echo 'no such luck' >&2; verdict=1");
    toy.script("oracle/b", &refuses);
    for _ in 0..2 {
        let ended = all(&toy);
        assert_eq!(ended.code, 3, "{}", ended.said());
        assert!(
            ended.stderr.contains("warning: step 2 is passed over: "),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains("no such luck"), "{}", ended.stderr);
        assert!(
            ended.stdout.contains("the start does not pass"),
            "{}",
            ended.stdout
        );
        assert_eq!(states(&toy), ["minimal", "start-fails", "minimal"]);
        assert_eq!(answer(&toy, "03-c"), set(&["X7", "X11"]));
    }
    assert_eq!(symbols(&ladder(&toy)["steps"][2]["adds"]), ["X7", "X11"]);
}

#[test]
fn a_step_whose_budget_is_used_up_is_passed_over_and_gone_on_with() {
    let toy = toy();
    let ended = climb(&toy, &[&STEPS[..], &["--budget-trials", "2"]].concat());
    assert_eq!(ended.code, 4, "{}", ended.said());
    assert_eq!(states(&toy), ["stopped"; 3]);
    // What a search has not ended with is needed by nobody yet.
    assert_eq!(symbols(&ladder(&toy)["steps"][0]["adds"]), [""; 0]);
    assert!(
        ended
            .stderr
            .ends_with("to go on: kbisect ladder --output out\n"),
        "{}",
        ended.stderr
    );
    toy.write("kbisect.toml", "oracle = [\"shell-ok\"]\n");
    let ended = climb(&toy, &["--output", "out"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    check_answers(&toy);
}

#[test]
fn an_oracle_that_is_not_what_it_was_stops_the_ladder_before_anything_is_built() {
    let toy = toy();
    assert_eq!(all(&toy).code, 0);
    let before = toy.read("out/ladder.json");
    toy.script("oracle/a", &Rule::all(&["X4"]).script(""));
    let ended = all(&toy);
    assert_eq!(ended.code, 2, "{}", ended.said());
    assert!(
        ended
            .stderr
            .contains("the run in out/01-a was not begun with the same oracle"),
        "{}",
        ended.stderr
    );
    assert_eq!(toy.read("out/ladder.json"), before);
}

/// The same contents, and nothing new?
fn files(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn bad_input_is_refused_and_nothing_is_begun() {
    let toy = toy();
    std::os::unix::fs::symlink("a", toy.path("oracle/link")).unwrap();
    let refused = |args: &[&str], says: &str| {
        let before = files(&toy.path("out"));
        let ended = climb(&toy, args);
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.said());
        assert!(ended.stderr.contains(says), "{args:?}: {}", ended.stderr);
        assert_eq!(files(&toy.path("out")), before);
    };
    refused(
        &["--oracle", "oracle/a", "--oracle", "./oracle/a"],
        "is given twice",
    );
    refused(
        &["--oracle", "oracle/a", "--oracle", "oracle/link"],
        "are the same oracle",
    );
    refused(
        &["--oracle", "oracle/a", "--oracle", "oracle/none"],
        "oracle/none",
    );
    refused(
        &[&STEPS[..], &["--start", "-"]].concat(),
        "standard input can be read only once",
    );
    assert!(!toy.path("out").exists());
    toy.write("out/mine", "");
    refused(&STEPS, "out is not empty: it has `mine` in it");
    fs::remove_dir_all(toy.path("out")).unwrap();
    assert_eq!(toy.run(&[]).code, 0);
    refused(&STEPS, "out has a run in it, and no ladder");
    fs::remove_dir_all(toy.path("out")).unwrap();
    assert_eq!(climb(&toy, &STEPS[..4]).code, 0);
    refused(&STEPS, "out has another ladder in it");
    let ended = toy.run(&[]);
    assert_eq!(ended.code, 2, "{}", ended.said());
    // Its folder alone goes with few flags; a folder without a ladder needs oracles.
    toy.write("kbisect.toml", "");
    refused(
        &["--output", "out", "--algorithm", "ddmin"],
        "--algorithm is given without an --oracle",
    );
    refused(&["--output", "nowhere"], "no oracle is given");
    assert!(!toy.path("nowhere").exists());
    toy.write("out/ladder.json", "{\"v\": 2}");
    let ended = climb(&toy, &["--output", "out"]);
    assert_eq!(ended.code, 1, "{}", ended.said());
    assert!(
        ended.stderr.contains("was written by a newer kbisect"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_ladder_that_another_process_climbs_is_left_alone() {
    let toy = toy();
    assert_eq!(climb(&toy, &STEPS).code, 0);
    let lock = fs::File::open(toy.path("out/lock")).unwrap();
    lock.lock().unwrap();
    let ended = all(&toy);
    assert_eq!(ended.code, 5, "{}", ended.said());
}

#[test]
fn for_programs_each_step_and_the_table_are_events() {
    let toy = toy();
    let ended = climb(&toy, &[&STEPS[..], &["--message-format", "json"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.said());
    let events: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(events.iter().all(|event| event["v"] == 1));
    let of = |name: &str| -> Vec<&Value> { events.iter().filter(|e| e["event"] == name).collect() };
    let begun: Vec<_> = of("step-begun")
        .iter()
        .map(|e| (e["number"].clone(), e["dir"].clone()))
        .collect();
    assert_eq!(
        begun,
        [(1, "01-a"), (2, "02-b"), (3, "03-c")].map(|(n, dir)| (n.into(), dir.into()))
    );
    let done = of("step-ended");
    assert_eq!(done.len(), 3);
    assert_eq!(symbols(&done[2]["step"]["drops"]), ["X3"]);
    let last = events.last().unwrap();
    assert_eq!(
        (&last["event"], &last["exit"]),
        (&"ladder".into(), &0.into())
    );
    assert_eq!(last["steps"], ladder(&toy)["steps"]);
}
