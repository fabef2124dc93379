//! The arguments, as clap reads them.

use std::num::NonZeroUsize;

use clap::{
    Arg, ArgAction, ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint,
};
use toml::Value;

use super::{
    boot, completions, doctor, explain, man, oracles, report, resume, setup, trace, verify,
};
use crate::settings::{Kind, PartialSettings, SETTINGS, Section, Setting, parse_count};

const EXIT_STATUS: &str = "Exit status: 0 minimal and certified; 1 error; 2 usage; 3 the start does not \
    pass its oracle; 4 stopped early or not proved; 5 another run holds the directory; 6 oracle or builds too \
    unreliable; 130 interrupted, resumable if the \
    search had begun.";

/// Finds the smallest kernel configuration that an oracle still accepts.
///
/// kbisect starts from a configuration that works, takes requests away, builds and boots what is
/// left, in several build trees at once, and keeps what the oracle needs: with the proof, for
/// each request that stays, of what breaks without it.
#[derive(Debug, Parser)]
#[command(
    name = "kbisect",
    version,
    after_help = EXIT_STATUS
)]
pub struct Cli {
    /// For all commands.
    #[command(flatten)]
    pub common: Common,
    /// For `kbisect run`, which is what happens without a command.
    #[command(flatten)]
    pub run: RunArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Search (this is also what happens without a command)
    #[command(after_help = EXIT_STATUS)]
    Run(RunArgs),
    /// Go on with a run that was interrupted
    #[command(after_help = EXIT_STATUS)]
    Resume(resume::Args),
    /// Say what a run would do, and build nothing
    Plan(RunArgs),
    /// Show the result of a run, finished or not
    Report(report::Args),
    /// Show what ran in a traced boot of the start, and so what is probably needed
    ///
    /// A run boots its start once with QEMU's log of the code that it translates, and begins with the
    /// guess that code which does not run is not needed. This shows the guess. It is no verdict: only
    /// the order of the search depends on it.
    ///
    /// The table has, for each request with what it brings along: how likely it is needed ("?": nothing
    /// tells), how many of its functions ran, how many of these first when programs ran, how many of
    /// those that are for starting the kernel only, and the function that says most.
    Trace(trace::Args),
    /// Check a finished result from nothing
    ///
    /// A clean tree is built with the minimal config and judged, then each removal. The oracles and
    /// the project are those that the result names: look at a stranger's result.json first.
    ///
    /// Exit status: 0 when all of it holds, 1 when it does not or an error came before that.
    Verify(verify::Args),
    /// Say what a Kconfig symbol is, why it has its value, and what goes with it
    ///
    /// Without --config the values are those of the EC2 set, over the base.
    Explain(explain::Args),
    /// Boot a kernel in QEMU and wait for a mark on its console
    ///
    /// Exit status: 0 when the mark appears; 1 when it does not, because of a panic, a line that
    /// must not appear, or a limit; 125 when QEMU was killed or starved, so that nothing is known of
    /// the kernel; 126 when QEMU cannot be started.
    ///
    /// A pattern is tried on the current line of the console as it grows, so a prompt is seen
    /// although no newline follows. What is typed appears on the console too: write a mark so that
    /// its command does not match it, as in `--send 'echo MA""RK' --until MARK`.
    Boot(Box<boot::BootArgs>),
    /// List the oracles that come with kbisect, or show one
    ///
    /// They are short: copy one to make your own.
    Oracles(oracles::OraclesArgs),
    /// Install what is missing, unpack the kernel source, make the guest
    ///
    /// Needs root, or sudo without a password, only if packages have to be installed. What is there
    /// already is left as it is. All but the packages goes into ~/.cache/kbisect, or $KBISECT_CACHE.
    Setup(setup::SetupArgs),
    /// Tell what is missing on this machine
    ///
    /// Changes nothing. The exit status is 0 when everything that is needed is there.
    Doctor(doctor::DoctorArgs),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Print a manual page, in roff
    ///
    /// That of kbisect itself, or of a command: `kbisect man run > kbisect-run.1`.
    Man(man::Args),
}

/// How messages and results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// For people
    Human,
    /// JSON lines, for programs
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Flags of all commands.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// How messages and results are written [default: human]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub message_format: Option<MessageFormat>,
    /// When to use colours [default: auto]
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<ColorChoice>,
    /// Tell also what each worker does, and which verdicts an earlier one answered
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Tell warnings and the result only
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// Flags of `run` and `plan`: a flag for each of [`SETTINGS`], and some more. Flags win over
/// `kbisect.toml`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunArgs {
    /// The settings that are given.
    pub settings: PartialSettings,
    /// Is what is missing to be installed?
    pub setup: bool,
}

/// Flags that are no settings of their own.
const NO_OBJECT_CACHE: &str = "no-object-cache";
const SETUP: &str = "setup";

impl RunArgs {
    fn flags() -> impl Iterator<Item = &'static Setting> {
        let all = SETTINGS.iter();
        all.filter(|setting| setting.section != Section::Common)
    }
}

fn heading(section: Section) -> &'static str {
    match section {
        Section::Subject => "What is searched",
        Section::Search => "How it is searched",
        Section::Builds => "Builds",
        Section::Run | Section::Common => "The run",
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
        let new = Self::from_arg_matches(matches)?;
        self.settings = new.settings.over(std::mem::take(&mut self.settings));
        self.setup |= new.setup;
        Ok(())
    }
}

impl Args for RunArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let no_object_cache = Arg::new(NO_OBJECT_CACHE)
            .long(NO_OBJECT_CACHE)
            .help("Compile each object, even one that was compiled before")
            .help_heading(heading(Section::Builds))
            .conflicts_with("cc-launcher")
            .action(ArgAction::SetTrue);
        let setup = Arg::new(SETUP)
            .long(SETUP)
            .help("First install and make what is missing, as `kbisect setup` does")
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
