//! The resolver that runs the tree's own `conf`, directly and not through make.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::native;
use super::project::{Method, Project};
use super::prompts::{Prompt, parse_prompts};
use super::read::parse_config;
use super::resolve::Resolver;
use crate::model::{Fragment, Request, ResolvedConfig, Symbol, Value};
use crate::supervise::{self, CancelToken, Ended, How, Log, Spec};
use crate::{Error, ErrorKind, Result};

/// See the file itself.
const SHIM: &str = include_str!("conf_shim.c");

/// Wall time that one run of `conf` may take. It takes a second or two.
const LIMIT: Duration = Duration::from_secs(120);

/// What it may write in one run, in bytes. All questions of Linux with their help are some 10 MB.
const OUTPUT: u64 = 64 << 20;

/// Files of a call, with names that no build tree has.
const LOG: &str = ".kbisect-log";
const ASKED: &str = ".kbisect-fragment";

/// How many newlines are more than any tree has prompts.
const NEWLINES: usize = 200_000;

/// The tree's own `conf`.
///
/// It is built once, by `make allnoconfig`, during which a shim loaded into it writes
/// down how make calls it: arguments, environment, working directory. From then on it is called
/// in just that way, with `KCONFIG_ALLCONFIG` and `KCONFIG_CONFIG` set to files of ours. That
/// works for every project that has this `conf`, whatever its Makefile does.
///
/// The same shim remembers the answers of `$(shell ...)`: of the 1.6 s that Linux 6.1 takes,
/// 1.4 s are some 90 questions to the compiler.
#[derive(Debug)]
pub struct ConfResolver {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: PathBuf,
    method: Method,
    base: Fragment,
    /// The symbols of the tree, sorted.
    known: Vec<Symbol>,
    shim: Shim,
    /// What the shell said to the native engine.
    said: Mutex<HashMap<String, String>>,
    /// For the files of single calls.
    scratch: tempfile::TempDir,
}

/// The compiled shim and the folder of its answers.
#[derive(Debug, Clone)]
struct Shim {
    library: PathBuf,
    answers: PathBuf,
}

impl Shim {
    /// Compiles the shim in `work`, and keeps its answers there: they are those of one run, so
    /// no later one can be given what another toolchain, or one without pahole, said.
    fn make(work: &Path, log: &Path, cancel: &CancelToken) -> Result<Self> {
        let answers = work.join("answers");
        fs::create_dir_all(&answers).map_err(|e| Error::io("make the folder", &answers, e))?;
        let source = work.join("conf_shim.c");
        let library = work.join("conf_shim.so");
        fs::write(&source, SHIM).map_err(|e| Error::io("write", &source, e))?;
        let spec = Spec::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(&source)
            .arg("-ldl")
            .log(Log::Append(log.to_owned()))
            .wall(LIMIT);
        if !supervise::run(&spec, cancel)?.success() {
            return Err(
                Error::failed("the helper for Kconfig cannot be compiled").hint(format!(
                    "see {}; `kbisect doctor` tells what is missing",
                    log.display()
                )),
            );
        }
        Ok(Self { library, answers })
    }

    fn env(&self) -> Vec<(OsString, OsString)> {
        let mut preload = self.library.clone().into_os_string();
        if let Some(theirs) = std::env::var_os("LD_PRELOAD").filter(|p| !p.is_empty()) {
            preload.push(":");
            preload.push(theirs);
        }
        vec![
            ("LD_PRELOAD".into(), preload),
            ("KBISECT_SHELL_CACHE".into(), self.answers.clone().into()),
        ]
    }
}

impl ConfResolver {
    /// Builds the `conf` of the tree `source` in the folder `work`, which is emptied, and has to
    /// stay as long as the resolver, and builds with its [environment](Self::build_env), do.
    ///
    /// # Errors
    /// make fails, or does not call a `conf`.
    pub fn build(
        source: &Path,
        project: &Project,
        work: &Path,
        cancel: &CancelToken,
    ) -> Result<Self> {
        match fs::remove_dir_all(work) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", work, e));
            }
            _ => {}
        }
        let tree = work.join("tree");
        let record = work.join("record");
        for folder in [&tree, &record] {
            fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, e))?;
        }
        let log = work.join("conf.log");
        let shim = Shim::make(work, &log, cancel)?;
        let mut output = OsString::from(&project.output_variable);
        output.push("=");
        // A trailing slash, since SeaBIOS joins the variable and names of files without one.
        output.push(tree.join(""));
        // On the command line, since SeaBIOS sets it to a file in the source tree.
        let mut config = OsString::from("KCONFIG_CONFIG=");
        config.push(tree.join(".config"));
        let mut spec = Spec::new("make")
            .arg("-C")
            .arg(source)
            .arg(output)
            .arg(config)
            .args(&project.make_args)
            .arg(&project.base_target)
            .env("KBISECT_CONF_RECORD", &record)
            .in_english()
            .env_remove("KCONFIG_ALLCONFIG")
            .env_remove("KCONFIG_CONFIG")
            .log(Log::Append(log.clone()))
            .wall(Duration::from_secs(600));
        for (name, value) in project.make_env().chain(shim.env()) {
            spec = spec.env(name, value);
        }
        let ended = supervise::run(&spec, cancel)?;
        check(ended, "make", &log)?;
        let (program, args, env, cwd) = recorded(&record, &log)?;
        let scratch = tempfile::Builder::new()
            .prefix("resolve-")
            .tempdir_in(work)
            .map_err(|e| Error::io("make a folder in", work, e))?;
        let newlines = scratch.path().join("newlines");
        fs::write(&newlines, vec![b'\n'; NEWLINES])
            .map_err(|e| Error::io("write", &newlines, e))?;
        Ok(Self {
            program,
            args,
            env,
            cwd,
            method: project.method,
            base: Fragment::default(),
            known: Vec::new(),
            shim,
            said: Mutex::default(),
            scratch,
        })
    }

    /// Lays all later fragments over `base`, in a tree that has the symbols `known`.
    #[must_use]
    pub fn over(mut self, base: Fragment, known: &HashSet<Symbol>) -> Self {
        self.base = base;
        self.known = known.iter().cloned().collect();
        self.known.sort_unstable();
        self
    }

    /// Runs `conf` in another mode than its own: what the native engine is compared with. The
    /// base is left out of it.
    ///
    /// # Errors
    /// `conf` fails, or does not know the mode.
    pub fn reference(
        &self,
        mode: native::Mode,
        text: Option<&str>,
        cancel: &CancelToken,
    ) -> Result<String> {
        let dir = self.call_dir()?;
        let (flag, file) = match mode {
            native::Mode::AllNo => ("--allnoconfig", ASKED),
            native::Mode::AllYes => ("--allyesconfig", ASKED),
            native::Mode::AllMod => ("--allmodconfig", ASKED),
            native::Mode::AllDef => ("--alldefconfig", ASKED),
            native::Mode::OldDef => ("--olddefconfig", ".config"),
        };
        let mut spec = self.call(dir.path(), &self.with_mode(flag, None));
        if let Some(text) = text {
            let file = dir.path().join(file);
            fs::write(&file, text).map_err(|e| Error::io("write", &file, e))?;
            if mode != native::Mode::OldDef {
                spec = spec.env("KCONFIG_ALLCONFIG", file);
            }
        }
        answer(&spec, dir.path(), ".config", cancel)
    }

    /// What `conf --savedefconfig` makes of a `.config`.
    ///
    /// # Errors
    /// As for [`Self::reference`].
    pub fn reference_defconfig(&self, text: &str, cancel: &CancelToken) -> Result<String> {
        let dir = self.call_dir()?;
        let config = dir.path().join(".config");
        fs::write(&config, text).map_err(|e| Error::io("write", &config, e))?;
        let saved = dir.path().join(ASKED);
        let flag = format!("--savedefconfig={}", saved.display());
        let spec = self.call(dir.path(), &self.with_mode(&flag, None));
        answer(&spec, dir.path(), ASKED, cancel)
    }

    /// Reads the tree with the native engine, with what `conf` itself is called with.
    ///
    /// # Errors
    /// The engine does not understand the tree, or a command that it asks the shell for cannot
    /// be run.
    pub fn parse_natively(&self, cancel: &CancelToken) -> Result<native::Model> {
        let variable = |(name, value): &(OsString, OsString)| {
            Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()))
        };
        let variables: HashMap<String, String> = self.env.iter().filter_map(variable).collect();
        let version = variables.get("KERNELVERSION").map_or("", String::as_str);
        let dialect = native::Dialect::of_linux(version);
        let source = variables
            .get("srctree")
            .map_or(self.cwd.as_path(), Path::new);
        let env = native::Env {
            source: self.cwd.join(source),
            dialect,
            variables,
        };
        let root = self
            .args
            .last()
            .and_then(|a| a.to_str())
            .unwrap_or("Kconfig");
        let mut shell = RecordedShell {
            env: &self.env,
            cwd: &self.cwd,
            said: &self.said,
            cancel,
        };
        native::parse(root, &env, &mut shell)
    }

    /// The requests of the base.
    #[must_use]
    pub fn base(&self) -> &Fragment {
        &self.base
    }

    /// What make needs in its environment so that its own calls of `conf` are quick too.
    #[must_use]
    pub fn build_env(&self) -> Vec<(OsString, OsString)> {
        self.shim.env()
    }

    fn call(&self, dir: &Path, args: &[OsString]) -> Spec {
        let mut spec = Spec::new(&self.program)
            .args(args)
            .cwd(dir)
            .log(Log::File(dir.join(LOG)))
            .wall(LIMIT)
            .file_size(OUTPUT)
            .env("KCONFIG_CONFIG", dir.join(".config"));
        for (name, value) in &self.env {
            spec = spec.env(name, value);
        }
        spec
    }

    /// A working directory for one call. It looks like the one that make gave `conf`, but what
    /// is written there is nobody else's: the `conf` of BusyBox writes `.config` where it
    /// stands, whatever `KCONFIG_CONFIG` says.
    fn call_dir(&self) -> Result<tempfile::TempDir> {
        let scratch = self.scratch.path();
        let dir =
            tempfile::tempdir_in(scratch).map_err(|e| Error::io("make a folder in", scratch, e))?;
        let wrong = |e| Error::io("read the folder", &self.cwd, e);
        for entry in fs::read_dir(&self.cwd).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            if entry.file_name().as_bytes().starts_with(b".config") {
                continue;
            }
            let link = dir.path().join(entry.file_name());
            std::os::unix::fs::symlink(entry.path(), &link)
                .map_err(|e| Error::io("make the link", &link, e))?;
        }
        Ok(dir)
    }

    /// The recorded arguments with another mode. Old ones have short options, and none for
    /// asking everything.
    fn with_mode(&self, long: &str, short: Option<&str>) -> Vec<OsString> {
        let is_mode = |arg: &&OsString| arg.as_bytes().starts_with(b"-");
        let is_long = self
            .args
            .iter()
            .any(|arg| arg.as_bytes().starts_with(b"--"));
        let mode = if is_long { Some(long) } else { short };
        let rest = self.args.iter().filter(|arg| !is_mode(arg)).cloned();
        mode.map(OsString::from).into_iter().chain(rest).collect()
    }

    fn newlines(&self) -> PathBuf {
        self.scratch.path().join("newlines")
    }

    /// What `conf` is to make of `fragment`, to be run in `dir`.
    fn resolving(&self, fragment: &Fragment, dir: &Path) -> Result<Spec> {
        match self.method {
            Method::Allconfig => {
                let asked = dir.join(ASKED);
                // Of two assignments the later holds: the fragment's.
                fs::write(&asked, format!("{}{fragment}", self.base))
                    .map_err(|e| Error::io("write", &asked, e))?;
                Ok(self.call(dir, &self.args).env("KCONFIG_ALLCONFIG", &asked))
            }
            Method::Oldconfig => {
                let config = dir.join(".config");
                let asked: HashSet<&Symbol> = [&self.base, fragment]
                    .into_iter()
                    .flat_map(Fragment::requests)
                    .map(|r| &r.symbol)
                    .collect();
                let off = self.known.iter().filter(|s| !asked.contains(s)).cloned();
                let off = off
                    .map(|symbol| Request {
                        symbol,
                        value: Value::NO,
                    })
                    .collect();
                let text = format!("{}{}{fragment}", Fragment::new(off), self.base);
                fs::write(&config, text).map_err(|e| Error::io("write", &config, e))?;
                let args = self.with_mode("--oldconfig", Some("-o"));
                Ok(self.call(dir, &args).stdin(self.newlines()))
            }
        }
    }

    /// Which prompts are visible in `config`, in which way.
    ///
    /// # Errors
    /// `conf` fails.
    pub fn prompts(
        &self,
        config: &ResolvedConfig,
        cancel: &CancelToken,
    ) -> Result<std::collections::BTreeMap<Symbol, Prompt>> {
        let dir = self.call_dir()?;
        let path = dir.path().join(".config");
        fs::write(&path, &config.text).map_err(|e| Error::io("write", &path, e))?;
        let spec = self
            .call(dir.path(), &self.with_mode("--oldaskconfig", None))
            .stdin(self.newlines());
        let (ended, output) = supervise::capture(&spec, cancel)?;
        check(ended, "conf", &dir.path().join(LOG))?;
        Ok(parse_prompts(&String::from_utf8_lossy(&output)))
    }
}

/// Runs the commands of `$(shell ...)` as `conf` would, each once.
struct RecordedShell<'a> {
    env: &'a [(OsString, OsString)],
    cwd: &'a Path,
    said: &'a Mutex<HashMap<String, String>>,
    cancel: &'a CancelToken,
}

impl native::Shell for RecordedShell<'_> {
    fn run(&mut self, command: &str) -> Result<String> {
        let said = || self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = said().get(command) {
            return Ok(answer.clone());
        }
        let mut spec = Spec::new("/bin/sh")
            .arg("-c")
            .arg(command)
            .cwd(self.cwd)
            .wall(LIMIT)
            .file_size(OUTPUT);
        for (name, value) in self.env {
            spec = spec.env(name, value);
        }
        let (ended, output) = supervise::capture(&spec, self.cancel)?;
        if ended.how == How::Cancelled {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        if !matches!(ended.how, How::Exited(_)) {
            return Err(Error::failed(format!(
                "a command in Kconfig did not come to its end: {}",
                crate::model::sanitize_line(command, 200)
            )));
        }
        // As much as LKC reads.
        let output = &output[..output.len().min(4095)];
        let answer = String::from_utf8_lossy(output).into_owned();
        said().insert(command.to_owned(), answer.clone());
        Ok(answer)
    }
}

impl Resolver for ConfResolver {
    fn resolve(&self, fragment: &Fragment, cancel: &CancelToken) -> Result<ResolvedConfig> {
        let dir = self.call_dir()?;
        let spec = self.resolving(fragment, dir.path())?;
        let text = answer(&spec, dir.path(), ".config", cancel)?;
        let config = parse_config(&text);
        Ok(ResolvedConfig::new(text, config))
    }
}

/// Runs `conf` in `dir` and reads the file that it wrote there.
fn answer(spec: &Spec, dir: &Path, file: &str, cancel: &CancelToken) -> Result<String> {
    let ended = supervise::run(spec, cancel)?;
    check(ended, "conf", &dir.join(LOG))?;
    let path = dir.join(file);
    fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))
}

/// Turns an end that is no success into an error with the last words of `log`.
fn check(ended: Ended, what: &str, log: &Path) -> Result<()> {
    match ended.how {
        How::Exited(0) => Ok(()),
        How::Cancelled => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        How::TimedOut(_) | How::Signalled(nix::libc::SIGXFSZ) => Err(Error::failed(format!(
            "{what} does not come to an end"
        ))
        .hint("it asks again and again for a number that has no default: give it in the start")),
        How::Exited(_) | How::Signalled(_) => {
            let text = fs::read(log).unwrap_or_default();
            let text = crate::model::sanitize(&String::from_utf8_lossy(&text));
            let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
            let tail = lines[lines.len().saturating_sub(5)..].join("\n");
            Err(Error::failed(format!(
                "{what} failed: {}",
                lines.last().copied().unwrap_or("without a word")
            ))
            .hint(format!("its last words:\n{tail}")))
        }
    }
}

type Recorded = (PathBuf, Vec<OsString>, Vec<(OsString, OsString)>, PathBuf);

/// How make called `conf`.
fn recorded(record: &Path, log: &Path) -> Result<Recorded> {
    let read = |name: &str| {
        fs::read(record.join(name)).map_err(|_| {
            Error::failed("make did not call Kconfig's `conf`")
                .hint(format!("is this a Kconfig project? See {}", log.display()))
        })
    };
    let program = PathBuf::from(OsStr::from_bytes(&read("exe")?));
    let cwd = PathBuf::from(OsStr::from_bytes(&read("cwd")?));
    let words = |bytes: &[u8]| -> Vec<OsString> {
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        bytes
            .split(|b| *b == 0)
            .map(|w| OsStr::from_bytes(w).to_owned())
            .collect()
    };
    let args = words(&read("cmdline")?).split_off(1);
    let env = words(&read("environ")?)
        .iter()
        .filter_map(|entry| {
            let at = entry.as_bytes().iter().position(|b| *b == b'=')?;
            let (name, value) = entry.as_bytes().split_at(at);
            Some((
                OsStr::from_bytes(name).to_owned(),
                OsStr::from_bytes(&value[1..]).to_owned(),
            ))
        })
        // Ours, or make's own business.
        .filter(|(name, _)| {
            name != "KBISECT_CONF_RECORD" && name != "MAKEFLAGS" && name != "KCONFIG_CONFIG"
        })
        .collect();
    Ok((program, args, env, cwd))
}
