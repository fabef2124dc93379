//! A toy project: its build is a copy of its configuration, so that a run takes a fraction of a
//! second and brute force can judge the answer.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unused_imports,
    reason = "a test may; each binary uses a part of it"
)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod conf;
mod disk;
mod rule;

pub use disk::SmallDisk;
pub use rule::{CALLS, Rule};

/// What a toy is made of.
#[derive(Debug, Clone)]
pub struct Spec {
    /// `Kconfig` of the source.
    pub kconfig: String,
    /// The recipe of `all`, one command a line, without tabs.
    pub recipe: String,
    /// The start, as it is in its file.
    pub start: String,
    /// The oracle: a shell script.
    pub oracle: String,
    /// Lines of `kbisect.toml` before its `[project]` table.
    pub settings: String,
    /// Lines of the `[project]` table beside `name`, `targets` and `product`.
    pub project: String,
}

/// The build: make calls it `all`.
pub const COPY: &str = "cp $(KCONFIG_CONFIG) $(O)/out.bin";

impl Spec {
    /// Bools with prompts, each with its attributes (`depends on B`, one a line), all on in the
    /// start. The oracle accepts what `rule` accepts.
    pub fn new(symbols: &[(&str, &str)], rule: &Rule) -> Self {
        let kconfig = symbols.iter().map(|(name, attributes)| {
            let lines: String = attributes.lines().map(|l| format!("\t{l}\n")).collect();
            format!("config {name}\n\tbool \"{name}\"\n{lines}\n")
        });
        let names: Vec<&str> = symbols.iter().map(|(name, _)| *name).collect();
        Self {
            kconfig: kconfig.collect(),
            recipe: COPY.to_owned(),
            start: fragment(names),
            oracle: rule.script(""),
            settings: String::new(),
            project: String::new(),
        }
    }

    /// `X1` to `X12`, of which the oracle needs `X3`, `X7` and `X11`.
    pub fn twelve() -> Self {
        Self::twelve_with(&Rule::all(&TWELVE_NEEDED))
    }

    /// `X1` to `X12` with another rule.
    pub fn twelve_with(rule: &Rule) -> Self {
        let names: Vec<String> = (1..=12).map(|i| format!("X{i}")).collect();
        let symbols: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "")).collect();
        Self::new(&symbols, rule)
    }

    /// Another recipe of `all`.
    #[must_use]
    pub fn recipe(mut self, recipe: &str) -> Self {
        recipe.clone_into(&mut self.recipe);
        self
    }

    /// Another start.
    #[must_use]
    pub fn start(mut self, start: &str) -> Self {
        start.clone_into(&mut self.start);
        self
    }

    /// Another oracle.
    #[must_use]
    pub fn oracle(mut self, script: &str) -> Self {
        script.clone_into(&mut self.oracle);
        self
    }

    /// A recipe that does `otherwise`, in shell, before it copies, in this build only, by number.
    /// It echoes no commands, so that the log has what `otherwise` says.
    #[must_use]
    pub fn in_build(self, number: usize, otherwise: &str) -> Self {
        let builds = "$(TOY)/state/builds";
        self.recipe(&format!(
            "@printf x >>{builds}; if [ $$(wc -c <{builds}) = {number} ]; then {otherwise}; fi; {COPY}"
        ))
    }

    fn makefile(&self) -> String {
        let recipe: String = self.recipe.lines().map(|l| format!("\t{l}\n")).collect();
        format!(
            "export srctree := $(CURDIR)\n\
             export TOY := $(abspath $(CURDIR)/..)\n\
             export KCONFIG_CONFIG := $(O)/.config\n\
             .PHONY: all FORCE\n\
             %config: FORCE\n\
             \tcd $(O) && {conf} --$@ Kconfig\n\
             all:\n{recipe}",
            conf = conf::path().display(),
        )
    }
}

/// What [`Spec::twelve`] needs.
pub const TWELVE_NEEDED: [&str; 3] = ["X3", "X7", "X11"];

/// A fragment in which these symbols are on.
pub fn fragment<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let line = |name: S| format!("CONFIG_{}=y\n", name.as_ref());
    names.into_iter().map(line).collect()
}

/// A set of names, to compare answers with.
pub fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A toy project in a folder of its own, with caches of its own. Its recipe knows the folder as
/// `$(TOY)`, its oracle as `$toy`; what these note goes to its folder `state`.
#[derive(Debug)]
pub struct Toy {
    dir: PathBuf,
    /// Removes the folder, unless that is somebody else's.
    _temp: Option<tempfile::TempDir>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; of one that was killed 128 and the signal.
    pub code: i32,
    /// Standard output: the result, for people.
    pub stdout: String,
    /// Standard error: the course of events.
    pub stderr: String,
    /// `result.json`, if there is one.
    pub result: Option<serde_json::Value>,
}

impl Ended {
    /// All that it said.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl Toy {
    /// Makes the project, in a temporary folder.
    pub fn new(spec: &Spec) -> Self {
        let temp = tempfile::Builder::new().prefix("toy-").tempdir().unwrap();
        let mut toy = Self::at(temp.path(), spec);
        toy._temp = Some(temp);
        toy
    }

    /// Makes the project in a temporary folder that is there, because the project names it.
    pub fn within(temp: tempfile::TempDir, spec: &Spec) -> Self {
        let mut toy = Self::at(temp.path(), spec);
        toy._temp = Some(temp);
        toy
    }

    /// Makes the project in `dir`, which stays.
    pub fn at(dir: &Path, spec: &Spec) -> Self {
        let toy = Self {
            dir: dir.to_owned(),
            _temp: None,
        };
        toy.write("src/Kconfig", &spec.kconfig);
        toy.write("src/Makefile", &spec.makefile());
        toy.write("start", &spec.start);
        toy.script("oracle/check", &spec.oracle);
        fs::create_dir_all(toy.path("state")).unwrap();
        let settings = format!(
            "oracle = \"./oracle/check\"\nsource = \"src\"\nstart = \"start\"\noutput = \"out\"\n{}\n\
             [project]\nname = \"toy\"\ntargets = [\"all\"]\nproduct = \"out.bin\"\n{}\n",
            spec.settings, spec.project
        );
        toy.write("kbisect.toml", &settings);
        toy
    }

    /// A file or folder of it: `src` is the source, `out` the run directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file of it.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes an executable file of it.
    pub fn script(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Reads a file of it; nothing if there is none.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// kbisect with these arguments, in the folder of the toy, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kbisect"));
        command
            .current_dir(&self.dir)
            .env("KBISECT_CACHE", self.path("cache"))
            .env("KBISECT_DATA", self.path("data"))
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// Runs kbisect with these arguments until it ends.
    pub fn kbisect(&self, args: &[&str]) -> Ended {
        let mut command = self.command(args);
        self.ended(&command.output().unwrap())
    }

    /// The same as [`Self::kbisect`], with the process in `state/pid`, where an oracle finds it.
    pub fn with_pid(&self, args: &[&str]) -> Ended {
        let mut command = self.command(args);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let child = child.unwrap();
        // The oracle sees all of the number or none.
        self.write("state/new", &child.id().to_string());
        fs::rename(self.path("state/new"), self.path("state/pid")).unwrap();
        self.ended(&child.wait_with_output().unwrap())
    }

    /// What the output of a command of [`Self::command`] comes to.
    pub fn ended(&self, output: &std::process::Output) -> Ended {
        use std::os::unix::process::ExitStatusExt;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let status = output.status;
        let code = status.code();
        Ended {
            code: code.unwrap_or_else(|| 128 + status.signal().unwrap()),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            result: fs::read(self.path("out/result.json"))
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        }
    }

    /// A search, with these flags beside those of the settings file.
    pub fn run(&self, args: &[&str]) -> Ended {
        self.kbisect(&[&["run"], args].concat())
    }

    /// Goes on with the search.
    pub fn resume(&self) -> Ended {
        self.kbisect(&["resume", "out"])
    }

    /// The symbols of the answer.
    pub fn answer(&self) -> BTreeSet<String> {
        symbols_on(&self.read("out/minimal.fragment"))
    }

    /// How many verdicts the journal has.
    pub fn verdicts(&self) -> usize {
        let journal = self.read("out/journal.jsonl");
        let told = journal
            .lines()
            .filter(|l| l.contains("\"record\":\"told\""));
        told.count()
    }

    /// Which symbols are on when the requests for `asked` are laid over the smallest configuration,
    /// as the tree's `conf` says, asked without kbisect.
    pub fn resolve(&self, asked: &BTreeSet<String>) -> BTreeSet<String> {
        self.resolve_text(&fragment(asked))
    }

    /// The same for the text of a fragment.
    pub fn resolve_text(&self, asked: &str) -> BTreeSet<String> {
        symbols_on(&self.resolved_by_conf(asked))
    }

    /// The configuration that the tree's `conf` makes of a fragment, asked without kbisect.
    pub fn resolved_by_conf(&self, asked: &str) -> String {
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("asked");
        fs::write(&file, asked).unwrap();
        let config = work.path().join(".config");
        let output = Command::new(conf::path())
            .args(["--allnoconfig", "Kconfig"])
            .current_dir(work.path())
            .env("srctree", self.path("src"))
            .env("KCONFIG_CONFIG", &config)
            .env("KCONFIG_ALLCONFIG", &file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(config).unwrap()
    }
}

/// The symbols that are `y` in a configuration.
pub fn symbols_on(config: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let line = line.strip_prefix("CONFIG_")?;
        Some(line.strip_suffix("=y")?.to_owned())
    };
    config.lines().filter_map(name).collect()
}

/// Holds a lock between processes until it is dropped.
fn lock(path: &Path) -> File {
    let file = File::create(path).unwrap();
    file.lock().unwrap();
    file
}
