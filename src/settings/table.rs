//! The list of the settings: one row each.

use super::kind::{Kind, Switch};
use super::limits;
use super::setting::{Effect, ROW, Section, Setting};
use super::values::{ARCH, Base, Form, JudgeStart, Modules, OUTPUT};
use crate::model::{
    CERTIFY, Certify, CompilerLauncher, Confidence, Order, Origin, Symbol, Tracing, near,
};
use crate::search::UnknownAlgorithm;
use crate::{Error, Result};

impl Setting {
    /// The setting with this key.
    #[must_use]
    pub fn named(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }
}

/// The value that is called `word`.
fn named<T: serde::de::DeserializeOwned>(word: &str, flag: &str, words: &[&str]) -> Result<T> {
    serde_json::from_value(word.into()).map_err(|_| {
        let (last, first) = words.split_last().unwrap_or((&"", &[]));
        let words = format!("{} or {last}", first.join(", "));
        Error::usage(format!(
            "{flag} must be {words}, not `{}`",
            word.escape_debug()
        ))
    })
}

/// The key that is spelt most like an unknown one.
#[must_use]
pub fn like(key: &str) -> Option<&'static str> {
    let keys = SETTINGS.iter().map(|setting| setting.key);
    near(&key.replace('_', "-"), keys).first().copied()
}

/// An [`Effect::Search`] through this field.
macro_rules! search {
    ($field:ident) => {
        Effect::Search {
            field: stringify!($field),
            value: |settings| serde_json::json!(settings.$field),
        }
    };
}

/// All settings, in the order of the help.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "oracle",
        value_name: "NAME|PATH",
        doc: "Name or path of an oracle; given several times, all must accept",
        section: Section::Subject,
        kind: Kind::Texts(|settings, names| {
            if names.iter().any(String::is_empty) {
                return Err(Error::usage("the name of an oracle must not be empty")
                    .hint("try `--oracle shell-ok`; `kbisect oracles` lists them"));
            }
            settings.oracles = names;
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "guest",
        value_name: "NAME|PATH",
        doc: "Guest for oracles whose header names one: it takes the place of that one",
        default: "as the oracle says",
        section: Section::Subject,
        kind: Kind::Text(|settings, guest| {
            if guest.is_empty() {
                return Err(Error::usage("the name of a guest must not be empty")
                    .hint("`kbisect oracles` lists the oracles with the guests that they name"));
            }
            settings.guest = Some(guest.to_owned());
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "source",
        value_name: "DIR|TARBALL",
        doc: "Source tree or tarball",
        default: "the newest linux-source package",
        section: Section::Subject,
        kind: Kind::Text(|settings, path| {
            settings.source = Some(path.into());
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "start",
        value_name: "FILE|TARGET",
        doc: "Configuration that works; given several times, they are merged in order. A file: a .config, a \
              defconfig or a fragment (also compressed with gzip, xz or zstd), or a kernel image with its \
              configuration in it. `-`: standard input. `running`: this machine's. package:NAME or \
              package:NAME=VERSION: that of a Debian package such as linux-image-cloud-amd64, which is downloaded, \
              not installed. A target of make (x86_64_defconfig) or a fragment of the tree (kvm_guest.config)",
        default: "the EC2 set",
        section: Section::Subject,
        kind: Kind::Texts(|settings, paths| {
            settings.start = paths.into_iter().map(Into::into).collect();
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "start-as",
        value_name: "full|defconfig|fragment",
        doc: "How to read the start. full: a whole .config. defconfig: the defaults of the tree are added. \
              fragment: they are not",
        default: "as its contents suggest",
        section: Section::Subject,
        kind: Kind::Text(|settings, word| {
            settings.start_as = Some(named(word, "--start-as", Form::WORDS)?);
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "start-kernel",
        value_name: "IMAGE",
        doc: "Built kernel of the start. It is booted before anything is built, to see whether the oracle can pass; \
              the start itself is built only if nothing smaller passes",
        default: "that of a package or of the running system, if --start is one",
        section: Section::Subject,
        kind: Kind::Text(|settings, path| {
            settings.start_kernel = Some(path.into());
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "start-modules",
        value_name: "DIR",
        doc: "Modules of the --start-kernel: lib/modules/VERSION, or a folder that has it",
        section: Section::Subject,
        kind: Kind::Text(|settings, path| {
            settings.start_modules = Some(path.into());
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "modules",
        value_name: "builtin|keep",
        doc: "What becomes of =m in the start. builtin: =y is asked for. keep: it stays; modules are built, and \
              the guest loads them",
        default: "builtin",
        section: Section::Subject,
        kind: Kind::Text(|settings, word| {
            settings.modules = Some(named(word, "--modules", Modules::WORDS)?);
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "arch",
        value_name: "ARCH",
        doc: "Architecture, as make's ARCH has it",
        default: ARCH,
        section: Section::Subject,
        kind: Kind::Text(|settings, arch| {
            settings.arch = arch.to_owned();
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "base",
        value_name: "expert|allno|FILE",
        doc: "Configuration that requests are added to: expert (all-no with EXPERT=y), allno, or the \
              file of a fragment",
        default: "expert",
        section: Section::Subject,
        kind: Kind::Text(|settings, base| {
            settings.base = match base {
                "expert" => Base::Expert,
                "allno" => Base::AllNo,
                file => Base::File(file.into()),
            };
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "keep",
        value_name: "SYMBOL",
        doc: "Symbol that is never removed; neither are the symbols that it depends on",
        section: Section::Subject,
        kind: Kind::Texts(|settings, symbols| {
            let symbols: Result<Vec<Symbol>, _> = symbols.iter().map(|s| Symbol::new(s)).collect();
            settings.keep = symbols.map_err(|e| Error::usage(e.to_string()))?;
            Ok(())
        }),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "project",
        value_name: "NAME",
        doc: "Kind of project: linux or busybox; others are described in kbisect.toml",
        default: "linux",
        section: Section::Subject,
        kind: Kind::Project(|settings, project| settings.project = Some(project)),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "jobs",
        short: Some('j'),
        value_name: "N",
        doc: "Number of trials at once",
        default: "by cores and memory",
        section: Section::Builds,
        kind: Kind::Count(|settings, jobs| settings.jobs = jobs),
        ..ROW
    },
    Setting {
        key: "build-jobs",
        value_name: "M",
        doc: "Number of compile jobs at once, of all trials together",
        default: "cores",
        section: Section::Builds,
        kind: Kind::Count(|settings, jobs| settings.build_jobs = jobs),
        ..ROW
    },
    Setting {
        key: "clean-builds",
        doc: "Build each trial in an empty build tree: for projects whose builds leave files that change later \
              builds. Without it only the answer is built in an empty tree, at the end",
        section: Section::Builds,
        kind: Kind::Switch(|settings, switch| {
            settings.builds = match switch {
                Switch::On => Origin::Empty,
                Switch::Off => Origin::Earlier,
            };
        }),
        effect: search!(builds),
        ..ROW
    },
    Setting {
        key: "cc-launcher",
        value_name: "PROGRAM",
        doc: "Program that calls the compiler, such as ccache, instead of kbisect's own object cache. \
              none: make calls the compiler directly",
        section: Section::Builds,
        kind: Kind::Text(|settings, program| {
            settings.cc_launcher = CompilerLauncher::named(program);
            Ok(())
        }),
        ..ROW
    },
    Setting {
        key: "timeout",
        value_name: "TIME",
        doc: "Time limit of an oracle, such as 90, 90s or 10m",
        default: "300s",
        kind: Kind::Time(|settings, time| settings.timeout = time),
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "budget-time",
        value_name: "TIME",
        doc: "Stop after this time, with the smallest set found so far",
        kind: Kind::Time(|settings, time| settings.budget_time = Some(time)),
        ..ROW
    },
    Setting {
        key: "budget-trials",
        value_name: "N",
        doc: "Stop after this many trials (the start is one), with the smallest set found so far",
        kind: Kind::Number(|settings, trials| {
            limits::check_budget(Some(trials))?;
            settings.budget_trials = Some(trials);
            Ok(())
        }),
        ..ROW
    },
    Setting {
        key: "output",
        short: Some('o'),
        value_name: "DIR",
        doc: "Run directory",
        default: OUTPUT,
        kind: Kind::Text(|settings, path| {
            if path.is_empty() {
                return Err(Error::usage(
                    "the name of the output folder must not be empty",
                ));
            }
            settings.output = path.into();
            Ok(())
        }),
        ..ROW
    },
    Setting {
        key: "algorithm",
        value_name: "NAME",
        doc: "Search algorithm: split, ddmin, probdd, cdd, ktest, halving, gbr or one-by-one",
        default: "split",
        section: Section::Search,
        kind: Kind::Text(|settings, name| {
            let unknown = |e: UnknownAlgorithm| Error::usage(e.to_string());
            settings.algorithm = name.parse().map_err(unknown)?;
            Ok(())
        }),
        effect: search!(algorithm),
        ..ROW
    },
    Setting {
        key: "certify",
        value_name: "strict|leaves",
        doc: "Which requests of the answer are tested alone. strict: each one, together with its \
              dependents. leaves: only requests without dependents; the answer is then minimal if the \
              oracle is monotone, it is not certified, and the exit status is 4",
        default: "strict",
        section: Section::Search,
        kind: Kind::Text(|settings, name| {
            settings.certify = Certify::named(name).ok_or_else(|| {
                Error::usage(format!("--certify cannot be `{}`", name.escape_debug()))
                    .hint(format!("it can be {}", CERTIFY.join(" or ")))
            })?;
            Ok(())
        }),
        effect: search!(certify),
        ..ROW
    },
    Setting {
        key: "prior",
        value_name: "DIR|FILE|learned|none",
        doc: "Source of the first estimate of which requests are needed. DIR: an earlier result. FILE: a \
              symbol and its probability on each line. learned: all earlier runs with `--prior learned`. none: \
              no estimate. It affects only the order of the search. DIR or FILE replaces the boot trace; the \
              others are combined with it",
        default: "what is known of shipped oracles",
        section: Section::Search,
        kind: Kind::Text(|settings, path| {
            settings.prior = Some(path.into());
            Ok(())
        }),
        // Compared by its contents.
        effect: Effect::Key,
        ..ROW
    },
    Setting {
        key: "judge-start",
        value_name: "auto|first|needed",
        doc: "When the start is built and judged. first: before anything else. needed: only if nothing smaller \
              passes. The run then begins with the requests that are likely to be needed (--prior), and grows from \
              there; there is no boot trace, but of a --start-kernel. auto: first for an oracle that compares with \
              the start, or with --trace FILE; otherwise needed if there is such an estimate or the start is large",
        default: "auto",
        section: Section::Search,
        kind: Kind::Text(|settings, name| {
            settings.judge_start = JudgeStart::named(name).ok_or_else(|| {
                Error::usage(format!("--judge-start cannot be `{}`", name.escape_debug()))
                    .hint("it can be auto, first or needed")
            })?;
            Ok(())
        }),
        effect: search!(judge_start),
        ..ROW
    },
    Setting {
        key: "trace",
        value_name: "auto|off|FILE",
        doc: "Remove options first whose code did not run in a boot of the start. auto: trace that boot. \
              FILE: a log of QEMU's `-d in_asm`. off: no trace",
        default: "auto, if the oracles use `kbisect boot`",
        section: Section::Search,
        kind: Kind::Text(|settings, name| {
            settings.trace = Tracing::named(name);
            Ok(())
        }),
        effect: search!(trace),
        ..ROW
    },
    Setting {
        key: "confidence",
        value_name: "CHANCE|none",
        doc: "Probability that the answer must reach, in case the oracle sometimes errs. none: believe each \
              verdict at once",
        default: "0.99",
        section: Section::Search,
        kind: Kind::Chance(|settings, text| {
            settings.confidence = match text {
                "none" => None,
                text => Some(text.parse().ok().and_then(Confidence::new).ok_or_else(|| {
                    Error::usage(format!("--confidence cannot be `{}`", text.escape_debug()))
                        .hint("it is a probability above 0.5 and below 1, such as 0.99, or none")
                })?),
            };
            Ok(())
        }),
        effect: search!(confidence),
        ..ROW
    },
    Setting {
        key: "deterministic",
        doc: "Test the same candidates in every run, whichever trial ends first and however many run at once",
        section: Section::Search,
        kind: Kind::Switch(|settings, switch| {
            settings.order = match switch {
                Switch::On => Order::Deterministic,
                Switch::Off => Order::AsItComes,
            };
        }),
        effect: search!(order),
        ..ROW
    },
    Setting {
        key: "message-format",
        value_name: "FORMAT",
        doc: "How messages and results are written: human or json (one JSON object a line)",
        default: "human",
        section: Section::Common,
        kind: Kind::Word(&["human", "json"]),
        ..ROW
    },
    Setting {
        key: "color",
        value_name: "WHEN",
        doc: "When to use colours: auto, always or never",
        default: "auto",
        section: Section::Common,
        kind: Kind::Word(&["auto", "always", "never"]),
        ..ROW
    },
];
