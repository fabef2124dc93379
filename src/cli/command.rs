//! The commands, as clap reads them.

use clap::{Parser, Subcommand};

use super::args::{Common, RunArgs};
use super::{
    boot, compare, completions, doctor, explain, guest, ladder, man, oracles, report, resume,
    setup, symptom, trace, verify,
};

const EXIT_STATUS: &str = "Exit status: 0 minimal and certified; 1 error; 2 usage; 3 the start does not \
    pass its oracle; 4 stopped early or not proved; 5 another run holds the directory; 6 oracle or builds too \
    unreliable; 130 interrupted, resumable if the \
    search had begun.";

/// Finds the smallest kernel configuration that an oracle still accepts.
///
/// kbisect starts from a configuration that works. It removes requests, builds and boots the rest,
/// in several build trees at once, and asks the oracle. It ends with a minimal set of requests, and
/// shows for each of them how the kernel failed without it.
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
    /// Search: the default without a command
    #[command(after_help = EXIT_STATUS)]
    Run(RunArgs),
    /// Resume an interrupted run
    #[command(after_help = EXIT_STATUS)]
    Resume(resume::Args),
    /// Search for each of several oracles in turn, and show what each adds
    ///
    /// Each --oracle is a step: an ordinary run in a folder of its own, OUTPUT/01-NAME and so on, to which `report`,
    /// `resume` and `verify` apply. All steps have the same start and the same settings. What a step needs is where the
    /// next one begins its search; each step proves all of its answer itself.
    ///
    /// The same command goes on with an interrupted ladder, and so does `kbisect ladder --output OUTPUT`. A step at its
    /// end is not run again. A step is passed over if its start does not pass, if its oracle is too unreliable, or when its
    /// budget is used up. The exit status is the worst of all steps.
    #[command(after_help = EXIT_STATUS)]
    Ladder(ladder::Args),
    /// Show what a run would do, without building
    Plan(RunArgs),
    /// Show the result of a run, finished or not
    Report(report::Args),
    /// Compare the results of several runs: what one needs and another does not
    ///
    /// The runs differ by oracle, kernel version, guest or start, and are named by that. A ladder stands for its steps.
    ///
    /// A request that is not in an answer ("-") was not needed there. Its symbol can still be set, by its default or a
    /// select. "not asked": the start of that run does not ask for it.
    Compare(compare::Args),
    /// Show which code ran in a boot of the start, and the estimate from it
    ///
    /// A run boots its start once while QEMU logs the code that it translates. The search begins with
    /// the estimate that code which did not run is not needed. This command shows the estimate. It
    /// affects only the order of the search, not the verdicts.
    ///
    /// The columns, for each request with its dependents: the chance that it is needed ("?": unknown);
    /// how many of its functions ran; how many of these first ran after programs had started; how many
    /// of its functions that only start the kernel ran; and the function with the strongest evidence.
    Trace(trace::Args),
    /// Check a finished result from nothing
    ///
    /// The minimal config is built in a clean tree and judged, then each removal. The oracles and the
    /// project are those named in the result: read a stranger's result.json first.
    ///
    /// The folder to work in keeps the verification. The same command resumes an interrupted one, and
    /// compares a finished one without a build: remove the folder to verify once more.
    ///
    /// Exit status: 0 if all of it holds, 1 if it does not; else as `kbisect run`.
    Verify(verify::Args),
    /// Explain a Kconfig symbol: its value, the reason, its dependents
    ///
    /// Without --config the values are those of the EC2 set, over the base.
    Explain(explain::Args),
    /// Look up which options may be missing, by a line of a failing boot
    ///
    /// Each failing trial of a search tells what a kernel says without one option. This command asks the trials of all
    /// runs on this machine, and those that come with kbisect. It shows the options whose absence gave such a line, how
    /// many of the trials without them gave it, and by which oracle. Numbers, paths and quotes may differ.
    ///
    /// Nothing is shown if no such line is known. Exit status: 0 also then.
    Symptom(symptom::Args),
    /// Boot a kernel in QEMU and wait for a mark on its console
    ///
    /// Exit status: 0 if the mark appears; 1 if a panic, a forbidden line or a limit comes first; 125 if
    /// QEMU was killed or got too little CPU time, so that nothing is known of the kernel; 126 if QEMU
    /// cannot be started.
    ///
    /// Patterns are matched against the current line of the console as it grows, so a prompt without a
    /// newline matches. Typed text appears on the console, too: write a command so that it does not
    /// match the mark itself, as in `--send 'echo MA""RK' --until MARK`.
    ///
    /// In an oracle whose header asks for a machine or a guest, $KBISECT_MACHINE, $KBISECT_LEVEL and
    /// $KBISECT_GUEST say which: board, network card and the guest's disk need no flags then. A flag goes
    /// before what they say.
    Boot(Box<boot::BootArgs>),
    /// List the shipped oracles, or print one
    ///
    /// They are short scripts: copy one to make your own.
    Oracles(oracles::Args),
    /// List the guests that kernels boot, make one, or show one
    ///
    /// Guests are kept in ~/.cache/kbisect, or $KBISECT_CACHE.
    Guest(guest::Args),
    /// Install missing packages, unpack the kernel source, make the guest
    ///
    /// Root, or sudo without a password, is only needed to install packages. Existing files stay as they
    /// are. Everything but the packages is kept in ~/.cache/kbisect, or $KBISECT_CACHE.
    Setup(setup::Args),
    /// Report what is missing on this machine
    ///
    /// Changes nothing. Exit status: 0 if nothing is missing.
    Doctor(doctor::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Print a manual page, in roff
    ///
    /// The page of kbisect itself, or of a command: `kbisect man run > kbisect-run.1`.
    Man(man::Args),
}
