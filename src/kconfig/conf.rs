//! The resolver that runs the tree's own `conf`, directly and not through make.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::answers::RecordedShell;
use super::conf_cache::Kept;
use super::conf_call::{Call, LIMIT, check};
use super::convert::parse_failed;
use super::engine::{self, Prompt};
use super::project::{Method, Project};
use super::prompts::parse_prompts;
use super::read::parse_config;
use super::resolve::Resolver;
use crate::model::{Fragment, Request, RequestId, ResolvedConfig, Symbol, Value};
use crate::supervise::{self, CancelToken, Log, Spec};
use crate::{Error, Result};

/// What it may write in one run, in bytes. All questions of Linux with their help are some 10 MB.
const OUTPUT: u64 = 64 << 20;

/// Files of a call, with names that no build tree has.
const LOG: &str = ".kbisect-log";
pub(super) const ASKED: &str = ".kbisect-fragment";

/// How many newlines are more than any tree has prompts.
const NEWLINES: usize = 200_000;

/// Who holds where a start asks for another value of a symbol than the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precedence {
    /// The base: it is laid under every candidate, and the start's assignment is left out.
    Base,
    /// The start, as long as the request is there. Without it the base's value is back.
    Start,
}

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
    call: Call,
    source: PathBuf,
    is_linux: bool,
    method: Method,
    base: Fragment,
    precedence: Precedence,
    /// The symbols of the tree, sorted.
    known: Vec<Symbol>,
    /// For the files of single calls.
    scratch: tempfile::TempDir,
    /// The call is in use.
    _kept: Option<Kept>,
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
        let call = Call::learn(source, project, work, cancel)?;
        Self::of(call, source, project, work, None)
    }

    /// The same, but what takes long was perhaps done by an earlier run, for the same source and
    /// toolchain: it is kept in the folder `cache`. `work` is for temporary files.
    ///
    /// # Errors
    /// As for [`Self::build`].
    pub fn kept(
        source: &Path,
        project: &Project,
        cache: &Path,
        work: &Path,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let (kept, call) = Kept::find_or_make(source, project, cache, cancel)?;
        Self::of(call, source, project, work, Some(kept))
    }

    fn of(
        call: Call,
        source: &Path,
        project: &Project,
        work: &Path,
        kept: Option<Kept>,
    ) -> Result<Self> {
        let scratch = tempfile::Builder::new()
            .prefix("resolve-")
            .tempdir_in(work)
            .map_err(|e| Error::io("make a folder in", work, e))?;
        let newlines = scratch.path().join("newlines");
        fs::write(&newlines, vec![b'\n'; NEWLINES])
            .map_err(|e| Error::io("write", &newlines, e))?;
        Ok(Self {
            call,
            source: source.to_owned(),
            is_linux: project.name == "linux",
            method: project.method,
            base: Fragment::default(),
            precedence: Precedence::Base,
            known: Vec::new(),
            scratch,
            _kept: kept,
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

    /// Says who holds where a start asks for another value than the base.
    #[must_use]
    pub fn preferring(mut self, precedence: Precedence) -> Self {
        self.precedence = precedence;
        self
    }

    /// Who holds where a start asks for another value than the base.
    #[must_use]
    pub fn precedence(&self) -> Precedence {
        self.precedence
    }

    /// Reads the tree with the native engine, with what `conf` itself is called with.
    ///
    /// # Errors
    /// The engine does not understand the tree, or a command that it asks the shell for cannot
    /// be run.
    pub fn parse_natively(&self, cancel: &CancelToken) -> Result<engine::Model> {
        let env = self.env();
        let root = self.call.args.last().and_then(|a| a.to_str());
        let mut shell = RecordedShell {
            call: &self.call,
            cancel,
        };
        engine::parse(root.unwrap_or("Kconfig"), &env, &mut shell).map_err(parse_failed)
    }

    /// What the tree's Kconfig is read with.
    fn env(&self) -> engine::Env {
        let variable = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        // What make changed comes later, and holds.
        let variables = std::env::vars_os().chain(self.call.env.iter().cloned());
        let variables: HashMap<String, String> = variables.filter_map(variable).collect();
        let source = variables.get("srctree");
        let source = self
            .call
            .cwd
            .join(source.map_or(&*self.source, |s| Path::new(s)));
        let folder = engine::Dialect::folder_in(&source).unwrap_or_default();
        let dialect = match variables.get("KERNELVERSION") {
            Some(version) if self.is_linux => {
                engine::Dialect::of_linux(version).reading_as(&folder)
            }
            _ => engine::Dialect::of_source(&folder).unwrap_or_default(),
        };
        engine::Env {
            source,
            build: Some(self.call.cwd.clone()),
            dialect,
            variables,
            project: project_name(&folder).unwrap_or_default(),
        }
    }

    /// Whose semantics the tree follows.
    #[must_use]
    pub fn dialect(&self) -> engine::Dialect {
        self.env().dialect
    }

    /// The source tree.
    pub(super) fn source(&self) -> &Path {
        &self.source
    }

    /// The folder of the architecture in the source of Linux, as make tells it to Kconfig; else empty.
    #[must_use]
    pub fn srcarch(&self) -> String {
        let mut env = self.call.env.iter();
        let of = env.find(|(name, _)| name == "SRCARCH");
        of.map(|(_, value)| value.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// A new folder for temporary files.
    pub(super) fn scratch_dir(&self) -> Result<tempfile::TempDir> {
        let scratch = self.scratch.path();
        tempfile::tempdir_in(scratch).map_err(|e| Error::io("make a folder in", scratch, e))
    }

    /// The requests of the base.
    #[must_use]
    pub fn base(&self) -> &Fragment {
        &self.base
    }

    /// What make needs in its environment so that its own calls of `conf` are quick too.
    #[must_use]
    pub fn build_env(&self) -> Vec<(OsString, OsString)> {
        self.call.shim.env()
    }

    pub(super) fn call(&self, dir: &Path, args: &[OsString]) -> Spec {
        let mut spec = Spec::new(&self.call.program)
            .args(args)
            .cwd(dir)
            .log(Log::File(dir.join(LOG)))
            .wall(LIMIT)
            .file_size(OUTPUT)
            .in_english()
            // Where it stands: old ones have room for names of 127 bytes, and do not look.
            .env("KCONFIG_CONFIG", ".config")
            // Old ones write the time into the file otherwise.
            .env("KCONFIG_NOTIMESTAMP", "1");
        for (name, value) in &self.call.env {
            spec = spec.env(name, value);
        }
        spec
    }

    /// A working directory for one call. It looks like the one that make gave `conf`, but what
    /// is written there is nobody else's: the `conf` of BusyBox writes `.config` where it
    /// stands, whatever `KCONFIG_CONFIG` says.
    pub(super) fn call_dir(&self) -> Result<tempfile::TempDir> {
        let dir = self.scratch_dir()?;
        let wrong = |e| Error::io("read the folder", &self.call.cwd, e);
        for entry in fs::read_dir(&self.call.cwd).map_err(wrong)? {
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
    pub(super) fn with_mode(&self, long: &str, short: Option<&str>) -> Vec<OsString> {
        let is_mode = |arg: &&OsString| arg.as_bytes().starts_with(b"-");
        let is_long = self
            .call
            .args
            .iter()
            .any(|arg| arg.as_bytes().starts_with(b"--"));
        let mode = if is_long { Some(long) } else { short };
        let rest = self.call.args.iter().filter(|arg| !is_mode(arg)).cloned();
        mode.map(OsString::from).into_iter().chain(rest).collect()
    }

    pub(super) fn newlines(&self) -> PathBuf {
        self.scratch.path().join("newlines")
    }

    /// The base with `fragment` over it. Which of two assignments to a symbol holds depends on the
    /// age of `conf`, so there is only one: the fragment's.
    fn over_base(&self, fragment: &Fragment) -> Fragment {
        let asked: HashSet<&Symbol> = fragment.requests().iter().map(|r| &r.symbol).collect();
        let base = self.base.requests().iter();
        let under = base.filter(|r| !asked.contains(&r.symbol));
        Fragment::new(under.chain(fragment.requests()).cloned().collect())
    }

    /// What is left of a start over the base: all, or all that the base does not ask for itself.
    #[must_use]
    pub fn preferred(&self, start: &Fragment) -> Fragment {
        let holds = |r: &&Request| match self.precedence {
            Precedence::Start => true,
            Precedence::Base => self.base.get(&r.symbol).is_none(),
        };
        Fragment::new(start.requests().iter().filter(holds).cloned().collect())
    }

    /// The base and a start over it, as one fragment.
    #[must_use]
    pub fn laid_over(&self, start: &Fragment) -> Fragment {
        self.over_base(&self.preferred(start))
    }

    /// What `conf` is asked to make of `fragment`: the mode, and the file that it is given. The
    /// native engine is asked the same.
    #[must_use]
    pub fn question(&self, fragment: &Fragment) -> (engine::Mode, String) {
        let (mode, lines) = self.lines(fragment.requests());
        let on = lines.into_iter().filter(|line| line.is_on);
        (mode, on.map(|line| line.text).collect())
    }

    /// The lines of the [question](Self::question), and those that come into it when requests are left out.
    pub(super) fn lines(&self, requests: &[Request]) -> (engine::Mode, Vec<Line>) {
        // Ids are indices of requests, which are counted in 32 bits.
        let ids = (0..).map(RequestId);
        let asked: HashMap<&Symbol, RequestId> = requests
            .iter()
            .map(|r| &r.symbol)
            .zip(ids.clone())
            .collect();
        let under = |request: Request| {
            let over = asked.get(&request.symbol).copied();
            Line {
                text: line(request),
                is_on: over.is_none(),
                changes_with: over,
            }
        };
        let mut lines = Vec::new();
        let mode = match self.method {
            Method::Allconfig => engine::Mode::AllNo,
            Method::Oldconfig => {
                let base: HashSet<&Symbol> =
                    self.base.requests().iter().map(|r| &r.symbol).collect();
                let off = self.known.iter().filter(|s| !base.contains(s)).cloned();
                lines.extend(off.map(|symbol| {
                    under(Request {
                        symbol,
                        value: Value::NO,
                    })
                }));
                engine::Mode::OldDef
            }
        };
        // Which of two assignments to a symbol holds depends on the age of `conf`, so there is only one: the
        // request's.
        lines.extend(self.base.requests().iter().cloned().map(under));
        lines.extend(requests.iter().cloned().zip(ids).map(|(request, id)| Line {
            text: line(request),
            is_on: true,
            changes_with: Some(id),
        }));
        (mode, lines)
    }

    /// What `conf` is to make of `fragment`, to be run in `dir`.
    fn resolving(&self, fragment: &Fragment, dir: &Path) -> Result<Spec> {
        let (_, text) = self.question(fragment);
        let write = |name: &str| {
            let path = dir.join(name);
            fs::write(&path, &text).map_err(|e| Error::io("write", &path, e))?;
            Ok::<_, Error>(path)
        };
        match self.method {
            Method::Allconfig => {
                let asked = write(ASKED)?;
                Ok(self
                    .call(dir, &self.call.args)
                    .env("KCONFIG_ALLCONFIG", &asked))
            }
            Method::Oldconfig => {
                write(".config")?;
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

/// A line that `conf` may be given.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) text: String,
    /// Is it given as long as all requests are there?
    pub(super) is_on: bool,
    /// The request that it says, or in the place of which it comes when that is left out.
    pub(super) changes_with: Option<RequestId>,
}

fn line(request: Request) -> String {
    Fragment::new(vec![request]).to_string()
}

impl Resolver for ConfResolver {
    fn resolve(&self, fragment: &Fragment, cancel: &CancelToken) -> Result<ResolvedConfig> {
        let dir = self.call_dir()?;
        let spec = self.resolving(fragment, dir.path())?;
        let text = answer(&spec, dir.path(), ".config", cancel)?;
        // Some read and write the same file. What they write has a head that the question has not.
        if text == self.question(fragment).1 {
            return Err(
                Error::failed("conf wrote nothing, though it says that it did")
                    .hint("is it one that runs outside of its source tree?"),
            );
        }
        let config = parse_config(&text);
        Ok(ResolvedConfig::new(text, config))
    }
}

/// The name of the project that the LKC in this folder is compiled with, if its Makefile says so, as toybox's does.
fn project_name(folder: &Path) -> Option<String> {
    let makefile = fs::read_to_string(folder.join("Makefile")).ok()?;
    let name = |line: &str| {
        Some(
            line.strip_prefix("KCONFIG_PROJECT")?
                .split_once('=')?
                .1
                .trim()
                .to_owned(),
        )
    };
    makefile.lines().find_map(name)
}

/// Runs `conf` in `dir` and reads the file that it wrote there.
pub(super) fn answer(spec: &Spec, dir: &Path, file: &str, cancel: &CancelToken) -> Result<String> {
    let ended = supervise::run(spec, cancel)?;
    check(ended, "conf", &dir.join(LOG))?;
    let path = dir.join(file);
    fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_project_is_in_the_makefile_of_its_conf() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(project_name(dir.path()), None);
        let write = |text: &str| fs::write(dir.path().join("Makefile"), text).unwrap();
        write("KCONFIG_TOP = Config.in\nKCONFIG_PROJECT = ToyBox\n");
        assert_eq!(project_name(dir.path()).as_deref(), Some("ToyBox"));
        write("all:\n");
        assert_eq!(project_name(dir.path()), None);
    }
}
