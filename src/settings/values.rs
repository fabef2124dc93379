//! The settings of a run.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use crate::model::{Certify, CompilerLauncher, Confidence, Order, Origin, Symbol, Tracing};
use crate::search::Algorithm;

/// The value of `prior` that means earlier runs. (For a file with that name, write `./learned`.)
pub const LEARNED: &str = "learned";

/// The value of `prior` that means none.
pub const NONE: &str = "none";

/// The architecture by default.
pub const ARCH: &str = "x86_64";

/// The run directory by default.
pub const OUTPUT: &str = "kbisect.out";

/// The configuration under every fragment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// All-no, with `EXPERT=y` where the tree has it: many options that are `default y` can be
    /// switched off only then.
    Expert,
    /// All-no and nothing else.
    AllNo,
    /// All-no and the requests of this file.
    File(PathBuf),
}

/// How the files of a start are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A whole `.config`.
    Full,
    /// Only what differs from the defaults of the tree, as `make savedefconfig` writes it.
    Defconfig,
    /// Assignments over the base, without the defaults of the tree.
    Fragment,
}

impl Form {
    /// The words for [`Form`], in the order of its values.
    pub const WORDS: &'static [&'static str] = &["full", "defconfig", "fragment"];
}

/// When the start is judged. A run that does not say it, of an older version, began with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JudgeStart {
    /// Before anything else if it is small and nothing says which requests are needed; otherwise only if needed.
    Auto,
    /// Before anything else: it is built, and must pass.
    #[default]
    First,
    /// Only if nothing smaller passes.
    Needed,
}

impl JudgeStart {
    /// The value with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "first" => Some(Self::First),
            "needed" => Some(Self::Needed),
            _ => None,
        }
    }
}

/// What becomes of the modules that a start asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modules {
    /// Each `=m` is asked for as `=y`.
    Builtin,
    /// Each `=m` stays, and modules are built for the oracle to load.
    Keep,
    /// Each `=m` stays, and no module is built: of requests that were taken apart already. No flag says so.
    AsWritten,
}

impl Modules {
    /// The words for [`Modules`], in the order of its values.
    pub const WORDS: &'static [&'static str] = &["builtin", "keep"];
}

/// A list that is written as nothing, as one value, or as a list: earlier versions knew one value at most.
mod one_or_many {
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(PathBuf),
        Many(Vec<PathBuf>),
    }

    pub(super) fn serialize<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
        let written = match paths {
            [] => None,
            [one] => Some(Written::One(one.clone())),
            many => Some(Written::Many(many.to_vec())),
        };
        written.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        Ok(match Option::<Written>::deserialize(from)? {
            None => Vec::new(),
            Some(Written::One(path)) => vec![path],
            Some(Written::Many(paths)) => paths,
        })
    }
}

/// The settings of a run, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Names or paths of oracles; all must accept.
    pub oracles: Vec<String>,
    /// The guest, by name or path, in place of those that headers of oracles name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
    /// A source tree or tarball; none: the newest that Debian's package installed.
    pub source: Option<PathBuf>,
    /// Files that are merged to the start, or targets of make that write it; none: the EC2 set.
    #[serde(default, with = "one_or_many")]
    pub start: Vec<PathBuf>,
    /// How the files of the start are read; none: as their contents suggest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_as: Option<Form>,
    /// A built kernel that stands for the start, which is then built only if nothing smaller passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_kernel: Option<PathBuf>,
    /// The modules of that kernel: `lib/modules/VERSION`, or a folder that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_modules: Option<PathBuf>,
    /// What becomes of modules that the start asks for; none: each `=m` is asked for as `=y`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules: Option<Modules>,
    /// The architecture, as make's `ARCH` has it.
    pub arch: String,
    /// The configuration under every fragment.
    pub base: Base,
    /// Symbols that are never removed.
    pub keep: Vec<Symbol>,
    /// A profile's name or a table that describes a project; none: `linux`.
    pub project: Option<toml::Value>,
    /// Trials at once.
    pub jobs: NonZeroUsize,
    /// Compile jobs at once, of all trials together.
    pub build_jobs: NonZeroUsize,
    /// The time that an oracle may take.
    pub timeout: Duration,
    /// The time that the run may take.
    pub budget_time: Option<Duration>,
    /// The trials that it may take.
    pub budget_trials: Option<u32>,
    /// The run directory.
    pub output: PathBuf,
    /// The search algorithm.
    pub algorithm: Algorithm,
    /// Which requests of the answer are removed alone.
    #[serde(default)]
    pub certify: Certify,
    /// Where the first estimate comes from: an earlier result's folder, a list of symbols and chances, [`LEARNED`],
    /// or [`NONE`]. Not set: from what is known of the shipped oracles.
    #[serde(default)]
    pub prior: Option<PathBuf>,
    /// When is the start judged?
    #[serde(default)]
    pub judge_start: JudgeStart,
    /// Is the boot of the start traced?
    #[serde(default)]
    pub trace: Tracing,
    /// The confidence that a verdict must reach; none: each verdict is taken as it comes.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// The order in which the search receives verdicts.
    #[serde(default)]
    pub order: Order,
    /// The tree that each trial is built from.
    #[serde(default)]
    pub builds: Origin,
    /// The program through which make calls the compiler.
    #[serde(default)]
    pub cc_launcher: CompilerLauncher,
}

impl Settings {
    /// The defaults. There is none for the oracle.
    #[must_use]
    pub fn defaults(machine: Machine) -> Self {
        Self {
            oracles: Vec::new(),
            guest: None,
            source: None,
            start: Vec::new(),
            start_as: None,
            start_kernel: None,
            start_modules: None,
            modules: None,
            arch: ARCH.to_owned(),
            base: Base::Expert,
            keep: Vec::new(),
            project: None,
            jobs: machine.trials(),
            build_jobs: machine.cores,
            timeout: Duration::from_secs(300),
            budget_time: None,
            budget_trials: None,
            output: OUTPUT.into(),
            algorithm: Algorithm::default(),
            certify: Certify::default(),
            prior: None,
            judge_start: JudgeStart::Auto,
            trace: Tracing::Auto,
            confidence: Some(Confidence::default()),
            order: Order::AsItComes,
            builds: Origin::Earlier,
            cc_launcher: CompilerLauncher::default(),
        }
    }

    /// Does the prior come from earlier runs? Then the result of this run is kept for later ones, too.
    #[must_use]
    pub fn learns(&self) -> bool {
        self.prior.as_deref() == Some(Path::new(LEARNED))
    }

    /// Is nothing to be thought of the requests?
    #[must_use]
    pub fn has_no_prior(&self) -> bool {
        self.prior.as_deref() == Some(Path::new(NONE))
    }

    /// Does the prior come from a file or a folder of the user?
    #[must_use]
    pub fn has_own_prior(&self) -> bool {
        self.prior.is_some() && !self.learns() && !self.has_no_prior()
    }
}
