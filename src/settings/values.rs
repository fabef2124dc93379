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

/// The settings of a run, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Names or paths of oracles; all must accept.
    pub oracles: Vec<String>,
    /// A source tree or tarball; none: the newest that Debian's package installed.
    pub source: Option<PathBuf>,
    /// A `.config` or a fragment; none: the EC2 set.
    pub start: Option<PathBuf>,
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
    /// Where the first estimate comes from: an earlier result's folder, a list of symbols and
    /// chances, or [`LEARNED`].
    #[serde(default)]
    pub prior: Option<PathBuf>,
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
            source: None,
            start: None,
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
}
