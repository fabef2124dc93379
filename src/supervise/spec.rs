//! The specification of a child: its command line and its limits.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// The tokens of a job server that a child takes part in.
pub(super) trait JobTokens: std::fmt::Debug + Send + Sync {
    /// Lets the child of `command` take them.
    fn configure(&self, command: &mut Command);

    /// The child was killed, and may have had some.
    fn suspect(&self);
}

/// How long a group may take to end after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// How much of a log is kept where a program may print without end, in bytes. A thousand trials of
/// a run have room on a disk with that, and it is a hundred times what a kernel says in a boot.
pub const LOG_LIMIT: u64 = 8 << 20;

/// The variables that choose a program's locale.
pub const LOCALE: [&str; 15] = [
    "LANG",
    "LANGUAGE",
    "LC_ADDRESS",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_IDENTIFICATION",
    "LC_MEASUREMENT",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NAME",
    "LC_NUMERIC",
    "LC_PAPER",
    "LC_TELEPHONE",
    "LC_TIME",
];

/// Where the output of a child goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Log {
    /// Nowhere.
    #[default]
    Null,
    /// Both streams to this file, which is emptied first.
    File(PathBuf),
    /// Both streams to the end of this file.
    Append(PathBuf),
}

/// Limits of a whole process group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Wall time.
    pub wall: Option<Duration>,
    /// CPU time, user and system, of all processes of the group together.
    pub cpu: Option<Duration>,
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The program: a path, or a name to be found in `PATH`.
    pub program: PathBuf,
    /// Its arguments, without the program itself.
    pub args: Vec<OsString>,
    /// Variables that are added to the environment.
    pub env: Vec<(OsString, OsString)>,
    /// Variables that are taken out of it.
    pub env_remove: Vec<OsString>,
    /// The working directory, if not our own.
    pub cwd: Option<PathBuf>,
    /// What it reads as standard input; `/dev/null` if nothing is said.
    pub stdin: Option<PathBuf>,
    /// Where the output goes.
    pub log: Log,
    /// How many bytes of the output are kept in [`Spec::log`], if not all: the beginning and the
    /// end, with a line between that says how much is left out. The child does not notice. Where
    /// the output is captured it has no effect.
    pub log_limit: Option<u64>,
    /// When it has to end.
    pub limits: Limits,
    /// The size of each file that it writes, output and logs too, in bytes. The kernel ends who
    /// exceeds it with SIGXFSZ.
    pub file_size: Option<u64>,
    /// How long the group may take to end after SIGTERM (2 s), before SIGKILL.
    pub grace: Duration,
    pub(super) tokens: Option<Arc<dyn JobTokens>>,
}

impl Spec {
    /// `program` without arguments, output or limits.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            env_remove: Vec::new(),
            cwd: None,
            stdin: None,
            log: Log::Null,
            log_limit: None,
            limits: Limits::default(),
            file_size: None,
            grace: GRACE,
            tokens: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Takes a variable out of the environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env_remove.push(name.as_ref().to_owned());
        self
    }

    /// In English and in the locale `C`, whatever those of the user are: somebody here reads the messages, and what
    /// is made must not depend on who makes it. `LC_ALL` would not do, for Kbuild takes it out of the environment.
    #[must_use]
    pub fn in_english(self) -> Self {
        self.in_locale(&["LANG", "LC_MESSAGES"], "C")
    }

    /// In the locale `C.UTF-8`, whatever that of the user is.
    #[must_use]
    pub fn in_fixed_locale(self) -> Self {
        self.in_locale(&["LANG", "LC_ALL"], "C.UTF-8")
    }

    /// With these variables of the locale set to `value`, and without the others.
    fn in_locale(self, set: &[&str], value: &str) -> Self {
        let others = LOCALE.iter().filter(|name| !set.contains(name));
        let spec = others.fold(self, Self::env_remove);
        set.iter().fold(spec, |spec, name| spec.env(name, value))
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Sets what it reads as standard input.
    #[must_use]
    pub fn stdin(mut self, file: impl Into<PathBuf>) -> Self {
        self.stdin = Some(file.into());
        self
    }

    /// Sets where the output goes.
    #[must_use]
    pub fn log(mut self, log: Log) -> Self {
        self.log = log;
        self
    }

    /// Sets how many bytes of the output the log keeps.
    #[must_use]
    pub fn log_limit(mut self, bytes: u64) -> Self {
        self.log_limit = Some(bytes);
        self
    }

    /// Sets the limit of wall time.
    #[must_use]
    pub fn wall(mut self, limit: Duration) -> Self {
        self.limits.wall = Some(limit);
        self
    }

    /// Sets the limit of the size of each file, in bytes.
    #[must_use]
    pub fn file_size(mut self, limit: u64) -> Self {
        self.file_size = Some(limit);
        self
    }

    /// Sets the limit of CPU time of the group.
    #[must_use]
    pub fn cpu(mut self, limit: Duration) -> Self {
        self.limits.cpu = Some(limit);
        self
    }

    /// Sets how long the group may take to end after SIGTERM.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}
