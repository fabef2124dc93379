//! The command line from outside: help, mistakes and what is said of them, exit codes.
//!
//! `SNAPSHOTS=overwrite cargo test --test cli` writes the snapshots anew.
#![allow(clippy::unwrap_used)]

mod toy;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use kbisect::journal::{Ending, Journal, Record, RunDir, RunInfo};
use kbisect::kconfig::parse_config;
use kbisect::model::{
    Candidate, CandidateId, Fingerprint, Judgement, Origin, Request, RequestSet, Source, Stage,
    Symbol, Timings, TrialId, Value, Verdict,
};
use kbisect::report::gather;
use snapbox::{assert_data_eq, file, str};
use toy::{CALLS, Rule, Spec, TWELVE_NEEDED, Toy, set};

/// What kbisect did.
struct Done {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A folder to run kbisect in, with a cache of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Done {
        let output = Command::new(env!("CARGO_BIN_EXE_kbisect"))
            .args(args)
            .current_dir(self.path())
            .env("KBISECT_CACHE", self.path().join("cache"))
            .env("COLUMNS", "100")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        // Its place differs each time.
        let place = self.path().canonicalize().unwrap();
        let text = |bytes| {
            String::from_utf8(bytes)
                .unwrap()
                .replace(place.to_str().unwrap(), "[PLACE]")
        };
        Done {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// What it says when it takes this for a mistake in its use.
    fn refused(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!(done.code, Some(2), "{}", done.err);
        done.err
    }

    /// A run directory in which nothing has happened yet.
    fn begun(&self, name: &str) -> RunDir {
        self.new_run(name).0
    }

    fn new_run(&self, name: &str) -> (RunDir, Journal) {
        let request = Request {
            symbol: Symbol::new("PCI").unwrap(),
            value: Value::YES,
        };
        let info = RunInfo {
            kbisect: "0.1.0".into(),
            at: 0,
            argv: vec![],
            key: Default::default(),
            settings: Default::default(),
            algorithm: "ddmin".into(),
            requests: vec![request],
            keep: RequestSet::empty(1),
            symptoms: vec![],
            start_lines: None,
            carried: vec![],
            selectors: vec![],
            prior: Default::default(),
            analysis: None,
            verifies: None,
        };
        RunDir::create(&self.path().join(name), &info).unwrap()
    }
}

#[test]
fn help_tells_what_there_is() {
    let place = Place::new();
    for (args, snapshot) in [
        (&["--help"][..], file!["snapshots/help.txt"]),
        (&["run", "--help"], file!["snapshots/help-run.txt"]),
        (&["resume", "--help"], file!["snapshots/help-resume.txt"]),
    ] {
        let done = place.run(args);
        assert_eq!(done.code, Some(0));
        assert_data_eq!(done.out, snapshot);
    }
}

#[test]
fn without_an_oracle_nothing_is_begun() {
    let place = Place::new();
    let done = place.run(&[]);
    assert_eq!((done.code, done.out.as_str()), (Some(2), ""));
    assert_data_eq!(
        done.err,
        str![[r#"
error: no oracle is given
hint: try `--oracle shell-ok`; `kbisect oracles` lists them

"#]]
    );
    assert!(!place.path().join("kbisect.out").exists());
}

#[test]
fn an_unknown_oracle_is_told_with_those_that_there_are() {
    let done = Place::new().run(&["--oracle", "shell-okay"]);
    assert_eq!(done.code, Some(2));
    assert_data_eq!(
        done.err,
        str![[r#"
== preparing
error: there is no oracle `shell-okay`
hint: did you mean shell-ok? an oracle is the path of an executable file, or one of shell-ok, dmesg-clean, disk-ok, disk-dmesg-clean, grub-ok, net-ok, dhcp-ok, ssh-ok, openssh-ok, ec2-ok, userspace-ok, systemd-ok, docker-ok, ec2-instance, size-under, builds-clean

"#]]
    );
}

#[test]
fn a_flag_that_does_not_exist_is_a_usage_error() {
    assert_eq!(Place::new().run(&["--orcale", "x"]).code, Some(2));
}

#[test]
fn a_start_that_asks_for_nothing_is_refused() {
    let place = Place::new();
    place.write("start.config", "# a comment\n\n");
    let mut args = vec!["--oracle", "/bin/true", "--start", "start.config"];
    // Should it be accepted, no kernel is searched.
    args.extend(["--source", "nowhere"]);
    let done = place.run(&args);
    assert_eq!(done.code, Some(2));
    assert_data_eq!(
        done.err,
        str![[r#"
== preparing
error: [PLACE]/start.config asks for nothing
hint: it must have lines like CONFIG_PCI=y, with CONFIG_: a .config or a fragment of one

"#]]
    );
}

#[test]
fn a_settings_file_that_is_no_toml_is_refused() {
    let place = Place::new();
    place.write("kbisect.toml", "jobs = 3\noracle = \n");
    assert_data_eq!(
        place.refused(&[]),
        str![[r#"
error: kbisect.toml is no settings file: line 2: string values must be quoted, expected literal string
hint: that line is `oracle =`

"#]]
    );
}

#[test]
fn a_setting_of_the_wrong_type_is_shown_with_its_line() {
    let place = Place::new();
    place.write("kbisect.toml", "jobs = 3\njobs = 'many'\n");
    assert_data_eq!(
        place.refused(&["plan"]),
        str![[r#"
error: kbisect.toml is no settings file: line 2: duplicate key
hint: that line is `jobs = 'many'`

"#]]
    );
}

#[test]
fn each_page_that_the_manual_names_is_there() {
    let place = Place::new();
    let page = |args: &[&str]| {
        let done = place.run(args);
        assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{args:?}");
        done.out
    };
    let main = page(&["man"]);
    let named = main.split("kbisect\\-").skip(1);
    let mut names: Vec<&str> = named
        .filter_map(|rest| rest.split_once("(1)").map(|(name, _)| name))
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase()))
        .collect();
    names.dedup();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let head = format!(".TH kbisect-{name} 1");
        assert!(page(&["man", name]).contains(&head), "{name}");
    }
    assert_eq!(place.run(&["man", "nothing"]).code, Some(2));
}

#[test]
fn a_run_that_has_come_to_its_end_is_shown_and_left_as_it_is() {
    let place = Place::new();
    let (dir, mut journal) = place.new_run("out");
    let judgement = |trial: u8, verdict| Judgement {
        trial: TrialId(trial.into()),
        fingerprint: match trial {
            1 => parse_config("CONFIG_A=y\n").fingerprint(),
            _ => Fingerprint([trial; 32]),
        },
        verdict,
        source: Source::Tested,
        evidence: None,
        image: None,
        image_size: Some(1000),
        lines: 2,
        timings: Timings::default(),
        origin: Origin::Earlier,
    };
    let keep = RequestSet::empty(1);
    let candidate = Candidate {
        id: CandidateId(0),
        keep,
        round: 0,
        origin: Origin::Earlier,
    };
    for record in [
        Record::Started { at: 0 },
        Record::Start {
            by: None,
            judgement: judgement(1, Verdict::Pass),
            files: BTreeMap::new(),
        },
        Record::Proposed { candidate },
        Record::Told {
            by: None,
            candidate: CandidateId(0),
            judgement: judgement(2, Verdict::Fail(Stage::Oracle)),
        },
        Record::Finished {
            at: 9,
            ending: Ending::Minimal,
            risk: None,
        },
    ] {
        journal.append(&record).unwrap();
    }
    drop((dir, journal));
    let (info, lines) = RunDir::read(&place.path().join("out")).unwrap();
    let report = gather(&info, &lines).unwrap();
    let result = serde_json::to_string_pretty(&report).unwrap() + "\n";
    place.write("out/result.json", &result);
    place.write("out/minimal.config", "CONFIG_A=y\n");
    place.write("out/minimal.fragment", "CONFIG_PCI=y\n");
    place.write("out/trees/tree-000/left", "");
    let before = fs::read(place.path().join("out/journal.jsonl")).unwrap();
    let done = place.run(&["resume", "out"]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    // The settings of this run are of no version.
    let unknown =
        "the toolchain as they were: whether they still are cannot be told: the settings in";
    assert!(done.err.contains(unknown), "{}", done.err);
    let end = "the run in out has already finished\n";
    assert!(done.err.ends_with(end), "{}", done.err);
    assert!(
        done.out.starts_with("minimal and certified"),
        "{}",
        done.out
    );
    let after = fs::read(place.path().join("out/journal.jsonl")).unwrap();
    assert_eq!(before, after);
    assert!(!place.path().join("out/trees").exists());
    place.refused(&["resume", "out", "--budget-time", "soon"]);
    // With the result of an earlier end it goes on, for which it would need what it was begun with.
    place.write("out/result.json", &result.replace("minimal", "unproved"));
    assert_ne!(place.run(&["resume", "out"]).code, Some(0));
}

#[test]
fn an_unknown_key_in_the_settings_file_is_a_warning() {
    let place = Place::new();
    place.write("kbisect.toml", "oracle = '/no/such/oracle'\nlobs = 3\n");
    let done = place.run(&[]);
    assert_eq!(done.code, Some(2), "the oracle is what stops it");
    assert!(
        done.err
            .contains("warning: kbisect.toml: unknown key `lobs`; did you mean `jobs`?\n"),
        "{}",
        done.err
    );
    // It may be what is missing.
    place.write("kbisect.toml", "orcale = 'shell-ok'\n");
    assert_data_eq!(
        place.refused(&["plan"]),
        str![[r#"
warning: kbisect.toml: unknown key `orcale`; did you mean `oracle`?
error: no oracle is given
hint: try `--oracle shell-ok`; `kbisect oracles` lists them

"#]]
    );
}

#[test]
fn a_result_that_there_is_no_room_for_is_an_error() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kbisect"))
        .args(["man", "run"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.starts_with("error: cannot write to standard output"),
        "{said}"
    );
}

#[test]
fn a_time_without_sense_is_refused() {
    for flag in ["--timeout", "--budget-time"] {
        let done = Place::new().run(&["--oracle", "/bin/true", flag, "soon"]);
        assert_eq!(done.code, Some(2));
        assert!(
            done.err
                .contains(&format!("`soon` is no time for {flag}\nhint: write it as")),
            "{}",
            done.err
        );
    }
}

#[test]
fn a_source_tree_with_a_build_in_it_is_refused_with_the_way_out() {
    let place = Place::new();
    place.write("linux/Makefile", "");
    place.write("linux/.config", "CONFIG_PCI=y\n");
    let done = place.run(&["--oracle", "/bin/true", "--source", "linux"]);
    assert_eq!(done.code, Some(2));
    assert_data_eq!(
        done.err,
        str![[r#"
== preparing
error: the source tree [PLACE]/linux is not clean: it has .config
hint: save its .config if you need it; then: make -C [PLACE]/linux mrproper

"#]]
    );
}

#[test]
fn what_is_not_there_cannot_be_resumed_reported_or_verified() {
    let place = Place::new();
    for command in ["resume", "report", "trace"] {
        let done = place.run(&[command, "nowhere"]);
        assert_eq!(done.code, Some(2));
        let hint = format!("`kbisect {command} DIR`; `kbisect run` begins a run");
        assert!(done.err.contains(&hint), "{}", done.err);
        assert!(
            done.err.starts_with("error: there is no run in nowhere\n"),
            "{}",
            done.err
        );
    }
    let done = place.run(&["verify", "nowhere"]);
    assert_eq!(done.code, Some(2));
    assert!(
        done.err.contains("there is no result in nowhere"),
        "{}",
        done.err
    );
    assert!(!place.path().join("nowhere").exists());
}

#[test]
fn there_is_no_report_before_the_start_has_passed() {
    let place = Place::new();
    drop(place.begun("run"));
    let done = place.run(&["report", "run"]);
    assert_eq!((done.code, done.out.as_str()), (Some(1), ""));
    assert_data_eq!(
        done.err,
        str![[r#"
error: the start has not passed yet
hint: there is something to report as soon as it has; see trials/ in the run directory

"#]]
    );
}

#[test]
fn a_run_directory_that_is_held_is_refused_at_once() {
    let place = Place::new();
    let held = place.begun("run");
    for args in [
        &["resume", "run"][..],
        &["run", "--oracle", "/bin/true", "--output", "run"],
    ] {
        let done = place.run(args);
        assert_eq!(done.code, Some(5), "{}", done.err);
        let me = format!("another run holds run: process {}", std::process::id());
        assert!(done.err.contains(&me), "{}", done.err);
    }
    drop(held);
    assert_ne!(place.run(&["resume", "run"]).code, Some(5));
}

#[test]
fn options_for_all_commands_may_stand_before_one_and_those_of_a_run_may_not() {
    let place = Place::new();
    let done = place.run(&["-v", "report", "nowhere"]);
    assert!(done.err.contains("nowhere"), "{}", done.err);
    let done = place.run(&["--oracle", "shell-ok", "report", "nowhere"]);
    assert_eq!(done.code, Some(2));
    assert!(
        done.err
            .starts_with("error: options of a run stand before another command"),
        "{}",
        done.err
    );
}

#[test]
fn with_json_nothing_but_json_is_on_standard_output() {
    let place = Place::new();
    place.write("kbisect.toml", "lobs = 3\n");
    let done = place.run(&["--message-format", "json", "--oracle", "nope"]);
    assert_eq!(done.code, Some(2));
    assert_data_eq!(
        done.out,
        str![[r#"
{"v":1,"event":"phase-begun","phase":"preparing"}
{"v":1,"event":"warning","text":"kbisect.toml: unknown key `lobs`; did you mean `jobs`?"}
{"event":"error","exit":2,"hint":"an oracle is the path of an executable file, or one of shell-ok, dmesg-clean, disk-ok, disk-dmesg-clean, grub-ok, net-ok, dhcp-ok, ssh-ok, openssh-ok, ec2-ok, userspace-ok, systemd-ok, docker-ok, ec2-instance, size-under, builds-clean","message":"there is no oracle `nope`","v":1}

"#]]
    );
    assert!(done.err.starts_with("error: there is no oracle `nope`"));
}

#[test]
fn settings_that_would_fail_later_are_refused_before_a_run_is_begun() {
    let place = Place::new();
    place.write("file", "x");
    for (wrong, why) in [
        (&["--build-jobs", "99999"][..], "at most 4096"),
        (&["--jobs", "0"], "a whole number, 1 or more"),
        (&["--build-jobs", "0"], "a whole number, 1 or more"),
        (&["--timeout", "18446744073709551615"], "a year at most"),
        (&["--budget-time", "18446744073709551615"], "a year at most"),
        (&["--output", "my run"], "a blank in its path"),
        (&["--output", "file"], "is no folder"),
        (&["--output", "file/run"], "cannot be made"),
        (&["--trace", "file"], "file is no trace"),
        (
            &["--project", "busybox", "--arch", "arm", "--start", "file"],
            "--arch has no effect on the project busybox",
        ),
        (&["--oracle", "."], "is a folder"),
    ] {
        for command in ["run", "plan"] {
            let args = [&[command, "--oracle", "/bin/true", "--source", "."], wrong].concat();
            if wrong[0] == "--oracle" {
                place.write("Makefile", "");
            }
            let said = place.refused(&args);
            assert!(said.contains(why), "{args:?}: {said}");
        }
    }
    assert!(!place.path().join("kbisect.out").exists());
    place.write("kbisect.toml", "jobs = 0\n");
    let said = place.refused(&["plan", "--oracle", "/bin/true"]);
    assert!(said.contains("a whole number, 1 or more"), "{said}");
}

#[test]
fn flags_that_a_project_of_ones_own_has_no_use_for_are_told() {
    let place = Place::new();
    place.write("start.config", "CONFIG_X=y\n");
    let table = "oracle = '/bin/true'\nstart = 'start.config'\n\
                 [project]\nname = 'mine'\ntargets = ['all']\nproduct = 'out.bin'\n";
    place.write("kbisect.toml", table);
    let said = place.refused(&["plan", "--arch", "nonsense"]);
    assert!(
        said.contains("--arch has no effect on the project mine"),
        "{said}"
    );
    let said = place.refused(&["plan", "--cc-launcher", "ccache"]);
    assert!(said.contains("its compiler is not known"), "{said}");
    let said = place.refused(&["plan", "--no-object-cache"]);
    assert!(
        said.contains("warning: --no-object-cache has no effect"),
        "{said}"
    );
}

#[test]
fn a_run_that_lost_its_description_is_told_in_the_same_words_by_all() {
    let place = Place::new();
    drop(place.begun("out"));
    fs::remove_file(place.path().join("out/run.json")).unwrap();
    let run = ["run", "--oracle", "/bin/true", "--output", "out"];
    let plan = ["plan", "--oracle", "/bin/true", "--output", "out"];
    for args in [&["resume", "out"][..], &["report", "out"], &run, &plan] {
        let said = place.refused(args);
        assert!(said.contains("its run.json is gone"), "{args:?}: {said}");
        assert!(!said.contains("kbisect resume"), "{args:?}: {said}");
    }
}

#[test]
fn a_shipped_oracle_that_is_misspelt_is_suggested() {
    let place = Place::new();
    place.write("Makefile", "");
    for args in [
        &["oracles", "shellok"][..],
        &["plan", "--source", ".", "--oracle", "shellok"],
    ] {
        let said = place.refused(args);
        assert!(said.contains("did you mean shell-ok?"), "{args:?}: {said}");
    }
}

#[test]
fn the_doctor_looks_at_what_the_project_of_the_folder_needs() {
    let place = Place::new();
    place.write("oracle", "#!/bin/sh\n");
    place.write("src/Makefile", "");
    assert!(place.run(&["doctor"]).out.contains("kernel source"));
    let table = "oracle = './oracle'\nsource = 'src'\n\
                 [project]\nname = 'mine'\ntargets = ['all']\nproduct = 'out.bin'\n";
    place.write("kbisect.toml", table);
    let said = place.run(&["doctor"]).out;
    assert!(said.contains("make"), "{said}");
    for other in ["kernel source", "QEMU", "guest"] {
        assert!(!said.contains(other), "{other}: {said}");
    }
}

#[test]
fn a_project_of_ones_own_needs_a_source_of_its_own() {
    let place = Place::new();
    place.write("start.config", "CONFIG_X=y\n");
    place.write("oracle", "#!/bin/sh\n");
    let table = "oracle = './oracle'\nstart = 'start.config'\n\
                 [project]\nname = 'mine'\ntargets = ['all']\nproduct = 'out.bin'\n";
    place.write("kbisect.toml", table);
    for command in ["plan", "run"] {
        let done = place.run(&[command]);
        assert_eq!(done.code, Some(2));
        let needs = "error: the project mine needs a --source\n";
        assert!(done.err.contains(needs), "{}", done.err);
    }
    let done = place.run(&["plan", "--project", "nobody"]);
    assert!(done.err.contains("nobody"), "{}", done.err);
}

#[test]
fn what_the_settings_file_says_of_the_output_holds_for_reports_and_resumptions() {
    let place = Place::new();
    place.write("kbisect.toml", "output = 'elsewhere'\n");
    for command in ["report", "resume"] {
        let done = place.run(&[command]);
        assert!(
            done.err.contains("there is no run in elsewhere"),
            "{}",
            done.err
        );
    }
}

#[test]
fn a_plan_refuses_what_a_run_would_refuse() {
    let place = Place::new();
    place.write("full/thesis.tex", "x");
    place.write("chances", "PCI 2\n");
    place.write("start.config", "CONFIG_CAT=y\n");
    for (wrong, why) in [
        (&["--prior", "nowhere"][..], "read the prior"),
        (&["--prior", "chances"], "chance"),
        (&["--output", "full"], "full is not empty"),
        (
            &["--project", "busybox", "--start", "start.config"],
            "shell-ok boots kernels, not busybox",
        ),
    ] {
        for command in ["plan", "run"] {
            let done = place.run(&[&[command, "--oracle", "shell-ok"], wrong].concat());
            assert_ne!(done.code, Some(0), "{wrong:?}");
            assert!(done.err.contains(why), "{command}: {}", done.err);
        }
    }
    assert!(!place.path().join("full/lock").exists());
}

#[test]
fn an_oracle_that_calls_boot_wrongly_is_broken_and_says_nothing_of_the_kernel() {
    let place = Place::new();
    let status = |args: &[&str], trial: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kbisect"));
        command.args(args).current_dir(place.path());
        command.env_remove("KBISECT_TRIAL").stderr(Stdio::null());
        command.envs(trial.map(|trial| ("KBISECT_TRIAL", trial)));
        command.status().unwrap().code()
    };
    for args in [
        &["boot", "--untill", "x"][..],
        &["-q", "boot", "--untill", "x"],
        &["bot", "--until", "x"],
        &[
            "boot",
            "--kernel",
            "/dev/null",
            "--until",
            "x",
            "--when",
            "y",
            "--send",
            "a",
            "--send",
            "b",
        ],
    ] {
        let trial = place.path().to_str();
        assert_eq!(status(args, trial), Some(126), "{args:?}");
        assert_eq!(status(args, None), Some(2), "{args:?}");
    }
}

#[test]
fn without_a_trace_there_is_no_guess_to_show_and_two_guesses_are_refused() {
    let place = Place::new();
    let _held = place.begun("out");
    let done = place.run(&["trace", "out"]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("was not traced"), "{}", done.err);
    let args = ["--oracle", "shell-ok", "--prior", "x", "--trace", "y"];
    let done = place.run(&args);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("do not go together"), "{}", done.err);
}

#[test]
fn a_kernel_that_is_not_there_is_told_before_anything_is_booted() {
    let place = Place::new();
    let done = place.run(&["boot", "--kernel", "nowhere", "--until", "x"]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("cannot read nowhere"), "{}", done.err);
}

#[test]
fn a_trace_or_a_prior_that_is_not_there_is_told_before_anything_is_prepared() {
    let place = Place::new();
    for what in ["--trace", "--prior"] {
        let args = [
            "--oracle", "shell-ok", "--source", "nowhere", what, "absent",
        ];
        for args in [args.to_vec(), [&["plan"], &args[..]].concat()] {
            let done = place.run(&args);
            assert_eq!(done.code, Some(2), "{args:?}");
            assert!(done.err.contains("cannot read the "), "{}", done.err);
        }
    }
}

#[test]
fn a_result_without_its_run_is_reported_and_a_folder_without_either_is_refused() {
    let place = Place::new();
    let result = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/busybox/result.json");
    place.write("kept/result.json", &fs::read_to_string(result).unwrap());
    let done = place.run(&["report", "kept"]);
    assert_eq!(done.code, Some(0));
    assert!(done.out.contains("minimal and certified"), "{}", done.out);
    assert!(done.out.contains("CAT=y"), "{}", done.out);
    place.write("kept/result.json", "{}");
    assert_eq!(place.run(&["report", "kept"]).code, Some(1));
    for command in ["report", "trace"] {
        let done = place.run(&[command, "."]);
        assert_eq!(done.code, Some(2), "{command}");
        assert!(done.err.contains("there is no run in"), "{}", done.err);
    }
}

#[test]
fn a_misspelt_key_of_the_project_is_answered_by_the_one_that_is_spelt_like_it() {
    let mut spec = Spec::twelve();
    spec.project = "make-arg = [\"A=1\"]\nzone = 3".to_owned();
    let done = Toy::new(&spec).kbisect(&["plan"]);
    assert_eq!(done.code, 0, "{}", done.said());
    let told = "unknown key `project.make-arg`; did you mean `project.make-args`?\n";
    assert!(done.stderr.contains(told), "{}", done.said());
    let told = "unknown key `project.zone`\n";
    assert!(done.stderr.contains(told), "{}", done.said());
}

#[test]
fn a_project_without_a_target_for_its_smallest_configuration_is_told_so() {
    let mut spec = Spec::twelve();
    spec.project = "base-target = \"smallest\"".to_owned();
    let done = Toy::new(&spec).kbisect(&["plan"]);
    assert_eq!(done.code, 2, "{}", done.said());
    let told = "the project toy has no make target smallest";
    assert!(done.stderr.contains(told), "{}", done.said());
    assert!(done.stderr.contains("base-target"), "{}", done.said());
}

#[test]
fn a_symbol_to_keep_that_is_not_there_is_refused_with_those_that_are_spelt_like_it() {
    let mut spec = Spec::twelve();
    spec.kconfig += "config ABSENT\n\tbool \"absent\"\n";
    spec.start += "CONFIG_ABSEND=y\n";
    let toy = Toy::new(&spec);
    let done = toy.kbisect(&["plan", "--keep", "ABSEMT"]);
    assert_eq!(done.code, 2, "{}", done.said());
    for told in [
        "start: line 13: this source has no symbol ABSEND for this architecture; did you mean ABSENT?",
        "--keep ABSEMT: this source has no symbol ABSEMT for this architecture",
        "hint: did you mean ABSENT?",
    ] {
        assert!(done.stderr.contains(told), "{}", done.said());
    }
    let done = toy.kbisect(&["plan", "--keep", "ABSENT"]);
    assert_eq!(done.code, 2, "{}", done.said());
    let told = "--keep ABSENT: the start does not turn ABSENT on";
    assert!(done.stderr.contains(told), "{}", done.said());
}

#[test]
fn a_symbol_of_the_base_that_the_source_does_not_have_is_told_with_its_line() {
    let toy = Toy::new(&Spec::twelve());
    toy.write("base", "CONFIG_X1=y\nCONFIG_NOPE=y\n");
    let done = toy.kbisect(&["plan", "--base", "base"]);
    assert_eq!(done.code, 0, "{}", done.said());
    let told = "base: line 2: this source has no symbol NOPE for this architecture";
    assert!(done.stderr.contains(told), "{}", done.said());
    assert!(!done.stderr.contains("line 1"), "{}", done.said());
}

#[test]
fn a_string_with_quotes_is_explained_as_it_stands_in_a_config() {
    let mut spec = Spec::twelve();
    let string = "config WORDS\n\tstring \"words\"\n\tdefault \"a \\\"b\\\" c\\\\d\"\n";
    spec.kconfig = format!("{string}\n{}", spec.kconfig);
    let toy = Toy::new(&spec);
    fs::remove_file(toy.path("kbisect.toml")).unwrap();
    let explain = |config: &str| {
        let args = [
            "explain", "WORDS", "--source", "src", "--base", "allno", "--config", config,
        ];
        let done = toy.kbisect(&args);
        assert_eq!(done.code, 0, "{}", done.said());
        done.stdout
    };
    let default = explain("start");
    assert!(
        default.starts_with(r#"WORDS="a \"b\" c\\d"  (string)"#),
        "{default}"
    );
    assert!(
        default.contains(r#"its default: "a \"b\" c\\d""#),
        "{default}"
    );
    toy.write("other", "CONFIG_WORDS=\"say \\\"hi\\\"\"\nCONFIG_X1=y\n");
    let asked = explain("other");
    assert!(
        asked.starts_with(r#"WORDS="say \"hi\""  (string)"#),
        "{asked}"
    );
    assert!(asked.contains("it was asked for"), "{asked}");
}

/// Sends SIGTERM to a run as soon as something in it has written to `up`; what it said, and its exit code.
fn terminated(toy: &Toy) -> toy::Ended {
    for name in ["up", "never"] {
        nix::unistd::mkfifo(&toy.path(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let mut command = toy.command(&["run", "-j", "1"]);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = run.spawn().unwrap();
    fs::read_to_string(toy.path("up")).unwrap();
    let pid = nix::unistd::Pid::from_raw(run.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    toy.ended(&run.wait_with_output().unwrap())
}

#[test]
fn a_run_that_is_terminated_while_it_is_prepared_says_that_there_is_nothing_to_resume() {
    let toy = Toy::new(&Spec::twelve());
    let makefile = toy.read("src/Makefile");
    let wait = "\techo up >$(TOY)/up; read x <$(TOY)/never\n\tcd $(O)";
    toy.write("src/Makefile", &makefile.replace("\tcd $(O)", wait));
    let ended = terminated(&toy);
    assert_eq!(ended.code, 130, "{}", ended.said());
    let words = "error: interrupted while preparing: no run was begun\n\
                 hint: there is nothing to resume; give the same command again\n";
    assert!(ended.stderr.ends_with(words), "{}", ended.said());
    assert!(!toy.path("out/run.json").exists());
    toy.write("src/Makefile", &makefile);
    assert_eq!(toy.run(&[]).code, 0);
}

#[test]
fn a_run_that_is_terminated_during_a_trial_says_how_to_go_on_and_that_does() {
    let wait = "if [ $calls = 6 ]; then echo up >\"$toy/up\"; read x <\"$toy/never\"; fi";
    let script = Rule::all(&TWELVE_NEEDED).script(&format!("{CALLS}\n{wait}"));
    let toy = Toy::new(&Spec::twelve().oracle(&script));
    let ended = terminated(&toy);
    assert_eq!(ended.code, 130, "{}", ended.said());
    assert!(
        ended.stderr.contains("stopping; once more to kill"),
        "{}",
        ended.said()
    );
    assert!(
        ended.stderr.ends_with("to go on: kbisect resume out\n"),
        "{}",
        ended.said()
    );
    assert!(
        ended.stdout.starts_with("stopped early"),
        "{}",
        ended.said()
    );
    let known = format!("{} verdicts are known", toy.verdicts());
    let resumed = toy.resume();
    assert_eq!(resumed.code, 0, "{}", resumed.said());
    assert!(resumed.stderr.contains(&known), "{}", resumed.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED));
}

#[test]
fn what_an_oracle_asks_for_is_checked_before_anything_is_done() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let header = |text: &str| {
        place.write("mine", &format!("#!/bin/sh\n# kbisect: {text}\n"));
        let path = place.path().join("mine");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let run = ["run", "--oracle", "./mine", "--output", "out"];
    header("guest=busybox nic=virtio level=slow");
    let said = place.refused(&run);
    let why = "error: [PLACE]/mine, line 2: level=slow is not known; level is one of fast, full, fast,full\n";
    assert!(said.contains(why), "{said}");
    header("guest=busybox disk=nvme");
    let said = place.refused(&run);
    let why = "disk=nvme needs a guest with a disk, and here is guest=busybox";
    assert!(said.contains(why), "{said}");
    header("nic=virtio");
    let said = place.refused(&[&run[..], &["--guest", "busybox"]].concat());
    assert!(said.contains("the header of mine names no guest"), "{said}");
    assert!(!place.path().join("out").exists());
}

#[test]
fn the_shipped_oracles_are_listed_with_what_they_need() {
    let place = Place::new();
    let out = place.run(&["oracles"]).out;
    let ssh = "ssh-ok           An OpenSSH client logs in with a key and finds a terminal, /proc, pipes and processes.\n\
               \x20                guest=busybox-ssh nic=virtio\n";
    assert!(out.contains(ssh), "{out}");
    let script = place.run(&["oracles", "ssh-ok"]).out;
    assert!(
        script.contains("\n# kbisect: guest=busybox-ssh nic=virtio\n"),
        "{script}"
    );
    let json = place.run(&["--message-format", "json", "oracles"]).out;
    let ssh = r#""guest":"busybox-ssh","level":"full","machine":"machine=pc disk=none nic=virtio boot=direct","name":"ssh-ok""#;
    assert!(json.contains(ssh), "{json}");
}
