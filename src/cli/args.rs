//! The arguments, as clap reads them.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    boot, completions, doctor, explain, man, oracles, report, resume, setup, trace, verify,
};
use crate::settings::{Wishes, parse_count};

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
    /// Tell details too
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Tell warnings and the result only
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

// How the flags of a run stand together in its help.
const SOUGHT: &str = "What is searched";
const SEARCH: &str = "How it is searched";
const BUILDS: &str = "Builds";
const RUN: &str = "The run";

/// Flags of `run` and `plan`. The same settings can stand in `kbisect.toml`; flags win.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RunArgs {
    /// Name or path of an oracle; given several times, all must accept
    #[arg(long, value_name = "NAME|PATH", help_heading = SOUGHT)]
    pub oracle: Vec<String>,
    /// Source tree or tarball [default: the newest linux-source package]
    #[arg(long, value_name = "DIR|TARBALL", help_heading = SOUGHT)]
    pub source: Option<PathBuf>,
    /// Configuration that works: a .config or a fragment [default: the EC2 set]
    #[arg(long, value_name = "FILE", help_heading = SOUGHT)]
    pub start: Option<PathBuf>,
    /// Architecture, as make's ARCH has it [default: x86_64]
    #[arg(long, help_heading = SOUGHT)]
    pub arch: Option<String>,
    /// What is laid under: expert (all-no with EXPERT=y), allno, or a fragment [default: expert]
    #[arg(long, value_name = "expert|allno|FILE", help_heading = SOUGHT)]
    pub base: Option<String>,
    /// Symbol that is never removed, nor is what it depends on
    #[arg(long, value_name = "SYMBOL", help_heading = SOUGHT)]
    pub keep: Vec<String>,
    /// Kind of project: linux or busybox; others in kbisect.toml [default: linux]
    #[arg(long, value_name = "NAME", help_heading = SOUGHT)]
    pub project: Option<String>,
    /// Trials at once [default: by cores and memory]
    #[arg(short, long, value_name = "N", value_parser = parse_count, help_heading = BUILDS)]
    pub jobs: Option<NonZeroUsize>,
    /// Compile jobs at once, of all trials together [default: cores]
    #[arg(long, value_name = "M", value_parser = parse_count, help_heading = BUILDS)]
    pub build_jobs: Option<NonZeroUsize>,
    /// How long an oracle may take: 90, 90s, 10m [default: 300s]
    #[arg(long, value_name = "TIME", help_heading = RUN)]
    pub timeout: Option<String>,
    /// Stop after this time, with the smallest so far
    #[arg(long, value_name = "TIME", help_heading = RUN)]
    pub budget_time: Option<String>,
    /// Stop after so many trials, the start's included, with the smallest so far
    #[arg(long, value_name = "N", help_heading = RUN)]
    pub budget_trials: Option<u32>,
    /// Run directory [default: kbisect.out]
    #[arg(short, long, value_name = "DIR", help_heading = RUN)]
    pub output: Option<PathBuf>,
    /// Seed for what the search leaves to chance [default: 0]
    #[arg(long, help_heading = SEARCH)]
    pub seed: Option<u64>,
    /// Search by split, ddmin, probdd, cdd, ktest, halving, gbr or one-by-one [default: split]
    #[arg(long, value_name = "NAME", help_heading = SEARCH)]
    pub algorithm: Option<String>,
    /// Which requests of the answer are tried alone. strict: each one, with what falls with it. leaves:
    /// only those on which no other depends; the answer is minimal if the oracle is monotone, is
    /// not certified, and the exit status is 4 [default: strict]
    #[arg(long, value_name = "strict|leaves", help_heading = SEARCH)]
    pub certify: Option<String>,
    /// What is thought to be needed: the folder of an earlier result; a file with a symbol and a
    /// chance on each line; or learned: what earlier runs with this needed, this one's result being
    /// kept for later ones. Only the order of the search depends on it. It stands instead of the trace;
    /// learned stands beside it
    #[arg(long, value_name = "DIR|FILE|learned", help_heading = SEARCH)]
    pub prior: Option<PathBuf>,
    /// Begin with what did not run in a boot of the start: one that is traced (auto), or the log of
    /// QEMU's `-d in_asm`; off: without such a guess [default: auto, if the oracles use `kbisect
    /// boot`]
    #[arg(long, value_name = "auto|off|FILE", help_heading = SEARCH)]
    pub trace: Option<String>,
    /// How sure a verdict must be, if the oracle errs now and then: a chance, or none to take
    /// each verdict as it comes [default: 0.99]
    #[arg(long, value_name = "CHANCE|none", help_heading = SEARCH)]
    pub confidence: Option<String>,
    /// Go the same way in every run, whatever ends first and however many trials run at once
    #[arg(long, help_heading = SEARCH)]
    pub deterministic: bool,
    /// Build each trial from an empty build tree: for a project whose builds leave something there that later ones
    /// use. Without it only the answer is, in the end
    #[arg(long, help_heading = BUILDS)]
    pub clean_builds: bool,
    /// Compile each object, whatever was compiled before
    #[arg(long, conflicts_with = "cc_launcher", help_heading = BUILDS)]
    pub no_object_cache: bool,
    /// Call the compiler through this program, as ccache, instead of kbisect's own object cache
    #[arg(long, value_name = "PROGRAM", help_heading = BUILDS)]
    pub cc_launcher: Option<String>,
    /// First install and make what is missing, as `kbisect setup` does
    #[arg(long, help_heading = RUN)]
    pub setup: bool,
}

impl RunArgs {
    /// The flags as wishes.
    #[must_use]
    pub fn wishes(&self) -> Wishes {
        let Self {
            oracle,
            source,
            start,
            arch,
            base,
            keep,
            project,
            jobs,
            build_jobs,
            timeout,
            budget_time,
            budget_trials,
            output,
            seed,
            algorithm,
            certify,
            prior,
            trace,
            confidence,
            deterministic,
            clean_builds,
            no_object_cache,
            cc_launcher,
            setup: _,
        } = self.clone();
        Wishes {
            oracle,
            source,
            start,
            arch,
            base,
            keep,
            project: project.map(toml::Value::String),
            jobs,
            build_jobs,
            timeout,
            budget_time,
            budget_trials,
            output,
            seed,
            algorithm,
            certify,
            prior,
            trace,
            confidence,
            deterministic: deterministic.then_some(true),
            clean_builds: clean_builds.then_some(true),
            cc_launcher: cc_launcher.or(no_object_cache.then(|| "none".to_owned())),
            color: None,
            message_format: None,
        }
    }
}
