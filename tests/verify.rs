//! `kbisect verify`: what it refuses, what it compares, how it goes on: toy projects, end to end.
#![allow(clippy::unwrap_used)]

mod toy;

use std::fs;

use toy::{CALLS, Ended, Rule, Spec, TWELVE_NEEDED, Toy};

/// The twelve, searched, with an oracle that counts its calls and does `otherwise`, in shell.
fn searched(otherwise: &str) -> Toy {
    let twist = format!("{CALLS}\n{otherwise}");
    let toy = Toy::new(&Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(&twist)));
    let ended = toy.run(&["-j", "1"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    toy
}

/// How often the oracle was asked.
fn calls(toy: &Toy) -> usize {
    toy.read("state/calls").len()
}

fn assert_said(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, code, "{}", ended.said());
    for words in words {
        assert!(ended.said().contains(words), "{words}: {}", ended.said());
    }
}

#[test]
fn files_of_a_result_that_contradict_one_another_are_refused_before_anything_is_built() {
    let toy = searched("");
    let before = calls(&toy);
    let fragment = toy.read("out/minimal.fragment");
    let other = [
        fragment.replace("CONFIG_X7=y\n", ""),
        format!("{fragment}CONFIG_X1=y\n"),
    ];
    for (other, name) in other.iter().zip(["X7=y", "X1=y"]) {
        toy.write("out/minimal.fragment", other);
        let ended = toy.kbisect(&["verify", "out"]);
        let words = format!("do not speak of the same requests: {name}");
        assert_said(&ended, 1, &[&words]);
    }
    toy.write("out/minimal.fragment", &fragment);
    fs::rename(toy.path("out/minimal.config"), toy.path("config")).unwrap();
    let ended = toy.kbisect(&["verify", "out"]);
    assert_said(&ended, 2, &["cannot read out/minimal.config"]);
    assert_eq!(calls(&toy), before);
    assert!(!toy.path("out/verify").exists());
}

#[test]
fn a_fragment_that_comes_to_other_requests_here_is_refused_before_anything_is_built() {
    let toy = searched("");
    let before = calls(&toy);
    let kconfig = toy.read("src/Kconfig");
    let without = kconfig.replace("config X7\n\tbool \"X7\"\n", "config X7\n\tdef_bool y\n");
    assert_ne!(without, kconfig);
    toy.write("src/Kconfig", &without);
    let ended = toy.kbisect(&["verify", "out"]);
    assert_said(
        &ended,
        1,
        &["does not come to the requests of result.json: X7=y"],
    );
    assert_eq!(calls(&toy), before);
}

#[test]
fn a_finished_verification_is_compared_and_nothing_is_built() {
    let toy = searched("");
    assert_said(
        &toy.kbisect(&["verify", "out"]),
        0,
        &["verified: 3 requests"],
    );
    let before = calls(&toy);
    let again = toy.kbisect(&["verify", "out"]);
    assert_said(
        &again,
        0,
        &[
            "verified: 3 requests",
            "nothing is built",
            "remove out/verify",
        ],
    );
    assert_eq!(calls(&toy), before);
    // What it is compared with is what is claimed now.
    let config = toy.read("out/minimal.config");
    toy.write("out/minimal.config", &config.replace("X7=y", "X8=y"));
    let wrong = toy.kbisect(&["verify", "out"]);
    assert_said(&wrong, 1, &["is not what minimal.fragment resolves to"]);
    assert!(!wrong.stdout.contains("verified"), "{}", wrong.said());
    toy.write("out/minimal.config", &config);
    // It says nothing of an oracle that is another one now.
    let oracle = toy.read("oracle/check");
    toy.script("oracle/check", &format!("{oracle}# edited\n"));
    let other = toy.kbisect(&["verify", "out"]);
    assert_said(
        &other,
        2,
        &[
            "oracles",
            "hint: remove out/verify, or give another --output",
        ],
    );
    assert_eq!(calls(&toy), before);
}

#[test]
fn a_finished_verification_of_which_the_result_does_not_hold_says_so_again() {
    let toy = searched("");
    let (result, fragment) = (
        toy.read("out/result.json"),
        toy.read("out/minimal.fragment"),
    );
    let is_lax = format!("{CALLS}\n");
    toy.script("oracle/check", &Rule::all(&["X3", "X7"]).script(&is_lax));
    for _ in 0..2 {
        let ended = toy.kbisect(&["verify", "out"]);
        assert_said(&ended, 1, &["not needed: X11=y"]);
        assert!(!ended.stdout.contains("verified"), "{}", ended.said());
    }
    assert_eq!(toy.read("out/result.json"), result);
    assert_eq!(toy.read("out/minimal.fragment"), fragment);
}

#[test]
fn a_verification_of_another_result_is_not_taken_for_this_one() {
    let toy = searched("");
    let verify = || toy.kbisect(&["verify", "out", "--output", "checked"]);
    assert_said(&verify(), 0, &["verified: 3 requests"]);
    fs::remove_dir_all(toy.path("out")).unwrap();
    toy.script("oracle/check", &Rule::all(&["X3", "X5"]).script(CALLS));
    assert_eq!(toy.run(&["-j", "1"]).code, 0);
    let before = calls(&toy);
    let words = [
        "a verification of another result",
        "X11=y",
        "remove checked",
    ];
    assert_said(&verify(), 2, &words);
    assert_eq!(calls(&toy), before);
    fs::remove_dir_all(toy.path("checked")).unwrap();
    assert_said(&verify(), 0, &["verified: 2 requests"]);
}

#[test]
fn an_interrupted_verification_of_which_the_files_of_the_start_are_lost_goes_on() {
    // The verification judges the start, the answer and each removal: it is stopped at the third.
    let stop = "test ! -e \"$toy/state/stop\" || test $calls != \"$(cat \"$toy/state/stop\")\" || exit 126";
    let toy = searched(stop);
    toy.write("state/stop", &(calls(&toy) + 3).to_string());
    let stopped = toy.kbisect(&["verify", "out"]);
    assert_said(&stopped, 1, &["the oracle check is broken"]);
    assert!(!stopped.stdout.contains("verified"), "{}", stopped.said());
    fs::remove_dir_all(toy.path("out/verify/trials/0001")).unwrap();
    let ended = toy.kbisect(&["verify", "out"]);
    assert_said(
        &ended,
        0,
        &["the start is judged again", "verified: 3 requests"],
    );
    assert!(
        !ended.said().contains("finished before"),
        "{}",
        ended.said()
    );
}

#[test]
fn a_request_without_a_proof_that_is_not_needed_is_told() {
    // Without X11 the oracle cannot tell at first, and later it accepts.
    let unsure = format!("{CALLS}\ntest -e \"$toy/state/later\" || on X11 || exit 125");
    let toy = Toy::new(&Spec::twelve().oracle(&Rule::all(&["X3", "X7"]).script(&unsure)));
    let ended = toy.run(&["-j", "1"]);
    assert_said(&ended, 4, &["X11=y"]);
    toy.write("state/later", "");
    let ended = toy.kbisect(&["verify", "out"]);
    assert_said(&ended, 1, &["not needed: X11=y"]);
    assert!(!ended.stdout.contains("verified"), "{}", ended.said());
}

#[test]
fn a_run_is_no_verification_of_itself() {
    // With these settings a verification searches in the same way.
    let names = ["X3", "X7", "X11"];
    let symbols = names.map(|name| (name, ""));
    let toy =
        Toy::new(&Spec::new(&symbols, &Rule::all(&names)).oracle(&Rule::all(&names).script(CALLS)));
    let ended = toy.run(&["-j", "1", "--algorithm", "one-by-one", "--trace", "off"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    let before = calls(&toy);
    let words = ["something else in it than a verification of this result"];
    let ended = toy.kbisect(&["verify", "out", "--output", "out"]);
    assert_said(&ended, 2, &words);
    assert_eq!(calls(&toy), before);
    // Nor is a verification a run.
    assert_eq!(toy.kbisect(&["verify", "out"]).code, 0);
    let ended = toy.run(&["-j", "1", "--output", "out/verify"]);
    assert_said(&ended, 2, &["has a verification in it"]);
}
