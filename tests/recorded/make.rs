//! Makes the recordings: real runs of kbisect on a toy, of which only what `report` and `resume`
//! read is kept.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::toy::{CALLS, COPY, Rule, Spec, Toy};

/// The folder of the toy, which is in the recordings.
const FOLDER: &str = "/tmp/toy";

/// What is kept of a run directory.
const KEPT: [&str; 5] = [
    "run.json",
    "journal.jsonl",
    "result.json",
    "minimal.config",
    "minimal.fragment",
];

/// The symbols of the toy, each with its attributes.
pub(super) const SYMBOLS: [(&str, &str); 15] = [
    ("NET", ""),
    ("INET", "depends on NET"),
    ("UNIX", "depends on NET"),
    ("BLOCK", ""),
    ("DISK", "depends on BLOCK\nselect FILES"),
    ("RAID", "depends on DISK"),
    ("FILES", ""),
    ("TTY", ""),
    ("CONSOLE", "depends on TTY"),
    ("INPUT", ""),
    ("MOUSE", "depends on INPUT"),
    ("SOUND", ""),
    ("USB", ""),
    ("USB_DISK", "depends on USB && BLOCK"),
    ("TIMER", ""),
];

/// What the oracle needs: two of these things have two ways to be had.
pub(super) fn rule() -> Rule {
    Rule::All(vec![
        Rule::all(&["UNIX", "CONSOLE"]),
        Rule::Any(vec![Rule::on("FILES"), Rule::on("USB_DISK")]),
        Rule::Any(vec![Rule::on("MOUSE"), Rule::on("TIMER")]),
    ])
}

/// The toy, with an oracle that does `twist` before it gives its verdict.
fn twisted(twist: &str) -> Spec {
    Spec::new(&SYMBOLS, &rule()).oracle(&rule().script(twist))
}

/// The toy with a start that has lines of each kind that are no requests.
fn with_other_lines() -> Spec {
    let mut spec = twisted("");
    spec.kconfig += "config ABSENT\n\tbool \"absent\"\n\n\
        config NEEDY\n\tbool \"needy\"\n\tdepends on ABSENT\n\n\
        config CORE\n\tbool\n\tdefault NET\n\n\
        config SIZE\n\tint \"size\"\n\tdefault 5\n\tdepends on NET\n";
    spec.start += "CONFIG_NEEDY=y\nCONFIG_CORE=y\nCONFIG_SIZE=5\nCONFIG_TIMMER=y\n";
    spec
}

/// The toy with an object for each symbol, so that it can be foretold what trials take.
fn compiled() -> Spec {
    let object = |(symbol, _): &(&str, &str)| {
        let file = symbol.to_lowercase();
        format!(
            "@! grep -q CONFIG_{symbol}=y $(KCONFIG_CONFIG) || {{ \\\n\
             cd $(O) && $(CC) -O2 -c -o {file}.o $(srctree)/{file}.c && \\\n\
             echo 'deps_{file}.o := $$(wildcard include/config/{symbol})' >.{file}.o.cmd; }}\n"
        )
    };
    let objects: String = SYMBOLS.iter().map(object).collect();
    let mut spec = twisted("").recipe(&format!("{objects}{COPY}"));
    "compiler = \"gcc\"".clone_into(&mut spec.project);
    spec
}

/// The program that is recorded: that of the tests, unless the environment names another.
fn program() -> PathBuf {
    std::env::var_os("KBISECT_RECORDED_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_kbisect").into(), PathBuf::from)
}

/// A toy whose run is recorded.
struct Recorder {
    toy: Toy,
}

impl Recorder {
    fn new(spec: &Spec) -> Self {
        let folder = Path::new(FOLDER);
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
        let toy = Toy::at(folder, spec);
        for (symbol, _) in SYMBOLS {
            let file = format!("src/{}.c", symbol.to_lowercase());
            toy.write(
                &file,
                &format!("int {symbol}(int of) {{ return of + 1; }}\n"),
            );
        }
        toy.write(
            "guess",
            "UNIX 0.9\nFILES 0.8\nTIMER 0.8\nRAID 0.02\nSOUND 0.01\n",
        );
        Self { toy }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            // No path of this machine gets into the recording.
            .arg0("kbisect")
            .current_dir(FOLDER)
            .env("KBISECT_CACHE", self.toy.path("cache"))
            .env("KBISECT_DATA", self.toy.path("data"))
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// Runs kbisect, which is to end so.
    fn run(&self, code: i32, args: &[&str]) -> &Self {
        let output = self.command(args).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}: {}",
            said(&output)
        );
        self
    }

    /// Runs kbisect, whose process the oracle finds in `$toy/state/pid`.
    fn run_hunted(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        self.toy.write("state/pid.new", &child.id().to_string());
        fs::rename(self.toy.path("state/pid.new"), self.toy.path("state/pid")).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Runs kbisect and kills it as soon as it says that the start has passed.
    fn run_until_the_start_passed(&self) {
        let mut command = self.command(&["run", "-j", "1", "--message-format", "json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let passed = |line: &String| line.contains(r#""event":"trial-ended""#);
        lines
            .find(|line| passed(line.as_ref().unwrap()))
            .unwrap()
            .unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn journal(&self) -> String {
        self.toy.read("out/journal.jsonl")
    }

    /// Keeps what there is, under this name.
    fn keep(&self, name: &str) {
        let to = super::folder().join(name);
        fs::create_dir_all(&to).unwrap();
        for file in KEPT {
            let (from, to) = (self.toy.path("out").join(file), to.join(file));
            match fs::read_to_string(from) {
                Ok(text) => {
                    let home = std::env::var("HOME").unwrap_or_default();
                    assert!(
                        home.len() < 2 || !text.contains(&home),
                        "{name}: {file} names {home}"
                    );
                    fs::write(to, text).unwrap();
                }
                Err(_) => {
                    let _ = fs::remove_file(to);
                }
            }
        }
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// In this judgement the oracle sends the signal to kbisect, and never comes to its end.
fn signalled_in(judgement: usize, signal: &str) -> Spec {
    let wait = "until [ -s \"$toy/state/pid\" ]; do :; done";
    let kill = format!("kill -{signal} \"$(cat \"$toy/state/pid\")\"");
    twisted(&format!(
        "{CALLS}\n\
         if [ $calls = {judgement} ]; then {wait}; {kill}; exec sleep 3000; fi"
    ))
}

/// An oracle of which so many of a hundred verdicts are flipped.
fn flipping(percent: u32, seed: u32) -> Spec {
    twisted(&format!(
        "{CALLS}\n\
         chance=$(echo {seed} $calls | sha256sum | cut -c1-6)\n\
         if [ $((0x$chance % 100)) -lt {percent} ]; then verdict=$((1 - verdict)); fi"
    ))
}

/// Was a smaller best taken back?
fn takes_back(journal: &str) -> bool {
    let requests = |line: &str| -> Option<u64> {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        (line["record"] == "best").then(|| line["requests"].as_u64())?
    };
    let best: Vec<u64> = journal.lines().filter_map(requests).collect();
    best.windows(2).any(|pair| pair[0] < pair[1])
}

#[test]
#[ignore = "it makes the recordings of today's version anew"]
fn make_the_recordings_of_this_version() {
    let only: Option<BTreeSet<String>> = std::env::var("KBISECT_RECORDED_ONLY")
        .ok()
        .map(|names| names.split(',').map(str::to_owned).collect());
    let is_wanted = |name: &str| only.as_ref().is_none_or(|only| only.contains(name));
    let plain = twisted("");
    let steady = |name: &str, spec: &Spec, code: i32, args: &[&str]| {
        if is_wanted(name) {
            let args = [&["run"], args].concat();
            Recorder::new(spec).run(code, &args).keep(name);
        }
    };

    for algorithm in kbisect::search::Algorithm::ALL.map(|a| a.name()) {
        steady(algorithm, &plain, 0, &["-j", "2", "--algorithm", algorithm]);
    }
    steady("deterministic", &plain, 0, &["-j", "3", "--deterministic"]);
    steady(
        "as-it-comes",
        &plain,
        0,
        &["-j", "2", "--confidence", "none"],
    );
    steady("kept", &plain, 0, &["-j", "2", "--keep", "RAID"]);
    steady("prior", &plain, 0, &["-j", "2", "--prior", "guess"]);
    steady("leaves", &plain, 4, &["-j", "2", "--certify", "leaves"]);
    let blind = "case $image in *CONFIG_UNIX=y*) ;; *) exit 125;; esac";
    steady("unproved", &twisted(blind), 4, &["-j", "2"]);
    steady("certified", &plain, 0, &["-j", "2"]);
    steady(
        "certified-leaves",
        &plain,
        4,
        &["-j", "2", "--certify", "leaves"],
    );
    steady("certified-unproved", &twisted(blind), 4, &["-j", "2"]);
    steady(
        "trials-used-up",
        &plain,
        4,
        &["-j", "2", "--budget-trials", "8"],
    );
    steady(
        "time-used-up",
        &plain,
        4,
        &["-j", "2", "--budget-time", "1s"],
    );
    steady("start-refused", &twisted("verdict=1"), 3, &["-j", "1"]);
    let once = format!("{CALLS}\n[ $calls != 1 ] || verdict=1");
    steady("start-refused-once", &twisted(&once), 0, &["-j", "1"]);
    let grown = ["-j", "2", "--judge-start", "needed", "--prior", "guess"];
    steady("grown", &plain, 0, &grown);
    let stopped = [&grown[..], &["--budget-trials", "1"]].concat();
    steady("grown-stopped", &plain, 4, &stopped);
    let broken = format!("{CALLS}\n[ $calls != 9 ] || exit 126");
    steady("oracle-broken", &twisted(&broken), 1, &["-j", "1"]);
    steady("costs", &compiled(), 0, &["-j", "2"]);
    let recipe = "@grep -q CONFIG_TTY=y $(KCONFIG_CONFIG) || { echo 'tty.c:1:2: error: TTY'; exit 1; }\n\
                  cp $(KCONFIG_CONFIG) $(O)/out.bin";
    steady("build-fails", &twisted("").recipe(recipe), 0, &["-j", "2"]);
    steady("unreliable", &flipping(45, 1), 6, &["-j", "1"]);
    steady(
        "analysed",
        &with_other_lines(),
        4,
        &["-j", "2", "--budget-trials", "8"],
    );

    if is_wanted("taken-back") {
        let made = (0..100).any(|seed| {
            let recorder = Recorder::new(&flipping(15, seed));
            let output = recorder.command(&["run", "-j", "1"]).output().unwrap();
            let is_it = output.status.code() == Some(0) && takes_back(&recorder.journal());
            if is_it {
                recorder.keep("taken-back");
            }
            is_it
        });
        assert!(made, "no verdict was taken back");
    }

    if is_wanted("stopped-after-start") {
        let recorder = loop {
            let recorder = Recorder::new(&compiled());
            recorder.run_until_the_start_passed();
            if recorder
                .journal()
                .lines()
                .last()
                .unwrap()
                .contains(r#""record":"best""#)
            {
                break recorder;
            }
        };
        recorder.keep("stopped-after-start");
        recorder
            .run(0, &["resume", "out"])
            .keep("stopped-after-start-resumed");
    }

    if is_wanted("interrupted") {
        let recorder = Recorder::new(&signalled_in(9, "INT"));
        let output = recorder.run_hunted(&["run", "-j", "1"]);
        assert_eq!(output.status.code(), Some(130), "{}", said(&output));
        recorder.keep("interrupted");
        recorder
            .run(0, &["resume", "out"])
            .keep("interrupted-resumed");
    }

    if is_wanted("killed") {
        let recorder = Recorder::new(&signalled_in(12, "KILL"));
        let output = recorder.run_hunted(&["run", "-j", "1"]);
        assert_eq!(output.status.code(), None, "{}", said(&output));
        // As a loss of power leaves it: kbisect writes a line at once.
        let journal = recorder.journal();
        recorder
            .toy
            .write("out/journal.jsonl", &journal[..journal.len() - 20]);
        recorder.keep("killed");
        recorder.run(0, &["resume", "out"]).keep("killed-resumed");
    }
}

#[test]
#[ignore = "it makes the recording of an older version, which the environment names"]
fn make_the_recording_of_an_older_version() {
    let name = std::env::var("KBISECT_RECORDED_ONLY").unwrap();
    // Where SOUND makes no difference to the product, older versions took over verdicts.
    let spec = twisted("").recipe("grep -v CONFIG_SOUND $(KCONFIG_CONFIG) >$(O)/out.bin");
    let recorder = Recorder::new(&spec);
    let output = recorder.command(&["run", "-j", "2"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    recorder.keep(&name);
}
