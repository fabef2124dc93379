//! Settings: what flags and `kbisect.toml` ask for, made whole and checked.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    CERTIFY, Certify, CompilerLauncher, Confidence, Order, Origin, Symbol, Tracing, near,
};
use crate::search::ALGORITHMS;
use crate::{Error, Result};

mod duration;

pub use duration::{TIME_HINT, parse_duration};

/// The file that is read when there is one in the working directory.
pub const FILE: &str = "kbisect.toml";

/// Each trial at once takes a tree, a gigabyte of memory or two, and descriptors.
const MOST_JOBS: usize = 512;

/// Each compile job is a byte in a pipe, which must hold all of them: the kernel gives 4,096 at least.
const MOST_BUILD_JOBS: usize = 4096;

/// What somebody asked for, in flags or in the settings file. `None`: nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Wishes {
    /// Names or paths of oracles; all must accept.
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub oracle: Vec<String>,
    /// A source tree or tarball.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// A `.config` or a fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<PathBuf>,
    /// The architecture, as make's `ARCH` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// See [`Base`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Symbols that are never removed.
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub keep: Vec<String>,
    /// A profile's name, or a table that describes a project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<toml::Value>,
    /// Trials at once.
    #[serde(deserialize_with = "positive", skip_serializing_if = "Option::is_none")]
    pub jobs: Option<NonZeroUsize>,
    /// Compile jobs at once, of all trials together.
    #[serde(deserialize_with = "positive", skip_serializing_if = "Option::is_none")]
    pub build_jobs: Option<NonZeroUsize>,
    /// How long an oracle may take.
    #[serde(
        deserialize_with = "text_or_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout: Option<String>,
    /// How long the run may take.
    #[serde(
        deserialize_with = "text_or_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub budget_time: Option<String>,
    /// How many trials the run may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_trials: Option<u32>,
    /// The run directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
    /// For whatever the search leaves to chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The search algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// `strict` or `leaves`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certify: Option<String>,
    /// An earlier result's folder, a list of symbols and chances, or [`LEARNED`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<PathBuf>,
    /// `auto`, `off`, or a log of QEMU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// How sure a verdict must be; `none`: it is taken as it comes.
    #[serde(
        deserialize_with = "text_or_fraction",
        skip_serializing_if = "Option::is_none"
    )]
    pub confidence: Option<String>,
    /// Verdicts are learnt in the order in which they were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deterministic: Option<bool>,
    /// Each trial is built from an empty build tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clean_builds: Option<bool>,
    /// A program that takes the compiler and its arguments; `none`: it is called directly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cc_launcher: Option<String>,
    /// `auto`, `always` or `never`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// `human` or `json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_format: Option<String>,
}

/// In the settings file `oracle = "ssh-ok"` will do for `oracle = ["ssh-ok"]`.
fn one_or_many<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string or a list of strings")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(d)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// A whole number that is not zero.
fn positive<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<NonZeroUsize>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a whole number, 1 or more")]
    enum Positive {
        Number(NonZeroUsize),
    }
    let Positive::Number(number) = Positive::deserialize(d)?;
    Ok(Some(number))
}

/// How many trials or jobs somebody wants, as text: a whole number that is not zero.
///
/// # Errors
/// It is none, in words for people.
pub fn parse_count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "it is to be a whole number, 1 or more".to_owned())
}

/// `timeout = 90` will do for `timeout = "90"`.
fn text_or_number<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a time: 90, \"90s\", \"10m\" or \"1h30m\""
    )]
    enum TextOrNumber {
        Text(String),
        Number(u64),
    }
    Ok(Some(match TextOrNumber::deserialize(d)? {
        TextOrNumber::Text(text) => text,
        TextOrNumber::Number(number) => number.to_string(),
    }))
}

/// `confidence = 0.95` will do for `confidence = "0.95"`.
fn text_or_fraction<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a number between 0.5 and 1, or \"none\""
    )]
    enum TextOrFraction {
        Text(String),
        Fraction(f64),
    }
    Ok(Some(match TextOrFraction::deserialize(d)? {
        TextOrFraction::Text(text) => text,
        TextOrFraction::Fraction(number) => number.to_string(),
    }))
}

impl Wishes {
    /// These wishes, and those of `file` where there are none here.
    #[must_use]
    pub fn over(self, file: Self) -> Self {
        let list = |mine: Vec<String>, theirs| if mine.is_empty() { theirs } else { mine };
        Self {
            oracle: list(self.oracle, file.oracle),
            source: self.source.or(file.source),
            start: self.start.or(file.start),
            arch: self.arch.or(file.arch),
            base: self.base.or(file.base),
            keep: list(self.keep, file.keep),
            project: self.project.or(file.project),
            jobs: self.jobs.or(file.jobs),
            build_jobs: self.build_jobs.or(file.build_jobs),
            timeout: self.timeout.or(file.timeout),
            budget_time: self.budget_time.or(file.budget_time),
            budget_trials: self.budget_trials.or(file.budget_trials),
            output: self.output.or(file.output),
            seed: self.seed.or(file.seed),
            algorithm: self.algorithm.or(file.algorithm),
            certify: self.certify.or(file.certify),
            prior: self.prior.or(file.prior),
            trace: self.trace.or(file.trace),
            confidence: self.confidence.or(file.confidence),
            deterministic: self.deterministic.or(file.deterministic),
            clean_builds: self.clean_builds.or(file.clean_builds),
            cc_launcher: self.cc_launcher.or(file.cc_launcher),
            color: self.color.or(file.color),
            message_format: self.message_format.or(file.message_format),
        }
    }
}

/// The keys of a settings file.
const KEYS: &[&str] = &[
    "algorithm",
    "arch",
    "base",
    "budget-time",
    "budget-trials",
    "build-jobs",
    "cc-launcher",
    "certify",
    "clean-builds",
    "color",
    "confidence",
    "deterministic",
    "jobs",
    "keep",
    "message-format",
    "oracle",
    "output",
    "prior",
    "project",
    "seed",
    "source",
    "start",
    "timeout",
    "trace",
];

/// The key of a settings file that one that means nothing is most like.
#[must_use]
pub fn like(key: &str) -> Option<&'static str> {
    let nearest = near(&key.replace('_', "-"), KEYS.iter().copied());
    nearest.first().copied()
}

/// Reads a settings file. Returns the wishes and the names of keys that mean nothing.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it is no TOML or a value is of the wrong
/// type.
pub fn read(path: &Path) -> Result<(Wishes, Vec<String>)> {
    let text = fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    let wrong = |e: toml::de::Error| {
        let what = format!("{} is no settings file", path.display());
        let Some(before) = e.span().and_then(|span| text.get(..span.start)) else {
            return Error::usage(format!("{what}: {}", e.message()));
        };
        let number = 1 + before.matches('\n').count();
        let line = text.lines().nth(number - 1).unwrap_or_default().trim();
        let error = Error::usage(format!("{what}: line {number}: {}", e.message()));
        match line {
            // It ends too early.
            "" => error,
            line => error.hint(format!("that line is `{line}`")),
        }
    };
    let parsed = toml::Deserializer::parse(&text).map_err(wrong)?;
    let mut unknown = Vec::new();
    let wishes = serde_ignored::deserialize(parsed, |key| unknown.push(key.to_string()));
    Ok((wishes.map_err(wrong)?, unknown))
}

/// The run directory that a command is about: what was `given`, else the one that [`FILE`] names,
/// else [`OUTPUT`].
///
/// # Errors
/// Those of [`read`].
pub fn output(given: Option<&Path>) -> Result<PathBuf> {
    let file = Path::new(FILE);
    match given {
        Some(path) => Ok(path.to_owned()),
        None if file.is_file() => Ok(read(file)?.0.output.unwrap_or_else(|| OUTPUT.into())),
        None => Ok(OUTPUT.into()),
    }
}

/// The configuration that fragments are laid over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// All-no, with `EXPERT=y` where the tree has it: that unhides the off switches of what is
    /// otherwise `default y`.
    Expert,
    /// All-no and nothing else.
    AllNo,
    /// All-no and the requests of this file.
    File(PathBuf),
}

/// What a run does, checked.
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
    /// What fragments are laid over.
    pub base: Base,
    /// Never removed.
    pub keep: Vec<Symbol>,
    /// A profile's name or a table that describes a project; none: `linux`.
    pub project: Option<toml::Value>,
    /// Trials at once.
    pub jobs: NonZeroUsize,
    /// Compile jobs at once, of all trials together.
    pub build_jobs: NonZeroUsize,
    /// How long an oracle may take.
    pub timeout: Duration,
    /// How long the run may take.
    pub budget_time: Option<Duration>,
    /// How many trials it may take.
    pub budget_trials: Option<u32>,
    /// The run directory.
    pub output: PathBuf,
    /// For whatever the search leaves to chance.
    pub seed: u64,
    /// The search algorithm.
    pub algorithm: String,
    /// What the certificate is made of.
    #[serde(default)]
    pub certify: Certify,
    /// What is thought of the requests: an earlier result's folder, or a list of symbols and
    /// chances.
    #[serde(default)]
    pub prior: Option<PathBuf>,
    /// Is the start traced, if there is no prior?
    #[serde(default)]
    pub trace: Tracing,
    /// How sure a verdict must be; none: each is taken as it comes.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// In which order verdicts are learnt.
    #[serde(default)]
    pub order: Order,
    /// What builds begin from.
    #[serde(default)]
    pub builds: Origin,
    /// What make calls the compiler through.
    #[serde(default)]
    pub cc_launcher: CompilerLauncher,
}

/// The size of this machine, which some defaults come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Cores that we may use.
    pub cores: NonZeroUsize,
    /// Bytes of memory that are free; `None` when nobody knows.
    pub memory: Option<u64>,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let available = |text: String| {
            let line = text
                .lines()
                .find(|l| l.starts_with("MemAvailable:"))?
                .to_owned();
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        let memory = fs::read_to_string("/proc/meminfo").ok().and_then(available);
        Self {
            cores,
            memory: memory.map(|kib| kib * 1024),
        }
    }

    /// Trials at once: one a core, and 1.5 GB for each (compilers, a link, a guest).
    fn trials(self) -> NonZeroUsize {
        let by_memory = self
            .memory
            .map_or(usize::MAX, |bytes| (bytes / 1_500_000_000) as usize);
        self.cores
            .min(NonZeroUsize::new(by_memory).unwrap_or(NonZeroUsize::MIN))
    }
}

/// The prior of this name is what was learnt in earlier runs. (A file of that name is `./learned`.)
pub const LEARNED: &str = "learned";

fn learned() -> &'static Path {
    Path::new(LEARNED)
}

/// The architecture by default.
pub const ARCH: &str = "x86_64";

/// Where the run is kept by default.
pub const OUTPUT: &str = "kbisect.out";

impl Settings {
    /// Fills in the defaults and checks what was asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a wish that cannot be.
    pub fn from_wishes(wishes: Wishes, machine: Machine) -> Result<Self> {
        if wishes.oracle.iter().any(String::is_empty) {
            return Err(Error::usage("an oracle without a name is given")
                .hint("try `--oracle shell-ok`; `kbisect oracles` lists them"));
        }
        if wishes
            .output
            .as_ref()
            .is_some_and(|path| path.as_os_str().is_empty())
        {
            return Err(Error::usage(
                "the output is to be a folder, and has no name",
            ));
        }
        check_budget(wishes.budget_trials)?;
        if wishes.oracle.is_empty() {
            return Err(Error::usage("no oracle is given")
                .hint("try `--oracle shell-ok`; `kbisect oracles` lists them"));
        }
        let keep: Result<Vec<Symbol>, _> = wishes.keep.iter().map(|s| Symbol::new(s)).collect();
        let algorithm = wishes.algorithm.unwrap_or_else(|| ALGORITHMS[0].to_owned());
        if !ALGORITHMS.contains(&algorithm.as_str()) {
            return Err(Error::usage(
                crate::search::UnknownAlgorithm(algorithm).to_string(),
            ));
        }
        let certify = match wishes.certify.as_deref() {
            None => Certify::default(),
            Some(name) => Certify::named(name).ok_or_else(|| {
                Error::usage(format!("--certify cannot be `{}`", name.escape_debug()))
                    .hint(format!("it can be {}", CERTIFY.join(" or ")))
            })?,
        };
        let confidence = match wishes.confidence.as_deref() {
            None => Some(Confidence::default()),
            Some("none") => None,
            Some(text) => {
                let chance = text.parse().ok().and_then(Confidence::new);
                Some(chance.ok_or_else(|| {
                    Error::usage(format!("--confidence cannot be `{}`", text.escape_debug()))
                        .hint("it is a chance above 0.5 and below 1, as 0.99, or none")
                })?)
            }
        };
        let order = if wishes.deterministic == Some(true) {
            Order::Deterministic
        } else {
            Order::AsItComes
        };
        let named = wishes.cc_launcher.as_deref().map(CompilerLauncher::named);
        let base = match wishes.base.as_deref() {
            None | Some("expert") => Base::Expert,
            Some("allno") => Base::AllNo,
            Some(file) => Base::File(file.into()),
        };
        let jobs = check_jobs(wishes.jobs.unwrap_or_else(|| machine.trials()))?;
        let time = |name: &str, text: Option<String>| {
            text.map(|t| {
                parse_duration(&t).ok_or_else(|| {
                    Error::usage(format!("`{}` is no time for {name}", t.escape_debug()))
                        .hint(TIME_HINT)
                })
            })
            .transpose()
        };
        Ok(Self {
            oracles: wishes.oracle,
            source: wishes.source,
            start: wishes.start,
            arch: wishes.arch.unwrap_or_else(|| ARCH.to_owned()),
            base,
            keep: keep.map_err(|e| Error::usage(e.to_string()))?,
            project: wishes.project,
            jobs,
            build_jobs: check_build_jobs(wishes.build_jobs.unwrap_or(machine.cores))?,
            timeout: time("--timeout", wishes.timeout)?.unwrap_or(Duration::from_secs(300)),
            budget_time: time("--budget-time", wishes.budget_time)?,
            budget_trials: wishes.budget_trials,
            output: wishes.output.unwrap_or_else(|| OUTPUT.into()),
            seed: wishes.seed.unwrap_or(0),
            algorithm,
            certify,
            trace: match (
                &wishes.trace,
                wishes.prior.as_deref().filter(|prior| *prior != learned()),
                order,
            ) {
                // Two boots do not run just the same code.
                (None, None, Order::AsItComes) => Tracing::Auto,
                (None, ..) => Tracing::Off,
                (Some(_), Some(_), _) => {
                    return Err(Error::usage("--prior and --trace do not go together")
                        .hint("each says what is thought of the requests"));
                }
                (Some(name), ..) => Tracing::named(name),
            },
            prior: wishes.prior,
            confidence,
            order,
            builds: match wishes.clean_builds {
                Some(true) => Origin::Empty,
                Some(false) | None => Origin::Earlier,
            },
            cc_launcher: named.unwrap_or_default(),
        })
    }

    /// Is what was learnt in earlier runs the prior, and this run's result to be kept for later ones?
    #[must_use]
    pub fn learns(&self) -> bool {
        self.prior.as_deref() == Some(learned())
    }
}

/// Are so many trials at once possible?
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage): too many.
pub fn check_jobs(jobs: NonZeroUsize) -> Result<NonZeroUsize> {
    if jobs.get() > MOST_JOBS {
        return Err(Error::usage(format!(
            "{jobs} trials at once are too many: at most {MOST_JOBS}"
        ))
        .hint("give fewer by --jobs"));
    }
    Ok(jobs)
}

/// Are so many compile jobs at once possible?
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage): too many.
pub fn check_build_jobs(jobs: NonZeroUsize) -> Result<NonZeroUsize> {
    if jobs.get() > MOST_BUILD_JOBS {
        return Err(Error::usage(format!(
            "{jobs} compile jobs at once are too many: at most {MOST_BUILD_JOBS}"
        ))
        .hint("give fewer by --build-jobs; as many as there are cores are best"));
    }
    Ok(jobs)
}

/// Is something left of so many trials?
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage): nothing is.
pub fn check_budget(trials: Option<u32>) -> Result<()> {
    if trials == Some(0) {
        return Err(Error::usage("no trials at all are too few")
            .hint("the first is that of the start: give 1 or more to --budget-trials"));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MACHINE: Machine = Machine {
        cores: NonZeroUsize::new(8).unwrap(),
        memory: Some(6_500_000_000),
    };

    fn file(text: &str) -> Result<(Wishes, Vec<String>)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    #[test]
    fn a_time_can_be_a_number_of_seconds() {
        let (wishes, unknown) = file("timeout = 90\nbudget-time = '2h'\n").unwrap();
        assert!(unknown.is_empty());
        assert_eq!(wishes.timeout.as_deref(), Some("90"));
        assert_eq!(wishes.budget_time.as_deref(), Some("2h"));
    }

    #[test]
    fn more_trials_at_once_than_any_machine_has_room_for_are_refused() {
        let wishes = Wishes {
            oracle: vec!["shell-ok".into()],
            jobs: NonZeroUsize::new(1000),
            ..Wishes::default()
        };
        let error = Settings::from_wishes(wishes, MACHINE).unwrap_err();
        assert!(error.to_string().contains("at most 512"), "{error}");
    }

    #[test]
    fn an_oracle_is_all_that_is_needed() {
        let wishes = Wishes {
            oracle: vec!["ssh-ok".into()],
            ..Wishes::default()
        };
        let settings = Settings::from_wishes(wishes, MACHINE).unwrap();
        assert_eq!(settings.arch, "x86_64");
        assert_eq!(settings.base, Base::Expert);
        assert_eq!(settings.output, Path::new("kbisect.out"));
        assert_eq!(
            settings.jobs.get(),
            4,
            "six gigabytes are enough for four trials"
        );
        assert_eq!(settings.build_jobs.get(), 8);
    }

    #[test]
    fn no_oracle_is_an_error_that_names_one() {
        let error = Settings::from_wishes(Wishes::default(), MACHINE).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Usage);
        assert!(error.hint_text().unwrap().contains("shell-ok"));
    }

    #[test]
    fn flags_win_over_the_file() {
        let (wishes, unknown) = file("oracle = 'net-ok'\njobs = 3\nseed = 7\n").unwrap();
        assert_eq!(unknown, Vec::<String>::new());
        let flags = Wishes {
            oracle: vec!["ssh-ok".into()],
            seed: Some(1),
            ..Wishes::default()
        };
        let both = flags.over(wishes);
        assert_eq!(both.oracle, ["ssh-ok"]);
        assert_eq!(
            (both.jobs.map(NonZeroUsize::get), both.seed),
            (Some(3), Some(1))
        );
    }

    #[test]
    fn unknown_keys_are_told() {
        let (_, unknown) = file("orcale = 'x'\n").unwrap();
        assert_eq!(unknown, ["orcale"]);
    }

    #[test]
    fn each_key_is_known_and_one_that_is_not_is_like_another() {
        for key in KEYS {
            // Of whatever type it is.
            let known = ["'1'", "1", "true"].iter().any(|value| {
                file(&format!("{key} = {value}\n")).is_ok_and(|(_, unknown)| unknown.is_empty())
            });
            assert!(known, "{key}");
        }
        assert_eq!(like("orcale"), Some("oracle"));
        assert_eq!(like("budget_time"), Some("budget-time"));
        assert_eq!(like("something"), None);
    }

    #[test]
    fn wishes_that_ask_for_nothing_are_refused() {
        let oracle = vec!["ssh-ok".to_owned()];
        let wrong = [
            Wishes {
                oracle: vec![String::new()],
                ..Wishes::default()
            },
            Wishes {
                oracle: oracle.clone(),
                output: Some("".into()),
                ..Wishes::default()
            },
            Wishes {
                oracle,
                budget_trials: Some(0),
                ..Wishes::default()
            },
        ];
        for wishes in wrong {
            let error = Settings::from_wishes(wishes, MACHINE).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Usage);
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_a_usage_error() {
        let error = file("jobs = 'many'\n").unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Usage);
        assert_eq!(
            file("jobs = 0\n").unwrap_err().kind(),
            crate::ErrorKind::Usage
        );
    }
}
