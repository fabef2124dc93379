//! The commands, as clap reads them.

use clap::{Parser, Subcommand};

use super::args::{Common, RunArgs};
use super::{
    boot, completions, doctor, explain, man, oracles, report, resume, setup, trace, verify,
};

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
