//! The arguments, as clap reads them.

use std::num::NonZeroUsize;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, ValueEnum, ValueHint};
use toml::Value;

use crate::run::{Plan, WhenMissing};
use crate::settings::{Kind, PartialSettings, SETTINGS, Section, Setting, Settings, parse_count};
use crate::ui::{Color, Format};

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Human, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Human => PossibleValue::new("human").help("For people"),
            Self::Json => PossibleValue::new("json").help("JSON lines, for programs"),
        })
    }
}

impl ValueEnum for Color {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Always, Self::Never]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let auto = "On a terminal, unless NO_COLOR is set";
        Some(match self {
            Self::Auto => PossibleValue::new("auto").help(auto),
            Self::Always => PossibleValue::new("always").help("Always"),
            Self::Never => PossibleValue::new("never").help("Never"),
        })
    }
}

/// Flags of all commands.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// How messages and results are written [default: human]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub message_format: Option<Format>,
    /// When to use colours [default: auto]
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<Color>,
    /// Also show what each worker does, and which candidates an earlier verdict answered
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Show only warnings and the result
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// Flags of `run` and `plan`: a flag for each of [`SETTINGS`], and some more. Flags win over
/// `kbisect.toml`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunArgs {
    /// The settings that are given.
    pub settings: PartialSettings,
    /// Install what is missing first.
    pub setup: bool,
}

/// Flags that are no settings of their own.
const NO_OBJECT_CACHE: &str = "no-object-cache";
const SETUP: &str = "setup";

impl RunArgs {
    /// The run that the flags ask for, of these complete settings.
    pub(super) fn plan<'a>(&self, settings: &'a Settings, warnings: &'a [String]) -> Plan<'a> {
        Plan {
            warnings,
            when_missing: match self.setup {
                true => WhenMissing::Install,
                false => WhenMissing::Fail,
            },
            ..Plan::new(settings)
        }
    }

    fn flags() -> impl Iterator<Item = &'static Setting> {
        let all = SETTINGS.iter();
        all.filter(|setting| setting.section != Section::Common)
    }
}

fn heading(section: Section) -> &'static str {
    match section {
        Section::Subject => "Input",
        Section::Search => "Search",
        Section::Builds => "Builds",
        Section::Run | Section::Common => "Run",
    }
}

fn flag(setting: &'static Setting) -> Arg {
    let help = match setting.default {
        "" => setting.doc.to_owned(),
        default => format!("{} [default: {default}]", setting.doc),
    };
    let flag = Arg::new(setting.key)
        .long(setting.key)
        .help(help)
        .help_heading(heading(setting.section));
    let flag = match setting.short {
        Some(letter) => flag.short(letter),
        None => flag,
    };
    let flag = match setting.kind {
        Kind::Switch(_) => return flag.action(ArgAction::SetTrue),
        Kind::Texts(_) => flag.action(ArgAction::Append),
        Kind::Count(_) => flag.value_parser(parse_count),
        Kind::Number(_) => flag.value_parser(clap::value_parser!(u32)),
        Kind::Text(_) | Kind::Word(_) | Kind::Time(_) | Kind::Chance(_) | Kind::Project(_) => flag,
    };
    let is_path = ["FILE", "DIR", "PATH"].map(|word| setting.value_name.contains(word));
    if is_path.contains(&true) {
        flag.value_name(setting.value_name)
            .value_hint(ValueHint::AnyPath)
    } else {
        flag.value_name(setting.value_name)
    }
}

/// The value of a flag, if it is given.
fn value(setting: &Setting, matches: &mut ArgMatches) -> Option<Value> {
    let key = setting.key;
    match setting.kind {
        Kind::Switch(_) => matches.get_flag(key).then_some(Value::Boolean(true)),
        Kind::Texts(_) => {
            let texts = matches.remove_many::<String>(key)?;
            Some(Value::Array(texts.map(Value::String).collect()))
        }
        Kind::Count(_) => {
            let count = matches.remove_one::<NonZeroUsize>(key)?;
            // More than that are refused anyway.
            Some(Value::Integer(count.get().try_into().unwrap_or(i64::MAX)))
        }
        Kind::Number(_) => Some(Value::Integer(matches.remove_one::<u32>(key)?.into())),
        Kind::Text(_) | Kind::Word(_) | Kind::Time(_) | Kind::Chance(_) | Kind::Project(_) => {
            Some(Value::String(matches.remove_one::<String>(key)?))
        }
    }
}

impl FromArgMatches for RunArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self {
            settings: PartialSettings::new(),
            setup: matches.get_flag(SETUP),
        };
        for setting in Self::flags() {
            if let Some(value) = value(setting, matches) {
                let wrong = |expected| {
                    let text = format!("--{}: expected {expected}\n", setting.key);
                    clap::Error::raw(clap::error::ErrorKind::InvalidValue, text)
                };
                args.settings.set(setting, value).map_err(wrong)?;
            }
        }
        if matches.get_flag(NO_OBJECT_CACHE) {
            args.settings = args.settings.with("cc-launcher", "none");
        }
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for RunArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let no_object_cache = Arg::new(NO_OBJECT_CACHE)
            .long(NO_OBJECT_CACHE)
            .help("Compile every object, even if it was compiled before")
            .help_heading(heading(Section::Builds))
            .conflicts_with("cc-launcher")
            .action(ArgAction::SetTrue);
        let setup = Arg::new(SETUP)
            .long(SETUP)
            .help("Install and make what is missing first, as `kbisect setup` does")
            .help_heading(heading(Section::Run))
            .action(ArgAction::SetTrue);
        command
            .args(Self::flags().map(flag))
            .arg(no_object_cache)
            .arg(setup)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}
