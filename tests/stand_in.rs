//! Runs with a kernel that stands for the start, and packages that have one, from end to end on toys.
#![allow(clippy::unwrap_used)]

mod toy;

use std::fs;
use std::process::{Command, Stdio};

use kbisect::journal::{Record, RunDir};
use toy::{Ended, Rule, SmallDisk, Spec, TWELVE_NEEDED, Toy, fragment, set};

/// Notes, in a line for each time the oracle is asked, what it is compared with.
const NOTE: &str =
    r#"echo "${KBISECT_BASELINE:-nothing}" >>"$toy/state/asked"; echo up >console.log"#;

/// The toy of twelve symbols, with a product that was not built by it: it has all of them.
fn toy(twist: &str) -> Toy {
    let rule = Rule::all(&TWELVE_NEEDED);
    let names: Vec<String> = (1..=12).map(|i| format!("X{i}")).collect();
    let symbols: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "")).collect();
    let spec = Spec::new(&symbols, &rule).oracle(&rule.script(twist));
    let toy = Toy::new(&spec);
    toy.write("kernel", &format!("{}# not built here\n", fragment(&names)));
    toy
}

fn records(toy: &Toy) -> Vec<Record> {
    let (_, lines) = RunDir::read(&toy.path("out")).unwrap();
    lines.into_iter().map(|line| line.record).collect()
}

fn stand_ins(toy: &Toy) -> usize {
    let records = records(toy);
    let is = |record: &&Record| matches!(record, Record::StandIn { .. });
    records.iter().filter(is).count()
}

fn run(toy: &Toy, args: &[&str]) -> Ended {
    toy.run(&[&["--start-kernel", "kernel"], args].concat())
}

#[test]
fn a_kernel_that_stands_for_the_start_is_judged_before_anything_is_built_and_is_the_baseline() {
    let toy = toy(NOTE);
    toy.write("right", "X3 0.9\nX7 0.9\nX11 0.9\n");
    let ended = run(&toy, &["-j", "2", "--prior", "right"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED));
    let records = records(&toy);
    let at = |wanted: &dyn Fn(&Record) -> bool| records.iter().position(wanted);
    let stood = at(&|record| matches!(record, Record::StandIn { .. })).unwrap();
    assert!(stood < at(&|record| matches!(record, Record::Proposed { .. })).unwrap());
    assert_eq!(at(&|record| matches!(record, Record::Start { .. })), None);
    assert!(!toy.path("out/trials/0001/build.log").exists());
    assert!(!toy.path("out/trials/0001/stand-in").exists());
    let asked = toy.read("state/asked");
    let mut asked = asked.lines();
    assert_eq!(asked.next(), Some("nothing"));
    assert!(asked.clone().count() > 3);
    assert!(asked.all(|line| line.ends_with("out/trials/0001/check")));
    let result = ended.result.as_ref().unwrap();
    assert_eq!(result["start"], "not-built");
    assert_eq!(result["stand_in"]["trial"], 1);
    let said = ended.said();
    assert!(
        said.contains("stands for the start: the start itself is not built yet"),
        "{said}"
    );
    assert!(said.contains("stood for the start (trial 1)"), "{said}");
    let verified = toy.kbisect(&["verify", "out"]);
    assert_eq!(verified.code, 0, "{}", verified.said());
    assert!(
        !verified.said().contains("start_kernel"),
        "{}",
        verified.said()
    );
}

#[test]
fn a_kernel_that_does_not_pass_ends_the_run_with_its_console_before_anything_is_built() {
    let toy = toy(NOTE);
    toy.write("kernel", &fragment(["X1"]));
    let ended = run(&toy, &[]);
    let said = ended.said();
    assert_eq!(ended.code, 3, "{said}");
    assert!(
        said.contains("does not pass the oracle, asked twice: the rule does not hold"),
        "{said}"
    );
    assert!(said.contains("console.log (last 1 lines)"), "{said}");
    assert!(said.contains("--start-modules"), "{said}");
    assert_eq!(toy.read("state/asked").lines().count(), 2);
    assert!(!toy.path("out/trials/0002/build.log").exists());
    // What the command that repeats it is about is still there.
    assert_eq!(
        toy.read("out/trials/0002/stand-in/out.bin"),
        fragment(["X1"])
    );
    let again = toy.resume();
    assert_eq!(again.code, 3, "{}", again.said());
}

#[test]
fn a_kernel_that_is_refused_when_it_is_judged_again_is_not_said_to_come_before_all_builds() {
    let refuse = r#"if [ -e "$toy/state/refuse" ]; then verdict=1; fi"#;
    let toy = toy(refuse);
    let ended = run(&toy, &["-j", "1", "--budget-trials", "3"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    fs::remove_dir_all(toy.path("out/trials/0001/check")).unwrap();
    toy.write("state/refuse", "");
    let resumed = toy.resume();
    let said = resumed.said();
    assert_eq!(resumed.code, 3, "{said}");
    assert!(said.contains("asked twice"), "{said}");
    assert!(!said.contains("nothing was built yet"), "{said}");
    assert!(said.contains("accepted it in trial 1"), "{said}");
    fs::remove_file(toy.path("state/refuse")).unwrap();
    let resumed = toy.resume();
    assert_eq!(resumed.code, 0, "{}", resumed.said());
}

#[test]
fn the_trial_of_the_kernel_counts_and_that_it_was_refused_first_is_reported() {
    let once =
        format!("{NOTE}\n[ -e \"$toy/state/once\" ] || {{ verdict=1; : >\"$toy/state/once\"; }}");
    let toy = toy(&once);
    let stopped = run(&toy, &["-j", "1", "--budget-trials", "2"]);
    assert_eq!(stopped.code, 4, "{}", stopped.said());
    assert_eq!(toy.read("state/asked").lines().count(), 2);
    let expected = "nothing has passed yet, after 2 verdicts";
    assert!(stopped.said().contains(expected), "{}", stopped.said());
    let ended = toy.resume();
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED));
    let cost = &ended.result.as_ref().unwrap()["cost"];
    let asked = toy.read("state/asked").lines().count();
    let count = |name: &str| cost[name].as_u64().unwrap();
    assert_eq!(count("passed") + count("failed"), asked as u64);
    assert_eq!(count("differed"), 1);
    let said = ended.said();
    assert!(said.contains("the oracle contradicted itself"), "{said}");
}

#[test]
fn that_the_kernel_passes_says_nothing_of_the_start() {
    let of_kernel = "case $image in *'not built here'*) verdict=0;; *) verdict=1;; esac";
    let toy = toy(of_kernel);
    let ended = run(&toy, &["-j", "2"]);
    assert_eq!(ended.code, 3, "{}", ended.said());
    let expected = "nothing smaller passes, and the start does not pass its oracle";
    assert!(ended.said().contains(expected), "{}", ended.said());
    let whole = records(&toy).into_iter().any(
        |record| matches!(record, Record::Proposed { candidate } if candidate.keep.len() == 12),
    );
    assert!(whole, "all of it is built and judged");
}

#[test]
fn a_run_that_goes_on_asks_about_the_kernel_again_only_if_its_files_are_lost() {
    let toy = toy(NOTE);
    let ended = run(&toy, &["-j", "1", "--budget-trials", "1"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    let stopped = toy.kbisect(&["resume", "out", "--budget-trials", "2"]);
    assert!(
        !stopped.said().contains("judged again"),
        "{}",
        stopped.said()
    );
    assert_eq!(stand_ins(&toy), 1);
    fs::remove_dir_all(toy.path("out/trials/0001/check")).unwrap();
    let resumed = toy.resume();
    assert_eq!(resumed.code, 0, "{}", resumed.said());
    assert!(
        resumed.said().contains("it is judged again"),
        "{}",
        resumed.said()
    );
    assert_eq!(stand_ins(&toy), 2);
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED));
    let asked = toy.read("state/asked");
    assert!(asked.lines().last().unwrap().ends_with("check"));
}

#[test]
fn a_run_goes_on_only_with_the_kernel_that_it_was_begun_with() {
    let toy = toy("");
    let ended = run(&toy, &["-j", "1", "--budget-trials", "1"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    let kernel = toy.read("kernel");
    toy.write("kernel", &format!("{kernel}# another\n"));
    let other = toy.resume();
    assert_eq!(other.code, 2, "{}", other.said());
    assert!(other.said().contains("start_kernel"), "{}", other.said());
    toy.write("kernel", &kernel);
    let resumed = toy.resume();
    assert_eq!(resumed.code, 0, "{}", resumed.said());
}

#[test]
fn a_kernel_that_cannot_be_traced_is_told_and_the_search_begins_without() {
    let toy = toy(&format!(
        "# It says that it is one of: kbisect boot\n{NOTE}"
    ));
    let makefile = toy.read("src/Makefile");
    toy.write("src/Makefile", &format!("core-y := lib/\n{makefile}"));
    toy.write("src/lib/Makefile", "obj-$(CONFIG_X3) += a.o\n");
    let ended = run(&toy, &["-j", "1"]);
    let said = ended.said();
    assert_eq!(ended.code, 0, "{said}");
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED));
    assert!(
        said.contains("the start cannot be traced, and the search begins without"),
        "{said}"
    );
    assert!(said.contains("no oracle uses it"), "{said}");
    assert!(!toy.path("out/trace.json").exists());
}

#[test]
#[allow(clippy::print_stderr, reason = "whoever looks at the test must know")]
fn a_disk_that_fills_while_the_kernel_is_copied_is_no_verdict_and_no_half_a_kernel_is_judged() {
    let toy = toy(NOTE);
    let kernel = toy.read("kernel");
    let large = format!("{kernel}{}", "# large\n".repeat(1 << 19));
    toy.write("kernel", &large);
    let Some(_disk) = SmallDisk::mount(&toy.path("out"), 3000) else {
        eprintln!("not tried: no file system can be mounted");
        return;
    };
    let ended = run(&toy, &["-j", "1"]);
    assert_eq!(ended.code, 1, "{}", ended.said());
    assert!(ended.said().contains("No space left"), "{}", ended.said());
    assert_eq!(stand_ins(&toy), 0);
    assert_eq!(toy.read("state/asked"), "");
    let left = toy.path("out/trials/0001/stand-in");
    assert!(!left.exists(), "it takes the room that others need");
    let grown = Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(toy.path("out"))
        .status();
    assert!(grown.unwrap().success());
    let resumed = toy.resume();
    assert_eq!(resumed.code, 0, "{}", resumed.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED));
}

#[test]
fn what_is_no_kernel_and_no_folder_of_modules_is_refused_before_anything_is_done() {
    let toy = toy("");
    for (args, says) in [
        (&["--start-kernel", "nowhere"][..], "/nowhere"),
        (&["--start-kernel", "src"], "cannot read the kernel"),
        (&["--start-modules", "src"], "without --start-kernel"),
        (
            &["--start-kernel", "kernel", "--start-modules", "src"],
            "no kernel modules in",
        ),
    ] {
        let ended = toy.run(args);
        assert_eq!(ended.code, 2, "{}", ended.said());
        assert!(ended.said().contains(says), "{}", ended.said());
        assert!(!toy.path("out").exists());
    }
    let plan = toy.kbisect(&["plan", "--start-kernel", "kernel"]);
    assert_eq!(plan.code, 0, "{}", plan.said());
    let expected = "kernel first, in place of the start";
    assert!(plan.said().contains(expected), "{}", plan.said());
}

/// Fakes of Debian's tools, which know a package that depends on one with the toy's kernel. `download` and `unpack`, in
/// shell, come before the work of apt-get and dpkg-deb.
fn with_packages(toy: &Toy, download: &str, unpack: &str) {
    toy.script(
        "bin/apt-cache",
        r#"#!/bin/sh
case "$*" in
*" linux-image-toy" | *" linux-image-toy=7-1")
    printf 'Package: linux-image-toy\nVersion: 7-1\nDepends: libc6, linux-image-7.0-toy (= 7-1)\n' ;;
*" linux-image-7.0-toy=7-1") printf 'Package: linux-image-7.0-toy\nVersion: 7-1\nDepends: kmod\n' ;;
*" plain") printf 'Package: plain\nVersion: 1\n' ;;
"pkgnames "*) echo linux-image-toy ;;
*) exit 100 ;;
esac
"#,
    );
    toy.script(
        "bin/apt-get",
        &format!(
            "#!/bin/sh\necho \"$*\" >>\"{0}/state/apt-get\"\n\
             case \"$*\" in *download*) ;; *) exit 0;; esac\n{download}\n\
             for last; do :; done\necho \"$last\" >>\"{0}/state/downloads\"; echo deb >\"$last.deb\"\n",
            toy.path("").display()
        ),
    );
    toy.script(
        "bin/dpkg-deb",
        &format!(
            "#!/bin/sh\nmkdir -p \"$3/boot\"\n{unpack}\ncase $2 in *plain*) exit 0;; esac\n\
             cp {0}/start \"$3/boot/config-7.0-toy\" && cp {0}/kernel \"$3/boot/vmlinuz-7.0-toy\"\n",
            toy.path("").display()
        ),
    );
    toy.script("bin/dpkg-query", "#!/bin/sh\nexit 1\n");
}

fn with_path(toy: &Toy, args: &[&str]) -> Command {
    let path = std::env::var("PATH").unwrap();
    let mut command = toy.command(args);
    command.env("PATH", format!("{}:{path}", toy.path("bin").display()));
    command
}

fn with_package(toy: &Toy, package: &str) -> Ended {
    let start = format!("package:{package}");
    let output = with_path(toy, &["run", "-j", "1", "--start", &start]).output();
    toy.ended(&output.unwrap())
}

/// The packages that are in the cache, whole or not.
fn unpacked(toy: &Toy) -> Vec<String> {
    let entries = fs::read_dir(toy.path("cache/packages"))
        .into_iter()
        .flatten();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn a_package_is_downloaded_once_and_its_kernel_stands_for_its_configuration() {
    let toy = toy("");
    with_packages(&toy, "", "");
    let ended = with_package(&toy, "linux-image-toy");
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED));
    assert_eq!(stand_ins(&toy), 1);
    assert_eq!(unpacked(&toy), ["linux-image-7.0-toy_7-1"]);
    let kernel = toy.path("cache/packages/linux-image-7.0-toy_7-1/boot/vmlinuz-7.0-toy");
    let result = ended.result.unwrap();
    assert_eq!(result["stand_in"]["kernel"], kernel.to_str().unwrap());
    // The settings name its files: the run goes on without apt-get.
    let again = toy.resume();
    assert_eq!(again.code, 0, "{}", again.said());
    fs::remove_dir_all(toy.path("out")).unwrap();
    let second = with_package(&toy, "linux-image-toy=7-1");
    assert_eq!(second.code, 0, "{}", second.said());
    assert_eq!(toy.read("state/downloads").lines().count(), 1);
}

#[test]
fn a_package_of_another_version_than_the_source_is_told_with_the_way_out() {
    let toy = toy("");
    let header = "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 7.0.9 Kernel Configuration\n#\n";
    toy.write("start", &format!("{header}{}", toy.read("start")));
    with_packages(&toy, "", "");
    let makefile = toy.read("src/Makefile");
    let version =
        |sublevel| format!("VERSION = 7\nPATCHLEVEL = 0\nSUBLEVEL = {sublevel}\n{makefile}");
    toy.write("src/Makefile", &version(1));
    let ended = with_package(&toy, "linux-image-toy");
    let said = ended.said();
    assert_eq!(ended.code, 0, "{said}");
    assert!(
        said.contains("configuration of Linux 7.0.9, and the source is Linux 7.0.1"),
        "{said}"
    );
    assert!(said.contains("package:NAME=VERSION"), "{said}");
    fs::remove_dir_all(toy.path("out")).unwrap();
    toy.write("src/Makefile", &version(9));
    let ended = with_package(&toy, "linux-image-toy");
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert!(
        !ended.said().contains("configuration of Linux"),
        "{}",
        ended.said()
    );
}

#[test]
fn a_package_that_cannot_be_had_is_refused_with_what_to_do() {
    let toy = toy("");
    with_packages(&toy, "", "");
    for (name, says, what_to_do) in [
        ("linux-image-tou", "there is no package", "linux-image-toy"),
        (
            "linux-image-toy=8-1",
            "there is no version 8-1",
            "there is 7-1",
        ),
        ("plain", "has no kernel", "apt-cache search"),
        ("-o=x", "is no name of a package", "package:NAME"),
    ] {
        let ended = with_package(&toy, name);
        assert_eq!(ended.code, 2, "{}", ended.said());
        assert!(ended.said().contains(says), "{}", ended.said());
        assert!(ended.said().contains(what_to_do), "{}", ended.said());
        assert_eq!(unpacked(&toy), Vec::<String>::new());
        assert!(!toy.path("out").exists());
    }
    fs::remove_file(toy.path("bin/apt-get")).unwrap();
    let path = "/nowhere";
    let args = ["run", "--start", "package:linux-image-toy"];
    let output = toy.command(&args).env("PATH", path).output().unwrap();
    let ended = toy.ended(&output);
    assert_eq!(ended.code, 2, "{}", ended.said());
    assert!(
        ended.said().contains("there is none here"),
        "{}",
        ended.said()
    );
    assert!(ended.said().contains("--start-kernel"), "{}", ended.said());
}

#[test]
fn a_download_or_an_unpacking_that_fails_leaves_nothing_behind() {
    let half = "echo half >\"$3/boot/vmlinuz-7.0-toy\"; echo 'No space left on device' >&2; exit 2";
    for (download, unpack, says) in [
        (
            "echo 'Temporary failure resolving' >&2; exit 100",
            "",
            "is there a network?",
        ),
        ("", half, "No space left on device"),
    ] {
        let toy = toy("");
        with_packages(&toy, download, unpack);
        let ended = with_package(&toy, "linux-image-toy");
        assert_eq!(ended.code, 1, "{}", ended.said());
        assert!(ended.said().contains(says), "{}", ended.said());
        assert_eq!(unpacked(&toy), Vec::<String>::new());
        assert!(!toy.path("out").exists());
        // The lists are the user's to update.
        let asked = toy.read("state/apt-get");
        assert!(
            asked.lines().all(|line| line.contains("download")),
            "{asked}"
        );
        if download.is_empty() {
            assert!(!ended.said().contains("apt-get update"), "{}", ended.said());
        } else {
            let cause = "Temporary failure resolving";
            assert!(ended.said().contains(cause), "{}", ended.said());
            assert!(ended.said().contains("apt-get update"), "{}", ended.said());
        }
        // Once there is room and a network, all is well.
        with_packages(&toy, "", "");
        let ended = with_package(&toy, "linux-image-toy");
        assert_eq!(ended.code, 0, "{}", ended.said());
    }
}

#[test]
fn a_download_can_be_interrupted_and_leaves_nothing_behind() {
    let toy = toy("");
    let wait = format!(
        "p={0}/state/pid; until [ -s $p ]; do :; done; kill -INT $(cat $p); exec sleep 3000",
        toy.path("").display()
    );
    with_packages(&toy, &wait, "");
    let mut command = with_path(&toy, &["run", "--start", "package:linux-image-toy"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    toy.write("state/pid", &child.id().to_string());
    let ended = toy.ended(&child.wait_with_output().unwrap());
    assert_eq!(ended.code, 130, "{}", ended.said());
    assert_eq!(unpacked(&toy), Vec::<String>::new());
    assert!(!toy.path("out").exists());
}

#[test]
fn an_answer_whose_product_never_changes_is_none_although_another_kernel_stood_for_the_start() {
    let rule = Rule::all(&[]);
    let names: Vec<String> = (1..=12).map(|i| format!("X{i}")).collect();
    let symbols: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "")).collect();
    let spec = Spec::new(&symbols, &rule).recipe("@echo the same >$(O)/out.bin");
    let spec = spec.oracle("#!/bin/sh\necho up >console.log\n");
    for flags in [
        &["--judge-start", "needed"][..],
        &["--start-kernel", "kernel"],
    ] {
        let toy = Toy::new(&spec);
        toy.write("kernel", "not built here\n");
        toy.write("guess", "X3 0.9\n");
        let ended = toy.run(&[flags, &["--prior", "guess"]].concat());
        assert_eq!(ended.code, 1, "{}", ended.said());
        let error = "the product of the answer is that of the start, byte for byte";
        assert!(ended.said().contains(error), "{}", ended.said());
    }
}
