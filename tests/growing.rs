//! Runs that build their start only if nothing smaller passes, from end to end on toys.
#![allow(clippy::unwrap_used)]

mod toy;

use std::collections::BTreeSet;

use kbisect::journal::{Record, RunDir};
use kbisect::model::RequestSet;
use toy::{CALLS, COPY, Ended, Rule, Spec, Toy, set};

const NEEDED: [&str; 3] = ["X3", "X30", "X55"];

/// `X1` to `X64`, of which the oracle needs three.
fn many(twist: &str) -> Spec {
    let names: Vec<String> = (1..=64).map(|i| format!("X{i}")).collect();
    let symbols: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "")).collect();
    let rule = Rule::all(&NEEDED);
    Spec::new(&symbols, &rule).oracle(&rule.script(twist))
}

/// The toy with a guess that is right, one that lacks a request, and one that is wrong.
fn toy(spec: &Spec) -> Toy {
    let toy = Toy::new(spec);
    toy.write("right", "X3 0.9\nX9 0.8\nX30 0.9\nX55 0.9\n");
    toy.write("lacking", "X3 0.9\nX30 0.9\n");
    toy.write("nearly", "X3 0.9\nX30 0.9\nX50 0.2\nX55 0.2\n");
    let wrong: String = (1..=64)
        .map(|i| {
            format!(
                "X{i} {}\n",
                if NEEDED.contains(&&*format!("X{i}")) {
                    0.01
                } else {
                    0.3
                }
            )
        })
        .collect();
    toy.write("wrong", &wrong);
    toy
}

/// A run that begins with a guess.
fn grow(toy: &Toy, args: &[&str]) -> Ended {
    toy.run(&[&["--judge-start", "needed"], args].concat())
}

/// The sets that were proposed, in this order.
fn proposed(toy: &Toy) -> Vec<RequestSet> {
    let (_, lines) = RunDir::read(&toy.path("out")).unwrap();
    let sets = lines.into_iter().filter_map(|line| match line.record {
        Record::Proposed { candidate } => Some(candidate.keep),
        _ => None,
    });
    sets.collect()
}

#[test]
fn a_start_that_is_not_needed_is_never_built() {
    for (jobs, guess) in [("1", "right"), ("2", "right"), ("2", "nearly")] {
        let toy = toy(&many(""));
        let ended = grow(&toy, &["-j", jobs, "--prior", guess]);
        assert_eq!(ended.code, 0, "{}", ended.said());
        assert_eq!(toy.answer(), set(&NEEDED));
        assert!(proposed(&toy).iter().all(|keep| keep.len() < 64), "{guess}");
        let (_, lines) = RunDir::read(&toy.path("out")).unwrap();
        let is_of_start = |record: &Record| matches!(record, Record::Start { .. });
        assert!(!lines.iter().any(|line| is_of_start(&line.record)));
        let result = ended.result.as_ref().unwrap();
        assert_eq!(result["start"], "not-built");
        assert_eq!(result["before"]["requests"], 64);
        assert_eq!(result["before"]["lines"], 64);
        assert_eq!(result["before"]["image"], serde_json::Value::Null);
        assert!(
            ended.said().contains("the start itself was not built"),
            "{}",
            ended.said()
        );
        let opening = "the start is built only if nothing smaller passes (--judge-start needed)";
        assert!(ended.said().contains(opening), "{}", ended.said());
        // It is over, and says the same again.
        let again = toy.resume();
        assert_eq!(again.code, 0, "{}", again.said());
        assert_eq!(again.result, ended.result);
        let verified = toy.kbisect(&["verify", "out"]);
        assert_eq!(verified.code, 0, "{}", verified.said());
    }
}

#[test]
fn a_wrong_guess_and_none_come_to_the_same_answer() {
    for guess in [&["--prior", "wrong"][..], &[]] {
        for more in [
            &["-j", "1"][..],
            &["-j", "3"],
            &["-j", "2", "--confidence", "none"],
        ] {
            let toy = toy(&many(""));
            let ended = grow(&toy, &[guess, more].concat());
            assert_eq!(ended.code, 0, "{}", ended.said());
            assert_eq!(toy.answer(), set(&NEEDED));
            let is_blind = ended.said().contains("the first guess is blind");
            assert_eq!(is_blind, guess.is_empty(), "{}", ended.said());
        }
    }
}

#[test]
fn symbols_of_a_prior_that_the_source_does_not_have_are_told_and_change_nothing() {
    let toy = toy(&many(""));
    toy.write(
        "misspelt",
        "X3 0.9\nX30 0.9\nX5555 0.9\nCONFIG_X999 0.1\nX55 0.9\n",
    );
    let ended = grow(&toy, &["--prior", "misspelt"]);
    let said = ended.said();
    assert_eq!(ended.code, 0, "{said}");
    assert_eq!(toy.answer(), set(&NEEDED));
    assert!(
        said.contains("misspelt: line 3: this source has no symbol X5555"),
        "{said}"
    );
    assert!(
        said.contains("misspelt: line 4: this source has no symbol X999"),
        "{said}"
    );
    let plan = toy.kbisect(&["plan", "--prior", "right"]);
    assert!(
        !plan.said().contains("this source has no symbol"),
        "{}",
        plan.said()
    );
}

#[test]
fn a_guess_that_says_what_it_lacks_gets_that_next_and_also_if_the_run_is_gone_on_with() {
    let names: Vec<String> = (1..=64).map(|i| format!("X{i}")).collect();
    let names = names.iter().map(String::as_str).chain(["FUTEX"]);
    let symbols: Vec<(&str, &str)> = names.map(|name| (name, "")).collect();
    let needed = ["X3", "FUTEX"];
    let rule = Rule::all(&needed);
    // As the shipped list of symptoms has it.
    let says = r#"on FUTEX || { echo "guest: failed: dropbear" >"$KBISECT_EVIDENCE"; exit 1; }"#;
    let toy = Toy::new(&Spec::new(&symbols, &rule).oracle(&rule.script(says)));
    toy.write("guess", "X3 0.9\n");
    let lengths = |toy: &Toy| {
        let mut lengths: Vec<usize> = proposed(toy).iter().map(RequestSet::len).collect();
        lengths.dedup();
        lengths[..2].to_vec()
    };
    let args = ["-j", "1", "--prior", "guess"];
    let ended = grow(&toy, &args);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&needed));
    assert_eq!(lengths(&toy), [1, 2]);

    std::fs::remove_dir_all(toy.path("out")).unwrap();
    let stopped = grow(&toy, &[&args[..], &["--budget-trials", "1"]].concat());
    assert_eq!(stopped.code, 4, "{}", stopped.said());
    let resumed = toy.resume();
    assert_eq!(resumed.code, 0, "{}", resumed.said());
    assert!(
        !resumed.said().contains("searches differently"),
        "{}",
        resumed.said()
    );
    assert_eq!(lengths(&toy), [1, 2]);

    // The order of a deterministic run does not depend on what trials say.
    std::fs::remove_dir_all(toy.path("out")).unwrap();
    let ended = grow(&toy, &[&args[..], &["--deterministic"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&needed));
    assert!(!toy.read("out/run.json").contains("symptoms"));
}

#[test]
fn what_must_stay_is_in_every_candidate() {
    let toy = toy(&many(""));
    let ended = grow(&toy, &["-j", "2", "--prior", "right", "--keep", "X40"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&["X3", "X30", "X55", "X40"]));
    let (info, _) = RunDir::read(&toy.path("out")).unwrap();
    assert!(proposed(&toy).iter().all(|keep| info.keep.is_subset(keep)));
}

#[test]
fn a_start_that_does_not_pass_either_ends_the_run_as_ever() {
    let toy = toy(&many("verdict=1"));
    let ended = grow(&toy, &["-j", "2", "--prior", "right"]);
    assert_eq!(ended.code, 3, "{}", ended.said());
    let expected = "nothing smaller passes, and the start does not pass its oracle";
    assert!(ended.said().contains(expected), "{}", ended.said());
    assert_eq!(proposed(&toy).last().map(RequestSet::len), Some(64));
    let next = "nothing has passed yet: 64 of all 64 requests are built next\n";
    assert!(ended.said().contains(next), "{}", ended.said());
    let report = toy.kbisect(&["report", "out"]);
    assert!(
        report.said().contains("nothing has passed yet"),
        "{}",
        report.said()
    );
    let again = toy.resume();
    assert_eq!(again.code, 3, "{}", again.said());
}

#[test]
fn a_start_that_nothing_smaller_spares_is_the_answer_if_all_of_it_is_needed() {
    let names: Vec<String> = (1..=20).map(|i| format!("X{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let symbols: Vec<(&str, &str)> = names.iter().map(|name| (*name, "")).collect();
    let toy = Toy::new(&Spec::new(&symbols, &Rule::all(&names)));
    let ended = grow(&toy, &["-j", "2"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(
        toy.answer(),
        names.iter().map(|name| (*name).to_owned()).collect()
    );
    let result = ended.result.unwrap();
    assert_eq!(result["start"], serde_json::Value::Null);
    assert!(result["before"]["trial"].as_u64() > Some(0));
}

#[test]
fn a_run_that_is_stopped_before_anything_passed_says_so_and_goes_on() {
    let toy = toy(&many(""));
    let ended = grow(
        &toy,
        &["-j", "1", "--prior", "wrong", "--budget-trials", "1"],
    );
    assert_eq!(ended.code, 4, "{}", ended.said());
    let expected = "nothing has passed yet, after 1 verdict";
    assert!(ended.said().contains(expected), "{}", ended.said());
    assert!(ended.said().contains("kbisect resume"), "{}", ended.said());
    assert_eq!(ended.result, None);
    let report = toy.kbisect(&["report", "out"]);
    assert!(
        report.said().contains("nothing has passed yet"),
        "{}",
        report.said()
    );
    let resumed = toy.resume();
    assert_eq!(resumed.code, 0, "{}", resumed.said());
    assert_eq!(toy.answer(), set(&NEEDED));
}

#[test]
fn a_run_that_is_interrupted_before_anything_passed_says_so_and_goes_on() {
    let wait = "until [ -s \"$toy/state/pid\" ]; do :; done";
    let kill = "kill -INT \"$(cat \"$toy/state/pid\")\"";
    let twist = format!("{CALLS}\nif [ $calls = 1 ]; then {wait}; {kill}; exec sleep 3000; fi");
    let toy = toy(&many(&twist));
    let args = [
        "run",
        "-j",
        "1",
        "--judge-start",
        "needed",
        "--prior",
        "wrong",
    ];
    let ended = toy.with_pid(&args);
    assert_eq!(ended.code, 130, "{}", ended.said());
    let expected = "nothing has passed yet, after 0 verdicts";
    assert!(ended.said().contains(expected), "{}", ended.said());
    let resumed = toy.resume();
    assert_eq!(resumed.code, 0, "{}", resumed.said());
    assert_eq!(toy.answer(), set(&NEEDED));
}

#[test]
fn oracles_compare_with_the_first_that_passed() {
    // It notes with what it was to compare, and leaves something to compare with.
    // One that is seen to compare is refused, so it hides the name.
    let twist = "baseline=$(printenv KBISECT_BASE''LINE || echo none)\n\
                 echo \"$baseline\" >>\"$toy/state/baselines\"\n\
                 echo \"$verdict\" >\"$KBISECT_TRIAL/left\"\n\
                 if [ \"$baseline\" != none ]; then\n\
                 [ \"$(cat \"$baseline/left\")\" = 0 ] || exit 126; fi";
    let toy = toy(&many(twist));
    let stopped = grow(
        &toy,
        &["-j", "1", "--prior", "lacking", "--budget-trials", "9"],
    );
    assert_eq!(stopped.code, 4, "{}", stopped.said());
    let baselines = toy.read("state/baselines");
    let seen: Vec<&str> = baselines.lines().collect();
    assert_eq!(seen[0], "none");
    let later: BTreeSet<&str> = seen.iter().copied().filter(|b| *b != "none").collect();
    assert_eq!(later.len(), 1, "{baselines}");
    // Without its files verdicts cannot be compared any more.
    let left = toy.path("out").join("trials");
    let baseline = std::path::Path::new(later.first().unwrap());
    assert!(
        baseline.starts_with(left.canonicalize().unwrap()),
        "{baselines}"
    );
    let aside = toy.path("aside");
    std::fs::rename(baseline, &aside).unwrap();
    let refused = toy.resume();
    assert_eq!(refused.code, 1, "{}", refused.said());
    assert!(
        refused.said().contains("oracles compare others with them"),
        "{}",
        refused.said()
    );
    std::fs::rename(&aside, baseline).unwrap();
    let resumed = toy.resume();
    assert_eq!(resumed.code, 0, "{}", resumed.said());
    assert_eq!(toy.answer(), set(&NEEDED));
    let baselines = toy.read("state/baselines");
    let later: BTreeSet<&str> = baselines.lines().filter(|b| *b != "none").collect();
    assert_eq!(later.len(), 1, "{baselines}");
}

#[test]
fn a_guess_that_leaves_no_product_fails_as_a_candidate_does() {
    let recipe = format!("@rm -f $(O)/out.bin; ! grep -q CONFIG_X55=y $(KCONFIG_CONFIG) || {COPY}");
    let toy = toy(&many("").recipe(&recipe));
    let ended = grow(&toy, &["-j", "1", "--prior", "lacking"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&NEEDED));
}

#[test]
fn a_deterministic_run_that_grows_goes_the_same_way_with_any_number_of_workers() {
    let go = |jobs: &str| {
        let toy = toy(&many(""));
        let ended = grow(&toy, &["-j", jobs, "--deterministic", "--prior", "lacking"]);
        assert_eq!(ended.code, 0, "{}", ended.said());
        let (_, lines) = RunDir::read(&toy.path("out")).unwrap();
        let bests = lines.into_iter().filter_map(|line| match line.record {
            Record::Best { keep, .. } => keep,
            _ => None,
        });
        (toy.answer(), bests.collect::<Vec<RequestSet>>())
    };
    // Where several verdicts are taken at once, the bests between them are not noted.
    let ((one, all), (other, some)) = (go("1"), go("3"));
    assert_eq!(one, other);
    let mut rest = all.iter();
    assert!(
        some.iter().all(|best| rest.any(|b| b == best)),
        "{some:?} of {all:?}"
    );
    assert!(some.len() > 3 && all.last() == some.last());
}

#[test]
fn an_oracle_that_errs_certifies_nothing_wrong_of_what_grew() {
    let mut certified = 0;
    for seed in 0..5 {
        let toy = toy(&many(&format!(
            "{CALLS}\n\
             chance=$(echo {seed} $calls | sha256sum | cut -c1-6)\n\
             if [ $((0x$chance % 100)) -lt 8 ]; then verdict=$((1 - verdict)); fi"
        )));
        let guess = if seed % 2 == 0 { "lacking" } else { "wrong" };
        // The same way each time: which call errs follows from its number.
        let ended = grow(&toy, &["-j", "1", "--deterministic", "--prior", guess]);
        if ended.code == 0 {
            assert_eq!(toy.answer(), set(&NEEDED), "{seed}");
            certified += 1;
        } else {
            assert!([3, 4, 6].contains(&ended.code), "{}", ended.said());
        }
    }
    assert!(certified >= 3, "{certified}");
}

#[test]
fn a_run_that_began_with_its_start_is_not_gone_on_with_in_the_other_way() {
    let toy = toy(&many(""));
    let ended = toy.run(&["-j", "1", "--budget-trials", "3"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    let other = grow(&toy, &["-j", "1"]);
    assert_eq!(other.code, 2, "{}", other.said());
    assert!(
        other.said().contains("another --judge-start"),
        "{}",
        other.said()
    );
    let plan = toy.kbisect(&["plan", "--judge-start", "needed"]);
    let expected = "the start is built only if nothing smaller passes (--judge-start needed)";
    assert!(plan.said().contains(expected), "{}", plan.said());
    let odd = toy.run(&["--judge-start", "later"]);
    assert_eq!(odd.code, 2);
    assert!(
        odd.said().contains("it can be auto, first or needed"),
        "{}",
        odd.said()
    );
}

#[test]
fn a_run_of_an_older_version_goes_on_by_the_same_command() {
    let toy = toy(&many(""));
    let ended = toy.run(&["-j", "1", "--budget-trials", "3"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    // It knew no other way to begin.
    let info = toy.read("out/run.json");
    let older = info.replace("    \"judge_start\": \"auto\",\n", "");
    assert_ne!(info, older);
    toy.write("out/run.json", &older);
    let ended = toy.run(&["-j", "1"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&NEEDED));
}

#[test]
fn an_oracle_that_compares_with_the_start_gets_one() {
    let toy = toy(&many("# KBISECT_BASELINE"));
    let plan = toy.kbisect(&["plan", "--prior", "right"]).said();
    let first = "judged first (check compares with it)";
    assert!(plan.contains(first), "{plan}");
    let refused = grow(&toy, &["--prior", "right"]);
    assert_eq!(refused.code, 2, "{}", refused.said());
    let why = "check compares kernels with the start, and --judge-start needed may never build it";
    assert!(refused.said().contains(why), "{}", refused.said());
}
